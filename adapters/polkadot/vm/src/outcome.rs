//! From the pallet's words to the interface's: what a deployment or a call ended in.

use pallet_contracts::ExecReturnValue;
use pallet_contracts_uapi::ReturnFlags;
use serde::Serialize;
use sp_runtime::{DispatchError, ModuleError};

use crate::wire::Bytes;

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Outcome {
    Returned { data: Bytes },
    Reverted { message: Option<String> },
    Trapped { trap: &'static str, detail: String },
    Exhausted { what: &'static str, detail: String },
    Rejected { reason: &'static str, detail: String },
}

impl Outcome {
    /// What a contract that ended by itself ended in; a message that is not text is none.
    pub fn ended(value: ExecReturnValue) -> Self {
        if value.flags.contains(ReturnFlags::REVERT) {
            Outcome::Reverted { message: String::from_utf8(value.data).ok() }
        } else {
            Outcome::Returned { data: Bytes(value.data) }
        }
    }

    /// What an error means.
    ///
    /// `started`: whether a contract had begun to run, for then the same error can come from one calling another;
    /// `affordable`: whether the caller had the value;
    /// `reasons`: what the pallet logged, which alone tells why it takes no module.
    pub fn failed(error: &str, started: bool, affordable: bool, reasons: Vec<String>) -> Self {
        let detail = error.to_owned();
        match error {
            // At the very first loading, or of a module that loads and then cannot be entered.
            "CodeRejected" | "CodeTooLarge" => {
                let detail = if reasons.is_empty() { detail } else { reasons.join("; ") };
                Outcome::Rejected { reason: "malformed-module", detail }
            }
            "OutOfGas" => Outcome::Exhausted { what: "gas", detail },
            "ContractNotFound" if !started => Outcome::Rejected { reason: "unknown-contract", detail },
            "DuplicateContract" if !started => Outcome::Rejected { reason: "contract-exists", detail },
            _ if !started && !affordable => Outcome::Rejected { reason: "insufficient-funds", detail },
            "StorageDepositNotEnoughFunds" | "StorageDepositLimitExhausted" => {
                Outcome::Exhausted { what: "storage", detail }
            }
            _ if started => Outcome::Trapped { trap: "unknown", detail },
            // What is left before a contract runs is to pay: the value, and a new contract's existential deposit.
            _ => Outcome::Rejected { reason: "insufficient-funds", detail },
        }
    }

    pub fn returned(&self) -> bool {
        matches!(self, Outcome::Returned { .. })
    }
}

/// The pallet's name of an error, or the error as Rust shows it when it is not a pallet's own.
pub fn name(error: DispatchError) -> String {
    match error {
        DispatchError::Module(ModuleError { message: Some(name), .. }) => name.to_owned(),
        other => format!("{other:?}"),
    }
}
