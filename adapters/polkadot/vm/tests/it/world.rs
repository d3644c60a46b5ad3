//! Accounts, blocks, storage, snapshots: the world around the calls.

use serde_json::{Value, json};

use crate::contracts::{counter, module};
use crate::vm::{RICH, Vm, alice, base64, bob, nobody};

fn storage_of(count: u8) -> Value {
    json!([[base64("key"), base64([count, 0, 0, 0])]])
}

#[test]
fn a_balance_is_what_can_be_spent() {
    let mut vm = Vm::with_world();
    assert_eq!(vm.balance(&alice()), RICH);
    assert_eq!(vm.balance(&nobody()), Value::Null);
    for balance in ["0", "1", "340282366920938463463374607431768211455"] {
        let answer = vm.ask(json!({"op": "account", "address": alice(), "balance": balance}));
        if answer["ok"].is_null() {
            assert_eq!(answer["error"]["code"], "bad-balance");
        } else {
            assert_eq!(vm.balance(&alice()), balance);
        }
    }
    assert_eq!(vm.balance(&alice()), "1");
}

#[test]
fn a_counter_counts_in_its_storage() {
    let mut vm = Vm::with_world();
    let contract = vm.deployed(&counter(), json!({}));
    assert_eq!(vm.storage(&contract), storage_of(0));
    for count in 1..4 {
        let result = vm.call(&contract, json!({}));
        assert_eq!(result["outcome"], json!({"kind": "returned", "data": base64([count, 0, 0, 0])}));
        assert_eq!(result["storage"], storage_of(count));
        assert_eq!(result["address"], Value::Null);
        assert_eq!(vm.storage(&contract), storage_of(count));
    }
    assert_eq!(vm.problem(json!({"op": "storage", "contract": alice()})), "unknown-contract");
}

#[test]
fn a_dry_call_answers_as_if_and_changes_nothing() {
    let mut vm = Vm::with_world();
    let contract = vm.deployed(&counter(), json!({}));
    let before = vm.balance(&alice());
    let dry = vm.call(&contract, json!({"dry": true, "value": "5"}));
    assert_eq!(dry["storage"], storage_of(1));
    assert_eq!((vm.balance(&alice()), vm.storage(&contract)), (before, storage_of(0)));
    assert_eq!(vm.call(&contract, json!({"value": "5"})), dry);
    assert_eq!(vm.storage(&contract), storage_of(1));
}

#[test]
fn a_query_needs_no_account_and_a_call_does() {
    let mut vm = Vm::with_world();
    let contract = vm.deployed(&module("", ""), json!({}));
    let unsigned = json!({"caller": nobody(), "dry": true});
    assert_eq!(vm.call(&contract, unsigned)["outcome"]["kind"], "returned");
    let outcome = vm.call(&contract, json!({"caller": nobody()}))["outcome"].clone();
    assert_eq!((&outcome["kind"], &outcome["reason"]), (&json!("rejected"), &json!("unknown-account")));
}

#[test]
fn a_contract_sees_the_block_it_runs_in() {
    let clock = r#"(module
        (import "env" "memory" (memory 1 1))
        (import "seal0" "now" (func $now (param i32 i32)))
        (import "seal0" "block_number" (func $height (param i32 i32)))
        (import "seal0" "seal_return" (func $return (param i32 i32 i32)))
        (data (i32.const 0) "\08")
        (func (export "deploy"))
        (func (export "call")
            (call $now (i32.const 8) (i32.const 0))
            (call $height (i32.const 16) (i32.const 0))
            (call $return (i32.const 0) (i32.const 8) (i32.const 12))))"#;
    let mut vm = Vm::with_world();
    let contract = vm.deployed(clock, json!({}));
    let seen = |vm: &mut Vm, time_ms: u64, height: u32| {
        let data = [&time_ms.to_le_bytes()[..], &height.to_le_bytes()].concat();
        assert_eq!(vm.call(&contract, json!({}))["outcome"]["data"], base64(data));
    };
    seen(&mut vm, 0, 1);
    vm.ok(json!({"op": "block", "height": "4294967295", "time_ms": "18446744073709551615"}));
    seen(&mut vm, u64::MAX, u32::MAX);
    assert_eq!(vm.problem(json!({"op": "block", "height": "0", "time_ms": "1"})), "bad-height");
    seen(&mut vm, u64::MAX, u32::MAX);
    vm.ok(json!({"op": "block", "height": "2", "time_ms": "3"}));
    seen(&mut vm, 3, 2);
}

#[test]
fn a_snapshot_can_be_restored_again_and_again() {
    let mut vm = Vm::with_world();
    let contract = vm.deployed(&counter(), json!({}));
    let snapshot = vm.ok(json!({"op": "snapshot"}))["snapshot"].clone();
    let before = vm.balance(&alice());
    let first = vm.call(&contract, json!({}));
    let later = vm.ok(json!({"op": "snapshot"}))["snapshot"].clone();
    for _ in 0..2 {
        vm.ok(json!({"op": "restore", "snapshot": snapshot}));
        assert_eq!((vm.balance(&alice()), vm.storage(&contract)), (before.clone(), storage_of(0)));
        assert_eq!(vm.call(&contract, json!({})), first);
        vm.call(&contract, json!({}));
    }
    vm.ok(json!({"op": "restore", "snapshot": later}));
    assert_eq!(vm.storage(&contract), storage_of(1));
    vm.reset();
    assert_eq!(vm.problem(json!({"op": "restore", "snapshot": snapshot})), "unknown-snapshot");
    assert_eq!(vm.problem(json!({"op": "storage", "contract": contract})), "unknown-contract");
}

#[test]
fn worlds_that_begin_alike_end_alike() {
    let mut vm = Vm::with_world();
    let play = |vm: &mut Vm| {
        let deployed = vm.deploy(&counter(), json!({"value": "9", "salt": "AQ=="}));
        let contract = deployed["address"].as_str().unwrap().to_owned();
        let called = vm.call(&contract, json!({"caller": bob()}));
        (deployed, called, vm.balance(&alice()), vm.balance(&bob()))
    };
    let first = play(&mut vm);
    vm.reset();
    assert_eq!(play(&mut vm), first);
}

#[test]
fn a_world_stops_growing_when_its_memory_is_used_up() {
    // Each call writes 2000 values of 16,384 bytes, under keys that begin with its input.
    let hoard = r#"(module
        (import "env" "memory" (memory 1 1))
        (import "seal0" "input" (func $input (param i32 i32)))
        (import "seal2" "set_storage" (func $set (param i32 i32 i32 i32) (result i32)))
        (data (i32.const 0) "\04")
        (func (export "deploy"))
        (func (export "call") (local $n i32)
            (call $input (i32.const 4) (i32.const 0))
            (loop $next
                (i32.store (i32.const 8) (local.get $n))
                (drop (call $set (i32.const 4) (i32.const 8) (i32.const 0) (i32.const 16384)))
                (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 2000))))))"#;
    let mut vm = Vm::with_world();
    let contract = vm.deployed(hoard, json!({}));
    let mut number = 0_u32;
    let refused = loop {
        let answer = vm.ask(crate::vm::call(&contract, json!({"input": base64(number.to_le_bytes())})));
        if answer["ok"].is_null() {
            break answer["error"]["code"].clone();
        }
        assert_eq!(answer["ok"]["outcome"]["kind"], "returned", "{}", answer["ok"]["outcome"]);
        number += 1;
        assert!(number < 60, "two gigabytes are in");
    };
    assert_eq!(refused, "world-full");
    vm.reset();
    vm.deployed(hoard, json!({}));
}
