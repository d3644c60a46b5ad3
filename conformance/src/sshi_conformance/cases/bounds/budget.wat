;; RUN: sshi conformance run --cases %
;; A contract without bounds of its own: a call of n rounds costs 31 + 9n units of the default costs, a query 9 less.
;; clause: gas_consume.budget
(module
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (import "env" "input" (func $input (param i32) (result i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 8) "\01\00\00\00k")
  (data (i32.const 32) "\04\00\00\00")
  (func $rounds (local $left i32)
    (local.set $left (i32.load (i32.const 36)))
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $again))))
  ;; As many rounds as the input says, after a write.
  (func (export "call")
    (drop (call $input (i32.const 32)))
    (call $write (i32.const 8) (i32.const 36) (i32.const 4))
    (call $rounds))
  (func (export "query") (drop (call $input (i32.const 32))) (call $rounds)))
