;; RUN: sshi conformance run --cases %
;; What toolchains emit by default and chains may lack: the linker lowers it, and it behaves the same.    clause: determinism.no-others
(module
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (memory (export "memory") 1 2)
  (type $one (func (param i32) (result i32)))
  (table $table 3 3 funcref)
  (elem (table $table) (i32.const 0) func $double $negate)
  (elem declare func $double)
  (global (export "counter") (mut i32) (i32.const 5))

  (data (i32.const 0x100) "\40\00\00\00")                  ;; a buffer for the input: its first byte is at 0x104
  (data $passive "passive data")

  (func $begin (drop (call $input (i32.const 0x100))))
  (func $word (param $index i32) (result i32)
    (i32.load (i32.add (i32.const 0x104) (i32.shl (local.get $index) (i32.const 2)))))
  (func $double (type $one) (i32.shl (local.get 0) (i32.const 1)))
  (func $negate (type $one) (i32.sub (i32.const 0) (local.get 0)))

  (func (export "sign_extension")                          ;; u64 -> its low 8, 16 and 32 bits with their sign, as i32 and as i64
    (call $begin)
    (i32.store (i32.const 0) (i32.extend8_s (i32.load (i32.const 0x104))))
    (i32.store (i32.const 4) (i32.extend16_s (i32.load (i32.const 0x104))))
    (i64.store (i32.const 8) (i64.extend8_s (i64.load (i32.const 0x104))))
    (i64.store (i32.const 16) (i64.extend16_s (i64.load (i32.const 0x104))))
    (i64.store (i32.const 24) (i64.extend32_s (i64.load (i32.const 0x104))))
    (call $set_return (i32.const 0) (i32.const 32)))

  (func (export "fill")                                    ;; address, byte, length -> the 16 bytes at 0x200
    (call $begin)
    (memory.fill (call $word (i32.const 0)) (call $word (i32.const 1)) (call $word (i32.const 2)))
    (call $set_return (i32.const 0x200) (i32.const 16)))
  (func (export "copy")                                    ;; to, from, length, then what lies at 0x114 -> the 16 bytes there
    (call $begin)
    (memory.copy (call $word (i32.const 0)) (call $word (i32.const 1)) (call $word (i32.const 2)))
    (call $set_return (i32.const 0x114) (i32.const 16)))
  (func (export "init_data")                               ;; to, from, length -> the 16 bytes at 0x200
    (call $begin)
    (memory.init $passive (call $word (i32.const 0)) (call $word (i32.const 1)) (call $word (i32.const 2)))
    (call $set_return (i32.const 0x200) (i32.const 16)))
  (func (export "dropped")                                 ;; after the drop only the empty range is there
    (call $begin)
    (data.drop $passive)
    (memory.init $passive (i32.const 0x200) (i32.const 0) (call $word (i32.const 0)))
    (call $set_return (i32.const 0x200) (i32.const 4)))

  (func (export "indirect")                                ;; slot, number -> what the function there makes of it
    (call $begin)
    (i32.store (i32.const 0) (call_indirect $table (type $one) (call $word (i32.const 1)) (call $word (i32.const 0))))
    (call $set_return (i32.const 0) (i32.const 4)))
  (func (export "typed_select")                            ;; word -> 11 or 22
    (call $begin)
    (i32.store (i32.const 0) (select (result i32) (i32.const 11) (i32.const 22) (call $word (i32.const 0))))
    (call $set_return (i32.const 0) (i32.const 4)))
  (func (export "mutable_global")                          ;; -> 6
    (global.set 0 (i32.add (global.get 0) (i32.const 1)))
    (i32.store (i32.const 0) (global.get 0))
    (call $set_return (i32.const 0) (i32.const 4))))
