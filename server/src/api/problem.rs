//! The kinds of refusal, each with a place on the API's page that says what to do about it. The
//! `type` of every `application/problem+json` leads there.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

/// What every refusal and failure says (RFC 9457).
#[derive(Serialize, JsonSchema)]
pub struct Problem {
    /// Where this kind of refusal is explained, relative to the server.
    pub r#type: String,
    pub title: &'static str,
    /// The same as the status of the answer.
    pub status: u16,
    /// What happened, in a sentence.
    pub detail: String,
    /// Everything that is wrong with the input, each with its place; empty where the input as such
    /// is not at fault.
    pub errors: Vec<metrics::Problem>,
    /// Under which the server's log knows the request; also in the header `X-Request-Id`.
    pub request_id: String,
}

/// One kind of refusal.
pub struct Kind {
    pub status: u16,
    /// Names it in `type` and in the document.
    pub slug: &'static str,
    pub title: &'static str,
    /// When it comes, and what helps.
    pub about: &'static str,
    /// What `detail` may say.
    pub example: &'static str,
}

const fn kind(
    status: u16,
    slug: &'static str,
    title: &'static str,
    about: &'static str,
    example: &'static str,
) -> Kind {
    Kind { status, slug, title, about, example }
}

/// Every kind, by status.
pub const KINDS: [Kind; 15] = [
    kind(
        400,
        "not-understood",
        "Not understood",
        "A parameter or the body is not of the form that the call reads. Mend the request.",
        "limit is 1 to 1000",
    ),
    kind(
        401,
        "sign-in-first",
        "Sign in first",
        "There is no token, or it is mistyped, expired or revoked. Send Authorization: Bearer with one that works.",
        "sign in first",
    ),
    kind(
        403,
        "not-allowed",
        "Not allowed",
        "The token lacks the scope, or its person the role. The detail says which.",
        "this token may not upload results: it needs the scope `runs:write`",
    ),
    kind(
        404,
        "not-found",
        "Not found",
        "It is not there, or you may not see it: the two are not told apart.",
        "there is no such model, or you may not see it",
    ),
    kind(
        405,
        "not-possible-here",
        "Not possible here",
        "The path is one of the API, the method is not. The header Allow lists those that are.",
        "method not allowed",
    ),
    kind(
        408,
        "too-slow",
        "Too slow",
        "The body came too slowly, and nothing of it was kept. Send it again.",
        "the body came too slowly",
    ),
    kind(
        409,
        "in-conflict",
        "In conflict",
        "It contradicts what is there. The detail says what; sending the same again does not help.",
        "this Idempotency-Key was used for another upload",
    ),
    kind(
        412,
        "changed-meanwhile",
        "Changed meanwhile",
        "Somebody changed the thing since you read it. Read it again, and decide again.",
        "this was changed meanwhile: model `adult-income` is at version 3; read it again",
    ),
    kind(
        413,
        "too-large",
        "Too large",
        "The body is larger than the server takes.",
        "an upload may have 64 MiB here",
    ),
    kind(
        415,
        "wrong-media-type",
        "Wrong kind of body",
        "The Content-Type is not one that the call reads.",
        "expected request with `Content-Type: application/json`",
    ),
    kind(
        422,
        "cannot-be-accepted",
        "Cannot be accepted",
        "It was understood and is wrong. `errors` lists everything that is, each with its place and what was expected.",
        "2 problems in the input",
    ),
    kind(
        428,
        "say-what-you-read",
        "Say what you read",
        "A change must say what it was made from. Send If-Match with the ETag of what you read.",
        "send If-Match with the ETag that you read",
    ),
    kind(
        429,
        "too-many-requests",
        "Too many requests",
        "The token, or whoever tries passwords, has to wait. Retry-After says how many seconds.",
        "this token may make 6000 requests a minute; go on in 12 seconds",
    ),
    kind(
        500,
        "something-broke",
        "Something broke",
        "It is not your doing. The server's log says why, under the request's id.",
        "The server could not do this. It wrote down why, under 01890a5d-ac96-774b-bcce-b302099a8057.",
    ),
    kind(
        503,
        "busy",
        "Busy",
        "The server has too much to do, or its database does not answer. Nothing was changed; try again after Retry-After seconds.",
        "The server is busy. Try again in a moment.",
    ),
];

/// The kind that a status is of: its own, or that of its class.
pub fn of(status: StatusCode) -> &'static Kind {
    let own = KINDS.iter().find(|kind| kind.status == status.as_u16());
    own.unwrap_or(if status.is_server_error() { &KINDS[KINDS.len() - 2] } else { &KINDS[0] })
}

impl Kind {
    /// What `type` says.
    pub fn uri(&self) -> String {
        format!("/api/docs#{}", self.slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_without_a_kind_of_its_own_is_of_its_class() {
        assert_eq!(of(StatusCode::IM_A_TEAPOT).status, 400);
        assert_eq!(of(StatusCode::BAD_GATEWAY).status, 500);
        assert_eq!(of(StatusCode::CONFLICT).status, 409);
        assert!(KINDS.is_sorted_by_key(|kind| kind.status));
    }
}
