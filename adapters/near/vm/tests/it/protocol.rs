//! The frame of the protocol: who answers, and what is no request.

use serde_json::{Value, json};

use crate::vm::{Vm, base64, run};

#[test]
fn hello_says_who_judges() {
    let mut vm = Vm::start();
    let hello = vm.ok(json!({"op": "hello"}));
    assert_eq!(hello["protocol"], 1);
    assert_eq!(hello["name"], "sshi-near-vm");
    assert_eq!(hello["chain"], "near");
    assert_eq!(hello["speaks"], json!(["receipt"]));
    assert_eq!(hello["profiles"], json!(["near@84", "near@85", "near@86", "near@87", "near@88"]));
    assert_eq!(hello["crates"]["near-vm-runner"], "0.38.0");
    assert_eq!(hello["crates"]["wasmtime"], "45.0.3");
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
    assert_eq!(vm.problem(json!({"op": "deploy"})), "unknown-op");
    vm.ok(json!({"op": "hello"}));
}

#[test]
fn a_wrong_field_is_named() {
    let mut vm = Vm::start();
    let mut says = |request: Value, text: &str| {
        let error = vm.ask(request)["error"].clone();
        assert_eq!(error["code"], "malformed");
        assert!(error["message"].as_str().unwrap().contains(text), "{error}");
    };
    let code = json!(base64([0; 32]));
    says(json!({"op": "code"}), "missing field `code`");
    says(json!({"op": "code", "code": "AA"}), "code: not base64");
    says(json!({"op": "state", "storage": [["AA==", "AA=="], ["AA==", 1]]}), "storage[1][1]: ");
    says(run(&code, json!({"balance": "-1"})), "balance: ");
    says(run(&code, json!({"balance": "+1"})), "balance: ");
    says(run(&code, json!({"gas": "18446744073709551616"})), "gas: ");
    says(run(&code, json!({"height": 5})), "height: ");
    says(run(&json!("AAAA"), json!({})), "code: ");
    says(json!({"op": "bench", "times": 1, "request": {"op": "hello"}}), "request: ");
}

#[test]
fn a_line_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
    const MAX_LINE: usize = 64 * 1024 * 1024;
    let mut vm = Vm::start();
    let mut line = br#"{"id": 7, "op": "hello"}"#.to_vec();
    line.resize(MAX_LINE, b' ');
    assert_eq!(vm.line(&line)["ok"]["protocol"], 1);
    line.push(b' ');
    let answer = vm.line(&line);
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!("line-too-long")));
    vm.ok(json!({"op": "hello"}));
}

#[test]
fn what_a_run_names_must_be_there() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(r#"(module (func (export "main")))"#);
    assert_eq!(vm.problem(run(&code, json!({"profile": "near@83"}))), "unknown-profile");
    assert_eq!(vm.problem(run(&json!(base64([0; 32])), json!({}))), "unknown-code");
    assert_eq!(vm.problem(run(&code, json!({"state": 1}))), "unknown-state");
    for field in ["account", "signer", "predecessor"] {
        assert_eq!(vm.problem(run(&code, json!({field: "Not An Account"}))), "bad-account");
    }
    assert_eq!(vm.problem(run(&code, json!({"gas": "1000000000000001"}))), "bad-gas");
    let most = u128::MAX.to_string();
    assert_eq!(vm.problem(run(&code, json!({"balance": most, "deposit": "1"}))), "bad-balance");
}

#[test]
fn a_bench_is_a_figure_and_changes_nothing() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(r#"(module (func (export "main")))"#);
    let bench = json!({"op": "bench", "times": 10, "request": run(&code, json!({}))});
    let ns: u64 = vm.ok(bench)["ns"].as_str().unwrap().parse().unwrap();
    assert!((1..1_000_000_000).contains(&ns));
    let never = json!({"op": "bench", "times": 0, "request": run(&code, json!({}))});
    assert_eq!(vm.problem(never), "malformed");
}
