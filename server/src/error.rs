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
fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
        // SQLITE_BUSY with its extended codes; PostgreSQL's shutdown and serialization failures.
        sqlx::Error::Database(error) => matches!(
            error.code().as_deref(),
            Some("5" | "261" | "517" | "57P01" | "57P02" | "57P03" | "40001" | "40P01")
        ),
        _ => false,
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
