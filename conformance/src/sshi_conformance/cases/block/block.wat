;; RUN: sshi conformance run --cases %
;; The block that a call runs in.                                                       clause: block_height.height
(module
  (import "env" "block_height" (func $height (result i64)))
  (import "env" "block_time" (func $time (result i64)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (memory (export "memory") 1 1)

  (func (export "height") (export "q_height")              ;; -> u64
    (i64.store (i32.const 0) (call $height))
    (call $set_return (i32.const 0) (i32.const 8)))
  (func (export "time") (export "q_time")
    (i64.store (i32.const 0) (call $time))
    (call $set_return (i32.const 0) (i32.const 8)))
  (func (export "both_twice")                              ;; height, time, height, time
    (i64.store (i32.const 0) (call $height))
    (i64.store (i32.const 8) (call $time))
    (i64.store (i32.const 16) (call $height))
    (i64.store (i32.const 24) (call $time))
    (call $set_return (i32.const 0) (i32.const 32))))
