//! What a call that returned has changed, and that nothing else has changed anything.

use serde_json::{Value, json};
use sp_io::hashing::blake2_256;

use crate::contracts::{ECHO, FACTORY, PAY, REVERT, counter, module, then};
use crate::vm::{Vm, alice, base64, bob, bytes, nobody};

/// The chain's numbers, as a client reads them from `hello`.
const EXISTENTIAL_DEPOSIT: i128 = 1_000_000_000;
const PER_ITEM: i128 = 20_000_000_000;
const PER_BYTE: i128 = 1_000_000;

fn number(value: &Value) -> i128 {
    value.as_str().unwrap().parse().unwrap()
}

fn payments(to: &[(&str, u128)]) -> String {
    let pay = |(to, amount): &(&str, u128)| [bytes(&json!(to)), amount.to_le_bytes().to_vec()].concat();
    base64(to.iter().flat_map(pay).collect::<Vec<_>>())
}

#[test]
fn a_deployment_tells_what_the_constructor_did() {
    let mut vm = Vm::with_world();
    let result = vm.deploy(&then(ECHO), json!({"input": base64("hi"), "value": "500"}));
    let contract = result["address"].clone();
    let topic = base64([&b"tick"[..], &[0; 28]].concat());
    assert_eq!(result["outcome"], json!({"kind": "returned", "data": base64("hi")}));
    assert_eq!(result["storage"], json!([[base64("key"), base64("key")]]));
    assert_eq!(result["events"], json!([{"topic": topic, "data": base64("key")}]));
    assert_eq!(result["transfers"], json!([]));
    let mut balances = [json!([alice(), "-500"]), json!([contract, "500"])];
    balances.sort_by_key(|change| bytes(&change[0]));
    assert_eq!(result["balances"], json!(balances));
    assert_eq!(vm.balance(contract.as_str().unwrap()), "500");
}

#[test]
fn the_difference_of_storage_is_exact_and_sorted_by_key() {
    // Writes b and a, overwrites `key` with something and with what it was, writes and removes c, removes what is not
    // there, and writes under a key of the old API.
    let call = r#"
        (i32.store8 (i32.const 200) (i32.const 98)) (drop (call $set (i32.const 200) (i32.const 1) (i32.const 0) (i32.const 0)))
        (i32.store8 (i32.const 200) (i32.const 97)) (drop (call $set (i32.const 200) (i32.const 1) (i32.const 0) (i32.const 1)))
        (drop (call $set (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 1)))
        (drop (call $set (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3)))
        (i32.store8 (i32.const 200) (i32.const 99)) (drop (call $set (i32.const 200) (i32.const 1) (i32.const 0) (i32.const 1)))
        (drop (call $clear (i32.const 200) (i32.const 1)))
        (drop (call $clear (i32.const 300) (i32.const 5)))
        (call $set_fixed (i32.const 400) (i32.const 0) (i32.const 1))"#;
    let deploy = "(drop (call $set (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3)))";
    let mut vm = Vm::with_world();
    let contract = vm.deployed(&module(deploy, call), json!({}));
    let result = vm.call(&contract, json!({}));
    let (a, b, key) = (base64("a"), base64("b"), base64("key"));
    assert_eq!(result["storage"], json!([[a, base64("k")], [b, ""]]));
    assert_eq!(vm.storage(&contract), json!([[a, base64("k")], [b, ""], [key, key]]));
    let removing = module(deploy, "(drop (call $clear (i32.const 0) (i32.const 3)))");
    let contract = vm.deployed(&removing, json!({}));
    assert_eq!(vm.call(&contract, json!({}))["storage"], json!([[key, null]]));
}

#[test]
fn transfers_are_told_in_order_and_balances_in_sum() {
    let mut vm = Vm::with_world();
    let contract = vm.deployed(&module("", PAY), json!({"value": "5000000000"}));
    let paid = payments(&[(&bob(), 7), (&alice(), 100), (&bob(), 0), (&contract, 9), (&bob(), 5)]);
    let result = vm.call(&contract, json!({"input": paid, "value": "100"}));
    assert_eq!(result["outcome"]["data"], base64([0; 4]));
    let to = |account: String, amount: &str| json!({"to": account, "amount": amount});
    assert_eq!(result["transfers"], json!([to(bob(), "7"), to(alice(), "100"), to(bob(), "5")]));
    let mut balances = [json!([bob(), "12"]), json!([contract, "-12"])];
    balances.sort_by_key(|change| bytes(&change[0]));
    assert_eq!(result["balances"], json!(balances));
    assert_eq!(vm.balance(&contract), "4999999988");
}

#[test]
fn a_transfer_that_would_make_a_beggar_is_answered_5() {
    let mut vm = Vm::with_world();
    let contract = vm.deployed(&module("", PAY), json!({"value": "5000000000"}));
    let result = vm.call(&contract, json!({"input": payments(&[(&nobody(), 999_999_999), (&bob(), 5_000_000_001)])}));
    assert_eq!(result["outcome"]["data"], base64([10, 0, 0, 0]));
    assert_eq!((&result["transfers"], &result["balances"]), (&json!([]), &json!([])));
    vm.call(&contract, json!({"input": payments(&[(&nobody(), 1_000_000_001)])}));
    assert_eq!(vm.balance(&nobody()), "1");
}

