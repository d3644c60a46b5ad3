//! The chain's storage: Substrate's own overlay of changes, with nothing below it.
//!
//! `TestExternalities` is the same overlay above a trie.  Without the trie a read of an absent key is cheap, no storage
//! root is ever computed, and a whole world can be copied and put back.  It also lets one contract's storage be watched
//! while a call runs.

use std::collections::BTreeMap;

use sp_core::Blake2Hasher;
use sp_core::storage::{ChildInfo, StateVersion, Storage, TrackedStorageKey};
use sp_externalities::{
    Error, Extension, ExtensionStore, Externalities, MultiRemovalResults, set_and_run_with_externalities,
};
use sp_io::hashing::{blake2_128, twox_128};
use sp_state_machine::OverlayedChanges;

pub type Overlay = OverlayedChanges<Blake2Hasher>;
pub type Bytes = Vec<u8>;
/// Contract keys with their values, or what became of them.
pub type Entries<V> = BTreeMap<Bytes, V>;

const HASH: usize = 16;

pub struct Ledger {
    overlay: Overlay,
    watched: Option<Watched>,
    system: SystemKeys,
}

/// One contract's trie, and the values that were there before its keys were first written.
struct Watched {
    trie: Bytes,
    before: Entries<Option<Bytes>>,
}

/// Where System keeps the events of a block.
struct SystemKeys {
    events: Bytes,
    count: Bytes,
    topics: Bytes,
}

impl Ledger {
    pub fn new(genesis: Storage) -> Self {
        let key = |item: &str| [twox_128(b"System"), twox_128(item.as_bytes())].concat();
        let system = SystemKeys { events: key("Events"), count: key("EventCount"), topics: key("EventTopics") };
        Ledger { overlay: genesis.into(), watched: None, system }
    }

    pub fn copy(&self) -> Overlay {
        self.overlay.clone()
    }

    pub fn replace(&mut self, overlay: Overlay) {
        self.overlay = overlay;
    }

    /// Runs pallet code on this storage.
    pub fn run<R>(&mut self, work: impl FnOnce() -> R) -> R {
        set_and_run_with_externalities(self, work)
    }

    pub fn begin(&mut self) {
        self.overlay.start_transaction();
    }

    pub fn undo(&mut self) {
        self.overlay.rollback_transaction().expect("one was begun");
    }

    /// Keeps what was written since `begin`, except for the events, which were for the one who began.
    pub fn keep(&mut self) {
        self.overlay.commit_transaction().expect("one was begun");
        self.overlay.set_storage(self.system.events.clone(), None);
        self.overlay.set_storage(self.system.count.clone(), None);
    }

    /// From now on remembers what was in this trie before it is written.
    pub fn watch(&mut self, trie: Bytes) {
        self.watched = Some(Watched { trie, before: BTreeMap::new() });
    }

    /// What differs in the watched trie between `watch` and now; ends the watching.
    pub fn difference(&mut self) -> Entries<Option<Bytes>> {
        let Some(Watched { trie, before }) = self.watched.take() else {
            return BTreeMap::new();
        };
        let child = ChildInfo::new_default_from_vec(trie);
        let now = before.into_iter().filter_map(|(hashed, old)| {
            let new = self.child_storage(&child, &hashed);
            (new != old).then_some((hashed, new))
        });
        now.filter_map(|(hashed, new)| Some((contract_key(&hashed)?, new))).collect()
    }

    /// Everything in a contract's trie.
    pub fn entries(&mut self, trie: &[u8]) -> Entries<Bytes> {
        let Some((changes, _)) = self.overlay.child_changes_mut(trie) else {
            return BTreeMap::new();
        };
        changes.filter_map(|(hashed, value)| Some((contract_key(hashed)?, value.value()?.clone()))).collect()
    }
}

/// The key that the contract gave, of the pallet's API with keys of any length.
///
/// The older API with keys of 32 bytes stores elsewhere in the same trie, under blake2-256; its entries are not shown.
fn contract_key(hashed: &[u8]) -> Option<Bytes> {
    let (hash, key) = hashed.split_at_checked(HASH)?;
    (blake2_128(key) == hash).then(|| key.to_vec())
}

/// Everything that pallet code needs while it runs; what only nodes and benchmarks ask for is refused.
impl Externalities for Ledger {
    fn storage(&mut self, key: &[u8]) -> Option<Bytes> {
        self.overlay.storage(key).flatten().map(<[u8]>::to_vec)
    }

