//! Who signs a launch: the functions that must, who did or could, and the form for whoever may.

use super::{LaunchView, Slot};
use crate::domain::launch::{Decision, State};
use crate::pages::parts::{
    FieldKind, Form, Moment, Panel, Select, Submit, TextArea, TextField, Verdict, VerdictKind,
    number,
};
use leptos::prelude::*;

pub(super) fn slots(view: &LaunchView) -> Option<impl IntoView + use<>> {
    let revision = view.revision.as_ref()?;
    let items = view
        .slots
        .clone()
        .into_iter()
        .map(|slot| {
            let (state, line) = match (&slot.held, &slot.stale) {
                (Some((person, decision, at)), _) => {
                    let kind = match decision {
                        Decision::Approve => VerdictKind::Pass,
                        Decision::Reject => VerdictKind::Fail,
                    };
                    let at = Moment::from(*at).date();
                    (
                        view! { <Verdict kind=kind text=decision.label() /> }.into_any(),
                        format!("{person}, {at}"),
                    )
                }
                (None, Some(who)) => (
                    view! { <Verdict kind=VerdictKind::NotEnoughEvidence text="stale" /> }
                        .into_any(),
                    format!("{who} signed an earlier revision"),
                ),
                (None, None) => {
                    let line = match slot.could.as_slice() {
                        [] => "nobody who holds this function may sign it".to_owned(),
                        could => format!("waiting for {}", could.join(" or ")),
                    };
                    (view! { <span class="dim">"open"</span> }.into_any(), line)
                }
            };
            view! {
                <li class="slot">
                    <span>
                        {number::capitalised(slot.function.label())}
                        <span class="small dim block">{line}</span>
                    </span>
                    {state}
                </li>
            }
        })
        .collect_view();
    let digest = revision.digest.strip_prefix("sha256:").unwrap_or(&revision.digest);
    let note = format!("digest {}…", digest.get(..8).unwrap_or(digest));
    let none =
        view.slots.is_empty().then(|| view! { <p class="dim">"The policy asks for none."</p> });
    Some(view! {
        <Panel title="Sign-offs" note=note>
            {none}
            <ul class="plain slots">{items}</ul>
        </Panel>
    })
}

pub(super) fn sign_panel(view: &LaunchView, base: &str) -> Option<impl IntoView + use<>> {
    let revision = view.revision.as_ref()?;
    if revision.number != view.newest_revision
        || !matches!(view.state, State::InReview | State::Approved)
    {
        return None;
    }
    let mine: Vec<&Slot> = view.slots.iter().filter(|slot| slot.why_not.is_empty()).collect();
    if mine.is_empty() {
        let mut why: Vec<String> = vec![];
        for slot in &view.slots {
            for reason in &slot.why_not {
                if !reason.starts_with("you do not sign for") && !why.contains(reason) {
                    why.push(reason.clone());
                }
            }
        }
        return (!why.is_empty()).then(|| {
            let items = why.into_iter().map(|it| view! { <li>{it}</li> }).collect_view();
            view! {
                <Panel title="Why you may not sign">
                    <ul class="plain">{items}</ul>
                </Panel>
            }
            .into_any()
        });
    }
    let functions = mine
        .iter()
        .map(|slot| (slot.function.as_str().to_owned(), slot.function.label().to_owned()))
        .collect();
    let hidden = vec![("digest".to_owned(), revision.digest.clone())];
    let form = view.form.clone();
    let asks = form.asks_password;
    let password = move || {
        asks.then(|| {
            view! {
                <TextField
                    label="Your password, again"
                    name="password"
                    kind=FieldKind::Password
                    autocomplete="current-password"
                    hint="Your log-in is older than five minutes."
                    required=true
                />
            }
        })
    };
    let action = format!("{base}/sign");
    Some(
        view! {
            <Panel title="Sign off" id="sign">
                <Form action=action errors=form.errors hidden=hidden id="sign-form">
                    <Select
                        label="As"
                        name="function"
                        options=functions
                        value=form.function
                        required=true
                    />
                    <TextArea
                        label="Reason"
                        name="reason"
                        value=form.reason
                        rows=3
                        required=true
                        hint="What you looked at, and why you decide so. It stands for good."
                    />
                    {password()}
                    <Submit label="Approve" name="decision" value="approve">
                        <button class="danger" name="decision" value="reject">
                            "Reject"
                        </button>
                    </Submit>
                </Form>
            </Panel>
        }
        .into_any(),
    )
}
