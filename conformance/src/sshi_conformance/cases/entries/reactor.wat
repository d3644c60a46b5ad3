;; RUN: sshi conformance run --cases %
;; A reactor: `_initialize` runs before the entry, at every call, and cannot be called.          clause: entry.initialize
(module
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (memory (export "memory") 1 1)
  (global $runs (mut i32) (i32.const 0))
  (data (i32.const 0) "\01\00\00\00k")
  (data (i32.const 0x100) "\40\00\00\00")

  (func (export "_initialize")
    (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
    (i32.store (i32.const 32) (i32.const 1234))
    (if (i32.eq (call $input (i32.const 0x100)) (i32.const 3)) (then unreachable)))   ;; an input of 3 bytes stops it
  (func $both                                              ;; -> how often it ran, what it stored
    (i32.store (i32.const 16) (global.get $runs))
    (i32.store (i32.const 20) (i32.load (i32.const 32)))
    (call $set_return (i32.const 16) (i32.const 8)))
  (func (export "init")
    (call $write (i32.const 0) (i32.const 32) (i32.const 2))
    (call $both))
  (func (export "call") (call $both))
  (func (export "query") (call $both)))
