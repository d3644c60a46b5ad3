//! The contracts under test.

/// A module of two bodies, with every host function that the tests need and one page: at 0 the text `key`, at 16 the
/// 32 bytes of the topic `tick` behind their count.  `$input` reads the input to 1024 and leaves its length.
pub fn module(deploy: &str, call: &str) -> String {
    format!(
        r#"(module
            (import "env" "memory" (memory 1 1))
            (import "seal0" "input" (func $seal_input (param i32 i32)))
            (import "seal0" "seal_return" (func $return (param i32 i32 i32)))
            (import "seal0" "deposit_event" (func $event (param i32 i32 i32 i32)))
            (import "seal0" "transfer" (func $transfer (param i32 i32 i32 i32) (result i32)))
            (import "seal0" "balance" (func $balance (param i32 i32)))
            (import "seal0" "set_storage" (func $set_fixed (param i32 i32 i32)))
            (import "seal1" "get_storage" (func $get (param i32 i32 i32 i32) (result i32)))
            (import "seal1" "clear_storage" (func $clear (param i32 i32) (result i32)))
            (import "seal2" "set_storage" (func $set (param i32 i32 i32 i32) (result i32)))
            (data (i32.const 0) "key")
            (data (i32.const 16) "\04tick")
            (func $input (result i32)
                (i32.store (i32.const 1020) (i32.const 16384))
                (call $seal_input (i32.const 1024) (i32.const 1020))
                (i32.load (i32.const 1020)))
            (func (export "deploy") {deploy})
            (func (export "call") {call}))"#
    )
}

/// Counts its calls in a u32 under `key`, from 0, and returns the count.
pub fn counter() -> String {
    module(
        "(drop (call $set (i32.const 0) (i32.const 3) (i32.const 96) (i32.const 4)))",
        "(i32.store (i32.const 100) (i32.const 4))
         (drop (call $get (i32.const 0) (i32.const 3) (i32.const 96) (i32.const 100)))
         (i32.store (i32.const 96) (i32.add (i32.load (i32.const 96)) (i32.const 1)))
         (drop (call $set (i32.const 0) (i32.const 3) (i32.const 96) (i32.const 4)))
         (call $return (i32.const 0) (i32.const 96) (i32.const 4))",
    )
}

/// Stores under `key`, emits `tick`, and then does as told: both when deployed and when called.
pub fn then(body: &str) -> String {
    let body = format!(
        "(drop (call $set (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3)))
         (call $event (i32.const 16) (i32.const 33) (i32.const 0) (i32.const 3))
         {body}"
    );
    module(&body, &body)
}

/// Reverts with its input as the message.
pub const REVERT: &str = "(call $return (i32.const 1) (i32.const 1024) (call $input))";

/// Returns its input.
pub const ECHO: &str = "(call $return (i32.const 0) (i32.const 1024) (call $input))";

/// Its input is pairs of account and amount, 48 bytes each: pays them all, and returns the sum of the answers.
pub const PAY: &str = "(local $at i32) (local $end i32) (local $sum i32)
    (local.set $at (i32.const 1024))
    (local.set $end (i32.add (local.get $at) (call $input)))
    (loop $next
        (local.set $sum (i32.add (local.get $sum) (call $transfer (local.get $at) (i32.const 32)
            (i32.add (local.get $at) (i32.const 32)) (i32.const 16))))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 48))) (local.get $end))))
    (i32.store (i32.const 96) (local.get $sum))
    (call $return (i32.const 0) (i32.const 96) (i32.const 4))";

/// Its input is a code hash: instantiates it with 7 of its money, and nothing as input or salt.
pub const FACTORY: &str = r#"(module
    (import "env" "memory" (memory 1 1))
    (import "seal0" "input" (func $input (param i32 i32)))
    (import "seal2" "instantiate" (func $instantiate
        (param i32 i64 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "seal0" "seal_return" (func $return (param i32 i32 i32)))
    (data (i32.const 0) "\20")
    (data (i32.const 64) "\07")
    (data (i32.const 128) "\20")
    (func (export "deploy"))
    (func (export "call")
        (call $input (i32.const 4) (i32.const 0))
        (i32.store (i32.const 192) (call $instantiate (i32.const 4) (i64.const 0) (i64.const 0) (i32.const -1) (i32.const 64)
            (i32.const 0) (i32.const 0) (i32.const 160) (i32.const 128) (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 0)))
        (call $return (i32.const 0) (i32.const 160) (i32.const 36))))"#;
