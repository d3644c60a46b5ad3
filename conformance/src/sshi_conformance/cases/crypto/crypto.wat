;; RUN: sshi conformance run --cases %
;; Hashes and key recovery over the call's input.                                          clause: sha256.hash
(module
  (import "env" "sha256" (func $sha256 (param i32 i32 i32)))
  (import "env" "keccak256" (func $keccak256 (param i32 i32 i32)))
  (import "env" "secp256k1_recover" (func $recover (param i32 i32 i32) (result i32)))
  (import "env" "input" (func $input (param i32) (result i32)))
  (import "env" "set_return" (func $set_return (param i32 i32)))
  (memory (export "memory") 1 1)

  (data (i32.const 0) "\00\40\00\00")                      ;; the input, a buffer: its first byte is at 4
  (data (i32.const 0x5004) "\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee\ee")

  (func (export "sha256") (local $len i32)                 ;; -> 32 bytes
    (local.set $len (call $input (i32.const 0)))
    (call $sha256 (i32.const 4) (local.get $len) (i32.const 0x5004))
    (call $set_return (i32.const 0x5004) (i32.const 32)))
  (func (export "keccak256") (local $len i32)
    (local.set $len (call $input (i32.const 0)))
    (call $keccak256 (i32.const 4) (local.get $len) (i32.const 0x5004))
    (call $set_return (i32.const 0x5004) (i32.const 32)))
  (func (export "sha256_twice") (local $len i32)           ;; the hash of the hash, over itself
    (local.set $len (call $input (i32.const 0)))
    (call $sha256 (i32.const 4) (local.get $len) (i32.const 4))
    (call $sha256 (i32.const 4) (i32.const 32) (i32.const 4))
    (call $set_return (i32.const 4) (i32.const 32)))
  (func (export "keccak256_twice") (local $len i32)
    (local.set $len (call $input (i32.const 0)))
    (call $keccak256 (i32.const 4) (local.get $len) (i32.const 4))
    (call $keccak256 (i32.const 4) (i32.const 32) (i32.const 4))
    (call $set_return (i32.const 4) (i32.const 32)))
  (func (export "sha256_apart") (local $len i32)           ;; the input is as it was -> input
    (local.set $len (call $input (i32.const 0)))
    (call $sha256 (i32.const 4) (local.get $len) (i32.const 0x5004))
    (call $set_return (i32.const 4) (local.get $len)))
  (func (export "keccak256_apart") (local $len i32)
    (local.set $len (call $input (i32.const 0)))
    (call $keccak256 (i32.const 4) (local.get $len) (i32.const 0x5004))
    (call $set_return (i32.const 4) (local.get $len)))

  ;; hash, r, s, v -> result, then the output, which was 0xee everywhere
  (func (export "recover")
    (drop (call $input (i32.const 0)))
    (i32.store (i32.const 0x5000) (call $recover (i32.const 4) (i32.const 36) (i32.const 0x5004)))
    (call $set_return (i32.const 0x5000) (i32.const 37)))
  (func (export "recover_over")                            ;; the output over the hash -> result, 33 bytes
    (drop (call $input (i32.const 0)))
    (i32.store (i32.const 0) (call $recover (i32.const 4) (i32.const 36) (i32.const 4)))
    (call $set_return (i32.const 0) (i32.const 37))))
