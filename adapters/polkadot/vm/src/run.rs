//! One deployment or call: checked, run on the pallet, undone when it left nothing, and told in the interface's terms.

use frame_support::pallet_prelude::Weight;
use pallet_contracts::{Code, CollectEvents, ContractResult, DebugInfo, Determinism, ExecReturnValue, StorageDeposit};
use sp_runtime::DispatchError;

use crate::accounts::{self, address, bytes};
use crate::effects::{self, Change, Record};
use crate::ledger::Ledger;
use crate::logs;
use crate::outcome::{self, Outcome};
use crate::protocol::{self, CallOk, Cost, Effects, Problem};
use crate::runtime::{AccountId, Balance, Contracts, Started, System};
use crate::wire::{Bytes, Decimal};

/// Half a second of the chain's reference hardware, in picoseconds: about what a block has for contracts.
const REF_TIME: u64 = 500_000_000_000;
/// More than any block has, and still seconds here: so every run ends.
const MAX_REF_TIME: u64 = 10 * REF_TIME;
/// No limit at all: what a call can prove it must first touch, and pay for in time.
const PROOF_SIZE: u64 = u64::MAX / 2;

type Ran = ContractResult<Result<Ended, DispatchError>, Balance, Record>;

/// Which contract ended by itself, and with what.
struct Ended {
    contract: AccountId,
    value: ExecReturnValue,
}

/// A checked request.
pub struct Run<'a> {
    target: Target<'a>,
    caller: AccountId,
    input: &'a [u8],
    value: Balance,
    gas: Weight,
    dry: bool,
    trace: bool,
}

enum Target<'a> {
    New { code: &'a [u8], salt: &'a [u8] },
    Old(AccountId),
}

impl<'a> Run<'a> {
    pub fn deployment(request: &'a protocol::Deploy) -> Result<Self, Problem> {
        Ok(Run {
            target: Target::New { code: &request.code.0, salt: &request.salt.0 },
            caller: address("caller", &request.caller)?,
            input: &request.input.0,
            value: request.value.0,
            gas: weight(request.gas)?,
            dry: false,
            trace: request.trace,
        })
    }

    pub fn call(request: &'a protocol::Call) -> Result<Self, Problem> {
        Ok(Run {
            target: Target::Old(address("contract", &request.contract)?),
            caller: address("caller", &request.caller)?,
            input: &request.input.0,
            value: request.value.0,
            gas: weight(request.gas)?,
            dry: request.dry,
            trace: request.trace,
        })
    }

    /// Runs on the pallet and drops whatever comes of it, for its time alone.
    pub fn rehearse(&self, ledger: &mut Ledger) {
        ledger.begin();
        ledger.run(|| self.execute());
        ledger.undo();
    }

    pub fn finish(&self, ledger: &mut Ledger) -> CallOk {
        // The pallet would run it; a chain answers anyone's queries, but takes no transaction that nobody pays for.
        if !self.dry && !ledger.run(|| accounts::exists(&self.caller)) {
            let detail = "the caller has no account".to_owned();
            return CallOk::without_effects(Outcome::Rejected { reason: "unknown-account", detail });
        }
        if let Target::Old(contract) = &self.target
            && let Some(trie) = ledger.run(|| accounts::trie(contract))
        {
            ledger.watch(trie);
        }
        // What an earlier run may have left behind.
        Started::take();
        logs::take();
        ledger.begin();
        logs::trace(self.trace);
        let ran = ledger.run(|| self.execute());
        logs::trace(false);
        self.conclude(ran, ledger)
    }

