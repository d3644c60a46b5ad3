//! The built program, driven over pipes as an adapter drives it.

mod protocol;
mod receipts;
mod runs;
mod vm;
