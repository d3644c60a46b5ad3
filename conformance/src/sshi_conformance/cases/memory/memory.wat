;; RUN: sshi conformance run --cases %
;; A memory of one page that may grow to three: what the contract sees of it, and what the host does.      clause: memory.grow
(module
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (import "env" "sha256" (func $sha256 (param i32 i32 i32)))
  (memory (export "memory") 1 3)
  (global $count (mut i32) (i32.const 0))
  (global $wide (mut i64) (i64.const 40))

  (data (i32.const 0x100) "\40\00\00\00")                  ;; a buffer for the input: its first byte is at 0x104
  (data (i32.const 0x200) "\07")

  (func $begin (drop (call $input (i32.const 0x100))))
  (func $word (param $index i32) (result i32)
    (i32.load (i32.add (i32.const 0x104) (i32.shl (local.get $index) (i32.const 2)))))

  (func (export "size")                                    ;; -> pages
    (i32.store (i32.const 0) (memory.size))
    (call $set_return (i32.const 0) (i32.const 4)))
  (func (export "grow")                                    ;; two words: grow by each -> both results, then the size
    (call $begin)
    (i32.store (i32.const 0) (memory.grow (call $word (i32.const 0))))
    (i32.store (i32.const 4) (memory.grow (call $word (i32.const 1))))
    (i32.store (i32.const 8) (memory.size))
    (call $set_return (i32.const 0) (i32.const 12)))
  (func (export "return_range")                            ;; pages, address, length: grow, then return that range
    (call $begin)
    (drop (memory.grow (call $word (i32.const 0))))
    (call $set_return (call $word (i32.const 1)) (call $word (i32.const 2))))
  (func (export "hash_into")                               ;; pages, address: grow, hash nothing to there -> nothing
    (call $begin)
    (drop (memory.grow (call $word (i32.const 0))))
    (call $sha256 (i32.const 0) (i32.const 0) (call $word (i32.const 1))))
  (func (export "use_grown") (local $at i32)               ;; pages: grow, and use the last eight bytes of the last page
    (call $begin)
    (drop (memory.grow (call $word (i32.const 0))))
    (local.set $at (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 8)))
    (i64.store (local.get $at) (i64.add (i64.load (local.get $at)) (i64.const 1)))
    (call $set_return (local.get $at) (i32.const 8)))

  (func (export "load")                                    ;; pages, address: grow, then load the byte there
    (call $begin)
    (drop (memory.grow (call $word (i32.const 0))))
    (i32.store (i32.const 0) (i32.load8_u (call $word (i32.const 1))))
    (call $set_return (i32.const 0) (i32.const 4)))
  (func (export "store")                                   ;; pages, address: grow, then store a word there
    (call $begin)
    (drop (memory.grow (call $word (i32.const 0))))
    (i32.store (call $word (i32.const 1)) (i32.const -1)))

  (func (export "fresh") (export "q_fresh")                ;; -> a byte, a global and a wide one, each raised by one
    (i32.store8 (i32.const 0x200) (i32.add (i32.load8_u (i32.const 0x200)) (i32.const 1)))
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (global.set $wide (i64.add (global.get $wide) (i64.const 1)))
    (i32.store (i32.const 0) (i32.load8_u (i32.const 0x200)))
    (i32.store (i32.const 4) (global.get $count))
    (i32.store (i32.const 8) (i32.wrap_i64 (global.get $wide)))
    (call $set_return (i32.const 0) (i32.const 12)))
  (func (export "raise_thrice")                            ;; within one call they do not
    (global.set $count (i32.add (global.get $count) (i32.const 3)))
    (i32.store (i32.const 0x200) (i32.add (i32.load (i32.const 0x200)) (global.get $count)))
    (i32.store (i32.const 0) (i32.load (i32.const 0x200)))
    (call $set_return (i32.const 0) (i32.const 4))))