    /// The pallet's bare functions: no fee, no nonce, and no transaction around them, which is for `finish` to add.
    fn execute(&self) -> Ran {
        let debug = if self.trace { DebugInfo::UnsafeDebug } else { DebugInfo::Skip };
        let (caller, input) = (self.caller.clone(), self.input.to_vec());
        match &self.target {
            Target::New { code, salt } => {
                let (code, salt, skip) = (Code::Upload(code.to_vec()), salt.to_vec(), CollectEvents::Skip);
                let ran =
                    Contracts::bare_instantiate(caller, self.value, self.gas, None, code, input, salt, debug, skip);
                map(ran, |made| Ended { contract: made.account_id, value: made.result })
            }
            Target::Old(contract) => {
                let (to, skip, strict) = (contract.clone(), CollectEvents::Skip, Determinism::Enforced);
                let ran = Contracts::bare_call(caller, to, self.value, self.gas, None, input, debug, skip, strict);
                map(ran, |value| Ended { contract: contract.clone(), value })
            }
        }
    }

    fn conclude(&self, ran: Ran, ledger: &mut Ledger) -> CallOk {
        let native = String::from_utf8_lossy(&ran.debug_message).lines().map(str::to_owned).collect();
        let cost = Cost {
            ref_time: Decimal(ran.gas_consumed.ref_time()),
            proof_size: Decimal(ran.gas_consumed.proof_size()),
            deposit: Decimal::default(),
            ref_time_required: Decimal(ran.gas_required.ref_time()),
            proof_size_required: Decimal(ran.gas_required.proof_size()),
        };
        match ran.result {
            Ok(Ended { contract, value }) => {
                let outcome = Outcome::ended(value);
                if !outcome.returned() {
                    ledger.undo();
                    return CallOk { cost, native, ..CallOk::without_effects(outcome) };
                }
                let effects = self.effects(&contract, ledger);
                if self.dry {
                    ledger.undo()
                } else {
                    ledger.keep()
                }
                let address = matches!(self.target, Target::New { .. }).then(|| bytes(&contract));
                let cost = Cost { deposit: Decimal(charged(ran.storage_deposit)), ..cost };
                CallOk { outcome, cost, address, effects, error: String::new(), native }
            }
            Err(error) => {
                ledger.undo();
                let error = outcome::name(error);
                let affordable = self.value <= ledger.run(|| accounts::spendable(&self.caller));
                let outcome = Outcome::failed(&error, Started::take(), affordable, logs::take());
                CallOk { cost, error, native, ..CallOk::without_effects(outcome) }
            }
        }
    }

    fn effects(&self, contract: &AccountId, ledger: &mut Ledger) -> Effects {
        let records = ledger.run(|| System::read_events_no_consensus().map(|record| *record).collect());
        let storage = match self.target {
            Target::Old(_) => {
                ledger.difference().into_iter().map(|(key, value)| (Bytes(key), value.map(Bytes))).collect()
            }
            Target::New { .. } => {
                let trie = ledger.run(|| accounts::trie(contract)).expect("it was just made");
                ledger.entries(&trie).into_iter().map(|(key, value)| (Bytes(key), Some(Bytes(value)))).collect()
            }
        };
        Effects { storage, ..effects::of(records, contract, &self.caller) }
    }
}

fn weight(ref_time: Option<Decimal<u64>>) -> Result<Weight, Problem> {
    let ref_time = ref_time.map_or(REF_TIME, |limit| limit.0);
    if ref_time > MAX_REF_TIME {
        return Err(Problem::new("bad-gas", format!("at most {MAX_REF_TIME}")));
    }
    Ok(Weight::from_parts(ref_time, PROOF_SIZE))
}

fn charged(deposit: StorageDeposit<Balance>) -> Change {
    let mut change = Change::default();
    match deposit {
        StorageDeposit::Charge(amount) => change.gain(amount),
        StorageDeposit::Refund(amount) => change.lose(amount),
    }
    change
}

fn map<R>(ran: ContractResult<Result<R, DispatchError>, Balance, Record>, ended: impl FnOnce(R) -> Ended) -> Ran {
    Ran {
        result: ran.result.map(ended),
        gas_consumed: ran.gas_consumed,
        gas_required: ran.gas_required,
        storage_deposit: ran.storage_deposit,
        debug_message: ran.debug_message,
        events: ran.events,
    }
}
