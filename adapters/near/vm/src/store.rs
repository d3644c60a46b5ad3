//! What the program remembers between requests: modules and storage maps, both bounded.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use near_primitives_core::code::ContractCode;
use near_primitives_core::hash::CryptoHash;

/// Storage of one account.  Cloning is free and clones share what they have in common, so every state can be kept whole.
pub type Storage = rpds::HashTrieMapSync<Vec<u8>, Vec<u8>>;

/// Modules by hash.
pub struct Codes(Kept<CryptoHash, Arc<ContractCode>>);

impl Codes {
    pub fn new() -> Self {
        Codes(Kept::new(256, 1 << 28))
    }

    pub fn get(&mut self, hash: &CryptoHash) -> Option<&Arc<ContractCode>> {
        self.0.get(hash)
    }

    pub fn keep(&mut self, bytes: Vec<u8>) -> CryptoHash {
        let length = bytes.len();
        let code = ContractCode::new(bytes, None);
        let hash = *code.hash();
        self.0.keep(hash, Arc::new(code), length);
        hash
    }
}

/// Storage maps by the numbers they were given; 0 is the empty one, which is never dropped.
pub struct States {
    kept: Kept<u64, Storage>,
    last: u64,
}

impl States {
    pub fn new() -> Self {
        States { kept: Kept::new(4096, 1 << 30), last: 0 }
    }

    pub fn get(&mut self, state: u64) -> Option<Storage> {
        if state == 0 { Some(Storage::default()) } else { self.kept.get(&state).cloned() }
    }

    /// Keeps a map that adds `bytes` to the maps it was made from; what they share is counted with them.
    pub fn keep(&mut self, storage: Storage, bytes: usize) -> u64 {
        self.last += 1;
        self.kept.keep(self.last, storage, bytes);
        self.last
    }
}

/// Values of bounded number and size; the one unused for longest goes first, the newest stays however large.
struct Kept<K, V> {
    held: HashMap<K, Value<V>>,
    /// Keys by when they were last used.
    order: BTreeMap<u64, K>,
    now: u64,
    bytes: usize,
    most: usize,
    most_bytes: usize,
}

struct Value<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K: Copy + Eq + Hash, V> Kept<K, V> {
    fn new(most: usize, most_bytes: usize) -> Self {
        Kept { held: HashMap::new(), order: BTreeMap::new(), now: 0, bytes: 0, most, most_bytes }
    }

    fn get(&mut self, key: &K) -> Option<&V> {
        let held = self.held.get_mut(key)?;
        self.now += 1;
        self.order.remove(&held.used);
        self.order.insert(self.now, *key);
        held.used = self.now;
        Some(&held.value)
    }

    fn keep(&mut self, key: K, value: V, bytes: usize) {
        self.now += 1;
        self.order.insert(self.now, key);
        self.bytes += bytes;
        if let Some(same) = self.held.insert(key, Value { value, bytes, used: self.now }) {
            self.order.remove(&same.used);
            self.bytes -= same.bytes;
        }
        while self.held.len() > 1 && (self.held.len() > self.most || self.bytes > self.most_bytes) {
            let Some((_, key)) = self.order.pop_first() else { break };
            self.bytes -= self.held.remove(&key).map_or(0, |dropped| dropped.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(kept: &Kept<char, ()>) -> String {
        kept.order.values().filter(|key| kept.held.contains_key(key)).collect()
    }

    #[test]
    fn the_one_unused_for_longest_is_dropped() {
        let mut kept = Kept::new(3, 100);
        "abc".chars().for_each(|key| kept.keep(key, (), 1));
        assert!(kept.get(&'a').is_some());
        kept.keep('d', (), 1);
        assert_eq!(held(&kept), "cad");
        assert!(kept.get(&'b').is_none());
    }

    #[test]
    fn a_key_kept_again_counts_once() {
        let mut kept = Kept::new(3, 100);
        "abcab".chars().for_each(|key| kept.keep(key, (), 40));
        assert_eq!((held(&kept).as_str(), kept.bytes), ("ab", 80));
    }

    #[test]
    fn a_value_over_the_budget_drops_all_others_and_stays() {
        let mut kept = Kept::new(3, 100);
        kept.keep('a', (), 1);
        kept.keep('b', (), 101);
        assert_eq!((held(&kept).as_str(), kept.bytes), ("b", 101));
    }

    #[test]
    fn the_empty_state_needs_no_loading() {
        let mut states = States::new();
        assert!(states.get(0).is_some_and(|storage| storage.is_empty()));
        assert!(states.get(1).is_none());
        let first = states.keep(Storage::default(), 0);
        assert!(first == 1 && states.get(first).is_some());
    }
}
