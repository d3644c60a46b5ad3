;; RUN: sshi conformance run --cases %
;; Every way for the machine to end a call, and beside each the nearest thing that does not.        clause: outcome.unreachable
(module
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (import "env" "storage_write" (func $write (param i32 i32 i32)))
  (import "env" "storage_has" (func $has (param i32) (result i32)))
  (memory (export "memory") 1 1)
  (type $nothing (func))
  (type $number (func (result i32)))
  (table 5 5 funcref)
  (elem (i32.const 1) $seven $noop $seven)                 ;; slots 0 and 4 are empty

  (data (i32.const 0x100) "\20\00\00\00")                  ;; a buffer for the input: its first byte is at 0x104
  (data (i32.const 0x200) "\04\00\00\00mark")

  (func $seven (result i32) (i32.const 7))
  (func $noop)
  (func $begin (drop (call $input (i32.const 0x100))))
  (func $mark                                              ;; something to be undone
    (call $write (i32.const 0x200) (i32.const 0x204) (i32.const 4)))
  (func $return32 (param i32)
    (i32.store (i32.const 0) (local.get 0))
    (call $set_return (i32.const 0) (i32.const 4)))
  (func $return64 (param i64)
    (i64.store (i32.const 0) (local.get 0))
    (call $set_return (i32.const 0) (i32.const 8)))

  (func (export "unreachable") (call $mark) unreachable)
  (func (export "reachable")                               ;; one is there, and is not reached
    (call $mark)
    (if (i32.eqz (i32.load (i32.const 0x200))) (then unreachable)))

  ;; two u32, or two u64, divided or their rest -> the result
  (func (export "div_s") (call $begin) (call $mark)
    (call $return32 (i32.div_s (i32.load (i32.const 0x104)) (i32.load (i32.const 0x108)))))
  (func (export "div_u") (call $begin) (call $mark)
    (call $return32 (i32.div_u (i32.load (i32.const 0x104)) (i32.load (i32.const 0x108)))))
  (func (export "rem_s") (call $begin) (call $mark)
    (call $return32 (i32.rem_s (i32.load (i32.const 0x104)) (i32.load (i32.const 0x108)))))
  (func (export "rem_u") (call $begin) (call $mark)
    (call $return32 (i32.rem_u (i32.load (i32.const 0x104)) (i32.load (i32.const 0x108)))))
  (func (export "div64_s") (call $begin) (call $mark)
    (call $return64 (i64.div_s (i64.load (i32.const 0x104)) (i64.load (i32.const 0x10c)))))
  (func (export "div64_u") (call $begin) (call $mark)
    (call $return64 (i64.div_u (i64.load (i32.const 0x104)) (i64.load (i32.const 0x10c)))))
  (func (export "rem64_s") (call $begin) (call $mark)
    (call $return64 (i64.rem_s (i64.load (i32.const 0x104)) (i64.load (i32.const 0x10c)))))
  (func (export "rem64_u") (call $begin) (call $mark)
    (call $return64 (i64.rem_u (i64.load (i32.const 0x104)) (i64.load (i32.const 0x10c)))))

  (func (export "indirect")                                ;; u32 slot -> 7
    (call $begin) (call $mark)
    (call $return32 (call_indirect (type $number) (i32.load (i32.const 0x104)))))

  (func (export "forever") (call $mark)
    (loop $again (br $again)))
  (func (export "forever_calling") (call $mark)
    (loop $again (drop (call $has (i32.const 0x200))) (br $again)))
  (func (export "a_while") (local $left i32)               ;; a loop that ends
    (local.set $left (i32.const 1000))
    (loop $again (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (call $mark))

  (func $deep (param $left i32) (result i32)               ;; one frame a level
    (if (result i32) (i32.eqz (local.get $left))
      (then (i32.const 0))
      (else (i32.add (i32.const 1) (call $deep (i32.sub (local.get $left) (i32.const 1)))))))
  (func $wide (param $left i32) (result i32)               ;; the same with ten locals of 8 bytes
    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    (local.set 1 (i64.extend_i32_u (local.get $left)))
    (if (result i32) (i32.eqz (local.get $left))
      (then (i32.const 0))
      (else (i32.add (i32.wrap_i64 (i64.sub (local.get 1) (local.get 10)))
                     (i32.mul (call $wide (i32.sub (local.get $left) (i32.const 1))) (i32.const 0))))))
  (func $bottomless (result i32)
    (i32.add (call $bottomless) (i32.const 1)))
  (func (export "deep")                                    ;; u32 levels -> levels
    (call $begin) (call $mark)
    (call $return32 (call $deep (i32.load (i32.const 0x104)))))
  (func (export "wide")
    (call $begin) (call $mark)
    (call $return32 (call $wide (i32.load (i32.const 0x104)))))
  (func (export "bottomless") (call $mark)
    (call $return32 (call $bottomless)))

  (func (export "marked")                                  ;; -> 1 when the mark is there
    (call $return32 (call $has (i32.const 0x200)))))
