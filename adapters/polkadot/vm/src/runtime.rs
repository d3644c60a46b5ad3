//! The chain: a FRAME runtime of System, Timestamp, Balances and Contracts, and the numbers that were ours to choose.
//!
//! Everything not named here is what pallet-contracts' own test defaults say; see the crate's `config_preludes`.

use std::cell::Cell;

use frame_support::traits::ConstBool;
use frame_support::{construct_runtime, derive_impl, parameter_types};
use pallet_contracts::ExecReturnValue;
use pallet_contracts::debug::{CallInterceptor, CallSpan, ExecResult, ExportedFunction, Tracing};
use sp_runtime::AccountId32;

pub type Balance = u128;
pub type AccountId = AccountId32;
pub type Hash = sp_core::H256;

/// What an account must keep.  Amounts are those of a chain with twelve decimals, so this is a thousandth.
pub const EXISTENTIAL_DEPOSIT: Balance = 1_000_000_000;
/// Held for each stored item; items cost 20,000 bytes each, as on Polkadot's and Kusama's system chains.
pub const DEPOSIT_PER_ITEM: Balance = 20_000_000_000;
/// Held for each stored byte: of values, and of code.
pub const DEPOSIT_PER_BYTE: Balance = 1_000_000;

/// How deep calls may nest below the first.
const CALL_DEPTH: usize = 5;

type Block = frame_system::mocking::MockBlockU32<Runtime>;

construct_runtime!(
    pub enum Runtime {
        System: frame_system,
        Timestamp: pallet_timestamp,
        Balances: pallet_balances,
        Contracts: pallet_contracts,
    }
);

parameter_types! {
    pub const ExistentialDeposit: Balance = EXISTENTIAL_DEPOSIT;
    pub const DepositPerItem: Balance = DEPOSIT_PER_ITEM;
    pub const DepositPerByte: Balance = DEPOSIT_PER_BYTE;
    // A call may deposit whatever its caller owns.
    pub const DefaultDepositLimit: Balance = Balance::MAX;
    pub Schedule: pallet_contracts::Schedule<Runtime> = pallet_contracts::Schedule::default();
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_timestamp::config_preludes::TestDefaultConfig)]
impl pallet_timestamp::Config for Runtime {}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Runtime {
    type Balance = Balance;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
}

#[derive_impl(pallet_contracts::config_preludes::TestDefaultConfig)]
impl pallet_contracts::Config for Runtime {
    type Time = Timestamp;
    type Currency = Balances;
    type Schedule = Schedule;
    type CallStack = [pallet_contracts::Frame<Self>; CALL_DEPTH];
    type DepositPerByte = DepositPerByte;
    type DepositPerItem = DepositPerItem;
    type DefaultDepositLimit = DefaultDepositLimit;
    type UnsafeUnstableInterface = ConstBool<false>;
    type Debug = Started;
}

/// Remembers whether any contract was started, which no error of the pallet tells.
pub struct Started;

thread_local! {
    static STARTED: Cell<bool> = const { Cell::new(false) };
}

impl Started {
    /// Whether a contract was started since this was last asked.
    pub fn take() -> bool {
        STARTED.replace(false)
    }
}

/// The end of a call says nothing that is not in its result.
pub struct Ignored;

impl CallSpan for Ignored {
    fn after_call(self, _: &ExecReturnValue) {}
}

impl Tracing<Runtime> for Started {
    type CallSpan = Ignored;

    fn new_call_span(_: &AccountId, _: ExportedFunction, _: &[u8]) -> Ignored {
        STARTED.set(true);
        Ignored
    }
}

impl CallInterceptor<Runtime> for Started {
    fn intercept_call(_: &AccountId, _: &ExportedFunction, _: &[u8]) -> Option<ExecResult> {
        None
    }
}
