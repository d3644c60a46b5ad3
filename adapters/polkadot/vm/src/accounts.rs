//! Accounts as the pallets keep them.  All but `address` reads the ledger, so it runs inside `Ledger::run`.

use codec::Decode as _;
use frame_support::traits::fungible::{Inspect as _, Mutate as _};
use frame_support::traits::tokens::{Fortitude, Preservation};
use sp_io::hashing::{twox_64, twox_128};

use crate::protocol::Problem;
use crate::runtime::{AccountId, Balance, Balances, EXISTENTIAL_DEPOSIT, System};
use crate::wire::Bytes;

/// The account that a request's field names.
pub fn address(field: &str, bytes: &Bytes) -> Result<AccountId, Problem> {
    let wrong = |_| Problem::malformed(format!("{field}: an account has 32 bytes, not {}", bytes.0.len()));
    AccountId::try_from(bytes.0.as_slice()).map_err(wrong)
}

pub fn bytes(account: &AccountId) -> Bytes {
    Bytes(AsRef::<[u8]>::as_ref(account).to_vec())
}

pub fn exists(account: &AccountId) -> bool {
    System::account_exists(account)
}

/// What the account could transfer now: all that is neither held nor its existential deposit.
pub fn spendable(account: &AccountId) -> Balance {
    Balances::reducible_balance(account, Preservation::Preserve, Fortitude::Polite)
}

/// Gives an account this much to spend and the existential deposit on top, or says why not.
pub fn set_spendable(account: &AccountId, amount: Balance) -> Result<(), Problem> {
    let free = amount.checked_add(EXISTENTIAL_DEPOSIT);
    let set = free.is_some_and(|free| Balances::set_balance(account, free) == free);
    set.then_some(()).ok_or_else(|| Problem::new("bad-balance", "all balances with their deposits pass 128 bits"))
}

/// The name of a contract's trie; none when there is no contract.
pub fn trie(contract: &AccountId) -> Option<Vec<u8>> {
    // The pallet does not show its map: keys are twox-64-concat, values start with the name.
    let id: &[u8] = contract.as_ref();
    let key = [&twox_128(b"Contracts"), &twox_128(b"ContractInfoOf"), &twox_64(id)[..], id].concat();
    let info = sp_io::storage::get(&key)?;
    Some(Vec::decode(&mut &info[..]).expect("a contract's information starts with the name of its trie"))
}
