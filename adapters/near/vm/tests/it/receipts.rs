//! The receipts a call creates.

use serde_json::{Value, json};

use crate::vm::{Vm, base64, run};

fn described(kind: &str, amount: &str, method: &str, input: &str, gas: &str) -> Value {
    json!({"kind": kind, "amount": amount, "method": method, "input": base64(input), "gas": gas})
}

fn named(kind: &str) -> Value {
    described(kind, "0", "", "", "0")
}

fn contract(body: &str) -> String {
    format!(
        r#"
        (module
          (import "env" "promise_batch_create" (func $create (param i64 i64) (result i64)))
          (import "env" "promise_batch_then" (func $then (param i64 i64 i64) (result i64)))
          (import "env" "promise_set_refund_to" (func $refund (param i64 i64 i64)))
          (import "env" "promise_batch_action_transfer" (func $transfer (param i64 i64)))
          (import "env" "promise_batch_action_create_account" (func $account (param i64)))
          (import "env" "promise_batch_action_function_call_weight"
            (func $call (param i64 i64 i64 i64 i64 i64 i64 i64)))
          (import "env" "promise_batch_action_state_init"
            (func $init (param i64 i64 i64 i64) (result i64)))
          (import "env" "set_state_init_data_entry" (func $entry (param i64 i64 i64 i64 i64 i64)))
          (import "env" "promise_yield_create"
            (func $yield (param i64 i64 i64 i64 i64 i64 i64) (result i64)))
          (import "env" "promise_yield_resume" (func $resume (param i64 i64 i64 i64) (result i32)))
          (memory 1)
          (data (i32.const 0) "bob.near")
          (data (i32.const 16) "\05\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
          (data (i32.const 32) "method")
          (data (i32.const 48) "\ff")
          (func $bob (result i64) (call $create (i64.const 8) (i64.const 0)))
          (func (export "main") {body}))
        "#
    )
}

#[test]
fn a_transfer_is_described_and_paid_for() {
    let mut vm = Vm::start();
    let (code, length) = vm.load(
        r#"
        (module
          (import "env" "promise_batch_create" (func $create (param i64 i64) (result i64)))
          (import "env" "promise_batch_action_transfer" (func $transfer (param i64 i64)))
          (memory 1)
          (data (i32.const 0) "bob.near\05")
          (func (export "main")
            (call $transfer (call $create (i64.const 8) (i64.const 0)) (i64.const 8))))
        "#,
    );
    let main = vm.ok(run(&code, json!({"balance": "7", "deposit": "2"})));
    let transfer = described("transfer", "5", "", "", "0");
    assert_eq!(main["receipts"], json!([{"receiver": "bob.near", "actions": [transfer]}]));
    assert_eq!(main["balance"], "4");
    let burnt: u64 = main["burnt"].as_str().unwrap().parse().unwrap();
    let used: u64 = main["used"].as_str().unwrap().parse().unwrap();
    let loading = 35_445_963 + 1_089_295 * length;
    assert_eq!(burnt, loading + (8 + 5) * 822_756 + 116_408_964_868 + 118_058_515_139);
    assert_eq!(used, burnt + 223_182_562_500);
}

#[test]
fn actions_keep_their_order_and_what_sets_a_receipt_apart_is_named_before_them() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(&contract(
        r#"
        (local $first i64) (local $second i64)
        (local.set $first (call $bob))
        (local.set $second (call $then (local.get $first) (i64.const 8) (i64.const 0)))
        (call $account (local.get $first))
        (call $call (local.get $second)
          (i64.const 6) (i64.const 32) (i64.const 3) (i64.const 0) (i64.const 16) (i64.const 9) (i64.const 1))
        (call $transfer (local.get $first) (i64.const 16))
        (call $refund (local.get $first) (i64.const 8) (i64.const 0))
        "#,
    ));
    let first = json!([named("set-refund-to"), named("create-account"), described("transfer", "5", "", "", "0")]);
    let call = described("function-call", "5", "method", "bob", "9");
    let second = json!([named("promise-then"), named("gas-weight"), call]);
    let expected = json!([{"receiver": "bob.near", "actions": first}, {"receiver": "bob.near", "actions": second}]);
    assert_eq!(vm.ok(run(&code, json!({})))["receipts"], expected);
}

