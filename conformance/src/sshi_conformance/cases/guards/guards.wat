;; RUN: sshi conformance run --cases %
;; Two inits, a payable one among them, and entries that say that they ran.                   clause: guard.init-once
(module
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "value" (func $value (param i32)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (import "env" "revert" (func $revert (param i32 i32)))
  (import "env" "emit" (func $emit (param i32 i32 i32)))
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (import "env" "storage_has" (func $has (param i32) (result i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "\03\00\00\00ran")
  (data (i32.const 16) "\00\40\00\00")                     ;; a buffer for the input: its first byte is at 20

  (func $ran (local $len i32)                              ;; write what the input says, and emit it
    (local.set $len (call $input (i32.const 16)))
    (call $write (i32.const 0) (i32.const 20) (local.get $len))
    (call $emit (i32.const 0) (i32.const 20) (local.get $len)))
  (func (export "init") (call $ran))
  (func (export "init_payable")                            ;; -> the value
    (call $ran)
    (call $value (i32.const 0x5000))
    (call $set_return (i32.const 0x5000) (i32.const 16)))
  (func (export "init_reverts")
    (call $ran)
    (call $revert (i32.const 20) (i32.load (i32.const 16))))
  (func (export "init_traps") (call $ran) unreachable)
  (func (export "init_forever") (call $ran) (loop $again (br $again)))
  (func (export "free") (call $ran))
  (func (export "pay")
    (call $ran)
    (call $value (i32.const 0x5000))
    (call $set_return (i32.const 0x5000) (i32.const 16)))
  (func (export "pay_traps") (call $ran) unreachable)
  (func (export "ask")                                     ;; -> has anything run
    (i32.store (i32.const 0x5000) (call $has (i32.const 0)))
    (call $set_return (i32.const 0x5000) (i32.const 4))))
