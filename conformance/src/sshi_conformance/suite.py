"""Cases from files: the suite's own under `cases/<area>/`, or a scenario for somebody's contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import msgspec
from msgspec import UNSET

from sshi.errors import ContractError, ScenarioError, UsageError
from sshi.link.source import BESIDE, Source, check_entries, decode_file, read_file, read_manifest, read_module
from sshi.spec.loader import interface
from sshi.spec.manifest import Manifest, checked, parse_manifest
from sshi.wasm.decode import decode
from sshi_conformance.scenario import Case, ScenarioFile, parse_scenario

CASES = Path(__file__).with_name("cases")
_NOTHING = Manifest(sshi=1, name="refused", entries=())


@dataclass(frozen=True, eq=False)
class Module:
    """What a case deploys.  `refused`: it cannot be read, or its declaration does not fit it, so that every host must refuse it."""

    label: str
    wasm: bytes
    manifest: Manifest
    refused: ContractError | None = None


@dataclass(frozen=True, eq=False)
class Unit:
    """One case with its module: what a runner runs.  `id` is `<area>/<file>/<case>`; `file` is for messages."""

    id: str
    area: str
    file: str
    case: Case
    module: Module


def builtin_units() -> list[Unit]:
    """The whole suite, in the order of its files."""
    return path_units(CASES)


def path_units(path: Path) -> list[Unit]:
    """The cases of a scenario file, of every scenario that a module (.wat) has beside it, or of a directory of areas or of one area."""
    if path.is_dir():
        scenarios = _scenarios(path, "*.toml", "*/*.toml")
    elif path.suffix == ".wat":
        scenarios = [each for each in _scenarios(path.parent, "*.toml") if _module_of(each) == path]
    else:
        scenarios = [path]
    if not scenarios:
        raise UsageError("there is no scenario here", where=str(path), advice="name a .toml file with cases, or what has some")
    return [unit for each in scenarios for unit in file_units(each)]


@cache
def file_units(path: Path) -> tuple[Unit, ...]:
    """The cases of one scenario file, which finds its own module: the one it names, else the .wat of the same name."""
    area, stem = path.resolve().parent.name, path.stem
    where = str(path.relative_to(CASES)) if path.is_relative_to(CASES) else str(path)
    file = parse_scenario(read_file(path), where=where)
    beside = _beside(path, file)
    module = _file_module(beside, None if file.manifest is UNSET else file.manifest) if beside.exists() else None
    if file.module and module is None:
        raise ScenarioError(f"module: {file.module!r} is not there", where=where)
    prefix = area if area == stem else f"{area}/{stem}"
    return tuple(_units(file, area, prefix, where, module))


def _scenarios(root: Path, *patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in root.glob(pattern) if path.name != BESIDE)


def _beside(path: Path, file: ScenarioFile) -> Path:
    return path.with_name(file.module) if file.module else path.with_suffix(".wat")


def _module_of(scenario: Path) -> Path:
    return _beside(scenario, parse_scenario(read_file(scenario), where=str(scenario)))


def scenario_units(scenario: Path, source: Source) -> list[Unit]:
    """A scenario's cases for a contract that was read already."""
    area = Path(source.path).stem
    module = Module(source.path, source.wasm, source.manifest)
    return _units(parse_scenario(read_file(scenario), where=str(scenario)), area, area, str(scenario), module)


def select(units: Iterable[Unit], *, expression: str = "", clause: str = "") -> list[Unit]:
    """Those whose id holds every word of `expression` (none that follows a `not`) and that cite `clause`, or one of its group."""
    wanted, unwanted = _words(expression)
    return [
        unit
        for unit in units
        if all(word in unit.id for word in wanted)
        and not any(word in unit.id for word in unwanted)
        and (not clause or _cites(unit.case, clause))
    ]


def check_clauses(units: Iterable[Unit]) -> None:
    """ScenarioError when a case cites a clause that the interface does not have."""
    known = interface().clauses
    for unit in units:
        for clause in (*unit.case.clauses, *unit.case.counter):
            if clause not in known:
                raise ScenarioError(f"clause {clause!r} is not in the interface", where=f"{unit.file}: {unit.id}", advice="see `sshi spec`")


def _cites(case: Case, clause: str) -> bool:
    return any(each == clause or each.startswith(f"{clause}.") for each in (*case.clauses, *case.counter))


def _units(file: ScenarioFile, area: str, prefix: str, where: str, module: Module | None) -> list[Unit]:
    return [Unit(f"{prefix}/{name}", area, where, case, _module(case, f"{where}: case {name}", module)) for name, case in file.case.items()]


@cache
def _file_module(path: Path, manifest: Manifest | None) -> Module:
    """The module of a file, shared by every scenario that names it."""
    wasm = read_module(path)
    module = decode_file(wasm, path)
    if manifest is None:
        manifest = read_manifest(module, path, None)
    else:
        check_entries(module, checked(manifest, where=str(path)), where=str(path))
    label = str(path.relative_to(CASES)) if path.is_relative_to(CASES) else str(path)
    return Module(label, wasm, manifest)


def _module(case: Case, where: str, module: Module | None) -> Module:
    """The case's own module or declaration, else the file's; with the case's budget."""
    found = _own_module(case, where, module)
    if case.budget is UNSET or found.refused is not None:
        return found
    from sshi.link.guard import with_budget  # noqa: PLC0415  few cases have one

    return replace(found, label=where, wasm=with_budget(Source(found.label, found.wasm, found.manifest), case.budget).wasm)


def _own_module(case: Case, where: str, module: Module | None) -> Module:
    if not case.wat and case.manifest is UNSET:
        if module is None:
            raise ScenarioError(
                "has no module: there is no .wat beside the file", where=where, advice='write one beside it, or wat = "…" in the case'
            )
        return module
    if case.wat:
        from sshi.host.engine import wat_to_wasm  # noqa: PLC0415  only a module in text needs the engine

        wasm = wat_to_wasm(case.wat, where=where)
    elif module is not None:
        wasm = module.wasm
    else:
        raise ScenarioError("declares entries of no module", where=where)
    try:
        decoded = decode(wasm)
        if case.manifest is UNSET:
            return Module(where, wasm, read_manifest(decoded, Path("contract.wat"), None))
        manifest = parse_manifest(msgspec.json.encode(case.manifest), where=where)
        check_entries(decoded, manifest, where=where)
    except ContractError as error:
        return Module(where, wasm, _NOTHING, error)
    return Module(where, wasm, manifest)


def _words(expression: str) -> tuple[list[str], list[str]]:
    words: Iterator[str] = iter(expression.split())
    wanted: list[str] = []
    unwanted: list[str] = []
    for word in words:
        if word == "not":
            unwanted += [following] if (following := next(words, "")) else []
        elif word != "and":
            wanted.append(word)
    return wanted, unwanted
