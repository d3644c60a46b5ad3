//! What a call ends in, what it changes and what it costs.  Gas figures are sums of the chain's parameters.

use serde_json::{Value, json};

use crate::vm::{Vm, base64, run};

const OP: u64 = 822_756;
/// Entering a function without parameters or locals.
const ENTRY: u64 = 8 * OP;

fn loading(length: u64) -> u64 {
    35_445_963 + 1_089_295 * length
}

fn gas(answer: &Value, field: &str) -> u64 {
    answer[field].as_str().unwrap().parse().unwrap()
}

/// Writes and reads under "k", and removes it.
const STORE: &str = r#"
(module
  (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
  (import "env" "storage_read" (func $read (param i64 i64 i64) (result i64)))
  (import "env" "storage_remove" (func $remove (param i64 i64 i64) (result i64)))
  (import "env" "value_return" (func $return (param i64 i64)))
  (memory 1)
  (data (i32.const 0) "konetwo")
  (func (export "one")
    (drop (call $write (i64.const 1) (i64.const 0) (i64.const 3) (i64.const 1) (i64.const 0))))
  (func (export "two")
    (drop (call $write (i64.const 1) (i64.const 0) (i64.const 3) (i64.const 4) (i64.const 0))))
  (func (export "get")
    (drop (call $read (i64.const 1) (i64.const 0) (i64.const 0)))
    (call $return (i64.const -1) (i64.const 0)))
  (func (export "remove")
    (drop (call $remove (i64.const 1) (i64.const 0) (i64.const 0))))
  (func (export "one_and_trap")
    (drop (call $write (i64.const 1) (i64.const 0) (i64.const 3) (i64.const 1) (i64.const 0)))
    unreachable))
"#;

#[test]
fn states_are_values_and_every_run_makes_its_own() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(STORE);
    let mut call = |method: &str, state: &Value| vm.ok(run(&code, json!({"method": method, "state": state})));
    let one = call("one", &json!(0));
    assert_eq!(one["storage"], json!([[base64("k"), base64("one")]]));
    assert_eq!(one["storage_usage"], "144");
    let two = call("two", &one["state"]);
    assert_eq!(two["storage"], json!([[base64("k"), base64("two")]]));
    assert_eq!(call("get", &one["state"])["data"], base64("one"));
    assert_eq!(call("get", &two["state"])["data"], base64("two"));
    let gone = call("remove", &two["state"]);
    assert_eq!(gone["storage"], json!([[base64("k"), null]]));
    assert_eq!(call("get", &gone["state"])["name"], "HostError/InvalidRegisterId");

    let again = call("one", &one["state"]);
    assert_eq!((&again["storage"], &again["state"]), (&json!([]), &one["state"]), "the same value is no difference");
}

#[test]
fn a_loaded_state_is_read() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(STORE);
    let state = vm.ok(json!({"op": "state", "storage": [[base64("k"), base64("kept")]]}))["state"].clone();
    let get = vm.ok(run(&code, json!({"method": "get", "state": state})));
    assert_eq!(get["data"], base64("kept"));
    assert_eq!(vm.ok(json!({"op": "state", "storage": []}))["state"], 0);
}

#[test]
fn a_write_costs_what_the_parameters_say() {
    let mut vm = Vm::start();
    let (code, length) = vm.load(STORE);
    let ops = ENTRY + 7 * OP;
    let new = 69_681_230_511 + 74_284_200 + 3 * 34_819_872;
    let evicting = 2_865_522_486 + 3 * 3_801_564 + 3 * 32_117_307;
    for profile in ["near@84", "near@85", "near@86", "near@87", "near@88"] {
        let one = vm.ok(run(&code, json!({"method": "one", "profile": profile})));
        assert_eq!(gas(&one, "burnt"), loading(length) + ops + new);
        assert_eq!(gas(&one, "used"), gas(&one, "burnt"));
        let two = vm.ok(run(&code, json!({"method": "two", "profile": profile, "state": one["state"]})));
        assert_eq!(gas(&two, "burnt"), loading(length) + ops + new + evicting);
        let gone = vm.ok(run(&code, json!({"method": "remove", "profile": profile, "state": one["state"]})));
        let remove = 56_347_661_811 + 42_021_717 + 2_865_522_486 + 3 * (3_801_564 + 11_531_556);
        assert_eq!(gas(&gone, "burnt"), loading(length) + ENTRY + 5 * OP + remove);
    }
}

#[test]
fn an_empty_call_costs_loading_and_entry() {
    let mut vm = Vm::start();
    let (code, length) = vm.load(r#"(module (memory (export "foo") 42 42) (func (export "main")))"#);
    let main = vm.ok(run(&code, json!({})));
    assert_eq!((length, gas(&main, "burnt")), (46, 92_135_581));
}

#[test]
fn a_failed_call_changes_nothing_and_keeps_its_gas() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(STORE);
    let trap = vm.ok(run(&code, json!({"method": "one_and_trap", "deposit": "5"})));
    assert_eq!(trap["error"], "WasmTrap(Unreachable)");
    assert_eq!(trap["name"], "WasmTrap/Unreachable");
    assert_eq!(trap["message"], "WebAssembly trap: An `unreachable` opcode was executed.");
    assert_eq!((&trap["state"], &trap["storage"]), (&json!(0), &json!([])));
    assert_eq!((&trap["balance"], &trap["storage_usage"]), (&json!("1000000000000000000000000"), &json!("100")));
    assert!(gas(&trap, "burnt") > 69_681_230_511);
}

