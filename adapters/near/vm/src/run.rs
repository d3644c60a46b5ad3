//! One function call: from a request to the VM's outcome, and from that to the answer.

use std::sync::Arc;

use near_primitives_core::account::AccountContract;
use near_primitives_core::code::ContractCode;
use near_primitives_core::config::ViewConfig;
use near_primitives_core::hash::CryptoHash;
use near_primitives_core::types::{AccountId, Balance, Gas};
use near_vm_runner::logic::errors::{FunctionCallError, VMRunnerError};
use near_vm_runner::logic::{GasCounter, ReturnData, VMContext, VMOutcome};
use near_vm_runner::{Contract, ContractRuntimeCache, ProfileDataV3};

use crate::errors::{message, variants};
use crate::external::Ledger;
use crate::profiles::Profile;
use crate::protocol::{self, Problem, RunOk};
use crate::store::{States, Storage};
use crate::wire::{Bytes, Decimal};

/// A run with everything it names looked up, so that it can be done any number of times.
pub struct Call<'a> {
    profile: &'a Profile,
    code: Code<'a>,
    before: Storage,
    context: VMContext,
    request: &'a protocol::Run<'a>,
}

/// What a run ended in, with its effects not yet kept.
pub struct Ended<'a> {
    outcome: VMOutcome,
    ledger: Ledger<'a>,
}

struct Code<'a>(&'a Arc<ContractCode>);

impl Contract for Code<'_> {
    fn hash(&self) -> CryptoHash {
        *self.0.hash()
    }

    fn get_code(&self) -> Option<Arc<ContractCode>> {
        Some(Arc::clone(self.0))
    }
}

impl<'a> Call<'a> {
    pub fn new(
        request: &'a protocol::Run<'a>,
        profile: &'a Profile,
        code: &'a Arc<ContractCode>,
        before: Storage,
    ) -> Result<Self, Problem> {
        let context = context(request, profile, code)?;
        Ok(Call { profile, code: Code(code), before, context, request })
    }

    pub fn execute(&self, cache: &dyn ContractRuntimeCache) -> Result<Ended<'_>, Problem> {
        let config = &self.profile.config.wasm_config;
        let gas = GasCounter::new(
            config.ext_costs.clone(),
            self.context.view_config.as_ref().map_or(config.limit_config.max_gas_burnt, |view| view.max_gas_burnt),
            config.regular_op_cost,
            self.context.prepaid_gas,
            self.context.is_view(),
        );
        let mut ledger = Ledger::new(&self.before, self.profile.post_quantum_keys);
        let prepared = near_vm_runner::prepare(&self.code, Arc::clone(config), Some(cache), gas, &self.request.method);
        let fees = Arc::clone(&self.profile.config.fees);
        let outcome = match near_vm_runner::run(prepared, &mut ledger, &self.context, fees) {
            Ok(outcome) => outcome,
            // The guest's doing even where, before protocol version 87, the VM calls it the host's.
            Err(VMRunnerError::LoadingError(msg)) => VMOutcome::nop_outcome(FunctionCallError::LoadingError { msg }),
            Err(why) => return Err(Problem::new("vm-error", why.to_string())),
        };
        if ledger.out_of_depth.get() {
            return Err(Problem::new("unsupported", "universal state inits are priced by a node and not here"));
        }
        Ok(Ended { outcome, ledger })
    }

    /// The answer; keeps the new state when the call returned and changed something.
    pub fn conclude(&self, ended: Ended<'_>, states: &mut States) -> RunOk {
        let Ended { outcome, ledger } = ended;
        let profile = self.request.trace.then(|| gas_profile(&outcome.profile));
        let common = RunOk {
            error: String::new(),
            name: String::new(),
            message: String::new(),
            data: Bytes::default(),
            logs: outcome.logs,
            burnt: Decimal(outcome.burnt_gas.as_gas()),
            used: Decimal(outcome.used_gas.as_gas()),
            balance: self.request.balance,
            storage_usage: self.request.storage_usage,
            state: self.request.state,
            storage: vec![],
            receipts: vec![],
            profile,
        };
        if let Some(error) = outcome.aborted {
            // The VM undoes nothing by itself; what the chain would drop is dropped here.
            return RunOk { error: format!("{error:?}"), name: variants(&error), message: message(error), ..common };
        }
        let mut storage = vec![];
        let mut after = self.before.clone();
        let mut added = 0;
        for (key, value) in ledger.writes {
            if self.before.get(&key) == value.as_ref() {
                continue;
            }
            added += key.len() + value.as_ref().map_or(0, Vec::len);
            match &value {
                Some(value) => after.insert_mut(key.clone(), value.clone()),
                None => _ = after.remove_mut(&key),
            }
            storage.push((Bytes(key), value.map(Bytes)));
        }
        RunOk {
            data: match outcome.return_data {
                ReturnData::Value(value) => Bytes(value),
                ReturnData::ReceiptIndex(_) | ReturnData::None => Bytes::default(),
            },
            balance: Decimal(outcome.balance.as_yoctonear()),
            storage_usage: Decimal(outcome.storage_usage),
            state: if storage.is_empty() { self.request.state } else { states.keep(after, added) },
            storage,
            receipts: ledger.receipts.outgoing(&self.context.current_account_id),
            ..common
        }
    }
}

