;; RUN: sshi conformance run --cases %
;; A module without a declaration: its exports say what its entries are.                       clause: entry.default
(module
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (import "env" "storage_has" (func $has (param i32) (result i32)))
  (memory (export "memory") 1 1)
  (global (export "a_global") i32 (i32.const 1))

  (data (i32.const 0) "\04\00\00\00init")
  (data (i32.const 16) "\04\00\00\00call")
  (func (export "init")
    (call $write (i32.const 0) (i32.const 4) (i32.const 4)))
  (func (export "query")                                   ;; -> was init there, was call there
    (i32.store (i32.const 32) (call $has (i32.const 0)))
    (i32.store (i32.const 36) (call $has (i32.const 16)))
    (call $set_return (i32.const 32) (i32.const 8)))
  (func (export "call")
    (call $write (i32.const 16) (i32.const 20) (i32.const 4)))
  (func (export "Other_1") (call $set_return (i32.const 0) (i32.const 4)))
  (func (export "not_an_entry") (param i32))
  (func (export "nor_this") (result i32) (i32.const 1)))
