//! Who answers: the one profile, what the judge is made of, and the chain's numbers.

use std::collections::BTreeMap;

use crate::protocol::{Hello, HelloOk, PROTOCOL, Problem};
use crate::runtime::{DEPOSIT_PER_BYTE, DEPOSIT_PER_ITEM, EXISTENTIAL_DEPOSIT};
use crate::wire::Decimal;

/// Named by the release of pallet-contracts, the only thing here that versions of a chain differ in.
pub const PROFILE: &str = "polkadot@51";

pub fn hello(request: &Hello) -> Result<HelloOk, Problem> {
    if request.protocol != PROTOCOL {
        let message = format!("this program speaks protocol {PROTOCOL}, not {}", request.protocol);
        return Err(Problem::new("unknown-protocol", message));
    }
    Ok(HelloOk {
        protocol: PROTOCOL,
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        chain: "polkadot",
        speaks: ["world"],
        profiles: [PROFILE],
        crates: crates(),
        config: BTreeMap::from([
            ("deposit_per_byte", Decimal(DEPOSIT_PER_BYTE)),
            ("deposit_per_item", Decimal(DEPOSIT_PER_ITEM)),
            ("existential_deposit", Decimal(EXISTENTIAL_DEPOSIT)),
        ]),
    })
}

/// Versions of the crates that decide results, read from the manifest's exact pins so that they are written once.
fn crates() -> BTreeMap<&'static str, &'static str> {
    ["frame-support", "frame-system", "pallet-balances", "pallet-contracts", "wasmi"]
        .into_iter()
        .map(|name| (name, pinned(name).unwrap_or_else(|| panic!("Cargo.toml pins no {name}"))))
        .collect()
}

fn pinned(name: &str) -> Option<&'static str> {
    let manifest = include_str!("../Cargo.toml");
    let line = manifest.lines().find(|line| line.split_whitespace().next() == Some(name))?;
    Some(line.split_once("\"=")?.1.split_once('"')?.0)
}
