//! The program's state, and what each operation does to it.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Deserialize;
use sp_runtime::BuildStorage as _;

use crate::accounts::{self, address};
use crate::heap;
use crate::hello::{PROFILE, hello};
use crate::ledger::{Ledger, Overlay};
use crate::protocol::{
    Account, Balance, BalanceOk, Bench, BenchOk, Block, CallOk, Done, Head, Named, Problem, Reset, Restore, SnapshotOk,
    Storage, StorageOk, parse, reply,
};
use crate::run::Run;
use crate::runtime::{Runtime, System, Timestamp};
use crate::wire::{Bytes, Decimal};

/// Where a world with its snapshots stops growing; the last operation before can at most double it.
const MEMORY: usize = 1024 * 1024 * 1024;

pub struct World {
    ledger: Ledger,
    pristine: Overlay,
    begun: bool,
    snapshots: BTreeMap<u64, Overlay>,
    next: u64,
}

impl World {
    pub fn new() -> Self {
        let genesis = frame_system::GenesisConfig::<Runtime>::default().build_storage();
        let ledger = Ledger::new(genesis.expect("nothing in it can be wrong"));
        World { pristine: ledger.copy(), ledger, begun: false, snapshots: BTreeMap::new(), next: 1 }
    }

    /// Does what one request asks and appends its one answer.
    pub fn answer(&mut self, head: Head<'_>, line: &[u8], out: &mut Vec<u8>) {
        let id = Some(head.id);
        match &*head.op {
            "call" => reply(out, id, self.parse(line).and_then(|request| self.run(&Run::call(&request)?))),
            "deploy" => reply(out, id, self.parse(line).and_then(|request| self.run(&Run::deployment(&request)?))),
            "account" => reply(out, id, self.parse(line).and_then(|request| self.account(&request))),
            "balance" => reply(out, id, self.parse(line).and_then(|request| self.balance(&request))),
            "storage" => reply(out, id, self.parse(line).and_then(|request| self.storage(&request))),
            "block" => reply(out, id, self.parse(line).and_then(|request| self.block(&request))),
            "snapshot" => reply(out, id, self.parse(line).and_then(|Done {}| self.snapshot())),
            "restore" => reply(out, id, self.parse(line).and_then(|request| self.restore(&request))),
            "bench" => reply(out, id, self.parse(line).and_then(|request| self.bench(&request))),
            "reset" => reply(out, id, parse(line).and_then(|request| self.reset(&request))),
            "hello" => reply(out, id, parse(line).and_then(|request| hello(&request))),
            op => reply(out, id, Err::<(), _>(Problem::new("unknown-op", format!("no operation is called {op:?}")))),
        }
    }

    /// A request that needs a world.
    fn parse<'a, T: Deserialize<'a>>(&self, line: &'a [u8]) -> Result<T, Problem> {
        if !self.begun {
            return Err(Problem::new("no-world", "reset comes first"));
        }
        parse(line)
    }

    fn reset(&mut self, request: &Reset<'_>) -> Result<Done, Problem> {
        if request.profile != PROFILE {
            return Err(Problem::new("unknown-profile", format!("no profile {:?}, only {PROFILE:?}", request.profile)));
        }
        let height = height(request.height)?;
        self.snapshots.clear();
        self.ledger.replace(self.pristine.clone());
        self.set_block(height, request.time_ms);
        self.begun = true;
        Ok(Done {})
    }

    fn block(&mut self, request: &Block) -> Result<Done, Problem> {
        self.set_block(height(request.height)?, request.time_ms);
        Ok(Done {})
    }

    fn set_block(&mut self, height: u32, Decimal(time_ms): Decimal<u64>) {
        self.ledger.run(|| {
            System::set_block_number(height);
            Timestamp::set_timestamp(time_ms);
        });
    }

    fn account(&mut self, request: &Account) -> Result<Done, Problem> {
        let account = address("address", &request.address)?;
        room()?;
        self.ledger.begin();
        let set = self.ledger.run(|| accounts::set_spendable(&account, request.balance.0));
        if set.is_ok() {
            self.ledger.keep()
        } else {
            self.ledger.undo()
        }
        set.map(|()| Done {})
    }

    fn balance(&mut self, request: &Balance) -> Result<BalanceOk, Problem> {
        let account = address("address", &request.address)?;
        let balance = self.ledger.run(|| accounts::exists(&account).then(|| accounts::spendable(&account)));
        Ok(BalanceOk { balance: balance.map(Decimal) })
    }

    fn run(&mut self, run: &Run<'_>) -> Result<CallOk, Problem> {
        room()?;
        Ok(run.finish(&mut self.ledger))
    }

    fn storage(&mut self, request: &Storage) -> Result<StorageOk, Problem> {
        let contract = address("contract", &request.contract)?;
        let trie = self.ledger.run(|| accounts::trie(&contract));
        let trie = trie.ok_or_else(|| Problem::new("unknown-contract", "there is no contract at this address"))?;
        let entries = self.ledger.entries(&trie).into_iter();
        Ok(StorageOk { storage: entries.map(|(key, value)| (Bytes(key), Bytes(value))).collect() })
    }

    fn snapshot(&mut self) -> Result<SnapshotOk, Problem> {
        room()?;
        let snapshot = self.next;
        self.next += 1;
        self.snapshots.insert(snapshot, self.ledger.copy());
        Ok(SnapshotOk { snapshot })
    }

    fn restore(&mut self, request: &Restore) -> Result<Done, Problem> {
        let kept = self.snapshots.get(&request.snapshot);
        let kept = kept.ok_or_else(|| Problem::new("unknown-snapshot", "none of this number since the last reset"))?;
        self.ledger.replace(kept.clone());
        Ok(Done {})
    }

    fn bench(&mut self, request: &Bench<'_>) -> Result<BenchOk, Problem> {
        let inner = request.request.get().as_bytes();
        self.measure(inner, request.times)
            .map_err(|why| Problem { message: format!("request: {}", why.message), ..why })
    }

    fn measure(&mut self, inner: &[u8], times: u32) -> Result<BenchOk, Problem> {
        match &*parse::<Named<'_>>(inner)?.op {
            "call" => self.rehearse(&Run::call(&parse(inner)?)?, times),
            "deploy" => self.rehearse(&Run::deployment(&parse(inner)?)?, times),
            op => Err(Problem::malformed(format!("call and deploy can be measured, and not {op:?}"))),
        }
    }

    fn rehearse(&mut self, run: &Run<'_>, times: u32) -> Result<BenchOk, Problem> {
        room()?;
        // The first warms the caches; the figure is for warm ones.
        run.rehearse(&mut self.ledger);
        let start = Instant::now();
        (0..times).for_each(|_| run.rehearse(&mut self.ledger));
        let ns = start.elapsed().as_nanos().checked_div(u128::from(times));
        let ns = ns.ok_or_else(|| Problem::malformed("times: at least 1"))?;
        Ok(BenchOk { ns: Decimal(ns) })
    }
}

fn height(Decimal(height): Decimal<u32>) -> Result<u32, Problem> {
    if height == 0 {
        return Err(Problem::new("bad-height", "at least 1: block 0 is the genesis, where nothing runs"));
    }
    Ok(height)
}

/// Refuses what would let the world grow when there is no memory left for it.
fn room() -> Result<(), Problem> {
    if heap::used() > MEMORY {
        return Err(Problem::new("world-full", format!("worlds and snapshots have {MEMORY} bytes; reset frees them")));
    }
    Ok(())
}
