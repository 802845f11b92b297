//! Reads results in the browser, before they are sent: a module of its own that the upload page
//! loads when a file is chosen. Reading and showing are the server's own code.

use crate::domain::against::{Earlier, Surroundings};
use crate::pages::parts::fragment;
use crate::pages::problems::{Problems, ProblemsView};
use crate::pages::run::Receipt;
use crate::pages::upload::{Preview, PreviewPanels};
use crate::upload::{self, Context, Format, parse_dataset, parse_time};
use leptos::prelude::*;
use metrics::{Problem, RunDocument, Spec};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use time::OffsetDateTime;
use wasm_bindgen::prelude::wasm_bindgen;

/// What the form says beside the file.
#[derive(Deserialize)]
struct Asked {
    /// The name of a format; empty: told by the content.
    format: String,
    dataset: String,
    evaluated_at: String,
    #[serde(with = "time::serde::rfc3339")]
    received_at: OffsetDateTime,
}

/// What was found.
#[derive(Default, Serialize)]
struct Found {
    /// In a sentence.
    said: String,
    /// As the page shows it.
    html: String,
    /// Where the document of the run stands with which this is to be compared.
    before: Option<String>,
}

impl Found {
    /// As the page's script reads it.
    fn json(&self) -> String {
        serde_json::to_string(self).expect("texts are always JSON")
    }
}

struct Read {
    document: RunDocument,
    receipt: Receipt,
    around: Surroundings,
    before: Option<Earlier>,
}

thread_local! {
    /// What was read last, until the run before it is fetched.
    static READ: RefCell<Option<Read>> = const { RefCell::new(None) };
}

/// Reads a file: its bytes, what the form says, and what the server knows around it. Gives what was
/// found as JSON; of a file without problems only `before`, and [`show`] gives the rest.
#[wasm_bindgen]
pub fn read(bytes: &[u8], asked: &str, around: &str) -> String {
    let found = match understood(bytes, asked, around) {
        Ok(read) => {
            let before = read.before.as_ref().map(|run| format!("/runs/{}/document.json", run.id));
            READ.set(Some(read));
            Found { before, ..Found::default() }
        }
        Err(problems) => refused(problems),
    };
    found.json()
}

/// The problems of a spec, as [`read`] gives those of a file.
#[wasm_bindgen]
pub fn check_spec(spec: &str) -> String {
    let found = match Spec::parse(spec) {
        Ok(_) => Found {
            said: "The spec is in order. Predictions are evaluated by the server.".to_owned(),
            ..Found::default()
        },
        Err(problems) => refused(problems),
    };
    found.json()
}

/// What was read last as a run, against the run whose document is given. Gives what [`read`] gives.
#[wasm_bindgen]
pub fn show(before: Option<String>) -> String {
    let before = before.and_then(|text| serde_json::from_str::<RunDocument>(&text).ok());
    let estimates = before.map(|document| document.estimates);
    READ.take().map_or_else(String::new, |read| {
        let before = read.before.as_ref().zip(estimates.as_deref());
        let preview = Preview::of(&read.document, read.receipt, &read.around, before);
        let said = preview.said();
        let html = fragment(|| view! { <PreviewPanels preview=preview /> });
        Found { said, html, before: None }.json()
    })
}

fn understood(bytes: &[u8], asked: &str, around: &str) -> Result<Read, Vec<Problem>> {
    let internal = |error: serde_json::Error| vec![Problem::new("unreadable", error.to_string())];
    let asked: Asked = serde_json::from_str(asked).map_err(internal)?;
    let around: Surroundings = serde_json::from_str(around).map_err(internal)?;
    let format = match asked.format.as_str() {
        "" => None,
        name => Some(
            name.parse::<Format>()
                .map_err(|error| vec![Problem::new("unknown_format", error.to_string())])?,
        ),
    };
    let said = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let context = Context {
        received_at: asked.received_at,
        dataset: said(&asked.dataset)
            .map(|text| parse_dataset(&text))
            .transpose()
            .map_err(|problem| vec![problem])?,
        evaluated_at: said(&asked.evaluated_at)
            .map(|text| parse_time(&text))
            .transpose()
            .map_err(|problem| vec![problem])?,
        instrument: None,
    };
    let (document, receipt) = upload::read(bytes, format, &context)?;
    let stored = serde_json::to_value(&receipt).map_err(internal)?;
    let receipt = Receipt::of(&receipt.format.to_string(), &stored);
    let before = around.before(&document).cloned();
    Ok(Read { document, receipt, around, before })
}

fn refused(problems: Vec<Problem>) -> Found {
    let said = crate::number::counted(problems.len() as u64, "problem", "problems");
    let view = ProblemsView { problems };
    Found {
        said: format!("This cannot be uploaded yet: {said}, listed below."),
        html: fragment(|| view! { <Problems view=view /> }),
        before: None,
    }
}
