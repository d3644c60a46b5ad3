"""The adapter's data: read strictly, versions laid over each other, every difference declared with its reason."""

from __future__ import annotations

import pytest

from adapters.near.worlds import NEAR
from sshi.adapter import DeviantCase
from sshi.errors import SpecError
from sshi.spec.loader import interface
from sshi_near import tables
from sshi_near.ledger import RESERVED_BYTES

FUNCTION = '[chain]\nmodule = "env"\nsource = "here:"\n[functions.f]\nparams = ["a: i64"]\nresults = []\nview = true\nsource = "#L1"\n'


def test_a_version_has_the_numbers_of_those_before_it():
    fees = {version: tables.parameters(version).fees.create_account.exec for version in tables.versions()}
    assert fees == {84: 3_850_000_000_000, 85: 7_200_000_000_000, 86: 7_200_000_000_000, 87: 7_200_000_000_000, 88: 7_200_000_000_000}
    locals_ = {version: tables.parameters(version).limits.min_contract_size_per_local for version in tables.versions()}
    assert locals_ == {84: None, 85: None, 86: None, 87: 2, 88: 2}


def test_an_amount_is_an_integer_although_the_file_has_text():
    assert tables.parameters(86).storage.amount_per_byte == 10**19


@pytest.mark.parametrize(
    ("change", "entry", "said"),
    [
        (("view = true\n", ""), "functions.f", "view"),
        (("#L1", '#L1"\nmore = "x'), "functions.f", "more"),
        (('"a: i64"', '"a: i16"'), "functions.f.params", "i16"),
        (('"a: i64"', '"a i64"'), "functions.f.params", "a i64"),
        (("results = []", 'results = ["i64", "i64"]'), "functions.f.results", "at most one"),
        (("[chain]", "[chains]"), "chain", "module"),
        (("[functions.f]", "[functions.f"), "the file", ""),
    ],
)  # fmt: skip
def test_a_table_of_functions_that_is_not_understood_is_refused_by_name(change, entry, said):
    with pytest.raises(SpecError) as caught:
        tables.load_functions(FUNCTION.replace(*change), file="near.toml")
    assert (caught.value.file, caught.value.entry) == ("near.toml", entry)
    assert said in caught.value.message


def test_a_function_carries_where_its_body_stands():
    assert tables.load_functions(FUNCTION, file="near.toml").functions["f"].source == "here:#L1"


def test_a_cost_that_nobody_reads_or_that_is_missing_is_refused():
    text = (tables.files("sshi_near") / "spec/costs.toml").read_text("utf-8")
    with pytest.raises(SpecError, match=r"version 84: .*unknown field `more`"):
        tables.load_costs(text.replace("log_base =", "more = 1\nlog_base ="), file="costs.toml")
    with pytest.raises(SpecError, match=r"version 84: .*missing required field `log_base`"):
        tables.load_costs(text.replace("log_base =", "# log_base ="), file="costs.toml")
    with pytest.raises(SpecError, match=r"pv89: nothing reads this table"):
        tables.load_costs(text + "[pv89.fees]\n", file="costs.toml")
    with pytest.raises(SpecError, match=r"pv88.fares: there is no such group"):
        tables.load_costs(text + "[pv88.fares]\n", file="costs.toml")


def test_a_deviation_without_reason_or_source_does_not_load():
    whole = '[x]\nclauses = []\ninstead = "a"\nreason = "b"\nsource = "c"\n'
    assert tables.load_deviations(whole, file="deviations.toml")[0].id == "near/x"
    for line in ('reason = "b"\n', 'source = "c"\n'):
        with pytest.raises(SpecError, match=r"deviations.toml: x: "):
            tables.load_deviations(whole.replace(line, ""), file="deviations.toml")


@pytest.mark.parametrize("deviation", NEAR.deviations, ids=lambda deviation: deviation.id)
def test_a_deviation_touches_clauses_that_there_are(deviation):
    assert set(deviation.clauses) <= set(interface().clauses)
    assert deviation.clauses
    assert all(isinstance(case, DeviantCase) for case in deviation.cases)


def test_the_shim_and_the_ledger_reserve_the_same_bytes():
    assert NEAR.shim.count(f"(i64.const {RESERVED_BYTES})") == 2


def test_profiles_have_the_chains_limits_and_features():
    profile = NEAR.profile()
    assert profile.name == "near@86"
    assert [*NEAR.profiles] == [f"near@{version}" for version in (84, 85, 86, 87, 88)]
    assert (profile.limits.functions, profile.limits.body_size, profile.limits.types) == (10_000, 196_608, 1024)
    assert profile.features.multi_value is False