#[test]
fn a_panic_has_its_text_and_the_logs_before_it() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(
        r#"
        (module
          (import "env" "log_utf8" (func $log (param i64 i64)))
          (import "env" "panic_utf8" (func $panic (param i64 i64)))
          (memory 1)
          (data (i32.const 0) "said \22so\22")
          (func (export "main")
            (call $log (i64.const 4) (i64.const 0))
            (call $panic (i64.const 9) (i64.const 0))))
        "#,
    );
    let main = vm.ok(run(&code, json!({})));
    assert_eq!(main["name"], "HostError/GuestPanic");
    assert_eq!(main["message"], "said \"so\"");
    assert_eq!(main["error"], r#"HostError(GuestPanic { panic_msg: "said \"so\"" })"#);
    assert_eq!(main["logs"], json!(["said"]));
}

#[test]
fn gas_that_runs_out_is_burnt() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(r#"(module (func (export "main") (loop (br 0))))"#);
    let main = vm.ok(run(&code, json!({"gas": "1000000000"})));
    assert_eq!(main["name"], "HostError/GasExceeded");
    assert_eq!(gas(&main, "burnt"), 1_000_000_000);
    let view = vm.ok(run(&code, json!({"gas": "1000000000", "view": true})));
    assert_eq!(view["name"], "HostError/GasLimitExceeded");
}

#[test]
fn a_view_call_may_not_write() {
    let mut vm = Vm::start();
    let (code, _) = vm.load(STORE);
    let write = vm.ok(run(&code, json!({"method": "one", "view": true})));
    assert_eq!(write["error"], r#"HostError(ProhibitedInView { method_name: "storage_write" })"#);
}

#[test]
fn an_import_is_there_from_its_protocol_version_on() {
    let mut vm = Vm::start();
    let (code, length) = vm.load(
        r#"
        (module
          (import "env" "chain_id" (func $chain_id (param i64)))
          (import "env" "value_return" (func $return (param i64 i64)))
          (func (export "main") (call $chain_id (i64.const 0)) (call $return (i64.const -1) (i64.const 0))))
        "#,
    );
    let before = vm.ok(run(&code, json!({"profile": "near@84"})));
    assert_eq!((&before["name"], &before["message"]), (&json!("LinkError"), &json!("unknown or invalid import")));
    assert_eq!(gas(&before, "burnt"), loading(length));
    let since = vm.ok(run(&code, json!({"profile": "near@85"})));
    assert_eq!((&since["name"], &since["data"]), (&json!(""), &json!(base64("mainnet"))));
}

#[test]
fn what_the_chain_would_not_run_is_an_outcome_too() {
    let mut vm = Vm::start();
    let nonsense = vm.ok(json!({"op": "code", "code": base64("nonsense")}))["hash"].clone();
    let bad = vm.ok(run(&nonsense, json!({})));
    assert_eq!(bad["name"], "CompilationError/PrepareError/Deserialization");
    assert_eq!(gas(&bad, "burnt"), 0);

    let (empty, _) = vm.load("(module)");
    assert_eq!(vm.ok(run(&empty, json!({})))["name"], "MethodResolveError/MethodNotFound");
    assert_eq!(vm.ok(run(&empty, json!({"method": ""})))["name"], "MethodResolveError/MethodEmptyName");

    let globals = "(global i32 (i32.const 0))".repeat(100_000);
    let (large, length) = vm.load(&format!(r#"(module {globals} (func (export "main")))"#));
    for (profile, burnt) in [("near@86", 0), ("near@87", loading(length))] {
        let main = vm.ok(run(&large, json!({"profile": profile})));
        assert_eq!((&main["name"], gas(&main, "burnt")), (&json!("LoadingError"), burnt));
    }
}

#[test]
fn a_trace_accounts_for_all_gas_burnt() {
    let mut vm = Vm::start();
    let (code, length) = vm.load(STORE);
    let one = vm.ok(run(&code, json!({"method": "one", "trace": true})));
    let profile = one["profile"].as_object().unwrap();
    assert_eq!(profile["contract_loading_bytes"], (1_089_295 * length).to_string());
    assert_eq!(profile["wasm_instruction"], (ENTRY + 7 * OP).to_string());
    assert_eq!(profile["storage_write_base"], "64196736000");
    let sum: u64 = profile.values().map(|gas| gas.as_str().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(sum, gas(&one, "burnt"));
    assert!(vm.ok(run(&code, json!({"method": "one"}))).get("profile").is_none());
}
