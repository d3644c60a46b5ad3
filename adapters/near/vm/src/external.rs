//! The chain as the VM sees it during one call: one account's storage, and receipts that go nowhere.
//!
//! Evicted and removed bytes are charged as a chain charges them.  Trie nodes are not (a chain's charge depends on all other
//! accounts), nor is there a storage proof or a validator.

use std::cell::Cell;
use std::collections::BTreeMap;

use near_crypto::PublicKey;
use near_primitives_core::hash::{CryptoHash, YieldId};
use near_primitives_core::types::{AccountId, Balance, Gas, GasWeight, Nonce, NonceIndex};
use near_primitives_core::universal_state_init::{DecodeMode, RawStateInit, StateInitError, UniversalStateInitCounts};
use near_vm_runner::logic::types::{ActionIndex, GlobalContractDeployMode, GlobalContractIdentifier, ReceiptIndex};
use near_vm_runner::logic::{External, StorageAccessTracker, VMLogicError, ValuePtr};

use crate::protocol::Action;
use crate::receipts::{Receipts, method_name, named};
use crate::store::Storage;
use crate::wire::{Bytes, Decimal};

type Result<T> = std::result::Result<T, VMLogicError>;

pub struct Ledger<'a> {
    before: &'a Storage,
    /// What the call wrote (None: removed); `before` is never touched, so dropping this undoes the call.
    pub writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub receipts: Receipts,
    post_quantum_keys: bool,
    /// The guest asked what only a whole node can answer; its call has no result here.
    pub out_of_depth: Cell<bool>,
}

impl<'a> Ledger<'a> {
    pub fn new(before: &'a Storage, post_quantum_keys: bool) -> Self {
        Ledger {
            before,
            writes: BTreeMap::new(),
            receipts: Receipts::default(),
            post_quantum_keys,
            out_of_depth: Cell::new(false),
        }
    }

    fn value(&self, key: &[u8]) -> Option<&[u8]> {
        match self.writes.get(key) {
            Some(written) => written.as_deref(),
            None => self.before.get(key).map(Vec::as_slice),
        }
    }
}

struct Found<'a>(&'a [u8]);

impl ValuePtr for Found<'_> {
    fn len(&self) -> u32 {
        u32::try_from(self.0.len()).expect("no storage value reaches 4 GiB")
    }

    fn deref(&self, _: &mut dyn StorageAccessTracker) -> Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }
}

