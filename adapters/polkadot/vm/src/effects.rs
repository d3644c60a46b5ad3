//! What moved during a call, read from the chain's own events.
//!
//! Money moves by `Balances.Transfer` and by nothing else here: deposits are held and released by events of other
//! names.  So the sum of the transfers is exactly the value and what contracts sent.  One kind of transfer is a cost and
//! is left out: the existential deposit that the caller pays into each new contract, which it can never spend.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use pallet_balances::Event::Transfer;
use pallet_contracts::Event::{ContractEmitted, Instantiated};

use crate::accounts::bytes;
use crate::protocol::{Effects, WireEvent, WireTransfer};
use crate::runtime::{AccountId, Balance, EXISTENTIAL_DEPOSIT, Hash, Runtime, RuntimeEvent};
use crate::wire::{Bytes, Decimal};

pub type Record = frame_system::EventRecord<RuntimeEvent, Hash>;

/// A signed amount; a balance alone needs all 128 bits, so one of the two is always zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    gained: Balance,
    lost: Balance,
}

impl Change {
    pub fn gain(&mut self, amount: Balance) {
        let made_up = amount.min(self.lost);
        self.lost -= made_up;
        self.gained = self.gained.saturating_add(amount - made_up);
    }

    pub fn lose(&mut self, amount: Balance) {
        let covered = amount.min(self.gained);
        self.gained -= covered;
        self.lost = self.lost.saturating_add(amount - covered);
    }
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lost {
            0 => self.gained.fmt(f),
            lost => write!(f, "-{lost}"),
        }
    }
}

struct Move {
    from: AccountId,
    to: AccountId,
    amount: Balance,
}

/// The events, transfers and balances of a call of `contract` that was sent by `caller`; the storage is for others.
pub fn of(records: Vec<Record>, contract: &AccountId, caller: &AccountId) -> Effects {
    let mut events = vec![];
    let mut born = vec![];
    let mut moves = vec![];
    for Record { event, topics, .. } in records {
        match event {
            RuntimeEvent::Contracts(ContractEmitted { contract: by, data }) if by == *contract => {
                let topic = topics.first().map_or_else(Bytes::default, |topic| Bytes(topic.0.to_vec()));
                events.push(WireEvent { topic, data: Bytes(data) });
            }
            RuntimeEvent::Contracts(Instantiated { contract, .. }) => born.push(contract),
            RuntimeEvent::Balances(Transfer::<Runtime> { from, to, amount }) => moves.push(Move { from, to, amount }),
            _ => {}
        }
    }
    for contract in born {
        // It comes before anything that the caller can send there.
        let endowment = moves
            .iter()
            .position(|Move { from, to, amount }| from == caller && *to == contract && *amount == EXISTENTIAL_DEPOSIT);
        moves.remove(endowment.expect("no contract is made without its existential deposit"));
    }
    let mut changes = BTreeMap::<&AccountId, Change>::new();
    for Move { from, to, amount } in &moves {
        changes.entry(from).or_default().lose(*amount);
        changes.entry(to).or_default().gain(*amount);
    }
    let balances = changes.into_iter().filter(|(_, change)| *change != Change::default());
    let balances = balances.map(|(account, change)| (bytes(account), Decimal(change))).collect();
    let sent = moves.iter().filter(|sent| sent.from == *contract);
    let transfers = sent.map(|sent| WireTransfer { to: bytes(&sent.to), amount: Decimal(sent.amount) }).collect();
    Effects { storage: vec![], events, transfers, balances }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_may_turn_its_sign_and_reach_any_balance() {
        let mut change = Change::default();
        change.lose(7);
        assert_eq!(change.to_string(), "-7");
        change.gain(Balance::MAX);
        assert_eq!(change.to_string(), (Balance::MAX - 7).to_string());
        change.lose(Balance::MAX - 7);
        assert_eq!(change.to_string(), "0");
    }
}
