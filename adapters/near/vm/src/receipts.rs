//! The receipts a call creates, recorded and not sent.

use std::collections::HashSet;

use near_primitives_core::hash::{CryptoHash, YieldId, hash};
use near_primitives_core::types::AccountId;
use near_vm_runner::logic::types::{ActionIndex, ReceiptIndex};
use near_vm_runner::logic::{HostError, VMLogicError};

use crate::protocol::{Action, OutgoingReceipt};
use crate::wire::{Bytes, Decimal};

type Result<T> = std::result::Result<T, VMLogicError>;

/// An action that is only named, with the money that leaves the account by it.
pub fn named(kind: &'static str, amount: u128) -> Action {
    Action { kind, amount: Decimal(amount), method: String::new(), input: Bytes::default(), gas: Decimal(0) }
}

/// A method name as actions carry it: unlike the VM, the chain's receipts want UTF-8.
pub fn method_name(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| HostError::InvalidMethodName.into())
}

struct Receipt {
    receiver: AccountId,
    /// What sets it apart from a plain receipt; kept beside the actions, whose indices the guest gets to see.
    marks: Vec<&'static str>,
    actions: Vec<Action>,
    entries: HashSet<(ActionIndex, Vec<u8>)>,
}

#[derive(Default)]
pub struct Receipts {
    sent: Vec<Receipt>,
    data_ids: u64,
    yields: Vec<(CryptoHash, Option<YieldId>)>,
    resumed: usize,
}

impl Receipts {
    /// A receipt; `after` says that it waits for the results of others.
    pub fn create(&mut self, receiver: AccountId, after: bool) -> ReceiptIndex {
        let marks = if after { vec!["promise-then"] } else { vec![] };
        self.sent.push(Receipt { receiver, marks, actions: vec![], entries: HashSet::new() });
        self.sent.len() as ReceiptIndex - 1
    }

    /// A receipt that waits for data, or None when this id waits already.
    pub fn create_yield(&mut self, receiver: AccountId, id: Option<YieldId>) -> Option<(ReceiptIndex, CryptoHash)> {
        if id.is_some() && self.yields.iter().any(|(_, pending)| *pending == id) {
            return None;
        }
        let data_id = self.data_id();
        self.yields.push((data_id, id));
        let index = self.create(receiver, false);
        self.mark(index, "yield-create");
        Some((index, data_id))
    }

    /// Whether a yield of this very call has that data id; those of earlier calls are not kept here.
    pub fn resume(&mut self, data_id: CryptoHash) -> bool {
        self.resume_where(|&(pending, _)| pending == data_id)
    }

    pub fn resume_id(&mut self, id: YieldId) -> bool {
        self.resume_where(|&(_, pending)| pending == Some(id))
    }

    fn resume_where(&mut self, is_it: impl Fn(&(CryptoHash, Option<YieldId>)) -> bool) -> bool {
        let found = self.yields.iter().any(is_it);
        self.resumed += usize::from(found);
        found
    }

    /// Unique within the call, which is all that is promised of it.
    pub fn data_id(&mut self) -> CryptoHash {
        self.data_ids += 1;
        hash(&self.data_ids.to_le_bytes())
    }

    pub fn receiver(&self, index: ReceiptIndex) -> &AccountId {
        &self.sent[index as usize].receiver
    }

    pub fn mark(&mut self, index: ReceiptIndex, mark: &'static str) {
        self.sent[index as usize].marks.push(mark);
    }

    pub fn push(&mut self, index: ReceiptIndex, action: Action) -> ActionIndex {
        let actions = &mut self.sent[index as usize].actions;
        actions.push(action);
        actions.len() as ActionIndex - 1
    }

    /// One key of a deterministic-state-init action: an index the guest chose, so it may be of no such action.
    pub fn entry(&mut self, receipt_index: ReceiptIndex, action_index: ActionIndex, key: Vec<u8>) -> Result<()> {
        let receipt = &mut self.sent[receipt_index as usize];
        let action = usize::try_from(action_index).ok().and_then(|index| receipt.actions.get(index));
        if action.is_none_or(|action| action.kind != "deterministic-state-init") {
            return Err(HostError::InvalidActionIndex { receipt_index, action_index }.into());
        }
        if !receipt.entries.insert((action_index, key)) {
            return Err(HostError::DataEntryAlreadyExists.into());
        }
        Ok(())
    }

    /// All of them in order, marks before actions; resumed yields last, as receipts to the account itself.
    pub fn outgoing(self, account: &AccountId) -> Vec<OutgoingReceipt> {
        let sent = self.sent.into_iter().map(|receipt| OutgoingReceipt {
            receiver: receipt.receiver.into(),
            actions: receipt.marks.into_iter().map(|mark| named(mark, 0)).chain(receipt.actions).collect(),
        });
        let resumed = (0..self.resumed)
            .map(|_| OutgoingReceipt { receiver: account.to_string(), actions: vec![named("yield-resume", 0)] });
        sent.chain(resumed).collect()
    }
}
