;; Quicksort of 4,096 numbers: loops of three instructions, branches nobody can predict, and recursion.
(module
  (memory (export "memory") 1 1)
  (global $rounds (export "rounds") (mut i32) (i32.const 1))
  (func $fill (local $at i32) (local $x i32)
    (local.set $x (i32.const 12345))
    (loop $next
      (i32.store (local.get $at) (local.tee $x (i32.add (i32.mul (local.get $x) (i32.const 1103515245)) (i32.const 12345))))
      (br_if $next (i32.ne (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 16384)))))
  (func $sort (param $low i32) (param $high i32) (local $up i32) (local $down i32) (local $pivot i32) (local $kept i32)
    (if (i32.ge_s (local.get $low) (local.get $high)) (then (return)))
    (local.set $pivot (i32.load (i32.and (i32.shr_u (i32.add (local.get $low) (local.get $high)) (i32.const 1)) (i32.const -4))))
    (local.set $up (local.get $low))
    (local.set $down (local.get $high))
    (loop $part
      (block $found
        (loop $next
          (br_if $found (i32.ge_s (i32.load (local.get $up)) (local.get $pivot)))
          (local.set $up (i32.add (local.get $up) (i32.const 4)))
          (br $next)))
      (block $found
        (loop $next
          (br_if $found (i32.le_s (i32.load (local.get $down)) (local.get $pivot)))
          (local.set $down (i32.sub (local.get $down) (i32.const 4)))
          (br $next)))
      (if (i32.le_s (local.get $up) (local.get $down))
        (then
          (local.set $kept (i32.load (local.get $up)))
          (i32.store (local.get $up) (i32.load (local.get $down)))
          (i32.store (local.get $down) (local.get $kept))
          (local.set $up (i32.add (local.get $up) (i32.const 4)))
          (local.set $down (i32.sub (local.get $down) (i32.const 4)))))
      (br_if $part (i32.le_s (local.get $up) (local.get $down))))
    (call $sort (local.get $low) (local.get $down))
    (call $sort (local.get $up) (local.get $high)))
  (func (export "run")
    (loop $again
      (call $fill)
      (call $sort (i32.const 0) (i32.const 16380))
      (global.set $rounds (i32.sub (global.get $rounds) (i32.const 1)))
      (br_if $again (global.get $rounds)))))