    fn child_storage(&mut self, child: &ChildInfo, key: &[u8]) -> Option<Bytes> {
        self.overlay.child_storage(child, key).flatten().map(<[u8]>::to_vec)
    }

    fn exists_storage(&mut self, key: &[u8]) -> bool {
        self.overlay.storage(key).flatten().is_some()
    }

    fn exists_child_storage(&mut self, child: &ChildInfo, key: &[u8]) -> bool {
        self.overlay.child_storage(child, key).flatten().is_some()
    }

    fn next_storage_key(&mut self, key: &[u8]) -> Option<Bytes> {
        self.overlay.iter_after(key).find_map(|(key, value)| value.value().map(|_| key.to_vec()))
    }

    fn next_child_storage_key(&mut self, child: &ChildInfo, key: &[u8]) -> Option<Bytes> {
        let mut after = self.overlay.child_iter_after(child.storage_key(), key);
        after.find_map(|(key, value)| value.value().map(|_| key.to_vec()))
    }

    fn place_storage(&mut self, key: Bytes, value: Option<Bytes>) {
        self.overlay.set_storage(key, value);
    }

    fn place_child_storage(&mut self, child: &ChildInfo, key: Bytes, value: Option<Bytes>) {
        if let Some(watched) = &mut self.watched
            && watched.trie == child.storage_key()
            && !watched.before.contains_key(&key)
        {
            let old = self.overlay.child_storage(child, &key).flatten().map(<[u8]>::to_vec);
            watched.before.insert(key.clone(), old);
        }
        self.overlay.set_child_storage(child, key, value);
    }

    fn storage_append(&mut self, key: Bytes, element: Bytes) {
        // An index that light clients read; here it would only grow.
        if !key.starts_with(&self.system.topics) {
            self.overlay.append_storage(key, element, Vec::new);
        }
    }

    fn storage_start_transaction(&mut self) {
        self.overlay.start_transaction();
    }

    fn storage_rollback_transaction(&mut self) -> Result<(), ()> {
        self.overlay.rollback_transaction().map_err(drop)
    }

    fn storage_commit_transaction(&mut self) -> Result<(), ()> {
        self.overlay.commit_transaction().map_err(drop)
    }

    fn set_offchain_storage(&mut self, _: &[u8], _: Option<&[u8]>) {
        unimplemented!("there is no offchain worker")
    }

    fn storage_hash(&mut self, _: &[u8]) -> Option<Bytes> {
        unimplemented!("storage is not hashed")
    }

    fn child_storage_hash(&mut self, _: &ChildInfo, _: &[u8]) -> Option<Bytes> {
        unimplemented!("storage is not hashed")
    }

    fn storage_root(&mut self, _: StateVersion) -> Bytes {
        unimplemented!("storage is not hashed")
    }

    fn child_storage_root(&mut self, _: &ChildInfo, _: StateVersion) -> Bytes {
        unimplemented!("storage is not hashed")
    }

    fn kill_child_storage(&mut self, _: &ChildInfo, _: Option<u32>, _: Option<&[u8]>) -> MultiRemovalResults {
        unimplemented!("contracts are removed in idle blocks, and there are none")
    }

    fn clear_prefix(&mut self, _: &[u8], _: Option<u32>, _: Option<&[u8]>) -> MultiRemovalResults {
        unimplemented!("only migrations and new blocks remove by prefix")
    }

    fn clear_child_prefix(&mut self, _: &ChildInfo, _: &[u8], _: Option<u32>, _: Option<&[u8]>) -> MultiRemovalResults {
        unimplemented!("only migrations and new blocks remove by prefix")
    }

    fn wipe(&mut self) {
        unimplemented!("only for benchmarks of pallets")
    }

    fn commit(&mut self) {
        unimplemented!("only for benchmarks of pallets")
    }

    fn read_write_count(&self) -> (u32, u32, u32, u32) {
        unimplemented!("only for benchmarks of pallets")
    }

    fn reset_read_write_count(&mut self) {
        unimplemented!("only for benchmarks of pallets")
    }

    fn get_whitelist(&self) -> Vec<TrackedStorageKey> {
        unimplemented!("only for benchmarks of pallets")
    }

    fn set_whitelist(&mut self, _: Vec<TrackedStorageKey>) {
        unimplemented!("only for benchmarks of pallets")
    }

    fn get_read_and_written_keys(&self) -> Vec<(Bytes, u32, u32, bool)> {
        unimplemented!("only for benchmarks of pallets")
    }
}

