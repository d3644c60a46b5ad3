//! The protocol versions that can be judged, and what the judge is made of.

use std::collections::BTreeMap;
use std::sync::Arc;

use near_parameters::{RuntimeConfig, RuntimeConfigStore};
use near_primitives_core::types::ProtocolVersion;

const VERSIONS: std::ops::RangeInclusive<ProtocolVersion> = 84..=88;

pub struct Profile {
    pub name: String,
    pub config: Arc<RuntimeConfig>,
    /// ML-DSA keys are accepted from protocol version 85 on; no parameter says so.
    pub post_quantum_keys: bool,
}

/// Every profile, with the parameters and fees of the main network.
pub fn all() -> Vec<Profile> {
    let store = RuntimeConfigStore::new(None);
    let profile = |version| Profile {
        name: format!("near@{version}"),
        config: Arc::clone(store.get_config(version)),
        post_quantum_keys: version >= 85,
    };
    VERSIONS.map(profile).collect()
}

/// Versions of the crates that decide results, read from the manifest's exact pins so that they are written once.
pub fn crates() -> BTreeMap<&'static str, &'static str> {
    ["finite-wasm", "near-parameters", "near-primitives-core", "near-vm-runner", "wasmtime"]
        .into_iter()
        .map(|name| (name, pinned(name).unwrap_or_else(|| panic!("Cargo.toml pins no {name}"))))
        .collect()
}

fn pinned(name: &str) -> Option<&'static str> {
    let manifest = include_str!("../Cargo.toml");
    let line = manifest.lines().find(|line| line.split_whitespace().next() == Some(name))?;
    Some(line.split_once("\"=")?.1.split_once('"')?.0)
}
