"""The `.contract` bundle, read by the library that people use."""

from __future__ import annotations

import json

import pytest
from scalecodec.base import RuntimeConfigurationObject
from scalecodec.type_registry import load_type_registry_preset
from substrateinterface import SubstrateInterface
from substrateinterface.contracts import ContractMetadata

from sshi.host.outcome import Returned
from sshi.spec.manifest import Entry, EntryKind, Manifest
from sshi_polkadot.bundle import package
from sshi_polkadot.encoding import blake2_256, selector

MANIFEST = Manifest(
    1,
    "token",
    (
        Entry("init", EntryKind.INIT, payable=True, input="u128 supply, u32 round"),
        Entry("transfer", EntryKind.CALL, input="blob to, u128 amount", docs="Move an amount."),
        Entry("deposit", EntryKind.CALL, payable=True),
        Entry("total_supply", EntryKind.QUERY, output="u128"),
        Entry("owner", EntryKind.QUERY, output="blob owner"),
    ),
    version="1.2.3",
    description="A token",
)
WASM = b"\0asm\1\0\0\0 not really"


class Offline(SubstrateInterface):
    """The library without a node: the chain's own types come from the metadata that a node would give, and the bundle needs none."""

    def __init__(self) -> None:
        self.runtime_config = RuntimeConfigurationObject(ss58_format=42)
        self.runtime_config.update_type_registry(load_type_registry_preset("core"))

    def init_runtime(self, *_args: object, **_more: object) -> None:
        pass

    def encode_scale(self, type_string, value, **_more):
        return self.runtime_config.create_scale_object(type_string).encode(value)


@pytest.fixture
def bundle() -> dict:
    (files,) = package(WASM, MANIFEST).items()
    assert files[0] == ".contract"
    return json.loads(files[1])


@pytest.fixture
def metadata(bundle) -> ContractMetadata:
    return ContractMetadata(bundle, Offline())


def test_the_library_reads_it(metadata):
    assert metadata.metadata_version == 5
    assert metadata.source["hash"] == f"0x{blake2_256(WASM).hex()}"
    assert metadata.source["wasm"] == f"0x{WASM.hex()}"


@pytest.mark.parametrize("entry", [entry for entry in MANIFEST.entries if entry.kind is not EntryKind.INIT], ids=lambda entry: entry.name)
def test_an_entry_is_a_message_by_its_selector(metadata, entry):
    assert bytes(metadata.generate_message_data(entry.name).data) == selector(entry.name)
    (message,) = [found for found in metadata.spec["messages"] if found["label"] == entry.name]
    assert (message["payable"], message["mutates"]) == (entry.payable, entry.kind is EntryKind.CALL)


def test_an_init_is_a_constructor_and_its_integers_are_arguments(metadata):
    """SCALE writes integers as the interface does."""
    data = metadata.generate_constructor_data("init", {"supply": 2**100 + 1, "round": 7})
    assert bytes(data.data) == selector("init") + (2**100 + 1).to_bytes(16, "little") + (7).to_bytes(4, "little")
    assert metadata.spec["constructors"][0]["payable"]
    assert len(metadata.spec["messages"]) == 4


def test_an_output_of_one_integer_has_its_type(metadata):
    kind = metadata.get_return_type_string_for_message("total_supply")
    decoded = metadata.substrate.runtime_config.create_scale_object(kind)
    assert decoded.encode(300).data == bytearray((300).to_bytes(16, "little"))
    assert metadata.get_return_type_string_for_message("owner") == "Null"


def test_bytes_that_no_type_stands_for_are_in_the_docs(bundle):
    transfer, _, _, owner = bundle["spec"]["messages"]
    assert transfer["args"] == []
    assert transfer["docs"] == ["Move an amount.", "Input, raw bytes behind the selector: blob to, u128 amount."]
    assert owner["docs"] == ["Output, raw bytes: blob owner."]


def test_every_type_that_is_named_exists(bundle):
    known = {entry["id"] for entry in bundle["types"]}

    def named(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in ("type", "ty") and isinstance(inner, int):
                    yield inner
                else:
                    yield from named(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from named(inner)

    found = list(named(bundle))
    assert found
    assert set(found) <= known


def test_the_manifest_rides_along_and_the_bytes_are_the_same_every_time(bundle):
    assert bundle["user"]["sshi"]["entries"][1]["name"] == "transfer"
    assert bundle["contract"] == {"name": "token", "version": "1.2.3", "authors": [], "description": "A token"}
    assert package(WASM, MANIFEST) == package(WASM, MANIFEST)


def test_a_contract_without_init_has_no_constructors():
    bundle = json.loads(package(WASM, Manifest(1, "x", (Entry("go"),)))[".contract"])
    assert bundle["spec"]["constructors"] == []
    ContractMetadata(bundle, Offline())


def test_what_the_library_composes_is_what_the_artifact_reads(link, world):
    code = link(
        """(module
          (import "env" "input" (func $input (param i32) (result i32)))
          (import "env" "set_return" (func $set_return (param i32 i32)))
          (memory (export "memory") 1)
          (func (export "init") (i32.store (i32.const 0) (i32.const 99)) (drop (call $input (i32.const 0)))
            (call $set_return (i32.const 0) (i32.const 24))))""",
        "init:init",
    )
    manifest = Manifest(1, "x", (Entry("init", EntryKind.INIT, input="u128 supply, u32 round"),))
    data = ContractMetadata(json.loads(package(code.wasm, manifest)[".contract"]), Offline()).generate_constructor_data(
        "init", {"supply": 1000, "round": 9}
    )
    given = bytes(data.data).removeprefix(selector("init"))
    assert world.deploy(code, "a", "init", given).receipt.outcome == Returned((20).to_bytes(4, "little") + given)
