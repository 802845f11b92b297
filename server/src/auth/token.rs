//! API tokens: who comes with one.

use super::Actor;
use crate::error::{Error, Result};
use crate::state::App;

/// The actor that a token stands for.
///
/// # Errors
/// [`Error::Unauthenticated`] when it is not one of ours, has expired or was revoked.
pub async fn actor(_app: &App, _token: &str) -> Result<Actor> {
    Err(Error::Unauthenticated)
}
