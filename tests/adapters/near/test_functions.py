"""Host functions where they end a call, and in what order they look at things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.near.worlds import chain_imports, emulated, loading, raw, request
from sshi.errors import SpecError
from sshi.host.engine import wat_to_wasm
from sshi_near.emulated import functions
from sshi_near.emulated.bind import bind, bodies_of
from sshi_near.emulated.errors import _DISPLAY
from sshi_near.runtime import Module, State
from sshi_near.tables import host_table

MEMORY = 64 * 1024 * 1024


def ended(body: str, extra: str = "", version: int = 86, **fields):
    return emulated(version).run(request(raw(body, extra), **fields))


def error(body: str, extra: str = "", **fields) -> str:
    return ended(body, extra, **fields).error


def test_a_register_that_was_never_set():
    assert error("(call $read_register (i64.const 5) (i64.const 0))") == "HostError(InvalidRegisterId { register_id: 5 })"
    length = "(i64.store (i32.const 0) (call $register_len (i64.const 5))) (call $value_return (i64.const 8) (i64.const 0))"
    assert ended(length).data == b"\xff" * 8


def test_a_hundred_registers_are_full_and_cannot_even_be_overwritten():
    fill = "".join(f"(call $input (i64.const {n}))" for n in range(100))
    assert error(fill) == ""
    assert error(fill + "(call $input (i64.const 100))") == "HostError(MemoryAccessViolation)"
    assert error(fill + "(call $input (i64.const 0))") == "HostError(MemoryAccessViolation)"


def test_an_absent_key_leaves_the_register_as_it_was():
    body = """
        (call $input (i64.const 0))
        (drop (call $storage_read (i64.const 1) (i64.const 0) (i64.const 0)))
        (call $value_return (i64.const -1) (i64.const 0))"""
    assert ended(body, input=b"kept").data == b"kept"


@pytest.mark.parametrize(
    ("ptr", "length", "fits"), [(MEMORY, 0, True), (MEMORY + 1, 0, False), (MEMORY - 3, 3, True), (MEMORY - 3, 4, False), (-1, 1, False)]
)
def test_ranges_end_with_the_chains_memory(ptr, length, fits):
    found = error(f"(call $value_return (i64.const {length}) (i64.const {ptr}))")
    assert found == ("" if fits else "HostError(MemoryAccessViolation)")


def test_a_range_outside_is_charged_before_it_is_looked_at():
    module = raw(f"(call $value_return (i64.const 9) (i64.const {MEMORY}))")
    host = 264_768_111 + 2_609_863_200 + 9 * 3_801_333
    assert emulated().run(request(module)).burnt == loading(module) + (8 + 3) * 822_756 + host


@pytest.mark.parametrize("name", sorted(host_table().not_in_view))
def test_what_a_view_call_may_not_use(name):
    call = f"(call ${name} {' '.join('(i64.const 0)' for _ in host_table().functions[name].params)})"
    body = f"(drop {call})" if host_table().functions[name].results else call
    assert error(body, view=True) == f'HostError(ProhibitedInView {{ method_name: "{name}" }})'


def test_the_first_charge_comes_before_the_view_check():
    module = raw("(call $predecessor_account_id (i64.const 0))")
    assert emulated().run(request(module, view=True)).burnt == loading(module) + (8 + 2) * 822_756 + 264_768_111


def test_attached_deposit_is_fine_in_a_view_call():
    assert error("(call $attached_deposit (i64.const 0))", view=True) == ""


@pytest.mark.parametrize(("length", "rest"), [(16_384, 0), (16_000, 384)])
def test_all_logs_and_a_panic_share_16_kib(length, rest):
    log = f"(call $log_utf8 (i64.const {length}) (i64.const 0))"
    assert error(f"{log} (call $panic_utf8 (i64.const {rest}) (i64.const 0))").startswith("HostError(GuestPanic")
    found = error(f"{log} (call $panic_utf8 (i64.const {rest + 1}) (i64.const 0))")
    assert found == "HostError(TotalLogLengthExceeded { length: 16385, limit: 16384 })"


def test_a_hundred_logs_are_all():
    log = "(call $log_utf8 (i64.const 0) (i64.const 0))"
    assert error(log * 100) == ""
    assert error(log * 101) == "HostError(NumberOfLogsExceeded { limit: 100 })"


def test_a_text_that_is_not_utf8():
    assert error("(call $panic_utf8 (i64.const 1) (i64.const 0))", '(data (i32.const 0) "\\ff")') == "HostError(BadUTF8)"


def test_a_text_of_length_minus_one_ends_with_a_zero():
    found = ended("(call $log_utf8 (i64.const -1) (i64.const 0))", '(data (i32.const 0) "until here\\00not this")')
    assert found.logs == ("until here",)


def test_a_panics_text_is_quoted_as_rust_does():
    found = ended("(call $panic_utf8 (i64.const 11) (i64.const 0))", '(data (i32.const 0) "a\\"b\\\\\\0a\\01\\c3\\a9\\e2\\80\\8b")')
    assert found.message == 'a"b\\\n\x01é\u200b'
    assert found.error == 'HostError(GuestPanic { panic_msg: "a\\"b\\\\\\n\\u{1}é\\u{200b}" })'


def test_a_key_of_more_than_2048_bytes_and_a_value_of_more_than_4_mib():
    assert "KeyLengthExceeded { length: 2049, limit: 2048 }" in error("(drop (call $storage_has_key (i64.const 2049) (i64.const 0)))")
    value = "(drop (call $storage_write (i64.const 0) (i64.const 0) (i64.const 4194305) (i64.const 0) (i64.const 0)))"
    assert "ValueLengthExceeded { length: 4194305, limit: 4194304 }" in error(value)


def test_usage_counts_keys_values_and_forty_bytes_a_record():
    write = "(drop (call $storage_write (i64.const 3) (i64.const 0) (i64.const 10) (i64.const 0) (i64.const 0)))"
    assert ended(write, storage_usage=1000).storage_usage == 1053
    assert ended(write, storage_usage=1000, state=State({b"\0\0\0": b"long" * 5})).storage_usage == 990
    remove = "(drop (call $storage_remove (i64.const 3) (i64.const 0) (i64.const 0)))"
    assert ended(remove, storage_usage=1000, state=State({b"\0\0\0": b"1234"})).storage_usage == 1000 - 47


def test_a_write_of_what_is_there_already_is_no_change():
    write = "(drop (call $storage_write (i64.const 1) (i64.const 0) (i64.const 1) (i64.const 0) (i64.const 0)))"
    assert ended(write, state=State({b"\0": b"\0"})).changes == ()


@pytest.mark.parametrize("account", ["a", "Bob", "a..b", "-ab", "ab.", "a b", "a" * 65])
def test_a_receipt_to_what_is_no_account_id_ends_the_call(account):
    text = f"(drop (call $promise_batch_create (i64.const {len(account)}) (i64.const 0)))"
    assert error(text, f'(data (i32.const 0) "{account}")') == "HostError(InvalidAccountId)"


def test_a_transfer_of_more_than_there_is_ends_the_call_after_its_fees():
    create = "(drop (call $promise_batch_create (i64.const 3) (i64.const 0)))"
    body = create + "(call $promise_batch_action_transfer (i64.const 0) (i64.const 8))"
    found = ended(body, '(data (i32.const 0) "bob") (data (i32.const 8) "\\05")', balance=4)
    assert found.error == "HostError(BalanceExceeded)"
    assert found.used - found.burnt == 108_059_500_000 + 115_123_062_500


def test_a_promise_that_was_never_made():
    assert error("(call $promise_batch_action_transfer (i64.const 1) (i64.const 0))") == "HostError(InvalidPromiseIndex { promise_idx: 1 })"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((32, 0, 63, 0, 0, 0, 0), "The length of the signature: 63, exceeds the limit of 64 bytes"),
        ((32, 0, 64, 0, 4, 0, 0), "V recovery byte 0 through 3 are valid but was provided 4"),
        ((31, 0, 64, 0, 0, 0, 0), "The length of the hash: 31, exceeds the limit of 32 bytes"),
        ((32, 0, 64, 0, 0, 2, 0), "Malleability flag needs to be 0 or 1, but is instead 2"),
    ],
)
def test_what_recovering_a_key_does_not_take(arguments, said):
    text = f"(drop (call $ecrecover {' '.join(f'(i64.const {argument})' for argument in arguments)}))"
    assert error(text) == f'HostError(ECRecoverError {{ msg: "{said}" }})'


def test_an_aborted_call_keeps_its_logs_and_nothing_else():
    body = """
        (call $log_utf8 (i64.const 1) (i64.const 0))
        (drop (call $storage_write (i64.const 1) (i64.const 0) (i64.const 1) (i64.const 0) (i64.const 0)))
        (call $value_return (i64.const 1) (i64.const 0))
        unreachable"""
    found = ended(body, '(data (i32.const 0) "x")')
    assert (found.name, found.logs, found.data, found.changes, found.storage_usage) == ("WasmTrap/Unreachable", ("x",), b"", (), 1000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('(import "env" "storage_iter_next" (func))', "unknown or invalid import"),
        (
            '(import "env" "input" (func (param i32)))',
            "types incompatible: expected type `(func (param i32))`, found type `(func (param i64))`",
        ),
    ],
)
def test_an_import_the_chain_or_its_emulation_has_not_ends_every_call(text, said):
    module = Module(wat_to_wasm(f'(module {text} (func (export "main")))', where="test"))
    for method in ("main", "absent"):
        found = emulated().run(request(module, method=method))
        assert (found.name, found.message, found.burnt) == ("LinkError", said, loading(module))


@pytest.mark.parametrize(("method", "name"), [("", "MethodEmptyName"), ("absent", "MethodNotFound"), ("takes", "MethodInvalidSignature")])
def test_a_method_that_cannot_be_called_burns_nothing(method, name):
    found = emulated().run(request(raw("", '(func (export "takes") (param i32))'), method=method))
    assert (found.name, found.burnt) == (f"MethodResolveError/{name}", 0)


def test_a_trace_tells_each_host_call_and_where_the_gas_went():
    module = raw("(call $input (i64.const -1)) (drop (call $register_len (i64.const -1)))")
    found = emulated().run(request(module, input=b"four", trace=True))
    assert found.trace == ("input(-1)", "register_len(-1) -> 4")
    assert sum(found.profile.values()) == found.burnt
    assert found.profile["base"] == 2 * 264_768_111


def test_a_body_that_no_table_names_is_refused_and_a_function_without_a_body():
    bodies = bodies_of(functions)
    with pytest.raises(SpecError, match=r"functions.py: more: near.toml has no such function"):
        bind(host_table(), {**bodies, "more": lambda _: None})
    with pytest.raises(SpecError, match=r"near.toml: functions.input: functions.py has no body for it"):
        bind(host_table(), {name: body for name, body in bodies.items() if name != "input"})
    with pytest.raises(SpecError, match="another number of parameters"):
        bind(host_table(), {**bodies, "input": lambda _: None})


def test_every_error_that_is_raised_has_its_text():
    """One without would only be found when it is shown."""
    sources = [path.read_text("utf-8") for path in Path(functions.__file__).parent.glob("*.py")]
    paths = {path for source in sources for path in re.findall(r'Abort\("([A-Za-z0-9/]+)"', source)}
    assert len(paths) > 15
    assert paths <= _DISPLAY.keys()


def test_the_shim_imports_what_the_table_has_and_nothing_is_left_over():
    from sshi_near.adapter import adapter

    shim = adapter().shim
    assert {name for name in host_table().functions if f'(import "env" "{name}"' in shim} == set(host_table().functions)
    assert chain_imports().count("import") == shim.count('(import "env"')
