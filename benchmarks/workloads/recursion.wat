;; A function that calls itself 400 deep and does next to nothing besides.
(module
  (memory (export "memory") 1 1)
  (global $rounds (export "rounds") (mut i32) (i32.const 1))
  (func $sum (param $n i32) (result i32)
    (if (result i32) (local.get $n)
      (then (i32.add (local.get $n) (call $sum (i32.sub (local.get $n) (i32.const 1)))))
      (else (i32.const 0))))
  (func (export "run")
    (loop $again
      (drop (call $sum (i32.const 400)))
      (global.set $rounds (i32.sub (global.get $rounds) (i32.const 1)))
      (br_if $again (global.get $rounds)))))
