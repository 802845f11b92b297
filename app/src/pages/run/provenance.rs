//! Where a run's numbers come from, and what is not settled about it.

use super::RunView;
use super::void::{Resting, resting_list};
use crate::pages::parts::{Digest, Form, Moment, Panel, Submit, SubmitKind, Time, number};
use crate::upload::Understood;
use leptos::prelude::*;
use serde_json::Value;

/// Who measured what, when and with which instrument.
#[derive(Clone, Debug)]
pub struct Provenance {
    pub evaluated_at: Moment,
    pub received_at: Moment,
    /// The person, and `via token NAME` where a token acted.
    pub uploaded_by: String,
    /// `evenhand-metrics 0.1.0, definitions 1`, with the judge where there is one.
    pub instrument: String,
    /// `adult-half@1994` and its page.
    pub dataset: String,
    pub dataset_href: String,
    pub dataset_digest: Option<String>,
    pub run_digest: String,
    /// Until when its pruned rows are kept; `None`: they are not.
    pub rows_kept_until: Option<Moment>,
    pub receipt: Receipt,
}

/// What was read of the file.
#[derive(Clone, Debug, Default)]
pub struct Receipt {
    /// The format, as it was recognised or declared.
    pub format: String,
    pub bytes: Option<u64>,
    pub rows_read: Option<u64>,
    pub rows_used: Option<u64>,
    /// What results held, of which nobody read the rows.
    pub estimates: Option<u64>,
    pub slices: Option<u64>,
    /// Rows that were left out, with the reason.
    pub dropped: Vec<(String, u64)>,
    /// What else there is to say about the reading.
    pub notes: Vec<String>,
}

impl Receipt {
    /// A stored receipt as the page shows it: predictions count rows, results say what was amended.
    pub fn of(format: &str, stored: &Value) -> Self {
        let words = |key: &str| -> Vec<String> {
            let list = stored[key].as_array().cloned().unwrap_or_default();
            list.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
        };
        let mut notes = words("notes");
        notes.extend(words("amended"));
        notes.extend(words("ignored"));
        let Understood { mapped, conventions, not_placed } = Understood::of(stored);
        notes.extend(conventions);
        notes.extend(mapped);
        notes.extend(not_placed.into_iter().map(|what| format!("not placed: {what}")));
        let ignored = words("columns_ignored");
        if !ignored.is_empty() {
            notes.push(format!("columns not used: {}", ignored.join(", ")));
        }
        if let Some(n) = stored["recomputed_intervals"].as_u64().filter(|n| *n > 0) {
            notes.push(format!("{n} intervals computed from counts"));
        }
        let dropped = stored["dropped"].as_array().cloned().unwrap_or_default();
        Self {
            format: format.to_owned(),
            bytes: None,
            rows_read: stored["rows_read"].as_u64(),
            estimates: stored["estimates"].as_u64(),
            slices: stored["slices"].as_u64(),
            rows_used: stored["rows_used"].as_u64(),
            dropped: dropped
                .iter()
                .filter_map(|drop| {
                    Some((drop["reason"].as_str()?.to_owned(), drop["rows"].as_u64()?))
                })
                .collect(),
            notes,
        }
    }
}

/// A group that the attribute registry does not know.
#[derive(Clone, Debug)]
pub struct Unconfirmed {
    pub attribute: String,
    pub group: String,
    /// The known group whose name is nearest.
    pub nearest: Option<String>,
    /// The groups that had taken its place when the run was evaluated.
    pub replaced_by: Vec<String>,
    /// Where it is accepted as a new group, if this viewer may.
    pub accept: Option<Answer>,
    /// Where it is made an alias of the nearest, if this viewer may.
    pub alias: Option<Answer>,
}

