"""Byte for byte: what was decoded and left alone comes back as it was, and a canonical module is canonical without that help."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sshi.wasm.decode import decode
from sshi.wasm.encode import encode
from sshi.wasm.leb128 import encode_u
from sshi.wasm.module import Custom, Export, Module

MODULES = 300

EVERYTHING = {
    f"{name}_enabled": True
    for name in ("simd", "relaxed_simd", "threads", "exceptions", "tail_call", "memory64", "wide_arithmetic", "extended_const")
}


@pytest.mark.parametrize("batch", range(6))
def test_random_modules_come_back_byte_for_byte_padded_or_not(smith, batch):
    for seed in range(batch * MODULES // 6, (batch + 1) * MODULES // 6):
        data = smith(seed, min_uleb_size=1 + seed % 3, generate_custom_sections=True, max_memories=3, max_tables=3, **EVERYTHING)
        assert encode(decode(data)) == data, seed


def test_random_modules_are_canonical_without_their_raw_sections(smith):
    """smith writes shortest integers; an empty section is the one thing that is not kept."""
    compared = 0
    for seed in range(0, 150, 3):
        data = smith(seed, min_uleb_size=1, generate_custom_sections=True, max_memories=3, max_tables=3, **EVERYTHING)
        module = decode(data)
        if all(section.value != () for section in module.raw):
            assert encode(replace(module, raw=())) == data, seed
            compared += 1
    assert compared > 20


def test_what_is_encoded_anew_decodes_to_the_same_module(smith):
    for seed in range(60, 120):
        module = decode(smith(seed, min_uleb_size=4, max_memories=3, max_tables=3, **EVERYTHING))
        assert decode(encode(replace(module, raw=(), customs=()))) == replace(module, customs=()), seed


def test_a_changed_section_is_written_anew_and_the_others_are_not(smith):
    data = smith(3, min_uleb_size=5, min_funcs=3)
    module = decode(data)
    changed = encode(replace(module, exports=(Export("f", 0, 0),)))
    kept = {section.id: section.frame + section.payload for section in module.raw}
    assert all(kept[number] in changed for number in kept if number != 7)
    assert b"\x07\x05\x01\x01f\x00\x00" in changed


def test_a_section_whose_entries_are_all_gone_is_not_written(parse):
    module = parse('(module (func (export "f")))')
    assert encode(replace(module, exports=(), customs=())) == b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\x0a\4\1\2\0\x0b"


def test_a_new_custom_section_goes_where_it_says():
    code_first = Module(customs=(Custom("late", b"!", after=11), Custom("early", b"?", after=0)))
    assert encode(code_first) == b"\0asm\1\0\0\0\0\7\5early?\0\6\4late!"


def test_a_custom_section_s_padding_is_kept_until_it_is_replaced():
    padded = b"\0asm\1\0\0\0\0\x87\0" + b"\x84\0note!"
    module = decode(padded)
    assert encode(module) == padded
    (custom,) = module.customs
    assert encode(replace(module, customs=(replace(custom, data=b"?"),))) == b"\0asm\1\0\0\0\0\6\4note?"


def test_the_same_module_always_gives_the_same_bytes(smith):
    data = smith(11, generate_custom_sections=True)
    assert len({encode(replace(decode(data), raw=())) for _ in range(3)}) == 1


def test_wasmtime_accepts_what_is_encoded_anew(smith, valid):
    for seed in range(40):
        module = decode(smith(seed, min_uleb_size=2))
        assert len(valid(replace(module, raw=()))) <= sum(len(part.frame) + len(part.payload) for part in module.raw) + 8


def test_large_sections_get_sizes_of_several_bytes():
    module = Module(customs=(Custom("big", bytes(200), after=0),))
    assert encode(module)[8:].startswith(b"\0" + encode_u(204))
