;; SSHI on NEAR: each function of the interface, from the host functions of nearcore's module `env`.
;;
;; The linker gives the contract's memory, the global `memory_bytes` (its size as the contract knows it) and the address of one
;; page above it, `scratch`.  The chain itself always gives 64 MiB, so every range is checked here.
;;
;;   scratch +      0  "sshi: not payable"             put there by the glue, which knows what the
;;                 17  "sshi: already initialised"     contract needs
;;                 42  the alphabet of base64
;;                106  the line of an event: its head of 57 bytes, then what `emit` appends, at most 11,133 bytes in all
;;             12,288  64 bytes of work space
;;
;; Register 0 is the only one used: what the chain returns in it is read before the next call.
;; Lengths come before pointers in the chain's functions, and all of them are i64.
(module
  (import "env" "read_register" (func $read_register (param $register i64) (param $ptr i64)))
  (import "env" "register_len" (func $register_len (param $register i64) (result i64)))
  (import "env" "current_account_id" (func $current_account_id (param $register i64)))
  (import "env" "predecessor_account_id" (func $predecessor_account_id (param $register i64)))
  (import "env" "input" (func $read_input (param $register i64)))
  (import "env" "block_index" (func $block_index (result i64)))
  (import "env" "block_timestamp" (func $block_timestamp (result i64)))
  (import "env" "storage_usage" (func $storage_usage (result i64)))
  (import "env" "account_balance" (func $account_balance (param $ptr i64)))
  (import "env" "attached_deposit" (func $attached_deposit (param $ptr i64)))
  (import "env" "sha256" (func $hash_sha256 (param $len i64) (param $ptr i64) (param $register i64)))
  (import "env" "keccak256" (func $hash_keccak256 (param $len i64) (param $ptr i64) (param $register i64)))
  (import "env" "ecrecover" (func $ecrecover
    (param $hash_len i64) (param $hash_ptr i64) (param $sig_len i64) (param $sig_ptr i64)
    (param $v i64) (param $malleability i64) (param $register i64) (result i64)))
  (import "env" "value_return" (func $value_return (param $len i64) (param $ptr i64)))
  (import "env" "panic_utf8" (func $panic_utf8 (param $len i64) (param $ptr i64)))
  (import "env" "log_utf8" (func $log_utf8 (param $len i64) (param $ptr i64)))
  (import "env" "storage_write" (func $write
    (param $key_len i64) (param $key_ptr i64) (param $value_len i64) (param $value_ptr i64) (param $register i64) (result i64)))
  (import "env" "storage_read" (func $read (param $key_len i64) (param $key_ptr i64) (param $register i64) (result i64)))
  (import "env" "storage_remove" (func $remove (param $key_len i64) (param $key_ptr i64) (param $register i64) (result i64)))
  (import "env" "storage_has_key" (func $has_key (param $key_len i64) (param $key_ptr i64) (result i64)))
  (import "env" "promise_batch_create" (func $promise_batch_create (param $len i64) (param $ptr i64) (result i64)))
  (import "env" "promise_batch_action_transfer" (func $promise_transfer (param $promise i64) (param $amount_ptr i64)))
  (import "contract" "memory" (memory 0))
  (import "sshi" "memory_bytes" (global $memory_bytes i32))
  (import "sshi" "scratch" (global $scratch i32))

  ;; set by the glue of a query entry, which stays read-only in a transaction too
  (global $query (export "query") (mut i32) (i32.const 0))
  ;; events of this call so far, and the bytes of their data
  (global $events (mut i32) (i32.const 0))
  (global $event_bytes (mut i32) (i32.const 0))

  ;; ---- what several functions share -------------------------------------------------------------------------------------
  ;;
  ;; A function looks at whether a query may use it, then at its ranges, then at limits: a call with several faults traps by the
  ;; first of them, here as on the reference host.

  ;; Traps unless [ptr, ptr + len) is inside the contract's memory: by a load that no memory of the chain reaches, so that the
  ;; trap is the one of a plain access outside.
  (func $check (param $ptr i32) (param $len i32)
    (if (i64.gt_u
          (i64.add (i64.extend_i32_u (local.get $ptr)) (i64.extend_i32_u (local.get $len)))
          (i64.extend_i32_u (global.get $memory_bytes)))
      (then (drop (i32.load8_u (i32.const -1))))))

  ;; The length as the chain takes it; traps above the limit.
  (func $at_most (param $len i32) (param $limit i32) (result i64)
    (if (i32.gt_u (local.get $len) (local.get $limit)) (then unreachable))
    (i64.extend_i32_u (local.get $len)))

  ;; The length of a blob that is all inside memory.  A header that is not is read from scratch, or traps; its bytes would begin
  ;; outside then, so that one check is enough.
  (func $blob (param $blob i32) (result i32)
    (call $check (i32.add (local.get $blob) (i32.const 4)) (i32.load (local.get $blob)))
    (i32.load (local.get $blob)))

  ;; The length of a blob that is a key, as the chain takes it.
  (func $key (param $key i32) (result i64)
    (if (i32.ge_u (i32.sub (call $blob (local.get $key)) (i32.const 1)) (i32.const 128)) (then unreachable))
    (i64.load32_u (local.get $key)))

  ;; The register's bytes into the buffer if they fit; their length.
  (func $give (param $out i32) (param $len i32) (result i32) (local $fits i32)
    (local.set $fits (i32.le_u (local.get $len) (i32.load (local.get $out))))
    (call $check (i32.add (local.get $out) (i32.const 4)) (select (local.get $len) (i32.const 0) (local.get $fits)))
    (if (local.get $fits)
      (then
        (call $read_register (i64.const 0) (i64.extend_i32_u (i32.add (local.get $out) (i32.const 4))))
        (i32.store (local.get $out) (local.get $len))))
    (local.get $len))

  ;; What a query may not do begins with this.
  (func $not_in_query
    (if (global.get $query) (then unreachable)))

  ;; ---- storage ----------------------------------------------------------------------------------------------------------

  (func (export "storage_read") (param $key i32) (param $out i32) (result i32)
    (call $check (local.get $out) (i32.const 4))
    (if (result i32)
      (i64.eqz (call $read
        (call $key (local.get $key)) (i64.extend_i32_u (i32.add (local.get $key) (i32.const 4)))
        (i64.const 0)))
      (then (i32.const -1))
      (else (call $give (local.get $out) (i32.wrap_i64 (call $register_len (i64.const 0)))))))

  (func (export "storage_write") (param $key i32) (param $ptr i32) (param $len i32)
    (call $not_in_query)
    (call $check (local.get $ptr) (local.get $len))
    (drop (call $write
      (call $key (local.get $key)) (i64.extend_i32_u (i32.add (local.get $key) (i32.const 4)))
      (call $at_most (local.get $len) (i32.const 16384)) (i64.extend_i32_u (local.get $ptr))
      (i64.const 0))))

  (func (export "storage_remove") (param $key i32) (result i32)
    (call $not_in_query)
    (i32.wrap_i64 (call $remove
      (call $key (local.get $key)) (i64.extend_i32_u (i32.add (local.get $key) (i32.const 4)))
      (i64.const 0))))

  (func (export "storage_has") (param $key i32) (result i32)
    (i32.wrap_i64 (call $has_key
      (call $key (local.get $key)) (i64.extend_i32_u (i32.add (local.get $key) (i32.const 4))))))

  ;; ---- money ------------------------------------------------------------------------------------------------------------

  ;; The account's balance, less what the chain makes it keep: 10^19 for every byte it uses.  It is never taken to use fewer than
  ;; 200,000 bytes: a contract that was endowed with just the 2 NEAR for them, and given nothing, can spend nothing, and what it
  ;; can spend does not change with every byte it stores.  (2^32 bytes, where this would wrap, cost 42,949 million NEAR.)
  (func $spendable (param $out i32)
    (local $bytes i64) (local $cross i64) (local $low i64) (local $high i64)
    (call $account_balance (i64.extend_i32_u (local.get $out)))
    (if (i64.lt_u (local.tee $bytes (call $storage_usage)) (i64.const 200000))
      (then (local.set $bytes (i64.const 200000))))
    ;; high, low = bytes * 10^19, and 10^19 is 0x8AC72304_89E80000
    (local.set $cross (i64.mul (local.get $bytes) (i64.const 0x8AC72304)))
    (local.set $high (i64.shr_u (local.get $cross) (i64.const 32)))
    (local.set $cross (i64.shl (local.get $cross) (i64.const 32)))
    (local.set $low (i64.add (i64.mul (local.get $bytes) (i64.const 0x89E80000)) (local.get $cross)))
    (local.set $high (i64.add
      (i64.add (local.get $high) (i64.extend_i32_u (i64.lt_u (local.get $low) (local.get $cross))))
      (i64.extend_i32_u (i64.lt_u (i64.load (local.get $out)) (local.get $low)))))  ;; what the lower half borrows
    (local.set $low (i64.sub (i64.load (local.get $out)) (local.get $low)))
    (if (i64.lt_u (i64.load offset=8 (local.get $out)) (local.get $high))
      (then
        (local.set $low (i64.const 0))
        (local.set $high (i64.load offset=8 (local.get $out)))))
    (i64.store (local.get $out) (local.get $low))
    (i64.store offset=8 (local.get $out) (i64.sub (i64.load offset=8 (local.get $out)) (local.get $high))))

  ;; 2 to 64 of [a-z0-9], single - _ . between them: the chain aborts a call that names anything else.
  (func $is_account_id (param $id i32) (param $len i32) (result i32)
    (local $end i32) (local $byte i32) (local $after_separator i32)
    (if (i32.gt_u (i32.sub (local.get $len) (i32.const 2)) (i32.const 62)) (then (return (i32.const 0))))
    (local.set $end (i32.add (local.get $id) (local.get $len)))
    (local.set $after_separator (i32.const 1))
    (loop $next
      (local.set $byte (i32.load8_u offset=4 (local.get $id)))
      (if (i32.or
            (i32.lt_u (i32.sub (local.get $byte) (i32.const 97)) (i32.const 26))
            (i32.lt_u (i32.sub (local.get $byte) (i32.const 48)) (i32.const 10)))
        (then (local.set $after_separator (i32.const 0)))
        (else
          (if (i32.or
                (local.get $after_separator)
                (i32.and
                  (i32.ne (local.get $byte) (i32.const 95))
                  (i32.gt_u (i32.sub (local.get $byte) (i32.const 45)) (i32.const 1))))
            (then (return (i32.const 0))))
          (local.set $after_separator (i32.const 1))))
      (br_if $next (i32.ne (local.tee $id (i32.add (local.get $id) (i32.const 1))) (local.get $end))))
    (i32.eqz (local.get $after_separator)))

  ;; Whether the blob is this very account's id, of which the length is compared first: reading it costs twice as much.
  (func $is_self (param $id i32) (result i32) (local $left i32)
    (call $current_account_id (i64.const 0))
    (if (i32.ne
          (local.tee $left (i32.wrap_i64 (call $register_len (i64.const 0))))
          (i32.load (local.get $id)))
      (then (return (i32.const 0))))
    (call $read_register (i64.const 0) (call $work))
    (loop $next
      (if (i32.ne
            (i32.load8_u offset=12287 (i32.add (global.get $scratch) (local.get $left)))
            (i32.load8_u offset=3 (i32.add (local.get $id) (local.get $left))))
        (then (return (i32.const 0))))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.const 1))

  ;; The chain settles a transfer in a receipt of its own, after the call; the amount leaves the balance now.
  (func (export "transfer") (param $to i32) (param $amount i32) (result i32)
    (local $have i32)
    (call $not_in_query)
    (call $check (local.get $amount) (i32.const 16))
    (if (i32.eqz (call $is_account_id (local.get $to) (call $blob (local.get $to)))) (then (return (i32.const 2))))
    (if (i64.eqz (i64.or (i64.load (local.get $amount)) (i64.load offset=8 (local.get $amount))))
      (then (return (i32.const 0))))
    (call $spendable (local.tee $have (i32.wrap_i64 (call $work))))
    (if (select
          (i64.gt_u (i64.load (local.get $amount)) (i64.load (local.get $have)))
          (i64.gt_u (i64.load offset=8 (local.get $amount)) (i64.load offset=8 (local.get $have)))
          (i64.eq (i64.load offset=8 (local.get $amount)) (i64.load offset=8 (local.get $have))))
      (then (return (i32.const 1))))
    (if (i32.eqz (call $is_self (local.get $to)))
      (then
        (call $promise_transfer
          (call $promise_batch_create (i64.load32_u (local.get $to)) (i64.extend_i32_u (i32.add (local.get $to) (i32.const 4))))
          (i64.extend_i32_u (local.get $amount)))))
    (i32.const 0))

  (func (export "balance") (param $out i32)
    (call $check (local.get $out) (i32.const 16))
    (call $spendable (local.get $out)))

  (func (export "value") (param $out i32)
    (call $not_in_query)
    (call $check (local.get $out) (i32.const 16))
    (call $attached_deposit (i64.extend_i32_u (local.get $out))))

  ;; ---- the call ---------------------------------------------------------------------------------------------------------

  (func (export "caller") (param $out i32) (result i32)
    (call $not_in_query)
    (call $predecessor_account_id (i64.const 0))
    (call $give (local.get $out) (i32.wrap_i64 (call $register_len (i64.const 0)))))

  (func (export "self_address") (param $out i32) (result i32)
    (call $current_account_id (i64.const 0))
    (call $give (local.get $out) (i32.wrap_i64 (call $register_len (i64.const 0)))))

  (func (export "input") (param $out i32) (result i32) (local $len i32)
    (call $read_input (i64.const 0))
    (if (i32.gt_u (local.tee $len (i32.wrap_i64 (call $register_len (i64.const 0)))) (i32.const 16384)) (then unreachable))
    (call $give (local.get $out) (local.get $len)))

  (func (export "set_return") (param $ptr i32) (param $len i32)
    (call $check (local.get $ptr) (local.get $len))
    (call $value_return (call $at_most (local.get $len) (i32.const 16384)) (i64.extend_i32_u (local.get $ptr))))

  (func (export "revert") (param $ptr i32) (param $len i32)
    (call $check (local.get $ptr) (local.get $len))
    (call $panic_utf8 (call $at_most (local.get $len) (i32.const 1024)) (i64.extend_i32_u (local.get $ptr))))

  (func (export "block_height") (result i64)
    (call $block_index))

  (func (export "block_time") (result i64)
    (i64.div_u (call $block_timestamp) (i64.const 1000000)))

  ;; ---- events -----------------------------------------------------------------------------------------------------------

  ;; EVENT_JSON:{"standard":"sshi","version":"1.0.0","event":"<topic>","data":["<base64>"]}, in one log.  `at` is two bytes
  ;; before the end of the line, so that padding can be put over what was written last.
  (func (export "emit") (param $topic i32) (param $ptr i32) (param $len i32)
    (local $at i32) (local $left i32) (local $bits i32)
    (call $not_in_query)
    (call $check (local.get $ptr) (local.get $len))
    (local.set $left (call $blob (local.get $topic)))
    (global.set $events (i32.add (global.get $events) (i32.const 1)))
    (global.set $event_bytes (i32.add (global.get $event_bytes) (local.get $len)))
    (if (i32.or
          (i32.ge_u (i32.sub (local.get $left) (i32.const 1)) (i32.const 32))
          (i32.or (i32.gt_u (global.get $events) (i32.const 32)) (i32.gt_u (global.get $event_bytes) (i32.const 8192))))
      (then unreachable))
    ;; the topic, from its end
    (local.set $at (i32.add (global.get $scratch) (i32.const 161)))
    (loop $next
      (local.set $bits (i32.load8_u offset=3 (i32.add (local.get $topic) (local.get $left))))
      (block $allowed
        (br_if $allowed
          (i32.lt_u (i32.sub (i32.or (local.get $bits) (i32.const 32)) (i32.const 97)) (i32.const 26)))  ;; A-Z a-z
        (br_if $allowed (i32.or
          (i32.or
            (i32.lt_u (i32.sub (local.get $bits) (i32.const 48)) (i32.const 10))                         ;; 0-9
            (i32.lt_u (i32.sub (local.get $bits) (i32.const 45)) (i32.const 2)))                         ;; - .
          (i32.eq (local.get $bits) (i32.const 95))))                                                    ;; _
        unreachable)
      (i32.store8 offset=1 (i32.add (local.get $at) (local.get $left)) (local.get $bits))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i64.store offset=2 (local.tee $at (i32.add (local.get $at) (i32.load (local.get $topic))))
      (i64.const 0x2261746164222C22))                                    ;; ","data"
    (i32.store offset=10 (local.get $at) (i32.const 0x225B3A))           ;; :["
    (local.set $at (i32.add (local.get $at) (i32.const 11)))
    ;; three bytes to four characters; bytes past the data count as 0
    (if (local.tee $left (local.get $len))
      (then (loop $next
        (local.set $bits (i32.or
          (i32.or
            (i32.shl (i32.load8_u (local.get $ptr)) (i32.const 16))
            (i32.shl (i32.load8_u offset=1 (local.get $ptr)) (i32.const 8)))
          (i32.load8_u offset=2 (local.get $ptr))))
        (if (i32.lt_s (local.tee $left (i32.sub (local.get $left) (i32.const 3))) (i32.const 0))
          (then (local.set $bits
            (i32.and (local.get $bits) (i32.shl (i32.const -1) (i32.mul (local.get $left) (i32.const -8)))))))
        (i32.store8 offset=2 (local.get $at) (i32.load8_u offset=42
          (i32.add (global.get $scratch) (i32.shr_u (local.get $bits) (i32.const 18)))))
        (i32.store8 offset=3 (local.get $at) (i32.load8_u offset=42
          (i32.add (global.get $scratch) (i32.and (i32.shr_u (local.get $bits) (i32.const 12)) (i32.const 63)))))
        (i32.store8 offset=4 (local.get $at) (i32.load8_u offset=42
          (i32.add (global.get $scratch) (i32.and (i32.shr_u (local.get $bits) (i32.const 6)) (i32.const 63)))))
        (i32.store8 offset=5 (local.get $at) (i32.load8_u offset=42
          (i32.add (global.get $scratch) (i32.and (local.get $bits) (i32.const 63)))))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (local.set $ptr (i32.add (local.get $ptr) (i32.const 3)))
        (br_if $next (i32.gt_s (local.get $left) (i32.const 0))))))
    ;; left is 0, -1 or -2 now: how many of the characters are padding
    (if (local.get $left)
      (then
        (i32.store8 offset=1 (local.get $at) (i32.const 61))
        (if (i32.lt_s (local.get $left) (i32.const -1)) (then (i32.store8 (local.get $at) (i32.const 61))))))
    (i32.store offset=2 (local.get $at) (i32.const 0x7D5D22))            ;; "]}
    (call $log_utf8
      (i64.extend_i32_u (i32.sub (local.get $at) (i32.add (global.get $scratch) (i32.const 101))))
      (i64.extend_i32_u (i32.add (global.get $scratch) (i32.const 106)))))

  ;; ---- hashes and keys --------------------------------------------------------------------------------------------------

  (func (export "sha256") (param $ptr i32) (param $len i32) (param $out i32)
    (call $check (local.get $ptr) (local.get $len))
    (call $check (local.get $out) (i32.const 32))
    (call $hash_sha256 (i64.extend_i32_u (local.get $len)) (i64.extend_i32_u (local.get $ptr)) (i64.const 0))
    (call $read_register (i64.const 0) (i64.extend_i32_u (local.get $out))))

  (func (export "keccak256") (param $ptr i32) (param $len i32) (param $out i32)
    (call $check (local.get $ptr) (local.get $len))
    (call $check (local.get $out) (i32.const 32))
    (call $hash_keccak256 (i64.extend_i32_u (local.get $len)) (i64.extend_i32_u (local.get $ptr)) (i64.const 0))
    (call $read_register (i64.const 0) (i64.extend_i32_u (local.get $out))))

  ;; The chain aborts a call that gives a v above 3, and returns both coordinates of the key.
  (func (export "secp256k1_recover") (param $hash i32) (param $sig i32) (param $out i32) (result i32)
    (local $key i32)
    (call $check (local.get $hash) (i32.const 32))
    (call $check (local.get $sig) (i32.const 65))
    (call $check (local.get $out) (i32.const 33))
    (if (i32.gt_u (i32.load8_u offset=64 (local.get $sig)) (i32.const 3)) (then (return (i32.const 1))))
    (if (i64.eqz (call $ecrecover
          (i64.const 32) (i64.extend_i32_u (local.get $hash))
          (i64.const 64) (i64.extend_i32_u (local.get $sig)) (i64.load8_u offset=64 (local.get $sig))
          (i64.const 0) (i64.const 0)))
      (then (return (i32.const 1))))
    (call $read_register (i64.const 0) (call $work))
    (local.set $key (i32.wrap_i64 (call $work)))
    (i32.store8 (local.get $out) (i32.or (i32.const 2) (i32.and (i32.const 1) (i32.load8_u offset=63 (local.get $key)))))
    (memory.copy (i32.add (local.get $out) (i32.const 1)) (local.get $key) (i32.const 32))
    (i32.const 0))

  ;; ---- for a developer, and for metering: nothing on a chain ------------------------------------------------------------

  (func (export "debug_log") (param $ptr i32) (param $len i32))

  (func (export "gas_consume") (param $units i64))

  ;; ---- for the glue -----------------------------------------------------------------------------------------------------

  (func $work (result i64)
    (i64.extend_i32_u (i32.add (global.get $scratch) (i32.const 12288))))

  ;; The guard of an entry that takes no value.
  (func (export "_unpaid")
    (call $attached_deposit (call $work))
    (if (i32.eqz (i64.eqz (i64.or
          (i64.load offset=12288 (global.get $scratch))
          (i64.load offset=12296 (global.get $scratch)))))
      (then (call $panic_utf8 (i64.const 17) (i64.extend_i32_u (global.get $scratch))))))

  ;; The guard of init: the empty key, which no contract can use and no byte is charged for, holds an empty value from then on.
  (func (export "_once")
    (if (i64.ne (i64.const 0)
          (call $write (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))
      (then (call $panic_utf8 (i64.const 25) (i64.extend_i32_u (i32.add (global.get $scratch) (i32.const 17)))))))
)
