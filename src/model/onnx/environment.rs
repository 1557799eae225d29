//! ONNX Runtime's process-wide environment: one library, quiet, without telemetry.

use std::{
    error::Error as _,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::OnceLock,
};

use ort::{LoadDynamicError, environment::Environment};

use crate::model::error::ModelError;

/// ort itself keeps a weak reference only; dropping the last strong one would end the runtime.
static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();

/// The environment, once [`start`] has succeeded.
pub(in crate::model) fn current() -> Option<&'static Environment> {
    ENVIRONMENT.get()
}

/// Loads the library at `path` and creates the environment. Callers serialise their calls.
///
/// # Errors
/// [`ModelError::WrongRuntime`]. Another library can be tried afterwards, except where one passed
/// ort's version check and still refused the interface: ort keeps the first that passes.
pub(in crate::model) fn start(path: &Path) -> Result<(), ModelError> {
    let wrong = |reason: String| ModelError::WrongRuntime {
        path: path.to_owned(),
        reason: reason.lines().next().unwrap_or_default().to_owned(),
    };
    // ort checks the version before it uses a library, but panics on one that has the entry point
    // and still refuses the interface we need.
    let built = panic::catch_unwind(AssertUnwindSafe(|| {
        let builder = ort::init_from(path).map_err(|error| describe(&error))?;
        let builder = builder.with_name("fenzhen").with_telemetry(false);
        builder.build().map_err(|error| error.to_string())
    }));
    let environment = match built {
        Ok(result) => result.map_err(wrong)?,
        Err(_) => return Err(wrong("it does not offer the interface version ort needs".into())),
    };
    ENVIRONMENT.get_or_init(|| environment);
    Ok(())
}

/// ort's message, with the linker's own where there is one: it tells a wrong architecture from a
/// missing C library.
fn describe(error: &LoadDynamicError) -> String {
    match error {
        LoadDynamicError::Dlopen { error, .. } => {
            error.source().map_or_else(|| error.to_string(), ToString::to_string)
        }
        other => other.to_string(),
    }
}