#[test]
fn a_failed_call_creates_none() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(&contract("(call $transfer (call $bob) (i64.const 16)) unreachable"));
    let main = vm.ok(run(&code, json!({})));
    assert_eq!((&main["name"], &main["receipts"]), (&json!("WasmTrap/Unreachable"), &json!([])));
}

#[test]
fn a_method_name_must_be_text() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(&contract(
        r#"
        (call $call (call $bob)
          (i64.const 1) (i64.const 48) (i64.const 0) (i64.const 0) (i64.const 16) (i64.const 9) (i64.const 0))
        "#,
    ));
    assert_eq!(vm.ok(run(&code, json!({})))["name"], "HostError/InvalidMethodName");
}

#[test]
fn an_entry_belongs_to_one_state_init_and_is_set_once() {
    let mut vm = Vm::start();
    let entries = |index: u32, times: usize| {
        let entry = format!(
            "(call $entry (local.get $p) (i64.const {index}) (i64.const 1) (i64.const 0) (i64.const 1) (i64.const 0))"
        );
        contract(&format!(
            r#"
            (local $p i64)
            (local.set $p (call $bob))
            (call $transfer (local.get $p) (i64.const 16))
            (drop (call $init (local.get $p) (i64.const 32) (i64.const 0) (i64.const 16)))
            {}"#,
            entry.repeat(times)
        ))
    };
    let mut main = |wat: String| {
        let (code, _) = vm.load(&wat);
        vm.ok(run(&code, json!({})))
    };
    let init = described("deterministic-state-init", "5", "", "", "0");
    let transfer = described("transfer", "5", "", "", "0");
    assert_eq!(main(entries(1, 1))["receipts"][0]["actions"], json!([transfer, init]));
    assert_eq!(main(entries(1, 2))["name"], "HostError/DataEntryAlreadyExists");
    assert_eq!(main(entries(0, 1))["name"], "HostError/InvalidActionIndex");
    assert_eq!(main(entries(9, 1))["name"], "HostError/InvalidActionIndex");
}

#[test]
fn a_yield_is_resumed_by_its_token_only() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(&contract(
        r#"
        (drop (call $yield (i64.const 6) (i64.const 32) (i64.const 0) (i64.const 0) (i64.const 9) (i64.const 0)
          (i64.const 3)))
        (if (i32.ne (call $resume (i64.const -1) (i64.const 3) (i64.const 1) (i64.const 0)) (i32.const 1))
          (then unreachable))
        (if (call $resume (i64.const 32) (i64.const 0) (i64.const 1) (i64.const 0))
          (then unreachable))
        "#,
    ));
    let call = described("function-call", "0", "method", "", "9");
    let expected = json!([
        {"receiver": "alice.near", "actions": [named("yield-create"), call]},
        {"receiver": "alice.near", "actions": [named("yield-resume")]},
    ]);
    assert_eq!(vm.ok(run(&code, json!({})))["receipts"], expected);
}

#[test]
fn what_only_a_node_can_price_is_refused() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(
        r#"
        (module
          (import "env" "promise_batch_create" (func $create (param i64 i64) (result i64)))
          (import "env" "promise_batch_action_universal_state_init" (func $init (param i64 i64 i64 i64)))
          (memory 1)
          (data (i32.const 0) "bob.near")
          (func (export "main")
            (call $init (call $create (i64.const 8) (i64.const 0)) (i64.const 8) (i64.const 0) (i64.const 16))))
        "#,
    );
    assert_eq!(vm.problem(run(&code, json!({"profile": "near@88"}))), "unsupported");
}
