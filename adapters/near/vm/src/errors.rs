//! The VM's errors in the protocol's words.

use near_vm_runner::logic::HostError;
use near_vm_runner::logic::errors::{CompilationError, FunctionCallError};

/// The error's path of variants without fields: "HostError/GuestPanic", "LinkError".
pub fn variants(error: &FunctionCallError) -> String {
    let outer: &'static str = error.into();
    let inner: &'static str = match error {
        FunctionCallError::CompilationError(CompilationError::PrepareError(why)) => {
            return format!("{outer}/PrepareError/{why:?}");
        }
        FunctionCallError::CompilationError(why) => why.into(),
        FunctionCallError::MethodResolveError(why) => why.into(),
        FunctionCallError::WasmTrap(why) => why.into(),
        FunctionCallError::HostError(why) => why.into(),
        FunctionCallError::LinkError { .. } | FunctionCallError::LoadingError { .. } => return outer.to_owned(),
    };
    format!("{outer}/{inner}")
}

/// The panic's own text for a guest panic, else what the chain would display.
pub fn message(error: FunctionCallError) -> String {
    match error {
        FunctionCallError::HostError(HostError::GuestPanic { panic_msg }) => panic_msg,
        other => other.to_string(),
    }
}
