;; A counter that uses the seed's raw pair: `call` reads a u32 step from its input and adds it, `query` returns the total.
(module
  (import "env" "storage_read" (func $storage_read (param i32 i32) (result i32)))
  (import "env" "storage_write" (func $storage_write (param i32 i32 i32)))
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (import "env" "revert" (func $revert (param i32 i32)))
  (memory (export "memory") 1 1)

  (data (i32.const 0) "\05\00\00\00count")          ;; the key, a blob
  (data (i32.const 16) "\08\00\00\00")              ;; a buffer of 8 bytes: the total, u64
  (data (i32.const 32) "\04\00\00\00")              ;; a buffer of 4 bytes: the step, u32
  (data (i32.const 48) "counter: the input is a u32 step")

  (func $load
    (if (i32.lt_s (call $storage_read (i32.const 0) (i32.const 16)) (i32.const 0))
      (then (i64.store (i32.const 20) (i64.const 0)))))

  (func (export "call")
    (if (i32.ne (call $input (i32.const 32)) (i32.const 4))
      (then (call $revert (i32.const 48) (i32.const 32))))
    (call $load)
    (i64.store (i32.const 20)
      (i64.add (i64.load (i32.const 20)) (i64.load32_u (i32.const 36))))
    (call $storage_write (i32.const 0) (i32.const 20) (i32.const 8)))

  (func (export "query")
    (call $load)
    (call $set_return (i32.const 20) (i32.const 8))))
