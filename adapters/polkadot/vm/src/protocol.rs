//! The messages of the VM protocol, group "world"; `sshi.host.protocol` is where each field is described.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::effects::Change;
use crate::outcome::Outcome;
use crate::wire::{Bytes, Decimal};

pub const PROTOCOL: u64 = 1;

/// Longest request, in bytes without its newline.
pub const MAX_LINE: usize = 64 * 1024 * 1024;

/// What is read of a request before its operation is known.
#[derive(Deserialize)]
pub struct Head<'a> {
    pub id: u64,
    #[serde(borrow)]
    pub op: Cow<'a, str>,
}

/// What is read of a request that has no readable head, to echo its id all the same.
#[derive(Deserialize)]
pub struct Identified {
    pub id: u64,
}

#[derive(Deserialize)]
pub struct Hello {
    #[serde(default = "this_protocol")]
    pub protocol: u64,
}

fn this_protocol() -> u64 {
    PROTOCOL
}

/// `config` is this program's own: the chain's numbers that a client must know to tell deposits from money that moved.
#[derive(Serialize)]
pub struct HelloOk {
    pub protocol: u64,
    pub name: &'static str,
    pub version: &'static str,
    pub chain: &'static str,
    pub speaks: [&'static str; 1],
    pub profiles: [&'static str; 1],
    pub crates: BTreeMap<&'static str, &'static str>,
    pub config: BTreeMap<&'static str, Decimal<u128>>,
}

/// What is read of a request to be measured before its operation is known; it has no id.
#[derive(Deserialize)]
pub struct Named<'a> {
    #[serde(borrow)]
    pub op: Cow<'a, str>,
}

#[derive(Deserialize)]
pub struct Bench<'a> {
    #[serde(borrow)]
    pub request: &'a RawValue,
    pub times: u32,
}

#[derive(Serialize)]
pub struct BenchOk {
    pub ns: Decimal<u128>,
}

#[derive(Deserialize)]
pub struct Reset<'a> {
    #[serde(borrow)]
    pub profile: Cow<'a, str>,
    #[serde(default = "first_height")]
    pub height: Decimal<u32>,
    #[serde(default = "zero")]
    pub time_ms: Decimal<u64>,
}

fn first_height() -> Decimal<u32> {
    Decimal(1)
}

fn zero<T: Default>() -> Decimal<T> {
    Decimal(T::default())
}

#[derive(Deserialize)]
pub struct Account {
    pub address: Bytes,
    pub balance: Decimal<u128>,
}

#[derive(Deserialize)]
pub struct Balance {
    pub address: Bytes,
}

#[derive(Serialize)]
pub struct BalanceOk {
    pub balance: Option<Decimal<u128>>,
}

#[derive(Deserialize)]
pub struct Deploy {
    pub code: Bytes,
    pub caller: Bytes,
    #[serde(default)]
    pub input: Bytes,
    #[serde(default = "zero")]
    pub value: Decimal<u128>,
    #[serde(default)]
    pub salt: Bytes,
    #[serde(default)]
    pub gas: Option<Decimal<u64>>,
    #[serde(default)]
    pub trace: bool,
}

#[derive(Deserialize)]
pub struct Call {
    pub contract: Bytes,
    pub caller: Bytes,
    #[serde(default)]
    pub input: Bytes,
    #[serde(default = "zero")]
    pub value: Decimal<u128>,
    #[serde(default)]
    pub dry: bool,
    #[serde(default)]
    pub gas: Option<Decimal<u64>>,
    #[serde(default)]
    pub trace: bool,
}

#[derive(Deserialize)]
pub struct Storage {
    pub contract: Bytes,
}

#[derive(Serialize)]
pub struct StorageOk {
    pub storage: Vec<(Bytes, Bytes)>,
}

#[derive(Deserialize)]
pub struct Block {
    pub height: Decimal<u32>,
    pub time_ms: Decimal<u64>,
}

#[derive(Serialize)]
pub struct SnapshotOk {
    pub snapshot: u64,
}

#[derive(Deserialize)]
pub struct Restore {
    pub snapshot: u64,
}

/// An answer that says only that it was done, and a request that says only its name.
#[derive(Deserialize, Serialize)]
pub struct Done {}

#[derive(Serialize)]
pub struct WireEvent {
    pub topic: Bytes,
    pub data: Bytes,
}

#[derive(Serialize)]
pub struct WireTransfer {
    pub to: Bytes,
    pub amount: Decimal<u128>,
}

#[derive(Default, Serialize)]
pub struct Effects {
    pub storage: Vec<(Bytes, Option<Bytes>)>,
    pub events: Vec<WireEvent>,
    pub transfers: Vec<WireTransfer>,
    pub balances: Vec<(Bytes, Decimal<Change>)>,
}

/// What was consumed, and the limits that the same call needs; `deposit` is negative when storage was given back.
#[derive(Default, Serialize)]
pub struct Cost {
    pub ref_time: Decimal<u64>,
    pub proof_size: Decimal<u64>,
    pub deposit: Decimal<Change>,
    pub ref_time_required: Decimal<u64>,
    pub proof_size_required: Decimal<u64>,
}

#[derive(Serialize)]
pub struct CallOk {
    pub outcome: Outcome,
    pub cost: Cost,
    pub address: Option<Bytes>,
    #[serde(flatten)]
    pub effects: Effects,
    pub error: String,
    pub native: Vec<String>,
}

impl CallOk {
    pub fn without_effects(outcome: Outcome) -> Self {
        CallOk {
            outcome,
            cost: Cost::default(),
            address: None,
            effects: Effects::default(),
            error: String::new(),
            native: vec![],
        }
    }
}

/// Why a request was not done: a stable code and a sentence.
#[derive(Debug, Serialize)]
pub struct Problem {
    pub code: &'static str,
    pub message: String,
}

impl Problem {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Problem { code, message: message.into() }
    }

    pub fn malformed(message: impl Into<String>) -> Self {
        Problem::new("malformed", message)
    }
}

/// Appends the one answer of a request, newline included.
pub fn reply<T: Serialize>(out: &mut Vec<u8>, id: Option<u64>, result: Result<T, Problem>) {
    #[derive(Serialize)]
    struct Ok<T> {
        id: Option<u64>,
        ok: T,
    }
    #[derive(Serialize)]
    struct Error {
        id: Option<u64>,
        error: Problem,
    }
    match result {
        Result::Ok(ok) => serde_json::to_writer(&mut *out, &Ok { id, ok }),
        Err(error) => serde_json::to_writer(&mut *out, &Error { id, error }),
    }
    .expect("these messages have no map keys but strings");
    out.push(b'\n');
}

/// The request's head, or the answer's id and the reason why there is none.
pub fn head(line: &[u8]) -> Result<Head<'_>, (Option<u64>, Problem)> {
    parse(line).map_err(|problem| (parse(line).ok().map(|Identified { id }| id), problem))
}

/// A message, or `malformed` with the path of the first wrong field.
pub fn parse<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, Problem> {
    // serde would also take an array of a message's values in their order.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::malformed("not a JSON object"));
    }
    // Tracking the path costs time on every field, so it is done only for a line already known to be wrong.
    serde_json::from_slice(line).map_err(|plain| {
        let mut again = serde_json::Deserializer::from_slice(line);
        Problem::malformed(match serde_path_to_error::deserialize::<_, T>(&mut again) {
            Err(traced) if traced.path().iter().next().is_some() => format!("{}: {}", traced.path(), traced.inner()),
            _ => plain.to_string(),
        })
    })
}
