//! The program's state, and what each operation does to it.

use std::time::Instant;

use near_primitives_core::hash::CryptoHash;
use near_vm_runner::FilesystemContractRuntimeCache;

use crate::profiles::{self, Profile};
use crate::protocol::{
    Bench, BenchOk, CodeOk, Head, Hello, HelloOk, LoadCode, LoadState, PROTOCOL, Problem, Run, RunOk, StateOk, parse,
    reply,
};
use crate::run::Call;
use crate::store::{Codes, States, Storage};
use crate::wire::{Bytes, Decimal};

pub struct Judge {
    cache: FilesystemContractRuntimeCache,
    profiles: Vec<Profile>,
    codes: Codes,
    states: States,
}

impl Judge {
    pub fn new(cache: FilesystemContractRuntimeCache) -> Self {
        Judge { cache, profiles: profiles::all(), codes: Codes::new(), states: States::new() }
    }

    /// Does what one request asks and appends its one answer.
    pub fn answer(&mut self, head: Head<'_>, line: &[u8], out: &mut Vec<u8>) {
        let id = Some(head.id);
        match &*head.op {
            "run" => reply(out, id, parse(line).and_then(|request| self.run(&request))),
            "state" => reply(out, id, parse(line).map(|request| self.state(request))),
            "code" => reply(out, id, parse(line).map(|request| self.code(request))),
            "bench" => reply(out, id, parse(line).and_then(|request| self.bench(&request))),
            "hello" => reply(out, id, parse(line).and_then(|request| self.hello(&request))),
            op => reply(out, id, Err::<(), _>(Problem::new("unknown-op", format!("no operation is called {op:?}")))),
        }
    }

    fn hello(&self, request: &Hello) -> Result<HelloOk<'_>, Problem> {
        if request.protocol != PROTOCOL {
            let message = format!("this program speaks protocol {PROTOCOL}, not {}", request.protocol);
            return Err(Problem::new("unknown-protocol", message));
        }
        Ok(HelloOk {
            protocol: PROTOCOL,
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            chain: "near",
            speaks: ["receipt"],
            profiles: self.profiles.iter().map(|profile| profile.name.as_str()).collect(),
            crates: profiles::crates(),
        })
    }

    fn code(&mut self, request: LoadCode) -> CodeOk {
        CodeOk { hash: Bytes(self.codes.keep(request.code.0).0.to_vec()) }
    }

    fn state(&mut self, request: LoadState) -> StateOk {
        let mut bytes = 0;
        let mut storage = Storage::default();
        for (Bytes(key), Bytes(value)) in request.storage {
            bytes += key.len() + value.len();
            storage.insert_mut(key, value);
        }
        StateOk { state: if storage.is_empty() { 0 } else { self.states.keep(storage, bytes) } }
    }

    fn run(&mut self, request: &Run<'_>) -> Result<RunOk, Problem> {
        let call = prepare(&self.profiles, &mut self.codes, &mut self.states, request)?;
        let ended = call.execute(&self.cache)?;
        Ok(call.conclude(ended, &mut self.states))
    }

    fn bench(&mut self, request: &Bench<'_>) -> Result<BenchOk, Problem> {
        let inner = parse(request.request.get().as_bytes())
            .map_err(|why| Problem::new("malformed", format!("request: not a run: {}", why.message)))?;
        if request.times == 0 {
            return Err(Problem::new("malformed", "times: at least 1"));
        }
        let call = prepare(&self.profiles, &mut self.codes, &mut self.states, &inner)?;
        // The first may compile; the figure is for warm ones.
        call.execute(&self.cache)?;
        let start = Instant::now();
        for _ in 0..request.times {
            call.execute(&self.cache)?;
        }
        Ok(BenchOk { ns: Decimal(start.elapsed().as_nanos() / u128::from(request.times)) })
    }
}

/// Looks up what a run names; not a method, so that the states can be written while the rest is borrowed.
fn prepare<'a>(
    profiles: &'a [Profile],
    codes: &'a mut Codes,
    states: &mut States,
    request: &'a Run<'a>,
) -> Result<Call<'a>, Problem> {
    let profile = profiles.iter().find(|profile| profile.name == request.profile);
    let profile =
        profile.ok_or_else(|| Problem::new("unknown-profile", format!("no profile {:?}", request.profile)))?;
    let hash = CryptoHash::try_from(request.code.0.as_slice())
        .map_err(|_| Problem::new("malformed", "code: not the 32 bytes of a hash"))?;
    let code = codes.get(&hash);
    let code = code.ok_or_else(|| Problem::new("unknown-code", "no code of this hash is held; load it (again)"))?;
    let before = states.get(request.state);
    let before = before.ok_or_else(|| {
        Problem::new("unknown-state", format!("state {} is not held; load it (again)", request.state))
    })?;
    Call::new(request, profile, code, before)
}
