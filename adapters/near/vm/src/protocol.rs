//! The messages of the VM protocol, group "receipt"; `sshi.host.protocol` is where each field is described.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

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

#[derive(Serialize)]
pub struct HelloOk<'a> {
    pub protocol: u64,
    pub name: &'a str,
    pub version: &'a str,
    pub chain: &'a str,
    pub speaks: [&'a str; 1],
    pub profiles: Vec<&'a str>,
    pub crates: BTreeMap<&'a str, &'a str>,
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
pub struct LoadCode {
    pub code: Bytes,
}

#[derive(Serialize)]
pub struct CodeOk {
    pub hash: Bytes,
}

#[derive(Deserialize)]
pub struct LoadState {
    pub storage: Vec<(Bytes, Bytes)>,
}

#[derive(Serialize)]
pub struct StateOk {
    pub state: u64,
}

#[derive(Deserialize)]
pub struct Run<'a> {
    #[serde(borrow)]
    pub profile: Cow<'a, str>,
    pub code: Bytes,
    pub state: u64,
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    pub input: Bytes,
    #[serde(borrow)]
    pub account: Cow<'a, str>,
    #[serde(borrow)]
    pub signer: Cow<'a, str>,
    #[serde(borrow)]
    pub predecessor: Cow<'a, str>,
    pub balance: Decimal<u128>,
    pub deposit: Decimal<u128>,
    pub storage_usage: Decimal<u64>,
    pub height: Decimal<u64>,
    pub time_ns: Decimal<u64>,
    pub gas: Decimal<u64>,
    #[serde(default)]
    pub view: bool,
    #[serde(default)]
    pub trace: bool,
}

/// One action of an outgoing receipt: described when it is a transfer or a function call, else only named.
#[derive(Debug, Serialize)]
pub struct Action {
    pub kind: &'static str,
    pub amount: Decimal<u128>,
    pub method: String,
    pub input: Bytes,
    pub gas: Decimal<u64>,
}

#[derive(Debug, Serialize)]
pub struct OutgoingReceipt {
    pub receiver: String,
    pub actions: Vec<Action>,
}

/// Gas by the VM's own cost names, without the zeros.
pub type Profile = BTreeMap<String, Decimal<u64>>;

#[derive(Debug, Serialize)]
pub struct RunOk {
    pub error: String,
    pub name: String,
    pub message: String,
    pub data: Bytes,
    pub logs: Vec<String>,
    pub burnt: Decimal<u64>,
    pub used: Decimal<u64>,
    pub balance: Decimal<u128>,
    pub storage_usage: Decimal<u64>,
    pub state: u64,
    pub storage: Vec<(Bytes, Option<Bytes>)>,
    pub receipts: Vec<OutgoingReceipt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
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
}

/// Appends the one answer of a request, newline included.
pub fn reply<T: Serialize>(out: &mut Vec<u8>, id: Option<u64>, result: Result<T, Problem>) {
    #[derive(Serialize)]
    struct Answer<T> {
        id: Option<u64>,
        #[serde(flatten)]
        result: Outcome<T>,
    }
    #[derive(Serialize)]
    enum Outcome<T> {
        #[serde(rename = "ok")]
        Ok(T),
        #[serde(rename = "error")]
        Error(Problem),
    }
    let result = match result {
        Ok(value) => Outcome::Ok(value),
        Err(problem) => Outcome::Error(problem),
    };
    serde_json::to_writer(&mut *out, &Answer { id, result }).expect("these messages have no map keys but strings");
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
        return Err(Problem::new("malformed", "not a JSON object"));
    }
    // Tracking the path costs time on every field, so it is done only for a line already known to be wrong.
    serde_json::from_slice(line).map_err(|plain| {
        let mut again = serde_json::Deserializer::from_slice(line);
        let message = match serde_path_to_error::deserialize::<_, T>(&mut again) {
            Err(traced) if traced.path().iter().next().is_some() => format!("{}: {}", traced.path(), traced.inner()),
            _ => plain.to_string(),
        };
        Problem::new("malformed", message)
    })
}