impl External for Ledger<'_> {
    fn storage_set(
        &mut self,
        tracker: &mut dyn StorageAccessTracker,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let old = self.value(key).map(<[u8]>::to_vec);
        if let Some(old) = &old {
            tracker.deref_write_evicted_value_bytes(old.len() as u64)?;
        }
        self.writes.insert(key.to_vec(), Some(value.to_vec()));
        Ok(old)
    }

    fn storage_get<'b>(
        &'b self,
        _: &mut dyn StorageAccessTracker,
        key: &[u8],
    ) -> Result<Option<Box<dyn ValuePtr + 'b>>> {
        Ok(self.value(key).map(|value| Box::new(Found(value)) as Box<dyn ValuePtr>))
    }

    fn storage_remove(&mut self, tracker: &mut dyn StorageAccessTracker, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let old = self.value(key).map(<[u8]>::to_vec);
        if let Some(old) = &old {
            tracker.deref_removed_value_bytes(old.len() as u64)?;
            self.writes.insert(key.to_vec(), None);
        }
        Ok(old)
    }

    fn storage_has_key(&mut self, _: &mut dyn StorageAccessTracker, key: &[u8]) -> Result<bool> {
        Ok(self.value(key).is_some())
    }

    fn generate_data_id(&mut self) -> CryptoHash {
        self.receipts.data_id()
    }

    fn get_recorded_storage_size(&self) -> usize {
        0
    }

    fn storage_proof_size_before_receipt(&self) -> usize {
        0
    }

    fn validator_stake(&self, _: &AccountId) -> Result<Option<Balance>> {
        Ok(None)
    }

    fn validator_total_stake(&self) -> Result<Balance> {
        Ok(Balance::ZERO)
    }

    fn chain_id(&self) -> String {
        // The chain whose parameters are in force here.
        "mainnet".to_owned()
    }

    fn create_action_receipt(&mut self, after: Vec<ReceiptIndex>, receiver: AccountId) -> Result<ReceiptIndex> {
        Ok(self.receipts.create(receiver, !after.is_empty()))
    }

    fn create_promise_yield_receipt(&mut self, receiver: AccountId) -> Result<(ReceiptIndex, CryptoHash)> {
        Ok(self.receipts.create_yield(receiver, None).expect("only an id can be pending"))
    }

    fn create_promise_yield_receipt_with_id(
        &mut self,
        receiver: AccountId,
        id: YieldId,
    ) -> Result<Option<(ReceiptIndex, CryptoHash)>> {
        Ok(self.receipts.create_yield(receiver, Some(id)))
    }

    fn submit_promise_resume_data(&mut self, data_id: CryptoHash, _: Vec<u8>) -> Result<bool> {
        Ok(self.receipts.resume(data_id))
    }

    fn submit_promise_resume_data_with_yield_id(&mut self, id: YieldId, _: Vec<u8>) -> Result<bool> {
        Ok(self.receipts.resume_id(id))
    }

    fn append_action_create_account(&mut self, index: ReceiptIndex) {
        self.receipts.push(index, named("create-account", 0));
    }

    fn append_action_deploy_contract(&mut self, index: ReceiptIndex, _: Vec<u8>) {
        self.receipts.push(index, named("deploy-contract", 0));
    }

    fn append_action_deploy_global_contract(&mut self, index: ReceiptIndex, _: Vec<u8>, _: GlobalContractDeployMode) {
        self.receipts.push(index, named("deploy-global-contract", 0));
    }

    fn append_action_use_global_contract(&mut self, index: ReceiptIndex, _: GlobalContractIdentifier) {
        self.receipts.push(index, named("use-global-contract", 0));
    }

    fn append_action_deterministic_state_init(
        &mut self,
        index: ReceiptIndex,
        _: GlobalContractIdentifier,
        amount: Balance,
    ) -> ActionIndex {
        self.receipts.push(index, named("deterministic-state-init", amount.as_yoctonear()))
    }

    fn set_deterministic_state_init_data_entry(
        &mut self,
        index: ReceiptIndex,
        action: ActionIndex,
        key: Vec<u8>,
        _: Vec<u8>,
    ) -> Result<()> {
        self.receipts.entry(index, action, key)
    }

    // The typed form of a universal state init, and so its price, lives in a node.
    fn check_state_init(&self, _: &RawStateInit) -> std::result::Result<(), StateInitError> {
        self.out_of_depth.set(true);
        Ok(())
    }

    fn state_init_send_counts(&self, raw: &RawStateInit, _: DecodeMode) -> UniversalStateInitCounts {
        self.out_of_depth.set(true);
        UniversalStateInitCounts { num_bytes: raw.0.len() as u64, ..UniversalStateInitCounts::default() }
    }

    fn append_action_universal_state_init(&mut self, index: ReceiptIndex, _: RawStateInit, amount: Balance) {
        self.receipts.push(index, named("universal-state-init", amount.as_yoctonear()));
    }

    fn append_action_function_call_weight(
        &mut self,
        index: ReceiptIndex,
        method: Vec<u8>,
        arguments: Vec<u8>,
        deposit: Balance,
        gas: Gas,
        weight: GasWeight,
    ) -> Result<()> {
        if weight.0 > 0 {
            // The runtime, not the VM, shares out the gas that is left.
            self.receipts.mark(index, "gas-weight");
        }
        self.receipts.push(
            index,
            Action {
                kind: "function-call",
                amount: Decimal(deposit.as_yoctonear()),
                method: method_name(method)?,
                input: Bytes(arguments),
                gas: Decimal(gas.as_gas()),
            },
        );
        Ok(())
    }

    fn append_action_transfer(&mut self, index: ReceiptIndex, amount: Balance) {
        self.receipts.push(index, named("transfer", amount.as_yoctonear()));
    }

    fn append_action_transfer_to_gas_key(&mut self, index: ReceiptIndex, _: PublicKey, amount: Balance) {
        self.receipts.push(index, named("transfer-to-gas-key", amount.as_yoctonear()));
    }

    fn append_action_add_gas_key_with_full_access(&mut self, index: ReceiptIndex, _: PublicKey, _: NonceIndex) {
        self.receipts.push(index, named("add-gas-key-with-full-access", 0));
    }

    fn append_action_add_gas_key_with_function_call(
        &mut self,
        index: ReceiptIndex,
        _: PublicKey,
        _: NonceIndex,
        _: Option<Balance>,
        _: AccountId,
        methods: Vec<Vec<u8>>,
    ) -> Result<()> {
        methods.into_iter().try_for_each(|method| method_name(method).map(drop))?;
        self.receipts.push(index, named("add-gas-key-with-function-call", 0));
        Ok(())
    }

    fn append_action_stake(&mut self, index: ReceiptIndex, _: Balance, _: PublicKey) {
        self.receipts.push(index, named("stake", 0));
    }

    fn append_action_add_key_with_full_access(&mut self, index: ReceiptIndex, _: PublicKey, _: Nonce) {
        self.receipts.push(index, named("add-key-with-full-access", 0));
    }

    fn append_action_add_key_with_function_call(
        &mut self,
        index: ReceiptIndex,
        _: PublicKey,
        _: Nonce,
        _: Option<Balance>,
        _: AccountId,
        methods: Vec<Vec<u8>>,
    ) -> Result<()> {
        methods.into_iter().try_for_each(|method| method_name(method).map(drop))?;
        self.receipts.push(index, named("add-key-with-function-call", 0));
        Ok(())
    }

    fn append_action_delete_key(&mut self, index: ReceiptIndex, _: PublicKey) {
        self.receipts.push(index, named("delete-key", 0));
    }

    fn append_action_delete_account(&mut self, index: ReceiptIndex, _: AccountId) {
        self.receipts.push(index, named("delete-account", 0));
    }

    fn get_receipt_receiver(&self, index: ReceiptIndex) -> &AccountId {
        self.receipts.receiver(index)
    }

    fn set_refund_to(&mut self, index: ReceiptIndex, _: AccountId) {
        self.receipts.mark(index, "set-refund-to");
    }

    fn post_quantum_keys_enabled(&self) -> bool {
        self.post_quantum_keys
    }
}
