//! The built program, driven over pipes as an adapter drives it.

mod contracts;
mod effects;
mod failures;
mod protocol;
mod vm;
mod world;