#[test]
fn deposits_are_a_cost_and_no_balance_that_moved() {
    let mut vm = Vm::with_world();
    let code = wat::parse_str(counter()).unwrap().len() as i128;
    let before = number(&vm.balance(&alice()));
    let result = vm.deploy(&counter(), json!({}));
    let contract = result["address"].as_str().unwrap().to_owned();
    let uploaded = PER_BYTE * (code + 61) + 2 * PER_ITEM;
    let made = EXISTENTIAL_DEPOSIT + PER_BYTE * 122 + PER_ITEM;
    let deposit = number(&result["cost"]["deposit"]);
    assert_eq!(deposit, uploaded + made + PER_BYTE * 4 + PER_ITEM);
    assert_eq!(result["balances"], json!([]));
    assert_eq!(before - number(&vm.balance(&alice())), deposit);
    // Code that is there already is not paid for again.
    let again = vm.deploy(&counter(), json!({"caller": bob()}));
    assert_eq!(number(&again["cost"]["deposit"]), deposit - uploaded);

    let forgetful = module(
        "(drop (call $set (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 9)))",
        "(drop (call $clear (i32.const 0) (i32.const 3)))",
    );
    let forgetful = vm.deployed(&forgetful, json!({}));
    let before = number(&vm.balance(&bob()));
    let result = vm.call(&forgetful, json!({"caller": bob()}));
    assert_eq!(number(&result["cost"]["deposit"]), -(PER_BYTE * 9 + PER_ITEM));
    assert_eq!(number(&vm.balance(&bob())) - before, PER_BYTE * 9 + PER_ITEM);
    assert_eq!(vm.call(&contract, json!({}))["cost"]["deposit"], "0");
}

#[test]
fn a_contract_made_by_a_contract_costs_the_caller_its_deposits_only() {
    let mut vm = Vm::with_world();
    let child = module("", "");
    vm.deployed(&child, json!({}));
    let hash = blake2_256(&wat::parse_str(&child).unwrap());
    let factory = vm.deployed(FACTORY, json!({"value": "100"}));
    let before = number(&vm.balance(&alice()));
    let result = vm.call(&factory, json!({"input": base64(hash), "value": "1000000000"}));
    let data = bytes(&result["outcome"]["data"]);
    assert_eq!(data[32..], [0; 4], "{result}");
    let made = base64(&data[..32]);
    let mut balances = [json!([alice(), "-1000000000"]), json!([factory, "999999993"]), json!([made, "7"])];
    balances.sort_by_key(|change| bytes(&change[0]));
    assert_eq!(result["balances"], json!(balances));
    assert_eq!(result["transfers"], json!([{"to": made, "amount": "7"}]));
    let deposit = EXISTENTIAL_DEPOSIT + PER_BYTE * 122 + PER_ITEM;
    assert_eq!(number(&result["cost"]["deposit"]), deposit);
    assert_eq!(before - number(&vm.balance(&alice())), deposit + 1_000_000_000);
}

#[test]
fn whatever_does_not_return_has_no_effects() {
    let mut vm = Vm::with_world();
    for (body, kind) in [(REVERT, "reverted"), ("unreachable", "trapped"), ("(loop (br 0))", "exhausted")] {
        let wat = then(body);
        let before = vm.balance(&alice());
        let result = vm.deploy(&wat, json!({"value": "5", "gas": "1000000000"}));
        assert_eq!(result["outcome"]["kind"], kind, "{result}");
        assert_eq!(vm.balance(&alice()), before, "the code is not stored either");
        let code = wat.replace("(func (export \"deploy\")", "(func (export \"deploy\")) (func $unused");
        let contract = vm.deployed(&code, json!({"salt": "AQ=="}));
        let before = vm.balance(&alice());
        let result = vm.call(&contract, json!({"value": "5", "gas": "1000000000"}));
        assert_eq!(result["outcome"]["kind"], kind, "{result}");
        for effects in ["storage", "events", "transfers", "balances"] {
            assert_eq!(result[effects], json!([]));
        }
        assert_eq!((&result["address"], &result["cost"]["deposit"]), (&Value::Null, &json!("0")));
        assert!(number(&result["cost"]["ref_time"]) > 0);
        assert_eq!((vm.balance(&alice()), vm.storage(&contract)), (before, json!([])));
    }
}

#[test]
fn every_host_call_is_traced_when_asked_for() {
    let mut vm = Vm::with_world();
    let deployed = vm.deploy(&then(ECHO), json!({"trace": true}));
    let contract = deployed["address"].as_str().unwrap().to_owned();
    let traced = vm.call(&contract, json!({"input": base64("hi"), "trace": true}));
    let expected = [
        "seal2::set_storage(key_ptr: 0, key_len: 3, value_ptr: 0, value_len: 3) = Ok(3)",
        "seal0::deposit_event(topics_ptr: 16, topics_len: 33, data_ptr: 0, data_len: 3) = Ok(())",
        "seal0::input(out_ptr: 1024, out_len_ptr: 1020) = Ok(())",
        "seal0::seal_return(flags: 0, data_ptr: 1024, data_len: 2) = Err(Return(ReturnData { flags: 0, data: [104, 105] }))",
    ];
    assert_eq!(traced["native"], json!(expected));
    assert_eq!(deployed["native"].as_array().unwrap().len(), expected.len());
    let plain = vm.call(&contract, json!({"input": base64("hi")}));
    assert_eq!((&plain["native"], &plain["cost"]), (&json!([]), &traced["cost"]));
}

#[test]
fn a_limit_of_what_was_required_is_enough_and_one_less_is_not() {
    let mut vm = Vm::with_world();
    let contract = vm.deployed(&counter(), json!({}));
    let cost = vm.call(&contract, json!({"dry": true}))["cost"].clone();
    let required = number(&cost["ref_time_required"]);
    assert!(required > number(&cost["ref_time"]));
    let kind = |vm: &mut Vm, gas: i128| {
        vm.call(&contract, json!({"dry": true, "gas": gas.to_string()}))["outcome"]["kind"].clone()
    };
    assert_eq!(kind(&mut vm, required), "returned");
    assert_eq!(kind(&mut vm, required - 1_000_000), "exhausted");
}
