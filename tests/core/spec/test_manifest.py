"""Declarations of entries: what is read, what is refused, what is derived."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshi.errors import ManifestError
from sshi.spec.manifest import Entry, EntryKind, Manifest, derived_manifest, encode_manifest, parse_manifest

GOOD = b'{"sshi": 1, "name": "token", "entries": [{"name": "init", "kind": "init", "payable": true}, {"name": "get", "kind": "query"}]}'


def test_a_json_declaration_is_read():
    manifest = parse_manifest(GOOD, where="here")
    assert manifest.entries == (Entry("init", EntryKind.INIT, payable=True), Entry("get", EntryKind.QUERY))


def test_a_toml_declaration_is_the_same():
    text = (
        b'sshi = 1\nname = "token"\n[[entries]]\nname = "init"\nkind = "init"\npayable = true\n[[entries]]\nname = "get"\nkind = "query"\n'
    )
    assert parse_manifest(text, where="here", toml=True) == parse_manifest(GOOD, where="here")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"sshi": 2, "name": "t", "entries": []}',
        b'{"sshi": 1, "name": "t", "entries": [{"name": "a"}, {"name": "a"}]}',
        b'{"sshi": 1, "name": "t", "entries": [{"name": "1a"}]}',
        b'{"sshi": 1, "name": "t", "entries": [{"name": "' + b"a" * 65 + b'"}]}',
        b'{"sshi": 1, "name": "t", "entries": [{"name": "a", "kind": "view"}]}',
        b'{"sshi": 1, "name": "t", "entries": [{"name": "a", "payabel": true}]}',
    ],
)
def test_a_wrong_declaration_is_one_error_that_names_its_place(text):
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text, where="here")
    assert caught.value.where == "here"


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_bring_the_reader_down(text, toml):
    try:
        parse_manifest(text, where="here", toml=toml)
    except ManifestError:
        pass


def test_without_a_declaration_init_and_query_mean_what_they_say():
    """Clauses entry.default, entry.initialize."""
    manifest = derived_manifest("m", ("init", "query", "call", "other", "_initialize"))
    assert [(entry.name, entry.kind) for entry in manifest.entries] == [
        ("init", EntryKind.INIT),
        ("query", EntryKind.QUERY),
        ("call", EntryKind.CALL),
        ("other", EntryKind.CALL),
    ]
    assert not any(entry.payable for entry in manifest.entries)


def test_what_is_written_is_read_back():
    manifest = Manifest(1, "n", (Entry("a", EntryKind.QUERY), Entry("b", payable=True)), version="2.0.0")
    assert parse_manifest(encode_manifest(manifest), where="here") == manifest
