"""Load plugins, check them at the door, and ask them through typed methods that blame the right one.

Loading is a call, not an import: `import sshi` registers nothing.  `SSHI_PLUGINS=near,conformance` names exactly what loads
(empty: none); unset, every installed plugin does.  A plugin that is broken is kept out and listed in `problems`; the others go on.
"""

from __future__ import annotations

import importlib.metadata
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pluggy

from sshi import hookspecs
from sshi.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sshi.adapter import Adapter
    from sshi.hookspecs import CommandRef

PREFIX = "sshi_"


@dataclass(eq=False)
class PluginProblem(AdapterError):
    """A plugin kept out at the door, or an adapter that is not what it must be."""

    code = "adapter.refused"


@dataclass
class Plugins:
    """What is loaded, and what could not be."""

    manager: pluggy.PluginManager
    problems: list[AdapterError] = field(default_factory=list[AdapterError])
    _adapters: dict[str, Adapter] | None = None

    @classmethod
    def load(cls, only: Iterable[str] | None = None, *, entry_points: Iterable[Any] | None = None) -> Plugins:
        """A fresh manager with every installed plugin, or `only` those named (default: what $SSHI_PLUGINS names)."""
        manager = pluggy.PluginManager("sshi")
        manager.add_hookspecs(hookspecs)
        plugins = cls(manager)
        chosen = os.environ.get("SSHI_PLUGINS") if only is None else ",".join(only)
        names = None if chosen is None else {name.strip() for name in chosen.split(",") if name.strip()}
        found = list(importlib.metadata.entry_points(group=hookspecs.GROUP) if entry_points is None else entry_points)
        for point in sorted(found, key=lambda point: point.name):
            if names is None or point.name in names:
                plugins._admit(point)
        for name in sorted((names or set()) - {point.name for point in found}):
            plugins.problems.append(PluginProblem(name, "no such plugin is installed", "install its package, or mend $SSHI_PLUGINS"))
        return plugins

    def names(self) -> list[str]:
        """The plugins that were admitted."""
        return sorted(name for name, _ in self.manager.list_name_plugin())

    def commands(self) -> dict[str, CommandRef]:
        """Subcommands by name; a name that two plugins claim is the second one's problem."""
        commands: dict[str, CommandRef] = {}
        for plugin in self.names():
            for command in self._ask(plugin, "sshi_commands") or ():
                if command.name in commands:
                    self.problems.append(PluginProblem(plugin, f"the command {command.name!r} exists already", "give it another name"))
                else:
                    commands[command.name] = command
        return commands

    def adapters(self) -> dict[str, Adapter]:
        """Adapters by name, each checked against the interface; broken ones are in `problems`."""
        if self._adapters is None:
            self._adapters = {}
            for plugin in self.names():
                adapter = self._ask(plugin, "sshi_adapter")
                if adapter is not None and self._sound(plugin, adapter):
                    self._adapters[adapter.name] = adapter
        return self._adapters

    def adapter(self, name: str) -> Adapter:
        """The adapter of that name; AdapterError says which there are, or what is wrong with it."""
        adapters = self.adapters()
        if name in adapters:
            return adapters[name]
        for problem in self.problems:
            if problem.adapter == name:
                raise problem
        present = ", ".join(adapters) or "none"
        raise AdapterError(name, f"no adapter of that name is installed, only {present}", "see `sshi adapters`")

    def _admit(self, point: Any) -> None:
        try:
            plugin = point.load()
            complaint = _door(point.name, plugin)
            if complaint is None:
                self.manager.register(plugin, point.name)
                self.manager.check_pending()
        except pluggy.PluginValidationError as error:
            if self.manager.has_plugin(point.name):
                self.manager.unregister(name=point.name)
            complaint = PluginProblem(point.name, _one_line(error), "compare its hooks with sshi.hookspecs")
        except Exception as error:  # noqa: BLE001  whatever a stranger's package raises is that package's problem
            complaint = PluginProblem(
                point.name, f"cannot be imported: {type(error).__name__}: {_one_line(error)}", "reinstall or update the package"
            )
        if complaint is not None:
            self.problems.append(complaint)

    def _ask(self, plugin: str, hook: str) -> Any:
        """What one plugin answers to one hook; None when it does not implement it or raised (a problem then)."""
        others = [other for name, other in self.manager.list_name_plugin() if name != plugin]
        caller = self.manager.subset_hook_caller(hook, remove_plugins=others)
        try:
            answers = caller()
        except Exception as error:  # noqa: BLE001  a hook must not take the others down
            self.problems.append(
                PluginProblem(plugin, f"{hook} raised {type(error).__name__}: {_one_line(error)}", "report it to the plugin's author")
            )
            return None
        return answers[0] if answers else None

    def _sound(self, plugin: str, adapter: Any) -> bool:
        from sshi.link.admission import complaints  # noqa: PLC0415  wasm passes are not needed to list commands

        found = [*complaints(adapter)]
        self.problems.extend(PluginProblem(plugin, text, advice) for text, advice in found)
        return not found


def _door(name: str, plugin: Any) -> PluginProblem | None:
    """What can be told before the plugin is registered: its API version and hooks that pluggy would silently not see."""
    from sshi.adapter import API_VERSION  # noqa: PLC0415  keeps the hook specification free of imports

    stated = getattr(plugin, "SSHI_API", None)
    if stated != API_VERSION:
        text = "states no SSHI_API" if stated is None else f"was written for plugin API {stated!r}"
        return PluginProblem(
            name, f"{text}, this release has {API_VERSION}", f"put SSHI_API = {API_VERSION} in it, or install a release that matches"
        )
    for member in dir(plugin):
        if not member.startswith(PREFIX):
            continue
        value: Callable[..., object] = getattr(plugin, member)
        if callable(value) and not hasattr(value, "sshi_impl"):
            return PluginProblem(
                name, f"{member} has no @hookimpl, so it would never be called", "put @hookimpl above it, or drop the sshi_ prefix"
            )
        if callable(value) and getattr(value, "__defaults__", None):
            return PluginProblem(name, f"{member} gives a parameter a default, which hides a misspelling", "drop the default")
    return None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