/// What the contract can ask about its call.  What the protocol has no word for is zero or empty, as the README lists.
fn context(request: &protocol::Run<'_>, profile: &Profile, code: &ContractCode) -> Result<VMContext, Problem> {
    /// Borsh of an ed25519 key of zeros; the VM does not look into it.
    const NO_KEY: [u8; 33] = [0; 33];
    const NO_SEED: [u8; 32] = [0; 32];

    let most = profile.config.wasm_config.limit_config.max_gas_burnt;
    let gas = Gas::from_gas(request.gas.0);
    if gas > most {
        let message = format!("{} is more than a call may burn, {}", gas.as_gas(), most.as_gas());
        return Err(Problem::new("bad-gas", message));
    }
    let balance = Balance::from_yoctonear(request.balance.0);
    let deposit = Balance::from_yoctonear(request.deposit.0);
    if balance.checked_add(deposit).is_none() {
        return Err(Problem::new("bad-balance", "balance and deposit together do not fit in 128 bits"));
    }
    let predecessor = account("predecessor", &request.predecessor)?;
    Ok(VMContext {
        current_account_id: account("account", &request.account)?,
        signer_account_id: account("signer", &request.signer)?,
        signer_account_pk: NO_KEY.to_vec(),
        refund_to_account_id: predecessor.clone(),
        predecessor_account_id: predecessor,
        input: request.input.0.as_slice().into(),
        promise_results: Arc::default(),
        block_height: request.height.0,
        block_timestamp: request.time_ns.0,
        epoch_height: 0,
        account_balance: balance,
        account_locked_balance: Balance::ZERO,
        storage_usage: request.storage_usage.0,
        account_contract: AccountContract::Local(*code.hash()),
        attached_deposit: deposit,
        prepaid_gas: gas,
        random_seed: NO_SEED.to_vec(),
        view_config: request.view.then_some(ViewConfig { max_gas_burnt: gas }),
        output_data_receivers: vec![],
    })
}

fn account(field: &str, id: &str) -> Result<AccountId, Problem> {
    id.parse().map_err(|why| Problem::new("bad-account", format!("{field}: {why}")))
}

fn gas_profile(profile: &ProfileDataV3) -> protocol::Profile {
    let host = profile.wasm_ext_profile.iter().map(|(cost, gas)| (cost.to_string(), gas.as_gas()));
    let actions = profile.actions_profile.iter().map(|(cost, gas)| (cost.to_string(), gas.as_gas()));
    let instructions = ("wasm_instruction".to_owned(), profile.wasm_gas.as_gas());
    host.chain(actions)
        .chain([instructions])
        .filter(|&(_, gas)| gas > 0)
        .map(|(cost, gas)| (cost, Decimal(gas)))
        .collect()
}
