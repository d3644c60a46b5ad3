;; RUN: sshi conformance run --cases %
;; What a call knows about itself: who calls, who is called, with which bytes, and what it answers.      clause: caller.address
(module
  (import "env" "caller" (func $caller (param i32) (result i32)))
  (import "env" "self_address" (func $self (param i32) (result i32)))
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (memory (export "memory") 1 1)

  (data (i32.const 0) "\00\40\00\00")                      ;; a buffer for the input
  (data (i32.const 0x5000) "\05\00\00\00owner")             ;; a key
  (data (i32.const 0x5010) "first")
  (data (i32.const 0x5018) "last")
  (data (i32.const 0x6ffc) "\00\00\00\00\40\00\00\00")     ;; a result, and a buffer for an address

  (func $from_result (param $len i32)                      ;; result, header, bytes
    (call $set_return (i32.const 0x6ffc) (i32.add (i32.const 8) (local.get $len))))
  ;; the buffer with the input's u32 as its capacity, and 0xee behind it
  (func $capacity
    (drop (call $input (i32.const 0)))
    (i32.store (i32.const 0x7000) (i32.load (i32.const 4)))
    (i64.store (i32.const 0x7004) (i64.const 0xeeeeeeeeeeeeeeee)))

  (func (export "init") (local $len i32)                   ;; remembers the deployer
    (local.set $len (call $caller (i32.const 0x7000)))
    (call $write (i32.const 0x5000) (i32.const 0x7004) (local.get $len)))

  (func (export "caller")                                  ;; -> result, header, address
    (i32.store (i32.const 0x6ffc) (call $caller (i32.const 0x7000)))
    (call $from_result (i32.load (i32.const 0x6ffc))))
  (func (export "self") (export "q_self")
    (i32.store (i32.const 0x6ffc) (call $self (i32.const 0x7000)))
    (call $from_result (i32.load (i32.const 0x6ffc))))
  (func (export "caller_into")                             ;; u32 capacity -> result, header, 8 bytes
    (call $capacity)
    (i32.store (i32.const 0x6ffc) (call $caller (i32.const 0x7000)))
    (call $from_result (i32.const 8)))
  (func (export "self_into")
    (call $capacity)
    (i32.store (i32.const 0x6ffc) (call $self (i32.const 0x7000)))
    (call $from_result (i32.const 8)))
  ;; a buffer as long as the address, and one byte shorter -> both results, then both headers
  (func (export "caller_exact") (local $len i32)
    (local.set $len (call $caller (i32.const 0x7000)))
    (i32.store (i32.const 0x7000) (local.get $len))
    (i32.store (i32.const 0x6ff0) (call $caller (i32.const 0x7000)))
    (i32.store (i32.const 0x6ff8) (i32.load (i32.const 0x7000)))
    (i32.store (i32.const 0x7000) (i32.sub (local.get $len) (i32.const 1)))
    (i32.store (i32.const 0x6ff4) (call $caller (i32.const 0x7000)))
    (i32.store (i32.const 0x6ffc) (i32.add (i32.load (i32.const 0x7000)) (i32.const 1)))
    (call $set_return (i32.const 0x6ff0) (i32.const 16)))

  (func (export "echo") (export "q_echo")                  ;; -> the header, and the input
    (drop (call $input (i32.const 0)))
    (call $set_return (i32.const 0) (i32.add (i32.const 4) (i32.load (i32.const 0)))))
  ;; any input into a buffer of 4 bytes at 0x7000 -> result, header, 8 bytes
  (func (export "echo_into")
    (i32.store (i32.const 0x7000) (i32.const 4))
    (i64.store (i32.const 0x7004) (i64.const 0xeeeeeeeeeeeeeeee))
    (i32.store (i32.const 0x6ffc) (call $input (i32.const 0x7000)))
    (call $from_result (i32.const 8)))
  (func (export "echo_twice") (local $first i32)           ;; -> both results, then the second copy
    (local.set $first (call $input (i32.const 0)))
    (i32.store (i32.const 0x6ff8) (local.get $first))
    (i32.store (i32.const 0x7000) (i32.const 0x4000))
    (i32.store (i32.const 0x6ffc) (call $input (i32.const 0x7000)))
    (call $set_return (i32.const 0x6ff8) (i32.add (i32.const 12) (local.get $first))))
  (func (export "changed") (local $len i32)                ;; changing its copy does not change what the next asks for
    (local.set $len (call $input (i32.const 0)))
    (i32.store8 (i32.const 4) (i32.const 0x21))
    (drop (call $input (i32.const 0)))
    (call $set_return (i32.const 4) (local.get $len)))

  (func (export "silent"))
  (func (export "last") (export "q_last")                  ;; set twice: the last one counts
    (call $set_return (i32.const 0x5010) (i32.const 5))
    (call $set_return (i32.const 0x5018) (i32.const 4)))
  (func (export "last_empty")
    (call $set_return (i32.const 0x5010) (i32.const 5))
    (call $set_return (i32.const 0) (i32.const 0)))
  (func (export "only_first")
    (call $set_return (i32.const 0x5010) (i32.const 5)))
  (func (export "copied")                                  ;; memory changes after it was set
    (call $set_return (i32.const 0x5010) (i32.const 5))
    (i64.store (i32.const 0x5010) (i64.const 0)))
  (func (export "changed_before")
    (i32.store8 (i32.const 0x5010) (i32.const 0x46))
    (call $set_return (i32.const 0x5010) (i32.const 5)))
  (func (export "continues")                               ;; what comes after it still runs
    (call $set_return (i32.const 0x5010) (i32.const 5))
    (call $write (i32.const 0x5000) (i32.const 0x5018) (i32.const 4)))
  (func (export "sets_and_traps")
    (call $set_return (i32.const 0x5010) (i32.const 5))
    unreachable)
  (func (export "returns")                                 ;; u32 length: that many bytes of memory from 0x8000
    (drop (call $input (i32.const 0)))
    (call $set_return (i32.const 0x8000) (i32.load (i32.const 4))))
  (func (export "returns_then_too_long")
    (call $set_return (i32.const 0x5010) (i32.const 5))
    (call $set_return (i32.const 0x8000) (i32.const 16385))))
