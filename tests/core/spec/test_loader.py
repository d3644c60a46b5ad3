"""The interface's own data: what it holds, and what its loader refuses."""

from __future__ import annotations

from importlib.resources import files

import pytest

from sshi.errors import SpecError
from sshi.spec.loader import interface, load
from sshi.spec.model import OUTPUTS, ParamType
from sshi.spec.render import FORMATS, signature

TEXT = (files("sshi.spec") / "sshi.toml").read_text("utf-8")
SEED = {
    "storage_read": (("i32", "i32"), ("i32",)),
    "storage_write": (("i32", "i32", "i32"), ()),
    "transfer": (("i32", "i32"), ("i32",)),
    "gas_consume": (("i64",), ()),
}


def test_the_base_profile_has_the_twenty_functions_of_the_interface():
    assert len(interface().functions) == 20


@pytest.mark.parametrize("name", SEED)
def test_the_seed_signatures_have_not_changed(name):
    function = interface().functions[name]
    assert (function.wasm_params, function.results, function.seed) == (*SEED[name], True)


def test_every_write_traps_in_a_query_and_so_do_caller_and_value():
    trapping = {function.name for function in interface().functions.values() if not function.in_query}
    writing = {function.name for function in interface().functions.values() if function.access == "write"}
    assert trapping == writing | {"caller", "value"}


def test_clause_ids_are_unique_and_every_function_that_minds_queries_says_so():
    face = interface()
    count = sum(len(group.clauses) for group in (*face.functions.values(), *face.topics.values()))
    assert len(face.clauses) == count
    assert [name for name in face.functions if f"{name}.query" not in face.clauses] == []


@pytest.mark.parametrize(
    ("old", "new", "entry"),
    [
        ('params = ["key: blob", "out: buffer"]', 'params = ["key: blob", "out: bufer"]', "functions.storage_read.params"),
        ('params = ["key: blob", "out: buffer"]', 'params = ["key blob"]', "functions.storage_read.params"),
        ('params = ["ptr: ptr", "len: len"]', 'params = ["ptr: ptr"]', "functions.set_return.params"),
        ('params = ["ptr: ptr", "len: len"]', 'params = ["len: len", "ptr: ptr"]', "functions.set_return.params"),
        ('params = ["to: blob", "amount: u128"]', 'params = ["to: blob", "to: u128"]', "functions.transfer.params"),
        ('access = "write"', 'access = "wirte"', "functions.storage_write"),
        ('query = "traps"', 'query = "sometimes"', "functions.storage_write.query"),
        ('results = ["i32"]', 'results = ["f32"]', "functions.storage_read.results"),
        ("seed = true", "seeed = true", "functions.storage_read"),
        ("key_max = 128", 'key_max = "128"', "limits"),
        ("key_max = 128", "key_maximum = 128", "limits"),
        ('absent = "An absent key answers 0."', 'absent = "An absent key answers 0"', "functions.storage_remove.clauses.absent"),
        ("[topics.memory]", "[topics.balance]", "topics.balance"),
        ("[functions.storage_has]", "[functions.StorageHas]", "functions.StorageHas"),
        ('module = "env"', "module = 5", "interface"),
    ],
)
def test_a_wrong_entry_is_refused_by_file_and_name(old, new, entry):
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    if entry.startswith("functions.StorageHas"):
        text = text.replace("[functions.storage_has.clauses]", "[functions.StorageHas.clauses]")
    if entry == "topics.balance":
        text = text.replace("[topics.memory.clauses]", "[topics.balance.clauses]")
    with pytest.raises(SpecError) as caught:
        load(text, file="broken.toml")
    assert (caught.value.file, caught.value.entry) == ("broken.toml", entry)


def test_text_that_is_no_toml_is_refused():
    with pytest.raises(SpecError):
        load("[functions", file="broken.toml")


@pytest.mark.parametrize("form", ["md", "wit", "c-header", "json"])
def test_every_rendering_names_every_function(form):
    text = FORMATS[form](interface())
    assert [name for name in interface().functions if name not in text and name.replace("_", "-") not in text] == []


def test_a_signature_reads_like_the_table():
    assert signature(interface().functions["storage_read"]) == "storage_read(key: blob, out: buffer) -> i32"


def test_outputs_are_the_types_a_host_writes_to():
    assert {kind for kind in ParamType if kind.name.endswith("_OUT")} | {ParamType.BUFFER} == OUTPUTS
