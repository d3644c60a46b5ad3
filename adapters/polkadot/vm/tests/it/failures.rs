//! The ways not to return, each with the chain's own words.

use serde_json::{Value, json};

use crate::contracts::{PAY, REVERT, module};
use crate::vm::{Vm, alice, base64, nobody};

fn rejected(result: &Value, reason: &str, error: &str) {
    let outcome = &result["outcome"];
    assert_eq!((&outcome["kind"], &outcome["reason"]), (&json!("rejected"), &json!(reason)), "{result}");
    assert_eq!(result["error"], error);
}

#[test]
fn a_revert_keeps_its_message_when_it_is_text() {
    let mut vm = Vm::with_world();
    let contract = vm.deployed(&module("", REVERT), json!({}));
    for (input, message) in [(&b"no \xc3\xbc"[..], json!("no ü")), (b"", json!("")), (b"\xff", Value::Null)] {
        let result = vm.call(&contract, json!({"input": base64(input)}));
        assert_eq!(result["outcome"], json!({"kind": "reverted", "message": message}));
        assert_eq!(result["error"], "");
    }
    let result = vm.deploy(&module(REVERT, ""), json!({"input": base64("never")}));
    assert_eq!(result["outcome"], json!({"kind": "reverted", "message": "never"}));
    assert_eq!(result["address"], Value::Null);
}

#[test]
fn a_trap_is_of_unknown_kind_and_names_the_error() {
    let mut vm = Vm::with_world();
    let traps = [
        ("unreachable", "ContractTrapped"),
        ("(drop (i32.div_u (i32.const 1) (i32.load (i32.const 500))))", "ContractTrapped"),
        ("(drop (call $set (i32.const 65535) (i32.const 2) (i32.const 0) (i32.const 1)))", "OutOfBounds"),
        ("(drop (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 16385)))", "ValueTooLarge"),
        ("(drop (call $set (i32.const 0) (i32.const 129) (i32.const 0) (i32.const 1)))", "DecodingFailed"),
        ("(call $balance (i32.const 100) (i32.const 200))", "OutputBufferTooSmall"),
        ("(call $return (i32.const 2) (i32.const 0) (i32.const 0))", "InvalidCallFlags"),
    ];
    for (body, error) in traps {
        let contract = vm.deployed(&module("", body), json!({}));
        let result = vm.call(&contract, json!({}));
        assert_eq!(result["outcome"], json!({"kind": "trapped", "trap": "unknown", "detail": error}));
        assert_eq!(result["error"], error);
        assert_eq!(vm.deploy(&module(body, ""), json!({}))["outcome"], result["outcome"]);
    }
}

#[test]
fn gas_runs_out_before_and_within_a_contract() {
    let mut vm = Vm::with_world();
    let contract = vm.deployed(&module("", "(loop (br 0))"), json!({}));
    for gas in ["0", "1000", "5000000000"] {
        let result = vm.call(&contract, json!({"gas": gas}));
        assert_eq!(result["outcome"], json!({"kind": "exhausted", "what": "gas", "detail": "OutOfGas"}));
    }
    assert_eq!(vm.problem(crate::vm::call(&contract, json!({"gas": "5000000000001"}))), "bad-gas");
}

#[test]
fn storage_that_cannot_be_paid_for_is_exhausted() {
    let mut vm = Vm::with_world();
    let store = "(drop (call $set (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3)))";
    let contract = vm.deployed(&module("", store), json!({}));
    vm.ok(json!({"op": "account", "address": nobody(), "balance": "20000000000"}));
    let result = vm.call(&contract, json!({"caller": nobody()}));
    assert_eq!(
        result["outcome"],
        json!({"kind": "exhausted", "what": "storage", "detail": "StorageDepositLimitExhausted"})
    );
    let result = vm.deploy(&module("", ""), json!({"caller": nobody()}));
    assert_eq!(
        result["outcome"],
        json!({"kind": "exhausted", "what": "storage", "detail": "StorageDepositNotEnoughFunds"})
    );
    assert_eq!(vm.balance(&nobody()), "20000000000");
}

#[test]
fn a_value_above_the_balance_is_refused_before_anything_runs() {
    let mut vm = Vm::with_world();
    let contract = vm.deployed(&module("", "unreachable"), json!({}));
    vm.ok(json!({"op": "account", "address": nobody(), "balance": "1000000000000"}));
    let caller = nobody();
    let result = vm.call(&contract, json!({"caller": caller, "value": "1000000000001"}));
    rejected(&result, "insufficient-funds", "TransferFailed");
    let result = vm.call(&contract, json!({"caller": caller, "value": "1000000000000"}));
    assert_eq!(result["outcome"]["kind"], "trapped", "it had the money, and ran");
    let result = vm.deploy(&module("", "unreachable"), json!({"caller": caller, "value": "1000000000001"}));
    rejected(&result, "insufficient-funds", "TransferFailed");
    let wat = module("unreachable", "");
    let result = vm.deploy(&wat, json!({"caller": caller, "value": "1000000000001"}));
    rejected(&result, "insufficient-funds", "TransferFailed");
    // No money for the new contract's own existential deposit, of code that others have paid for.
    vm.ok(json!({"op": "account", "address": caller, "balance": "999999999"}));
    let result = vm.deploy(&module("", "unreachable"), json!({"caller": caller}));
    rejected(&result, "insufficient-funds", "Token(NotExpendable)");
}

#[test]
fn contracts_are_known_by_their_address_and_made_once() {
    let mut vm = Vm::with_world();
    for value in ["1", "1000000000000000001"] {
        rejected(&vm.call(&alice(), json!({"value": value})), "unknown-contract", "ContractNotFound");
    }
    let first = vm.deployed(&module("", PAY), json!({}));
    rejected(&vm.deploy(&module("", PAY), json!({})), "contract-exists", "DuplicateContract");
    let salted = vm.deployed(&module("", PAY), json!({"salt": "AQ=="}));
    assert_ne!(first, salted);
}

#[test]
fn a_module_is_rejected_with_the_reason_that_the_pallet_logs() {
    let mut vm = Vm::with_world();
    let plain = module("", "");
    let modules = [
        (
            plain.replace("$input (result i32)", "$f (result f32) (f32.const 0)) (func $input (result i32)"),
            "floating-point",
        ),
        (plain.replace("(export \"deploy\")", "(export \"main\")"), "unknown function export"),
        (plain.replace("(export \"deploy\")", ""), "deploy function isn't exported"),
        (plain.replace("\"seal0\" \"balance\"", "\"seal0\" \"nope\""), "nope"),
        (plain.replace("\"seal0\" \"balance\"", "\"env\" \"balance\""), "balance"),
        (plain.replace("(memory 1 1)", "(memory 1 17)"), "number of memory pages"),
        (plain.replace("(export \"deploy\")", "(export \"deploy\") (result i32) i32.const 0"), "Code rejected"),
        (r#"(module (memory 1 1) (func (export "deploy")) (func (export "call")))"#.to_owned(), "No memory import"),
    ];
    for (wat, reason) in modules {
        assert_ne!(wat, plain);
        let result = vm.deploy(&wat, json!({}));
        rejected(&result, "malformed-module", "CodeRejected");
        let detail = result["outcome"]["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{reason}: {detail}");
    }
    for (code, error) in
        [(vec![], "CodeRejected"), (b"nonsense".to_vec(), "CodeRejected"), (vec![0; 125_953], "CodeTooLarge")]
    {
        let result = vm.ok(json!({"op": "deploy", "code": base64(code), "caller": alice()}));
        rejected(&result, "malformed-module", error);
    }
}
