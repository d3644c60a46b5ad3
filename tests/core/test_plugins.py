"""The door: every way a plugin can be wrong is named with its remedy, and the others keep working."""

from __future__ import annotations

import dataclasses
import types

import msgspec
import pytest

from sshi.errors import AdapterError
from sshi.hookspecs import CommandRef, hookimpl
from sshi.plugins import Plugins


class Point:
    """An entry point, as importlib.metadata gives it."""

    def __init__(self, name, load):
        self.name = name
        self.load = load if callable(load) else lambda: load


def plugin(**members):
    module = types.ModuleType("a_plugin")
    module.SSHI_API = 1
    for name, value in members.items():
        setattr(module, name, value)
    return module


@hookimpl
def sshi_commands():
    return [CommandRef("extra", "nowhere:nothing", "An extra command.")]


@pytest.fixture(scope="module")
def near():
    return Plugins.load(only=["near"]).adapter("near")


def adapter_plugin(adapter):
    @hookimpl
    def sshi_adapter():
        return adapter

    return plugin(sshi_adapter=sshi_adapter)


def test_a_sound_plugin_is_admitted():
    plugins = Plugins.load(entry_points=[Point("good", plugin(sshi_commands=sshi_commands))])
    assert (plugins.names(), plugins.problems) == (["good"], [])
    assert plugins.commands()["extra"].help == "An extra command."


def broken_import():
    raise ImportError("no module named 'gone'")


@hookimpl
def sshi_adaptor():
    return None


@hookimpl
def sshi_adapter(chain="near"):
    return None


def unmarked():
    return []


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (broken_import, "cannot be imported: ImportError: no module named 'gone'"),
        (plugin(SSHI_API=2), "was written for plugin API 2"),
        (types.ModuleType("bare"), "states no SSHI_API"),
        (plugin(sshi_adaptor=sshi_adaptor), "sshi_adaptor"),
        (plugin(sshi_commands=unmarked), "has no @hookimpl"),
        (plugin(sshi_adapter=sshi_adapter), "gives a parameter a default"),
    ],
)
def test_a_broken_plugin_is_named_with_a_remedy_and_the_others_go_on(bad, says):
    plugins = Plugins.load(entry_points=[Point("bad", bad), Point("good", plugin(sshi_commands=sshi_commands))])
    assert plugins.names() == ["good"]
    assert [problem.adapter for problem in plugins.problems] == ["bad"]
    assert says in str(plugins.problems[0])
    assert plugins.problems[0].hint


def test_a_hook_that_raises_is_its_plugin_s_problem():
    @hookimpl
    def sshi_adapter():
        raise RuntimeError("boom")

    plugins = Plugins.load(
        entry_points=[Point("bad", plugin(sshi_adapter=sshi_adapter)), Point("good", plugin(sshi_commands=sshi_commands))]
    )
    assert plugins.adapters() == {}
    assert list(plugins.commands()) == ["extra"]
    assert "sshi_adapter raised RuntimeError: boom" in str(plugins.problems[0])


def test_two_plugins_with_one_command_are_the_second_one_s_problem():
    points = [Point(name, plugin(sshi_commands=sshi_commands)) for name in ("a", "b")]
    plugins = Plugins.load(entry_points=points)
    plugins.commands()
    assert [problem.adapter for problem in plugins.problems] == ["b"]


def renamed(shim: str, old: str, new: str) -> str:
    assert f'(export "{old}")' in shim
    return shim.replace(f'(export "{old}")', f'(export "{new}")')


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda near: "not an adapter", "returned a str"),
        (lambda near: dataclasses.replace(near, api_version=7), "written for plugin API 7"),
        (lambda near: dataclasses.replace(near, spec_version=9), "maps version 9 of the interface"),
        (lambda near: dataclasses.replace(near, default_profile="near@1"), "'near@1' is none of its profiles"),
        (lambda near: dataclasses.replace(near, shim="(module"), "its shim does not assemble"),
        (
            lambda near: dataclasses.replace(near, shim=renamed(near.shim, "storage_has", "storage_hass")),
            "misses the base function storage_has",
        ),
        (lambda near: dataclasses.replace(near, shim=renamed(near.shim, "storage_has", "storage_hass")), "maps storage_hass"),
        (lambda near: dataclasses.replace(near, functions=near.functions[1:]), "which its table of chain functions lacks"),
        (
            lambda near: dataclasses.replace(near, deviations=(msgspec.structs.replace(near.deviations[0], clauses=("no.such",)),)),
            "touches no.such",
        ),
    ],
)
def test_an_unsound_adapter_is_refused_by_name(near, change, says):
    plugins = Plugins.load(entry_points=[Point("near", adapter_plugin(change(near)))])
    assert plugins.adapters() == {}
    assert any(says in str(problem) for problem in plugins.problems), [str(problem) for problem in plugins.problems]
    assert all(problem.hint for problem in plugins.problems)


def test_an_adapter_that_is_not_there_is_an_error_that_names_those_that_are():
    with pytest.raises(AdapterError, match="no adapter of that name is installed, only near"):
        Plugins.load(only=["near"]).adapter("ethereum")


def test_the_environment_names_exactly_what_loads(monkeypatch):
    monkeypatch.setenv("SSHI_PLUGINS", "near")
    assert Plugins.load().names() == ["near"]
    monkeypatch.setenv("SSHI_PLUGINS", "")
    assert Plugins.load().names() == []
    monkeypatch.setenv("SSHI_PLUGINS", "near,nonsense")
    assert [problem.adapter for problem in Plugins.load().problems] == ["nonsense"]


def test_both_chains_come_through_the_door_that_strangers_use():
    assert set(Plugins.load().adapters()) >= {"near", "polkadot"}
    assert Plugins.load().problems == []
