"""The adapter's data, and the adapter itself at the door."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from sshi.adapter import Adapter
from sshi.errors import SpecError
from sshi.link.admission import complaints
from sshi_polkadot import plugin
from sshi_polkadot.tables import CONSTANTS, Constants, HostTable, constants, deviations, host_table, load


def test_the_door_has_nothing_against_the_adapter():
    adapter = plugin.sshi_adapter()
    assert isinstance(adapter, Adapter)
    assert list(complaints(adapter)) == []


def test_importing_the_plugin_imports_neither_the_engine_nor_the_adapter():
    code = "import sys, sshi_polkadot.plugin; print('wasmtime' in sys.modules, 'sshi_polkadot.adapter' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False False"


def test_describing_the_chain_needs_no_engine():
    code = "import sys, sshi_polkadot.plugin as plugin; plugin.sshi_adapter(); print('wasmtime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("this is no TOML", "Expected"),
        ("[chain]\nexistential_deposit = 1\n", "missing required field"),
        ("more = 1\n", "unknown field `more`"),
    ],
)
def test_a_table_that_is_not_as_expected_is_refused_by_name(text, wrong):
    with pytest.raises(SpecError, match=CONSTANTS) as caught:
        load(text, Constants, file=CONSTANTS)
    assert wrong in str(caught.value)


HOST = """
[source]
crate = "c"
file = "f"
[weights]
host_call = 1
event_topic = 1
[codes]
[functions.now]
module = "seal0"
params = []
result = ""
line = 7
doc = "d"
ref_time = 1
ref_time_per_byte = 0
"""


@pytest.mark.parametrize("field", ["line", "module", "ref_time"])
def test_a_host_function_without_its_source_line_or_another_field_is_refused(field):
    assert load(HOST, HostTable, file="host.toml").functions["now"].line == 7
    lines = [line for line in HOST.splitlines() if not line.startswith(f"{field} =")]
    with pytest.raises(SpecError, match=f"host.toml: .*`{field}`"):
        load("\n".join(lines), HostTable, file="host.toml")


def test_every_host_function_cites_its_line(adapter):
    assert all(re.search(r"@[0-9a-f]{40}:.*\.rs#L[0-9]+$", function.source) for function in adapter.functions)
    assert len(adapter.functions) == len(host_table().functions) == 17


def test_every_deviation_says_why_and_where(adapter):
    assert {deviation.id for deviation in deviations()} >= {
        "polkadot/trap-kind-unknown",
        "polkadot/more-memory",
        "polkadot/storage-deposit",
    }
    assert adapter.deviations == deviations()


def test_the_chain_s_numbers_are_those_of_the_real_pallet_s_program(root):
    """One is Rust and one is data; this is the only place where both are read."""
    source = (root / "adapters/polkadot/vm/src/runtime.rs").read_text()
    found = {name: int(number.replace("_", "")) for name, number in re.findall(r"pub const (\w+): Balance = ([0-9_]+);", source)}
    chain = constants().chain
    assert found == {
        "EXISTENTIAL_DEPOSIT": chain.existential_deposit,
        "DEPOSIT_PER_ITEM": chain.deposit_per_item,
        "DEPOSIT_PER_BYTE": chain.deposit_per_byte,
    }
