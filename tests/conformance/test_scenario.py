from __future__ import annotations

import pytest

from sshi.errors import ScenarioError
from sshi_conformance.scenario import parse_scenario, stored_pairs

HEAD = "[case.a]\ndoc = 'd'\n"


def parse(text: str):
    return parse_scenario(text.encode(), where="f.toml")


def refused(text: str) -> ScenarioError:
    with pytest.raises(ScenarioError) as caught:
        parse(text)
    return caught.value


def test_a_case_has_alice_and_bob_whether_it_names_others_or_not():
    case = parse(HEAD + "accounts = { rich = { balance = '340282366920938463463374607431768211455' } }\nsteps = [{ deploy = '' }]").case[
        "a"
    ]
    assert set(case.people) == {"alice", "bob", "rich"}
    assert case.people["alice"].balance == 10**27


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no case"),
        ("x = [", "is no TOML"),
        ("[case]", "has no case"),
        ("[case.'a b']\ndoc = ''\nsteps = [{ deploy = '' }]", "letters, digits"),
        ("y = 1\n" + HEAD + "steps = [{ deploy = '' }]", "unknown field 'y'; allowed are case, module, manifest"),
        (HEAD, "missing required field `steps`"),
        (HEAD + "steps = []", "length >= 1"),
        (HEAD + "steps = [{ call = 'x', query = 'x' }]", "step 1: a step is one of deploy, call, query and reject, not call and query"),
        (HEAD + "steps = [{ input = 'hex:' }]", "not none of them"),
        (HEAD + "steps = [{ deploy = '' }, { call = 'x', caller = 'carol' }]", "step 2: caller 'carol' is no account, only alice, bob"),
        (HEAD + "steps = [{ call = 'x', input = [{ u8 = 256 }] }]", r"step 1: input\[0\].u8: Expected `int` <= 255"),
        (HEAD + "steps = [{ call = 'x', input = 'k' }]", "step 1: input: 'k' begins with neither"),
        (HEAD + "steps = [{ call = 'x', value = -1 }]", "step 1: value: '-1' is no integer"),
        (HEAD + "steps = [{ call = 'x', expect = { trap = 'crash' } }]", "'crash' is none of unreachable, memory,"),
        (HEAD + "steps = [{ call = 'x', expect = { outcome = 'ok' } }]", "'ok' is none of returned, reverted,"),
        (HEAD + "steps = [{ call = 'x', expect = { data = 'hex:', message = 'm' } }]", "asks for returned and reverted at once"),
        (HEAD + "steps = [{ call = 'x', expect = { balances = { carol = 1 } } }]", "no account or contract is called 'carol'"),
        (HEAD + "steps = [{ call = 'x', expect = { storage = { k = 'hex:' } } }]", "expect.storage: 'k' begins with neither"),
        (HEAD + "steps = [{ deploy = '', contract = 'alice' }]", "'alice' is an account and a contract"),
        (HEAD + "steps = [{ call = 'x', input = " + "[{ blob = " * 17 + "'hex:'" + " }]" * 17 + " }]", "nested more than 16 deep"),
        (HEAD + "steps = [{ call = 'x', input = " + "[{ blob = " * 3000 + "'hex:'" + " }]" * 3000 + " }]", "is no TOML"),
    ],
)
def test_a_mistake_is_named_with_its_place(text, says):
    error = refused(text)
    assert str(error).startswith("f.toml")
    assert __import__("re").search(says, str(error)), str(error)


def test_a_misspelt_field_is_guessed():
    error = refused(HEAD + "steps = [{ call = 'x', inptu = 'hex:' }]")
    assert "allowed are deploy, call, query" in str(error)
    assert error.hint == "did you mean 'input'?"


def test_sizes_are_bounded():
    assert "at most 1 MiB" in str(refused("#" * (1 << 20) + "\n"))
    assert "256" in str(refused(HEAD + "steps = [" + "{ deploy = '' }," * 257 + "]"))


def test_storage_is_a_table_or_a_list_when_keys_need_pieces():
    storage, stored = "{ 'utf8:k' = 'absent', 'hex:00' = [{ u8 = 1 }] }", "[{ key = { address = 'bob' } }]"
    text = f"{HEAD}steps = [{{ call = 'x', expect = {{ storage = {storage}, stored = {stored} }} }}]"
    expect = parse(text).case["a"].steps[0].expect
    book = {"bob": b"bob.ref"}
    assert stored_pairs(expect.storage, book) == {b"k": None, b"\0": b"\1"}
    assert stored_pairs(expect.stored, book) == {b"bob.ref": None}
