//! What can go wrong with a request, and the status each gets. What a person sees of it is made in
//! one place, [`crate::http::failure`].

use app::form::FieldErrors;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use metrics::Problem;
use std::sync::Arc;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("sign in first")]
    Unauthenticated,
    #[error("this token is not known here, or it has expired or was revoked")]
    BadToken,
    /// The same in the middle of a form: what was typed, without secrets, and where it was going.
    #[error("sign in first")]
    SignedOut { path: String, typed: String },
    #[error("{0}")]
    Forbidden(String),
    /// Also what a person may not know exists.
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Conflict(String),
    /// The `If-Match` header is missing.
    #[error("send If-Match with the ETag that you read")]
    PreconditionRequired,
    /// Somebody changed the thing since it was read.
    #[error("this was changed meanwhile: {0}")]
    PreconditionFailed(String),
    /// A form with a message at each wrong field.
    #[error("the form cannot be accepted")]
    Fields(FieldErrors),
    /// A file or document with a place for each problem.
    #[error("{summary}")]
    Input { summary: String, problems: Vec<Problem> },
    /// A request that cannot be understood at all.
    #[error("{0}")]
    BadRequest(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("the body came too slowly")]
    TooSlow,
    #[error("too many attempts; try again in {retry_after} seconds")]
    TooMany { retry_after: u64 },
    /// More requests of a token than it may make.
    #[error("this token may make {limit} requests a minute; go on in {retry_after} seconds")]
    TooFast { limit: u64, retry_after: u64 },
    #[error("the server is busy; try again in a moment")]
    Busy,
    /// A transaction that changed something and did not say so in the audit log.
    #[error("a change without an audit entry was refused")]
    Unaudited,
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("database migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub fn not_found(what: &str) -> Self {
        Self::NotFound(format!("there is no such {what}, or you may not see it"))
    }

    pub fn forbidden(what: impl Into<String>) -> Self {
        Self::Forbidden(what.into())
    }

    /// A document that cannot be accepted.
    pub fn input(problems: Vec<Problem>) -> Self {
        let n = problems.len();
        Self::Input {
            summary: format!("{n} problem{} in the input", if n == 1 { "" } else { "s" }),
            problems,
        }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated | Self::BadToken | Self::SignedOut { .. } => {
                StatusCode::UNAUTHORIZED
            }
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
            Self::Fields(_) | Self::Input { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany { .. } | Self::TooFast { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(error) if is_unavailable(error) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unaudited
            | Self::Database(_)
            | Self::Migrate(_)
            | Self::Io(_)
            | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Whether the database could not be asked, rather than refused: worth a later try.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_passing(&code)),
        _ => false,
    }
}

/// Whether a database's error says that it is busy or away, and nothing of the question:
/// SQLITE_BUSY with its extended codes; PostgreSQL's shutdown, broken connections, too many of them
/// and too little memory, locks that were not to be had, and serialization failures.
fn is_passing(code: &str) -> bool {
    const CODES: [&str; 13] = [
        "5", "261", "517", "773", "40001", "40P01", "53000", "53200", "53300", "55P03", "57P01",
        "57P02", "57P03",
    ];
    CODES.contains(&code) || (code.len() == 5 && code.starts_with("08"))
}

/// What a session store says of a database that could not be asked; it can tell text alone.
pub const UNAVAILABLE: &str = "the database could not be asked";

impl From<tower_sessions::session::Error> for Error {
    fn from(error: tower_sessions::session::Error) -> Self {
        use tower_sessions::session::Error::Store;
        use tower_sessions::session_store::Error::Backend;
        match error {
            Store(Backend(said)) if said == UNAVAILABLE => Self::Busy,
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<FieldErrors> for Error {
    fn from(errors: FieldErrors) -> Self {
        Self::Fields(errors)
    }
}

/// A status, and the error itself in the extensions: the layer that knows whether a page or JSON
/// was asked for makes the body, and logs.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::is_passing;

    #[test]
    fn a_database_that_is_busy_or_away_is_worth_a_later_try_and_a_wrong_question_is_not() {
        for code in ["5", "40001", "53300", "55P03", "57P01", "08006"] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["23505", "42P01", "2067", "08", "53100"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
