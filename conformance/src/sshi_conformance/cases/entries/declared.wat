;; RUN: sshi conformance run --cases %
;; A declaration decides: names that mean something elsewhere mean what it says here.              clause: entry.raw-pair
(module
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "\01\00\00\00k")

  (func $put (export "query") (export "x") (export "_")
    (export "A234567890123456789012345678901234567890123456789012345678901234")
    (call $write (i32.const 0) (i32.const 4) (i32.const 1)))
  (func (export "init") (call $set_return (i32.const 4) (i32.const 1)))
  (func (export "call") (call $set_return (i32.const 4) (i32.const 1)))
  (func (export "undeclared") unreachable))
