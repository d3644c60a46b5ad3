//! The pallet's log, which says what its errors do not: why it takes no module, and on request every host call.

use std::cell::RefCell;

use log::{Level, LevelFilter, Log, Metadata, Record};

/// As a log target, makes the pallet note each host call in its debug message as well.
const HOST_CALLS: &str = "runtime::contracts::strace";
const PALLET: [&str; 2] = ["runtime::contracts", "pallet_contracts::wasm::runtime"];

struct Reasons;

thread_local! {
    static REASONS: RefCell<Vec<String>> = const { RefCell::new(vec![]) };
}

impl Log for Reasons {
    fn enabled(&self, asked: &Metadata<'_>) -> bool {
        match asked.level() {
            Level::Error | Level::Warn => true,
            Level::Debug => PALLET.contains(&asked.target()),
            Level::Trace => asked.target() == HOST_CALLS,
            Level::Info => false,
        }
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        match record.level() {
            Level::Error | Level::Warn => eprintln!("{}: {}", record.target(), record.args()),
            _ => REASONS.with_borrow_mut(|reasons| reasons.push(record.args().to_string())),
        }
    }

    fn flush(&self) {}
}

pub fn install() {
    log::set_logger(&Reasons).expect("nobody else installs one");
    trace(false);
}

/// Whether host calls are noted from now on; asking every logging line of the runtime costs time.
pub fn trace(on: bool) {
    log::set_max_level(if on { LevelFilter::Trace } else { LevelFilter::Debug });
}

/// What the pallet said since this was last asked.
pub fn take() -> Vec<String> {
    REASONS.take()
}
