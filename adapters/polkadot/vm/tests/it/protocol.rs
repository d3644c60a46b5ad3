//! The frame of the protocol: who answers, and what is no request.

use serde_json::{Value, json};

use crate::contracts::{counter, module};
use crate::vm::{Vm, alice, call, deployment};

#[test]
fn hello_says_who_judges_and_what_deposits_cost() {
    let mut vm = Vm::start();
    let hello = vm.ok(json!({"op": "hello", "protocol": 1}));
    assert_eq!(hello["protocol"], 1);
    assert_eq!(hello["name"], "sshi-polkadot-vm");
    assert_eq!(hello["chain"], "polkadot");
    assert_eq!(hello["speaks"], json!(["world"]));
    assert_eq!(hello["profiles"], json!(["polkadot@51"]));
    assert_eq!(hello["crates"]["pallet-contracts"], "51.0.0");
    assert_eq!(hello["crates"]["wasmi"], "0.32.3");
    assert_eq!(hello["config"]["existential_deposit"], "1000000000");
    assert_eq!(vm.problem(json!({"op": "hello", "protocol": 2})), "unknown-protocol");
    assert!(vm.end());
}

#[test]
fn a_line_that_is_no_request_is_malformed_and_the_program_goes_on() {
    let mut vm = Vm::start();
    let not_requests: [&[u8]; 7] =
        [b"", b"nonsense", b"{}}", b"[7, \"hello\"]", b"{\"op\": \"hello\"}", b"{\"id\": -1}", b"\xff"];
    for line in not_requests {
        let answer = vm.line(line);
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!("malformed")));
    }
    assert_eq!(vm.problem(json!({})), "malformed");
    assert_eq!(vm.problem(json!({"op": 5})), "malformed");
    assert_eq!(vm.problem(json!({"op": "run"})), "unknown-op");
    vm.ok(json!({"op": "hello"}));
}

#[test]
fn a_wrong_field_is_named() {
    let mut vm = Vm::with_world();
    let mut says = |request: Value, text: &str| {
        let error = vm.ask(request)["error"].clone();
        assert_eq!(error["code"], "malformed");
        assert!(error["message"].as_str().unwrap().contains(text), "{error}");
    };
    says(json!({"op": "deploy", "caller": alice()}), "missing field `code`");
    says(json!({"op": "storage", "contract": "AA"}), "contract: not base64");
    says(json!({"op": "storage", "contract": "AAAA"}), "contract: an account has 32 bytes, not 3");
    says(call(&alice(), json!({"caller": ""})), "caller: ");
    says(call(&alice(), json!({"value": "-1"})), "value: ");
    says(call(&alice(), json!({"value": "+1"})), "value: ");
    says(call(&alice(), json!({"gas": "18446744073709551616"})), "gas: ");
    says(call(&alice(), json!({"gas": 5})), "gas: ");
    says(json!({"op": "block", "height": "4294967296", "time_ms": "0"}), "height: ");
    says(json!({"op": "bench", "times": 1, "request": {"op": "hello"}}), "request: ");
    says(json!({"op": "bench", "times": 1, "request": {"op": "call"}}), "request: missing field `contract`");
}

#[test]
fn a_line_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
    const MAX_LINE: usize = 64 * 1024 * 1024;
    let mut vm = Vm::start();
    let mut line = br#"{"id": 7, "op": "hello", "padding": ""#.to_vec();
    line.resize(MAX_LINE - 2, b' ');
    line.extend(b"\"}");
    assert_eq!(vm.line(&line)["id"], 7);
    line.push(b' ');
    let answer = vm.line(&line);
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!("line-too-long")));
    vm.ok(json!({"op": "hello"}));
}

#[test]
fn a_world_begins_with_a_reset() {
    let mut vm = Vm::start();
    let early = [
        json!({"op": "balance", "address": alice()}),
        json!({"op": "snapshot"}),
        call(&alice(), json!({})),
        json!({"op": "bench", "times": 1, "request": {}}),
    ];
    for request in early {
        assert_eq!(vm.problem(request), "no-world");
    }
    assert_eq!(vm.problem(json!({"op": "reset", "profile": "polkadot@50"})), "unknown-profile");
    assert_eq!(vm.problem(json!({"op": "reset", "profile": "polkadot@51", "height": "0"})), "bad-height");
    assert_eq!(vm.problem(json!({"op": "snapshot"})), "no-world");
    vm.reset();
    vm.ok(json!({"op": "snapshot"}));
}

#[test]
fn a_measured_request_leaves_nothing_behind() {
    let mut vm = Vm::with_world();
    let contract = vm.deployed(&counter(), json!({}));
    let before = (vm.balance(&alice()), vm.storage(&contract));
    for inner in [call(&contract, json!({})), deployment(&module("", ""), json!({"trace": true}))] {
        let measured = vm.ok(json!({"op": "bench", "times": 10, "request": inner}));
        assert!(measured["ns"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    }
    assert_eq!(before, (vm.balance(&alice()), vm.storage(&contract)));
    assert_eq!(vm.problem(json!({"op": "bench", "times": 0, "request": call(&contract, json!({}))})), "malformed");
}