/// A form of one button.
#[derive(Clone, Debug)]
pub struct Answer {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

/// That a run no longer counts.
#[derive(Clone, Debug)]
pub struct Voided {
    pub reason: String,
    pub by: String,
    pub at: Moment,
    /// What rested on it.
    pub resting: Vec<Resting>,
}

pub(super) fn banners(view: &RunView) -> AnyView {
    let voided = view.voided.clone().map(|voided| {
        view! {
            <section class="banner fail" aria-label="Voided">
                <h2 class="v fail">"This run is void"</h2>
                <p>{voided.reason}</p>
                {resting_list(voided.resting)}
                <p class="small dim">
                    {voided.by} ", " <Time at=voided.at clock=true />
                    ". It stays readable; nothing new may rest on it."
                </p>
            </section>
        }
    });
    let unconfirmed = (!view.unconfirmed.is_empty()).then(|| {
        let count = number::counted(view.unconfirmed.len() as u64, "group is", "groups are");
        let items = view.unconfirmed.iter().cloned().map(unconfirmed).collect_view();
        let unknown = view.unconfirmed.iter().filter(|it| it.replaced_by.is_empty()).count();
        let all = view.accept_all.clone().filter(|_| unknown > 1).map(|answer| {
            view! {
                <Form action=answer.action hidden=answer.fields inline=true>
                    <Submit label="Accept all that this model proposed" kind=SubmitKind::Primary />
                </Form>
            }
        });
        view! {
            <section class="banner thin" aria-label="Unconfirmed groups">
                <h2 class="v thin">{format!("{count} unconfirmed")}</h2>
                <p>
                    "No policy rule is satisfied by their numbers. A lead accepts what the \
                     attribute registry does not know, or makes it an alias; what others had \
                     replaced has to be evaluated again with them."
                </p>
                <ul class="plain">{items}</ul>
                {all}
            </section>
        }
    });
    view! {
        {voided}
        {unconfirmed}
    }
    .into_any()
}

fn unconfirmed(it: Unconfirmed) -> impl IntoView {
    let known = match &it.nearest {
        Some(nearest) => format!("nearest known: {nearest}"),
        None if it.replaced_by.is_empty() => "no known name is near".to_owned(),
        None => format!("replaced by {}", it.replaced_by.join(", ")),
    };
    let button = |answer: Option<Answer>, label: String| {
        answer.map(|answer| {
            view! {
                <Form action=answer.action hidden=answer.fields inline=true>
                    <Submit label=label kind=SubmitKind::Plain />
                </Form>
            }
        })
    };
    let alias =
        it.nearest.clone().and_then(|nearest| button(it.alias.clone(), format!("It is {nearest}")));
    view! {
        <li class="unconfirmed">
            <span>
                <b>{it.group.clone()}</b>
                <span class="dim">{format!(" in {} · {known}", it.attribute)}</span>
            </span>
            <span class="answers">
                {button(it.accept, format!("Accept {}", it.group))}
                {alias}
            </span>
        </li>
    }
}

pub(super) fn panel(provenance: &Provenance) -> AnyView {
    let it = provenance.clone();
    let receipt = it.receipt;
    let dropped = if receipt.dropped.is_empty() {
        "none".to_owned()
    } else {
        let reasons =
            receipt.dropped.iter().map(|(reason, n)| format!("{} {reason}", number::count(*n)));
        reasons.collect::<Vec<_>>().join(", ")
    };
    let read = match (receipt.rows_read, receipt.rows_used, receipt.estimates, receipt.slices) {
        (Some(read), Some(used), ..) => format!(
            "{} read, {} used, dropped: {dropped}",
            number::counted(read, "row", "rows"),
            number::count(used)
        ),
        (_, _, Some(estimates), Some(slices)) => format!(
            "{} on {}, as the file reports them",
            number::counted(estimates, "estimate", "estimates"),
            number::counted(slices, "slice", "slices")
        ),
        _ => "it does not say".to_owned(),
    };
    let format = match receipt.bytes {
        Some(bytes) => format!("{}, {} bytes", receipt.format, number::count(bytes)),
        None => receipt.format,
    };
    let notes = (!receipt.notes.is_empty()).then(|| {
        let notes = receipt.notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view();
        view! {
            <dt>"Notes"</dt>
            <dd>
                <ul>{notes}</ul>
            </dd>
        }
    });
    let rows = match it.rows_kept_until {
        None => view! { "not kept, so it is compared unpaired" }.into_any(),
        Some(until) => view! {
            "kept until "
            <Time at=until />
            " to compare runs row by row: hashed ids, labels, predictions, scores, groups"
        }
        .into_any(),
    };
    view! {
        <Panel title="Where the numbers come from" id="provenance">
            <dl class="facts">
                <dt>"Evaluated"</dt>
                <dd>
                    <Time at=it.evaluated_at clock=true />
                    " UTC"
                </dd>
                <dt>"Uploaded"</dt>
                <dd>
                    <Time at=it.received_at clock=true />
                    " UTC by "
                    {it.uploaded_by}
                </dd>
                <dt>"Instrument"</dt>
                <dd>{it.instrument}</dd>
                <dt>"Dataset"</dt>
                <dd>
                    <a href=it.dataset_href>{it.dataset}</a>
                    {it.dataset_digest.map(|digest| view! { " " <Digest digest=digest /> })}
                </dd>
                <dt>"Run digest"</dt>
                <dd>
                    <code>{it.run_digest}</code>
                </dd>
                <dt>"File"</dt>
                <dd>{format}</dd>
                <dt>"Receipt"</dt>
                <dd>{read}</dd>
                <dt>"Rows"</dt>
                <dd>{rows}</dd>
                {notes}
            </dl>
        </Panel>
    }
    .into_any()
}
