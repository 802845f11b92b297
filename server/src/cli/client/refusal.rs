//! What a server says no with, and what an answer is worth that no Evenhand server gives.

use super::{Answer, Client, could_not_ask};
use crate::cli::Failure;
use crate::cli::output::clean;
use metrics::Problem;
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A no, in words that may stand on a terminal.
#[derive(Debug)]
pub struct Refusal {
    /// A sentence, and advice where there is some.
    pub said: String,
    pub problems: Vec<Problem>,
}

/// Reads a yes, or why it is none.
///
/// # Errors
/// When it is no answer of an Evenhand server.
pub fn read<T: DeserializeOwned>(
    client: &Client,
    answer: &Answer,
) -> Result<Result<T, Refusal>, Failure> {
    let strange = |what: &str| {
        could_not_ask(format!(
            "{} {what}, so it is perhaps no Evenhand server; say where one is with --server or \
             EVENHAND_SERVER",
            client.base()
        ))
    };
    if answer.status.is_success() {
        return serde_json::from_str(&answer.body)
            .map(Ok)
            .map_err(|_| strange("said yes with an answer that cannot be read"));
    }
    if answer.status.is_redirection() {
        let to = answer.location.as_deref().unwrap_or("elsewhere");
        return Err(could_not_ask(format!(
            "{} sends us to {}; set --server or EVENHAND_SERVER to where it really is",
            client.base(),
            clean(to)
        )));
    }
    let Ok(no) = serde_json::from_str::<No>(&answer.body) else {
        return Err(strange(&format!("answered {}", answer.status)));
    };
    let said = [no.detail, no.title].into_iter().flatten().find(|said| !said.is_empty());
    let said = said.unwrap_or_else(|| answer.status.to_string());
    Ok(Err(Refusal {
        said: format!("{}{}", clean(&said), advice(answer.status)),
        problems: no.errors.into_iter().map(Problem::from).collect(),
    }))
}

fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "\nThe token was not accepted: it may have expired or been ended (EVENHAND_TOKEN).",
        403 => "\nThe token, or the person it acts for, may not do this.",
        _ => "",
    }
}

/// A problem+json (RFC 9457), read leniently: a proxy may have written it.
#[derive(Debug, Deserialize)]
struct No {
    title: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    errors: Vec<Wrong>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wrong {
    pointer: Option<String>,
    line: Option<u64>,
    column: Option<String>,
    code: String,
    message: String,
    expected: Option<String>,
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Self {
        let problem = Problem::new(&wrong.code, wrong.message);
        let problem = match (wrong.pointer, wrong.line, wrong.column) {
            (Some(pointer), ..) => problem.at_pointer(pointer),
            (None, None, None) => problem,
            (None, line, column) => problem.at_cell(line, column.as_deref()),
        };
        Problem { expected: wrong.expected, ..problem }
    }
}
