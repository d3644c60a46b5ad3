;; RUN: sshi conformance run --cases %
;; Money in and out; a recipient is a blob at the head of the input, an amount follows.          clause: transfer.accepted
(module
  (import "env" "transfer" (func $transfer (param i32 i32) (result i32)))
  (import "env" "balance" (func $balance (param i32)))
  (import "env" "value" (func $value (param i32)))
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (import "env" "emit" (func $emit (param i32 i32 i32)))
  (import "env" "revert" (func $revert (param i32 i32)))
  (memory (export "memory") 1 1)

  (data (i32.const 0) "\00\40\00\00")                      ;; the input, a buffer: its first byte is at 4
  (data (i32.const 0x5000) "\04\00\00\00sent")             ;; a key, and a topic
  (data (i32.const 0x5010) "not yet")

  (func $begin (drop (call $input (i32.const 0))))
  (func $amount (result i32)                               ;; the address of what follows the recipient
    (i32.add (i32.const 8) (i32.load (i32.const 4))))
  (func $send (result i32)
    (call $transfer (i32.const 4) (call $amount)))

  (func (export "init"))
  (func (export "pay"))                                    ;; takes value and says nothing

  ;; 0x6040 := the u128 at 0x6000 minus the one at 0x6010; results stand in front of it
  (func $fallen
    (i64.store (i32.const 0x6040) (i64.sub (i64.load (i32.const 0x6000)) (i64.load (i32.const 0x6010))))
    (i64.store (i32.const 0x6048)
      (i64.sub
        (i64.sub (i64.load (i32.const 0x6008)) (i64.load (i32.const 0x6018)))
        (i64.extend_i32_u (i64.lt_u (i64.load (i32.const 0x6000)) (i64.load (i32.const 0x6010)))))))

  ;; recipient, amount -> result, then by how much the balance fell
  (func (export "send") (export "q_send")
    (call $begin)
    (call $balance (i32.const 0x6000))
    (i32.store (i32.const 0x603c) (call $send))
    (call $balance (i32.const 0x6010))
    (call $fallen)
    (call $set_return (i32.const 0x603c) (i32.const 20)))

  ;; recipient, amount: send it twice -> both results, then by how much the balance fell
  (func (export "send_twice")
    (call $begin)
    (call $balance (i32.const 0x6000))
    (i32.store (i32.const 0x6038) (call $send))
    (i32.store (i32.const 0x603c) (call $send))
    (call $balance (i32.const 0x6010))
    (call $fallen)
    (call $set_return (i32.const 0x6038) (i32.const 24)))

  ;; recipient: send the whole balance -> result, the balance left
  (func (export "send_all")
    (call $begin)
    (call $balance (call $amount))
    (i32.store (i32.const 0x603c) (call $send))
    (call $balance (i32.const 0x6040))
    (call $set_return (i32.const 0x603c) (i32.const 20)))

  ;; recipient: one more than the whole balance -> result, by how much it fell
  (func (export "send_more")
    (call $begin)
    (call $balance (i32.const 0x6000))
    (i64.store (call $amount) (i64.add (i64.load (i32.const 0x6000)) (i64.const 1)))
    (i64.store offset=8 (call $amount)
      (i64.add (i64.load (i32.const 0x6008)) (i64.extend_i32_u (i64.eqz (i64.load (call $amount))))))
    (i32.store (i32.const 0x603c) (call $send))
    (call $balance (i32.const 0x6010))
    (call $fallen)
    (call $set_return (i32.const 0x603c) (i32.const 20)))

  ;; recipient, amount: storage, an event and money, and then the end named
  (func $everything
    (call $begin)
    (call $write (i32.const 0x5000) (i32.const 0x5004) (i32.const 4))
    (call $emit (i32.const 0x5000) (i32.const 0x5004) (i32.const 4))
    (if (call $send) (then unreachable)))
  (func (export "send_return") (call $everything))
  (func (export "send_revert")
    (call $everything)
    (call $revert (i32.const 0x5010) (i32.const 7)))
  (func (export "send_trap")
    (call $everything)
    unreachable)
  (func (export "send_forever")
    (call $everything)
    (loop $again (br $again)))

  (func (export "balance") (export "q_balance")            ;; -> the balance
    (call $balance (i32.const 0x6000))
    (call $set_return (i32.const 0x6000) (i32.const 16)))
  (func (export "value") (export "value_free")             ;; -> the value, which was 0xff everywhere before
    (i64.store (i32.const 0x6000) (i64.const -1))
    (i64.store (i32.const 0x6008) (i64.const -1))
    (call $value (i32.const 0x6000))
    (call $set_return (i32.const 0x6000) (i32.const 16)))
  ;; -> the balance minus the value, as the call found them
  (func (export "before")
    (call $balance (i32.const 0x6000))
    (call $value (i32.const 0x6010))
    (call $fallen)
    (call $set_return (i32.const 0x6040) (i32.const 16))))