/// No extension is offered; the pallets here ask for none.
impl ExtensionStore for Ledger {
    fn extension_by_type_id(&mut self, _: std::any::TypeId) -> Option<&mut dyn std::any::Any> {
        None
    }

    fn register_extension_with_type_id(&mut self, _: std::any::TypeId, _: Box<dyn Extension>) -> Result<(), Error> {
        Err(Error::ExtensionsAreNotSupported)
    }

    fn deregister_extension_by_type_id(&mut self, _: std::any::TypeId) -> Result<(), Error> {
        Err(Error::ExtensionsAreNotSupported)
    }
}

#[cfg(test)]
mod tests {
    use frame_support::pallet_prelude::Weight;
    use frame_support::storage::{TransactionOutcome, with_transaction};
    use frame_support::traits::fungible::Mutate as _;
    use pallet_contracts::{Code, CollectEvents, DebugInfo, Determinism};
    use sp_runtime::DispatchError;

    use super::*;
    use crate::runtime::{AccountId, Balances, Contracts, System};

    /// Emits; returns what was under `k` and stores its input there, or nothing when it is empty; traps on a single byte.
    const CONTRACT: &str = r#"(module
        (import "env" "memory" (memory 1 1))
        (import "seal0" "input" (func $input (param i32 i32)))
        (import "seal0" "deposit_event" (func $event (param i32 i32 i32 i32)))
        (import "seal0" "seal_return" (func $return (param i32 i32 i32)))
        (import "seal0" "take_storage" (func $take (param i32 i32 i32 i32) (result i32)))
        (import "seal2" "set_storage" (func $set (param i32 i32 i32 i32) (result i32)))
        (data (i32.const 0) "k")
        (data (i32.const 8) "\00\01\00\00")
        (data (i32.const 12) "\00\01\00\00")
        (data (i32.const 16) "\04topic")
        (func $run
            (call $event (i32.const 16) (i32.const 33) (i32.const 0) (i32.const 1))
            (call $input (i32.const 256) (i32.const 8))
            (drop (call $take (i32.const 0) (i32.const 1) (i32.const 512) (i32.const 12)))
            (if (i32.load (i32.const 8)) (then
                (drop (call $set (i32.const 0) (i32.const 1) (i32.const 256) (i32.load (i32.const 8))))))
            (if (i32.eq (i32.load (i32.const 8)) (i32.const 1)) (then unreachable))
            (call $return (i32.const 0) (i32.const 512) (i32.load (i32.const 12))))
        (func (export "deploy") (call $run))
        (func (export "call") (call $run)))"#;

    /// All that can be seen of a small history, as text.
    fn history() -> Vec<String> {
        let mut seen = vec![];
        let alice = AccountId::new([1; 32]);
        let gas = Weight::from_parts(100_000_000_000, u64::MAX);
        System::set_block_number(1);
        Balances::set_balance(&alice, 1_000_000_000_000_000);
        let code = Code::Upload(wat::parse_str(CONTRACT).unwrap());
        let (debug, collect) = (DebugInfo::Skip, CollectEvents::UnsafeCollect);
        let made = Contracts::bare_instantiate(alice.clone(), 7, gas, None, code, vec![], vec![], debug, collect);
        seen.push(format!("{made:?}"));
        let contract = made.result.unwrap().account_id;
        for (input, keep) in [(&b"first"[..], true), (b"t", true), (b"undone", false), (b"second", true), (b"", true)] {
            let call = || {
                let to = contract.clone();
                let strict = Determinism::Enforced;
                Contracts::bare_call(alice.clone(), to, 1, gas, None, input.to_vec(), debug, collect, strict)
            };
            let done = with_transaction(|| match (call(), keep) {
                (done, true) => TransactionOutcome::Commit(Ok::<_, DispatchError>(done)),
                (done, false) => TransactionOutcome::Rollback(Ok(done)),
            });
            seen.push(format!("{done:?} {:?}", Contracts::get_storage(contract.clone(), b"k".to_vec())));
        }
        seen.push(format!("{:?}", System::events()));
        seen
    }

    #[test]
    fn the_pallet_cannot_tell_it_from_the_test_externalities() {
        let seen = Ledger::new(Storage::default()).run(history);
        assert!(seen.iter().any(|seen| seen.contains("ContractTrapped")));
        assert!(seen.iter().any(|seen| seen.contains("ContractEmitted")));
        assert_eq!(seen, sp_io::TestExternalities::default().execute_with(history));
    }
}
