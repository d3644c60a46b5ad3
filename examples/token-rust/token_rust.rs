//! The token of `../token/token.c`, in Rust without the standard library: same entries, same storage, same events.

#![no_std]
#![no_main]

use core::mem::size_of;
use core::ptr::{addr_of, addr_of_mut};

#[link(wasm_import_module = "env")]
extern "C" {
    fn storage_read(key: *const u8, out: *mut u8) -> i32;
    fn storage_write(key: *const u8, value_ptr: *const u8, value_len: usize);
    fn caller(out: *mut u8) -> i32;
    fn input(out: *mut u8) -> i32;
    fn set_return(ptr: *const u8, len: usize);
    fn revert(ptr: *const u8, len: usize) -> !;
    fn emit(topic: *const u8, ptr: *const u8, len: usize);
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

const ADDRESS_MAX: usize = 64;
const AMOUNT: usize = 16;
const INPUT_MAX: usize = 4 + ADDRESS_MAX + AMOUNT;

/// A length and that many bytes: a blob, or a buffer to be filled.
#[repr(C)]
struct Bytes<const N: usize> {
    len: u32,
    data: [u8; N],
}

static mut ARGS: Bytes<INPUT_MAX> = Bytes { len: 0, data: [0; INPUT_MAX] };
static mut FROM: Bytes<{ ADDRESS_MAX + 1 }> = Bytes { len: 0, data: [0; ADDRESS_MAX + 1] };
static mut CELL: Bytes<AMOUNT> = Bytes { len: 0, data: [0; AMOUNT] };
static mut EVENT: [u8; 2 * (1 + ADDRESS_MAX) + AMOUNT] = [0; 2 * (1 + ADDRESS_MAX) + AMOUNT];
static SUPPLY_KEY: Bytes<1> = Bytes { len: 1, data: *b"s" };
static TRANSFER: Bytes<8> = Bytes { len: 8, data: *b"transfer" };

fn fail(text: &str) -> ! {
    unsafe { revert(text.as_ptr(), text.len()) }
}

/// Reads the input; anything shorter than `least` or longer than an input can be is refused.
unsafe fn read_input(least: usize) -> *mut u8 {
    let args = addr_of_mut!(ARGS);
    (*args).len = INPUT_MAX as u32;
    let len = input(args.cast()) as usize;
    if len > INPUT_MAX || len < least {
        fail("token: malformed input");
    }
    addr_of_mut!((*args).data).cast()
}

/// The blob at the head of the input, with `rest` bytes after it.
unsafe fn read_address(rest: usize) -> *mut u8 {
    let blob = read_input(size_of::<u32>() + rest);
    let len = blob.cast::<u32>().read_unaligned() as usize;
    if len == 0 || len > ADDRESS_MAX || (*addr_of!(ARGS)).len as usize != 4 + len + rest {
        fail("token: malformed input");
    }
    blob
}

/// Turns an address blob into the key `address || 'b'`, in place.
unsafe fn into_key(blob: *mut u8) -> *const u8 {
    let len = blob.cast::<u32>().read_unaligned();
    blob.add(4 + len as usize).write(b'b');
    blob.cast::<u32>().write_unaligned(len + 1);
    blob
}

unsafe fn stored(key: *const u8) -> u128 {
    let cell = addr_of_mut!(CELL);
    (*cell).len = AMOUNT as u32;
    if storage_read(key, cell.cast()) == AMOUNT as i32 {
        u128::from_le_bytes((*cell).data)
    } else {
        0
    }
}

unsafe fn store(key: *const u8, value: u128) {
    storage_write(key, addr_of!(value).cast(), AMOUNT);
}

#[no_mangle]
unsafe extern "C" fn init() {
    let supply = read_input(AMOUNT).cast::<u128>().read_unaligned();
    let from = addr_of_mut!(FROM);
    (*from).len = ADDRESS_MAX as u32;
    caller(from.cast());
    store(into_key(from.cast()), supply);
    store(addr_of!(SUPPLY_KEY).cast(), supply);
}

#[no_mangle]
unsafe extern "C" fn transfer() {
    let to = read_address(AMOUNT);
    let to_len = to.cast::<u32>().read_unaligned() as usize;
    let amount = to.add(4 + to_len).cast::<u128>().read_unaligned();

    let from = addr_of_mut!(FROM);
    (*from).len = ADDRESS_MAX as u32;
    let from_len = caller(from.cast()) as usize;
    let event = addr_of_mut!(EVENT).cast::<u8>();
    event.write(from_len as u8);
    event.add(1).copy_from_nonoverlapping(addr_of!((*from).data).cast(), from_len);
    let rest = event.add(1 + from_len);
    rest.write(to_len as u8);
    rest.add(1).copy_from_nonoverlapping(to.add(4), to_len + AMOUNT);
    let shortest = 2 + from_len + to_len;
    let mut event_len = shortest + AMOUNT;
    while event_len > shortest && *event.add(event_len - 1) == 0 {
        event_len -= 1;
    }

    let from_key = into_key(from.cast());
    let balance = stored(from_key);
    if balance < amount {
        fail("token: balance too low");
    }
    store(from_key, balance - amount);
    let to_key = into_key(to);
    store(to_key, stored(to_key).wrapping_add(amount));
    emit(addr_of!(TRANSFER).cast(), event, event_len);
}

#[no_mangle]
unsafe extern "C" fn balance_of() {
    let balance = stored(into_key(read_address(0)));
    set_return(addr_of!(balance).cast(), AMOUNT);
}

#[no_mangle]
unsafe extern "C" fn total_supply() {
    let supply = stored(addr_of!(SUPPLY_KEY).cast());
    set_return(addr_of!(supply).cast(), AMOUNT);
}
