//! Where compiled modules are kept between runs of the program.

use std::fs::DirBuilder;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use near_vm_runner::{FilesystemContractRuntimeCache, noop_background_spawner};

/// Modules kept loaded; the cache holds up to four times as many when they are small.
const LOADED: usize = 64;
const MOST_BYTES: u64 = 1 << 30;

/// Opens the per-user cache: `near-vm` in `SSHI_CACHE_DIR`, else in `sshi` of the user's cache directory.
///
/// Files are written aside and renamed and a missing one is compiled again, so any number of processes can share it.
pub fn open() -> Result<FilesystemContractRuntimeCache> {
    let home = directory()?.join("near-vm");
    // What lies there is machine code that will be run: nobody else may write it.
    DirBuilder::new().recursive(true).mode(0o700).create(&home)?;
    FilesystemContractRuntimeCache::with_memory_cache(
        &home,
        None::<&str>,
        "compiled",
        LOADED,
        None,
        MOST_BYTES,
        noop_background_spawner(),
    )
}

fn directory() -> Result<PathBuf> {
    let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    path("SSHI_CACHE_DIR")
        .or_else(|| Some(path("XDG_CACHE_HOME")?.join("sshi")))
        .or_else(|| Some(path("HOME")?.join(".cache/sshi")))
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "neither SSHI_CACHE_DIR nor HOME is set"))
}
