;; The interface on pallet-contracts: each of its functions, made of the pallet's.
;;
;; The pallet has no "how long would it be": an output that does not fit traps.  So whatever may be longer than the contract's buffer goes
;; to scratch first, a page above the contract's own memory.  By offset from $scratch:
;;
;;        0  cell     u32; room before a host call, length after it
;;        4  texts    what the guards revert with; the glue's data segment, which begins at 0
;;       48  work     16,384 bytes, what a host call answers
;;   16,448  input    u32 length, then the selector's four bytes, then at most 16,384 of input
;;   32,848  return   16,384 bytes, what `set_return` gave last
;;   49,248  topics   33 bytes an event; each place is used once, so what is not written is zero
;;
;; Code is gas: the pallet translates each function that runs anew at every call, 8,813 ps a byte, where an instruction costs 1,259.  So one
;; access a read (75 million ps, whatever the size), small functions, short loops.  Every range is held against the contract's own memory
;; here, for the host would let it reach into scratch.  What ends in `unreachable` is a trap of the interface; the pallet has one error for all.

(module
  (import "seal2" "set_storage" (func $seal_set_storage (param i32 i32 i32 i32) (result i32)))
  (import "seal1" "get_storage" (func $seal_get_storage (param i32 i32 i32 i32) (result i32)))
  (import "seal1" "contains_storage" (func $seal_contains_storage (param i32 i32) (result i32)))
  (import "seal1" "clear_storage" (func $seal_clear_storage (param i32 i32) (result i32)))
  (import "seal0" "transfer" (func $seal_transfer (param i32 i32 i32 i32) (result i32)))
  (import "seal0" "balance" (func $seal_balance (param i32 i32)))
  (import "seal0" "value_transferred" (func $seal_value_transferred (param i32 i32)))
  (import "seal0" "caller" (func $seal_caller (param i32 i32)))
  (import "seal0" "address" (func $seal_address (param i32 i32)))
  (import "seal0" "input" (func $seal_input (param i32 i32)))
  (import "seal0" "seal_return" (func $seal_return (param i32 i32 i32)))
  (import "seal0" "deposit_event" (func $seal_deposit_event (param i32 i32 i32 i32)))
  (import "seal0" "block_number" (func $seal_block_number (param i32 i32)))
  (import "seal0" "now" (func $seal_now (param i32 i32)))
  (import "seal0" "hash_sha2_256" (func $seal_hash_sha2_256 (param i32 i32 i32)))
  (import "seal0" "hash_keccak_256" (func $seal_hash_keccak_256 (param i32 i32 i32)))
  (import "seal0" "ecdsa_recover" (func $seal_ecdsa_recover (param i32 i32 i32) (result i32)))
  (import "contract" "memory" (memory 0))
  (import "sshi" "memory_bytes" (global $memory_bytes i32))
  (import "sshi" "scratch" (global $scratch i32))

  (global $query (export "_query") (mut i32) (i32.const 0))     ;; set by the glue for a query entry
  (global $returned (mut i32) (i32.const 0))                    ;; bytes of return data
  (global $emitted (mut i32) (i32.const 0))                     ;; bytes of topics, 33 an event
  (global $event_data (mut i32) (i32.const 0))                  ;; bytes of event data

  ;; ---- memory ---------------------------------------------------------------------------------------------------

  ;; Traps unless the range lies in the contract's own memory.
  (func $check (param $ptr i32) (param $len i32)
    (if (i64.gt_u
          (i64.add (i64.extend_i32_u (local.get $ptr)) (i64.extend_i32_u (local.get $len)))
          (i64.extend_i32_u (global.get $memory_bytes)))
      (then (unreachable))))

  ;; A blob's length; its bytes are at $at + 4.  The header needs no check of its own: it ends where the bytes begin.
  (func $blob (param $at i32) (result i32)
    (local $len i32)
    (call $check (i32.add (local.get $at) (i32.const 4)) (local.tee $len (i32.load (local.get $at))))
    (local.get $len))

  ;; The same for a storage key.
  (func $key (param $at i32) (result i32)
    (local $len i32)
    (if (i32.ge_u (i32.sub (local.tee $len (call $blob (local.get $at))) (i32.const 1)) (i32.const 128))
      (then (unreachable)))
    (local.get $len))

  ;; Moves whole words and puts back what the last one overwrote behind the end: a loop over the odd bytes would cost more to translate
  ;; than it saves.  Scratch lies behind the contract's memory and has room behind each of its parts, so no access can trap.
  (func $copy (param $to i32) (param $from i32) (param $len i32)
    (local $behind i64)
    (local.set $behind (i64.load (local.tee $len (i32.add (local.get $to) (local.get $len)))))
    (loop $words
      (i64.store (local.get $to) (i64.load (local.get $from)))
      (local.set $from (i32.add (local.get $from) (i32.const 8)))
      (br_if $words (i32.lt_u (local.tee $to (i32.add (local.get $to) (i32.const 8))) (local.get $len))))
    (i64.store (local.get $len) (local.get $behind)))

  ;; Answers a buffer: the bytes and their length when they fit, the length alone when not.
  (func $fill (param $out i32) (param $from i32) (param $len i32) (result i32)
    (local $to i32)
    (call $check (local.get $out) (i32.const 4))
    (if (i32.le_u (local.get $len) (i32.load (local.get $out)))
      (then
        (call $check (local.tee $to (i32.add (local.get $out) (i32.const 4))) (local.get $len))
        (call $copy (local.get $to) (local.get $from) (local.get $len))
        (i32.store (local.get $out) (local.get $len))))
    (local.get $len))

  ;; ---- storage --------------------------------------------------------------------------------------------------

  (func (export "storage_read") (param $key i32) (param $out i32) (result i32)
    (i32.store (global.get $scratch) (i32.const 16384))
    (if (result i32)
      (call $seal_get_storage
        (i32.add (local.get $key) (i32.const 4)) (call $key (local.get $key))
        (i32.add (global.get $scratch) (i32.const 48)) (global.get $scratch))
      (then
        (call $check (local.get $out) (i32.const 4))
        (i32.const -1))
      (else
        (call $fill (local.get $out) (i32.add (global.get $scratch) (i32.const 48)) (i32.load (global.get $scratch))))))

  (func (export "storage_write") (param $key i32) (param $ptr i32) (param $len i32)
    (if (i32.or (global.get $query) (i32.gt_u (local.get $len) (i32.const 16384))) (then (unreachable)))
    (call $check (local.get $ptr) (local.get $len))
    (drop
      (call $seal_set_storage
        (i32.add (local.get $key) (i32.const 4)) (call $key (local.get $key))
        (local.get $ptr) (local.get $len))))

  (func (export "storage_remove") (param $key i32) (result i32)
    (if (global.get $query) (then (unreachable)))
    (i32.ne
      (call $seal_clear_storage (i32.add (local.get $key) (i32.const 4)) (call $key (local.get $key)))
      (i32.const -1)))

  (func (export "storage_has") (param $key i32) (result i32)
    (i32.ne
      (call $seal_contains_storage (i32.add (local.get $key) (i32.const 4)) (call $key (local.get $key)))
      (i32.const -1)))

  ;; ---- money ----------------------------------------------------------------------------------------------------

  ;; The pallet answers 5 for too much and for a recipient it will not credit alike, and never looks at the recipient's length.  An
  ;; amount of 0 and the contract itself are its own rules, and ours.
  (func (export "transfer") (param $to i32) (param $amount i32) (result i32)
    (if (global.get $query) (then (unreachable)))
    (call $check (local.get $amount) (i32.const 16))
    (if (i32.ne (call $blob (local.get $to)) (i32.const 32)) (then (return (i32.const 2))))
    (i32.store (global.get $scratch) (i32.const 16))
    (call $seal_balance (i32.add (global.get $scratch) (i32.const 48)) (global.get $scratch))
    (if (select
          (i64.lt_u (i64.load offset=48 (global.get $scratch)) (i64.load (local.get $amount)))
          (i64.lt_u (i64.load offset=56 (global.get $scratch)) (i64.load offset=8 (local.get $amount)))
          (i64.eq (i64.load offset=56 (global.get $scratch)) (i64.load offset=8 (local.get $amount))))
      (then (return (i32.const 1))))
    (select
      (i32.const 2)
      (i32.const 0)
      (call $seal_transfer (i32.add (local.get $to) (i32.const 4)) (i32.const 32) (local.get $amount) (i32.const 16))))

  (func (export "balance") (param $out i32)
    (call $check (local.get $out) (i32.const 16))
    (i32.store (global.get $scratch) (i32.const 16))
    (call $seal_balance (local.get $out) (global.get $scratch)))

  (func (export "value") (param $out i32)
    (if (global.get $query) (then (unreachable)))
    (call $check (local.get $out) (i32.const 16))
    (i32.store (global.get $scratch) (i32.const 16))
    (call $seal_value_transferred (local.get $out) (global.get $scratch)))

  ;; ---- the call -------------------------------------------------------------------------------------------------

  (func (export "caller") (param $out i32) (result i32)
    (if (global.get $query) (then (unreachable)))
    (i32.store (global.get $scratch) (i32.const 32))
    (call $seal_caller (i32.add (global.get $scratch) (i32.const 48)) (global.get $scratch))
    (call $fill (local.get $out) (i32.add (global.get $scratch) (i32.const 48)) (i32.const 32)))

  (func (export "self_address") (param $out i32) (result i32)
    (i32.store (global.get $scratch) (i32.const 32))
    (call $seal_address (i32.add (global.get $scratch) (i32.const 48)) (global.get $scratch))
    (call $fill (local.get $out) (i32.add (global.get $scratch) (i32.const 48)) (i32.const 32)))

  ;; From the copy that the glue read: cheaper than asking again up to some 700 bytes, and the selector is out of the way.
  (func (export "input") (param $out i32) (result i32)
    (call $fill
      (local.get $out)
      (i32.add (global.get $scratch) (i32.const 16456))
      (i32.sub (i32.load offset=16448 (global.get $scratch)) (i32.const 4))))

  (func (export "set_return") (param $ptr i32) (param $len i32)
    (call $check (local.get $ptr) (local.get $len))
    (if (i32.gt_u (local.get $len) (i32.const 16384)) (then (unreachable)))
    (call $copy (i32.add (global.get $scratch) (i32.const 32848)) (local.get $ptr) (local.get $len))
    (global.set $returned (local.get $len)))

  (func (export "revert") (param $ptr i32) (param $len i32)
    (call $check (local.get $ptr) (local.get $len))
    (if (i32.gt_u (local.get $len) (i32.const 1024)) (then (unreachable)))
    (call $seal_return (i32.const 1) (local.get $ptr) (local.get $len)))

  ;; A topic is a SCALE vector of one: its count, 1, is the byte 04, then 32 bytes.
  (func (export "emit") (param $topic i32) (param $ptr i32) (param $len i32)
    (local $at i32)
    (local $left i32)
    (local $char i32)
    (call $check (local.get $ptr) (local.get $len))
    (global.set $event_data (i32.add (global.get $event_data) (local.get $len)))
    (if (i32.or
          (i32.or (global.get $query) (i32.gt_u (global.get $event_data) (i32.const 8192)))
          (i32.or
            (i32.ge_u (i32.sub (local.tee $left (call $blob (local.get $topic))) (i32.const 1)) (i32.const 32))
            (i32.eq (global.get $emitted) (i32.const 1056))))
      (then (unreachable)))
    (i32.store8
      (local.tee $at (i32.add (i32.add (global.get $scratch) (i32.const 49248)) (global.get $emitted)))
      (i32.const 4))
    (loop $chars
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (local.set $char (i32.load8_u offset=4 (i32.add (local.get $topic) (local.get $left))))
      ;; a letter, or '-' to '9' but for '/', or '_'
      (if (i32.eqz
            (i32.or
              (i32.or
                (i32.lt_u (i32.sub (i32.or (local.get $char) (i32.const 32)) (i32.const 97)) (i32.const 26))
                (i32.eq (local.get $char) (i32.const 95)))
              (i32.and
                (i32.lt_u (i32.sub (local.get $char) (i32.const 45)) (i32.const 13))
                (i32.ne (local.get $char) (i32.const 47)))))
        (then (unreachable)))
      (i32.store8 offset=1 (i32.add (local.get $at) (local.get $left)) (local.get $char))
      (br_if $chars (local.get $left)))
    (global.set $emitted (i32.add (global.get $emitted) (i32.const 33)))
    (call $seal_deposit_event (local.get $at) (i32.const 33) (local.get $ptr) (local.get $len)))

  ;; ---- the block: four bytes or eight, as the chain has it -------------------------------------------------------

  (func (export "block_height") (result i64)
    (i32.store (global.get $scratch) (i32.const 8))
    (i64.store offset=48 (global.get $scratch) (i64.const 0))
    (call $seal_block_number (i32.add (global.get $scratch) (i32.const 48)) (global.get $scratch))
    (i64.load offset=48 (global.get $scratch)))

  (func (export "block_time") (result i64)
    (i32.store (global.get $scratch) (i32.const 8))
    (call $seal_now (i32.add (global.get $scratch) (i32.const 48)) (global.get $scratch))
    (i64.load offset=48 (global.get $scratch)))

  ;; ---- cryptography: the pallet reads all inputs before it writes -------------------------------------------------

  (func (export "sha256") (param $ptr i32) (param $len i32) (param $out i32)
    (call $check (local.get $ptr) (local.get $len))
    (call $check (local.get $out) (i32.const 32))
    (call $seal_hash_sha2_256 (local.get $ptr) (local.get $len) (local.get $out)))

  (func (export "keccak256") (param $ptr i32) (param $len i32) (param $out i32)
    (call $check (local.get $ptr) (local.get $len))
    (call $check (local.get $out) (i32.const 32))
    (call $seal_hash_keccak_256 (local.get $ptr) (local.get $len) (local.get $out)))

  ;; The pallet takes a v of 27 to 30 for 0 to 3; the interface does not.
  (func (export "secp256k1_recover") (param $hash i32) (param $sig i32) (param $out i32) (result i32)
    (call $check (local.get $hash) (i32.const 32))
    (call $check (local.get $sig) (i32.const 65))
    (call $check (local.get $out) (i32.const 33))
    (if (i32.gt_u (i32.load8_u offset=64 (local.get $sig)) (i32.const 3)) (then (return (i32.const 1))))
    (i32.ne (call $seal_ecdsa_recover (local.get $sig) (local.get $hash) (local.get $out)) (i32.const 0)))

  ;; ---- nothing on a chain ---------------------------------------------------------------------------------------

  (func (export "debug_log") (param i32 i32))
  (func (export "gas_consume") (param i64))

  ;; ---- for the glue ---------------------------------------------------------------------------------------------

  ;; Reads the input, which ends in a trap when it is longer than its place; the selector.
  (func (export "_selector") (result i32)
    (i32.store offset=16448 (global.get $scratch) (i32.const 16388))
    (call $seal_input
      (i32.add (global.get $scratch) (i32.const 16452))
      (i32.add (global.get $scratch) (i32.const 16448)))
    (if (i32.lt_u (i32.load offset=16448 (global.get $scratch)) (i32.const 4)) (then (unreachable)))
    (i32.load offset=16452 (global.get $scratch)))

  ;; Traps unless there is no input at all: it does not fit into no room.
  (func (export "_no_input")
    (call $seal_input (global.get $scratch) (i32.add (global.get $scratch) (i32.const 48))))

  ;; Is there value attached?
  (func (export "_attached") (result i32)
    (i32.store (global.get $scratch) (i32.const 16))
    (call $seal_value_transferred (i32.add (global.get $scratch) (i32.const 48)) (global.get $scratch))
    (i64.ne (i64.or (i64.load offset=48 (global.get $scratch)) (i64.load offset=56 (global.get $scratch))) (i64.const 0)))

  ;; Reverts with one of the glue's texts, by its offset in scratch.
  (func (export "_refuse") (param $text i32) (param $len i32)
    (call $seal_return (i32.const 1) (i32.add (global.get $scratch) (local.get $text)) (local.get $len)))

  ;; Ends the call with the return data, if there is any.
  (func (export "_finish")
    (if (global.get $returned)
      (then (call $seal_return (i32.const 0) (i32.add (global.get $scratch) (i32.const 32848)) (global.get $returned))))))
