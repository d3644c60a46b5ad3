"""The interface's table decides which functions there are; bodies and costs that do not fit it stop the import."""

from __future__ import annotations

from types import ModuleType

import pytest

from core.host.probe import FREE, ask, fresh
from core.host.worlds import blob
from sshi.errors import SpecError
from sshi.host import functions
from sshi.host.bind import BODIES, COSTS, bind, bodies_of, costs_from
from sshi.spec.loader import interface


def bodies(**changes) -> ModuleType:
    """The real bodies with some replaced, or left out for None."""
    module = ModuleType(functions.__name__)
    for name, body in {**BODIES, **changes}.items():
        if body is not None:
            body.__module__ = module.__name__
            setattr(module, name, body)
    return module


def test_every_function_of_the_interface_is_bound_under_its_name_with_its_type():
    bound = bind(BODIES, trace=False)
    assert {name: (function.params, function.results) for (module, name), function in bound.items() if module == "env"} == {
        name: (function.wasm_params, function.results) for name, function in interface().functions.items()
    }
    assert len(bound) == len(interface().functions)


def test_bodies_that_fit_are_taken():
    assert bodies_of(bodies()) == BODIES


def test_a_missing_body_a_surplus_one_and_one_of_another_shape_are_named():
    with pytest.raises(SpecError, match="storage_has: the interface has this function, and there is no body"):
        bodies_of(bodies(storage_has=None))
    with pytest.raises(SpecError, match="storage_hash: the interface has no such function"):
        bodies_of(bodies(storage_hash=lambda _call: 1))
    with pytest.raises(SpecError, match="storage_write: by the interface's table its body takes 3 arguments"):
        bodies_of(bodies(storage_write=lambda _call, _key, _ptr, _len: None))


def test_costs_that_do_not_fit_are_named():
    text = "".join(f"[{name}]\nbase = {cost.base}\nper_byte = {cost.per_byte}\n" for name, cost in COSTS.items())
    assert costs_from(text) == COSTS
    with pytest.raises(SpecError, match="storage_hash"):
        costs_from(text + "[storage_hash]\nbase = 1\nper_byte = 1\n")
    with pytest.raises(SpecError, match="storage_has"):
        costs_from(text.replace("[storage_has]\nbase = 2000\nper_byte = 2\n", ""))
    with pytest.raises(SpecError, match="per_byte"):
        costs_from(text.replace("per_byte = 2\n", "", 1))
    with pytest.raises(SpecError, match="the file"):
        costs_from("[")


@pytest.mark.parametrize("name", ["storage_has", "storage_write"])
def test_a_host_call_costs_its_base_and_its_bytes(name):
    """Two calls that differ in nothing but the key's length."""
    rest = (FREE + 4096, 0) if name == "storage_write" else ()
    costs = []
    for size in (1, 101):
        receipt = ask(fresh(name), (FREE, *rest), [(FREE, blob(b"k" * size) + bytes(101 - size))])
        costs.append(receipt.cost["fuel"])
    assert costs[1] - costs[0] == 100 * COSTS[name].per_byte
    assert costs[0] > COSTS[name].base
