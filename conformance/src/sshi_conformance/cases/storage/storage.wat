;; RUN: sshi conformance run --cases %
;; Storage by its five functions; the input begins with the key, a blob.              clause: storage_write.stores
(module
  (import "env" "storage_read" (func $read (param i32 i32) (result i32)))
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (import "env" "storage_remove" (func $remove (param i32) (result i32)))
  (import "env" "storage_has" (func $has (param i32) (result i32)))
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (memory (export "memory") 1 1)

  (data (i32.const 0) "\00\40\00\00")                      ;; the input, a buffer: its first byte is at 4
  (data (i32.const 0x5000) "\00\40\00\00")                 ;; the output buffer, with the result in front of it at 0x4ffc

  ;; Read the input; the length of what follows the key at 4.
  (func $begin (result i32)
    (i32.sub (call $input (i32.const 0)) (i32.add (i32.const 4) (i32.load (i32.const 4)))))
  (func $rest (result i32)                                 ;; the address of what follows the key
    (i32.add (i32.const 8) (i32.load (i32.const 4))))

  ;; Return the result, the buffer's header, and the value when there is one.
  (func $return (param $result i32)
    (i32.store (i32.const 0x4ffc) (local.get $result))
    (call $set_return (i32.const 0x4ffc)
      (i32.add (i32.const 8) (select (local.get $result) (i32.const 0) (i32.gt_s (local.get $result) (i32.const 0))))))
  (func $return32 (param $result i32)
    (i32.store (i32.const 0x4ffc) (local.get $result))
    (call $set_return (i32.const 0x4ffc) (i32.const 4)))

  (func (export "put") (local $len i32)                    ;; key, value
    (local.set $len (call $begin))
    (call $write (i32.const 4) (call $rest) (local.get $len)))
  (func (export "get") (export "q_get")                    ;; key -> result, header, value
    (drop (call $begin))
    (call $return (call $read (i32.const 4) (i32.const 0x5000))))
  (func (export "has") (export "q_has")                    ;; key -> result
    (drop (call $begin))
    (call $return32 (call $has (i32.const 4))))
  (func (export "remove")                                  ;; key -> result
    (drop (call $begin))
    (call $return32 (call $remove (i32.const 4))))

  ;; key, u32 capacity -> result, header, the 16 bytes behind it, which were 0xee
  (func (export "get_into")
    (drop (call $begin))
    (i32.store (i32.const 0x5000) (i32.load (call $rest)))
    (i64.store (i32.const 0x5004) (i64.const 0xeeeeeeeeeeeeeeee))
    (i64.store (i32.const 0x500c) (i64.const 0xeeeeeeeeeeeeeeee))
    (i32.store (i32.const 0x4ffc) (call $read (i32.const 4) (i32.const 0x5000)))
    (call $set_return (i32.const 0x4ffc) (i32.const 24)))

  ;; key, value: read a key into its own blob -> result, then the 16 bytes from the key's header on
  (func (export "get_over_key") (local $len i32)
    (local.set $len (call $begin))
    (call $write (i32.const 4) (call $rest) (local.get $len))
    (i32.store (i32.const 0) (call $read (i32.const 4) (i32.const 4)))
    (call $set_return (i32.const 0) (i32.const 20)))

  ;; key, value: everything in one call -> has, remove, remove again, has, the value read between
  (func (export "life") (local $len i32)
    (local.set $len (call $begin))
    (call $write (i32.const 4) (call $rest) (local.get $len))
    (drop (call $read (i32.const 4) (i32.const 0x5000)))
    (i32.store (i32.const 0x4ff0) (call $has (i32.const 4)))
    (i32.store (i32.const 0x4ff4) (call $remove (i32.const 4)))
    (i32.store (i32.const 0x4ff8) (call $remove (i32.const 4)))
    (i32.store (i32.const 0x4ffc) (call $has (i32.const 4)))
    (call $set_return (i32.const 0x4ff0) (i32.add (i32.const 20) (i32.load (i32.const 0x5000)))))

  ;; key, value: write it, then overwrite the memory it came from -> nothing
  (func (export "put_copied") (local $len i32) (local $at i32)
    (local.set $len (call $begin))
    (local.set $at (call $rest))
    (call $write (i32.const 4) (local.get $at) (local.get $len))
    (i64.store (local.get $at) (i64.const 0))
    (i64.store (i32.const 8) (i64.const 0)))

  ;; u32 length at the key's place: write that many bytes of 0 under "big"
  (func (export "put_zeros")
    (drop (call $begin))
    (i32.store (i32.const 0x4000) (i32.const 3))
    (i32.store (i32.const 0x4004) (i32.const 0x00676962))
    (call $write (i32.const 0x4000) (i32.const 0x8000) (i32.load (i32.const 4))))
  ;; u32 length: a key of that many zeros -> has
  (func (export "has_zeros")
    (drop (call $begin))
    (i32.store (i32.const 0x8000) (i32.load (i32.const 4)))
    (call $return32 (call $has (i32.const 0x8000))))
  (func (export "read_zeros")
    (drop (call $begin))
    (i32.store (i32.const 0x8000) (i32.load (i32.const 4)))
    (call $return (call $read (i32.const 0x8000) (i32.const 0x5000))))
  (func (export "write_zeros")
    (drop (call $begin))
    (i32.store (i32.const 0x8000) (i32.load (i32.const 4)))
    (call $write (i32.const 0x8000) (i32.const 0) (i32.const 1)))
  (func (export "remove_zeros")
    (drop (call $begin))
    (i32.store (i32.const 0x8000) (i32.load (i32.const 4)))
    (call $return32 (call $remove (i32.const 0x8000)))))
