;; RUN: sshi conformance run --cases %
;; Events and reverts; the input is the topic (a blob) and the data.                      clause: emit.event
(module
  (import "env" "emit" (func $emit (param i32 i32 i32)))
  (import "env" "revert" (func $revert (param i32 i32)))
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (memory (export "memory") 1 1)

  (data (i32.const 0) "\00\40\00\00")                      ;; the input, a buffer: its first byte is at 4
  (data (i32.const 0x5000) "\01\00\00\00a")
  (data (i32.const 0x5010) "\01\00\00\00b")
  (data (i32.const 0x5020) "\04\00\00\00gone")

  (func $begin (result i32)                                ;; the length of what follows the topic at 4
    (i32.sub (call $input (i32.const 0)) (i32.add (i32.const 4) (i32.load (i32.const 4)))))
  (func $rest (result i32)
    (i32.add (i32.const 8) (i32.load (i32.const 4))))

  (func (export "emit") (local $len i32)                   ;; topic, data
    (local.set $len (call $begin))
    (call $emit (i32.const 4) (call $rest) (local.get $len)))
  (func (export "three")                                   ;; a: 1, b: 2, a: 3
    (i32.store8 (i32.const 0x100) (i32.const 1))
    (call $emit (i32.const 0x5000) (i32.const 0x100) (i32.const 1))
    (i32.store8 (i32.const 0x100) (i32.const 2))
    (call $emit (i32.const 0x5010) (i32.const 0x100) (i32.const 1))
    (i32.store8 (i32.const 0x100) (i32.const 3))
    (call $emit (i32.const 0x5000) (i32.const 0x100) (i32.const 1))
    (i32.store8 (i32.const 0x100) (i32.const 4)))
  ;; u32 count, u32 length: that many events "a" of that many zeros
  (func (export "many") (local $left i32)
    (drop (call $input (i32.const 0)))
    (local.set $left (i32.load (i32.const 4)))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (call $emit (i32.const 0x5000) (i32.const 0x8000) (i32.load (i32.const 8)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next))))
  ;; u32 length, u32 second length: two events "a" of zeros
  (func (export "two")
    (drop (call $input (i32.const 0)))
    (call $emit (i32.const 0x5000) (i32.const 0x8000) (i32.load (i32.const 4)))
    (call $emit (i32.const 0x5000) (i32.const 0x8000) (i32.load (i32.const 8))))

  (func (export "revert") (export "q_revert") (local $len i32)   ;; the input is the message
    (local.set $len (call $input (i32.const 0)))
    (call $revert (i32.const 4) (local.get $len)))
  (func (export "revert_long")                             ;; u32 length: a message of that many zeros
    (drop (call $input (i32.const 0)))
    (call $revert (i32.const 0x8000) (i32.load (i32.const 4))))
  (func (export "emit_and_revert") (local $len i32)
    (local.set $len (call $input (i32.const 0)))
    (call $emit (i32.const 0x5000) (i32.const 4) (local.get $len))
    (call $write (i32.const 0x5020) (i32.const 4) (local.get $len))
    (call $set_return (i32.const 4) (local.get $len))
    (call $revert (i32.const 4) (local.get $len)))
  (func (export "revert_and_go_on") (local $len i32)       ;; were it to return, the rest would be seen
    (local.set $len (call $input (i32.const 0)))
    (call $revert (i32.const 4) (local.get $len))
    (call $write (i32.const 0x5020) (i32.const 4) (local.get $len))
    unreachable)
  (func (export "revert_deep") (local $len i32)            ;; from a function called
    (local.set $len (call $input (i32.const 0)))
    (call $deep (local.get $len))
    unreachable)
  (func $deep (param $len i32)
    (call $revert (i32.const 4) (local.get $len)))
  (func (export "maybe_revert") (local $len i32)           ;; with a message it reverts, without it writes
    (local.set $len (call $input (i32.const 0)))
    (if (local.get $len) (then (call $revert (i32.const 4) (local.get $len))))
    (call $write (i32.const 0x5020) (i32.const 0x5024) (i32.const 4))))
