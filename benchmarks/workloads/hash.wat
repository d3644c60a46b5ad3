;; FNV-1a over 64 KiB, a byte a round: the shortest loop there is, and nothing to hide a charge behind but its multiplication.
(module
  (memory (export "memory") 1 1)
  (global $rounds (export "rounds") (mut i32) (i32.const 1))
  (global $result (mut i64) (i64.const 0))
  (func (export "run") (local $at i32) (local $hash i64)
    (loop $again
      (local.set $at (i32.const 0))
      (local.set $hash (i64.const 0xcbf29ce484222325))
      (loop $byte
        (local.set $hash (i64.mul (i64.xor (local.get $hash) (i64.load8_u (local.get $at))) (i64.const 0x100000001b3)))
        (br_if $byte (i32.ne (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 65536))))
      (global.set $result (local.get $hash))
      (global.set $rounds (i32.sub (global.get $rounds) (i32.const 1)))
      (br_if $again (global.get $rounds)))))
