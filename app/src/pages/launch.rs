//! One launch: may it go, what it rests on, who signs, what holds it back and who can clear that.

mod signing;

use super::launches::StateBadge;
use super::models::version_path;
use super::parts::{
    Digest, Form, MovedTable, PageHeader, Panel, Prose, ReadinessView, RuleTable, Submit,
    SubmitKind, TextArea, TextField, Time, Verdict, VerdictKind, number,
};
use crate::domain::launch::{Decision, State, Step};
use crate::domain::moved::Moved;
use crate::domain::{Function, verdict};
use crate::form::FieldErrors;
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug)]
pub struct LaunchView {
    pub number: i64,
    pub model: String,
    pub model_slug: String,
    pub version: String,
    pub state: State,
    pub summary: String,
    pub planned_for: Option<OffsetDateTime>,
    pub created_by: String,
    /// The newest revision, or the one that is looked at; `None` for a draft.
    pub revision: Option<RevisionView>,
    pub newest_revision: i64,
    /// What would be different if it were asked for now.
    pub newer: Vec<String>,
    /// What holds it back, and who can clear it.
    pub blockers: Vec<Blocker>,
    pub moved: Option<SinceLaunch>,
    pub slots: Vec<Slot>,
    pub sign_offs: Vec<SignOffView>,
    pub comments: Vec<CommentView>,
    pub revisions: Vec<(i64, OffsetDateTime, String)>,
    pub steps: Vec<Step>,
    pub may_request: bool,
    pub may_comment: bool,
    pub form: SignForm,
    pub errors: FieldErrors,
}

#[derive(Clone, Debug)]
pub struct RevisionView {
    pub number: i64,
    pub digest: String,
    pub readiness: ReadinessView,
    pub changes: Vec<String>,
    pub valid_until: Option<OffsetDateTime>,
    pub requested_by: String,
    pub requested_at: OffsetDateTime,
    pub runs: Vec<(String, String)>,
    /// Who made what it rests on, and how.
    pub makers: Vec<(String, String)>,
    pub is_expired: bool,
}

#[derive(Clone, Debug)]
pub struct Blocker {
    pub what: String,
    pub why: String,
    pub who: String,
    pub href: Option<(String, String)>,
}

/// What moved since the version that was launched last.
#[derive(Clone, Debug)]
pub struct SinceLaunch {
    /// That version's label.
    pub since: String,
    pub moved: Moved,
}

#[derive(Clone, Debug)]
pub struct Slot {
    pub function: Function,
    /// Who holds it, what they decided, and when.
    pub held: Option<(String, Decision, OffsetDateTime)>,
    /// Who signed an earlier revision here.
    pub stale: Option<String>,
    /// Who could sign.
    pub could: Vec<String>,
    /// Why the viewer may not; empty: they may.
    pub why_not: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct SignOffView {
    pub revision: i64,
    pub function: String,
    pub person: String,
    pub decision: Decision,
    pub reason: String,
    pub at: OffsetDateTime,
    pub counts: bool,
}

#[derive(Clone, Debug)]
pub struct CommentView {
    pub person: String,
    pub revision: i64,
    pub at: OffsetDateTime,
    pub text: String,
}

/// The form that signs, as it was typed.
#[derive(Clone, Debug, Default)]
pub struct SignForm {
    pub function: String,
    pub reason: String,
    pub asks_password: bool,
    /// What has changed since the page that was signed.
    pub stale: Vec<String>,
    pub errors: FieldErrors,
    pub comment: String,
}

#[component]
pub fn LaunchPage(view: LaunchView) -> impl IntoView {
    let title = format!("{} {}", view.model, view.version);
    let planned = view
        .planned_for
        .map(|day| format!(" · planned {}", super::parts::Moment::from(day).date()));
    let subtitle = format!(
        "L-{} · asked for by {}{}",
        view.number,
        view.created_by,
        planned.unwrap_or_default()
    );
    let version = version_path(&view.model_slug, &view.version);
    let base = format!("/launches/{}", view.number);
    let banner = banner(&view);
    let stale = (!view.form.stale.is_empty()).then(|| {
        let items = view.form.stale.iter().map(|it| view! { <li>{it.clone()}</li> }).collect_view();
        view! {
            <div class="notice bad" role="alert">
                <p>"What you were about to sign has changed. Your words are kept below. Since then:"</p>
                <ul>{items}</ul>
            </div>
        }
    });
    let request = format!("{base}/request");
    let newer = (!view.newer.is_empty()).then(|| {
        let items = view.newer.iter().map(|it| view! { <li>{it.clone()}</li> }).collect_view();
        let request = request.clone();
        let ask = view.may_request.then(|| {
            view! {
                <Form action=request>
                    <Submit label="Request again on this" kind=SubmitKind::Plain />
                </Form>
            }
        });
        view! {
            <div class="notice">
                <p>"Newer evidence or another policy is there. If it were asked for now:"</p>
                <ul>{items}</ul>
                {ask}
            </div>
        }
    });
    let request = format!("{base}/request");
    let draft = (view.revision.is_none() && view.may_request).then(|| {
        let request = request.clone();
        view! {
            <Panel title="A draft">
                <p>"Nobody is asked to sign yet. A request takes the newest evidence."</p>
                <Form action=request>
                    <Submit label="Request" />
                </Form>
            </Panel>
        }
    });
    let rules = view.revision.as_ref().map(|revision| {
        let readiness = revision.readiness.clone();
        view! {
            <Panel title="Rules" note="dot and bar: estimate with its interval · dashed: bound">
                <RuleTable view=readiness />
            </Panel>
        }
    });
    let revision = view.revision.clone().map(|revision| revision_panel(&base, revision));
    let blockers = blockers(&view.blockers);
    let slots = signing::slots(&view);
    let sign = signing::sign_panel(&view, &base);
    let moved = view.moved.clone().map(moved_panel);
    let steps = steps_panel(&view, &base);
    let history = history(&view, &base);
    let comments = comments(&view, &base);
    view! {
        <PageHeader title=title subtitle=subtitle>
            <a class="button" href=version>
                "The version"
            </a>
        </PageHeader>
        {stale}
        {banner}
        {newer}
        {draft}
        <div class="row">
            <div class="wide">{rules} {moved} {revision} {comments}</div>
            <div>{slots} {sign} {blockers} {steps} {history}</div>
        </div>
    }
    .into_any()
}

fn banner(view: &LaunchView) -> impl IntoView + use<> {
    let verdict = view.revision.as_ref().map(|revision| revision.readiness.readiness.verdict);
    let class = match (view.state, verdict) {
        (State::Launched | State::Approved, _) => "banner pass",
        (State::Rejected | State::RolledBack | State::EvidenceVoid, _)
        | (_, Some(verdict::Verdict::Fail)) => "banner fail",
        (State::Draft | State::Withdrawn, _) => "banner",
        (_, Some(verdict::Verdict::Pass)) => "banner pass",
        _ => "banner thin",
    };
    let sentence = view.revision.as_ref().map(|revision| {
        let kind: VerdictKind = revision.readiness.readiness.verdict.into();
        let sentence = revision.readiness.readiness.sentence.clone();
        let expired = revision.is_expired.then_some(
            " Its evidence or a waiver has run out since, so that no approval stands on it.",
        );
        view! {
            <p class="verdict-line">
                <Verdict kind=kind />
                <span>{sentence} {expired}</span>
            </p>
        }
    });
    let open = view.slots.iter().filter(|slot| slot.held.is_none()).count();
    let waits = (view.state == State::InReview && open > 0).then(|| {
        let waits = number::counted(open as u64, "sign-off is", "sign-offs are");
        view! { <p>{format!("{waits} still to come.")}</p> }
    });
    let changes = view.revision.as_ref().filter(|r| !r.changes.is_empty()).map(|revision| {
        let items =
            revision.changes.iter().map(|it| view! { <li>{it.clone()}</li> }).collect_view();
        view! {
            <details>
                <summary>{format!("What changed from revision {}", revision.number - 1)}</summary>
                <ul>{items}</ul>
            </details>
        }
    });
    let summary = view.summary.clone();
    view! {
        <section class=class aria-label="Where it stands">
            <p class="banner-title">
                <StateBadge state=view.state />
                <span>{summary}</span>
            </p>
            {sentence}
            {waits}
            {changes}
        </section>
    }
}

fn revision_panel(base: &str, revision: RevisionView) -> impl IntoView + use<> {
    let runs = revision
        .runs
        .into_iter()
        .map(|(id, label)| view! { <li><a href=format!("/runs/{id}")>{label}</a></li> })
        .collect_view();
    let makers = revision
        .makers
        .into_iter()
        .map(|(person, part)| view! { <li>{format!("{person} {part}")}</li> })
        .collect_view();
    let policy = revision.readiness.policy.clone().map(|(name, href)| {
        view! {
            <dt>"Policy"</dt>
            <dd><a href=href>{name}</a></dd>
        }
    });
    let until = revision.valid_until.map(|until| {
        view! {
            <dt>"Stands until"</dt>
            <dd><Time at=until /></dd>
        }
    });
    let looked = number::counted(revision.readiness.readiness.runs_looked_at as u64, "run", "runs");
    let href = format!("{base}/revisions/{}", revision.number);
    view! {
        <Panel title="What a signature covers" note=format!("revision {}", revision.number)>
            <dl class="facts">
                <dt>"Digest"</dt>
                <dd>
                    <a href=href><Digest digest=revision.digest /></a>
                </dd>
                <dt>"Requested"</dt>
                <dd>
                    <Time at=revision.requested_at clock=true />
                    {format!(" by {}", revision.requested_by)}
                </dd>
                {policy}
                <dt>"Evidence"</dt>
                <dd>
                    <ul class="plain">{runs}</ul>
                    <span class="small dim">{format!("the newest that the rules name, of {looked} looked at")}</span>
                </dd>
                {until}
                <dt>"Made by"</dt>
                <dd>
                    <ul class="plain">{makers}</ul>
                    <span class="small dim">"none of them may sign it"</span>
                </dd>
            </dl>
        </Panel>
    }
}

fn blockers(blockers: &[Blocker]) -> Option<impl IntoView + use<>> {
    if blockers.is_empty() {
        return None;
    }
    let items = blockers
        .iter()
        .cloned()
        .map(|blocker| {
            let link = blocker.href.map(|(href, label)| view! { <a href=href>{label}</a> });
            view! {
                <li class="slot">
                    <span>{blocker.what} <span class="small dim block">{blocker.why}</span>
                    <span class="small dim block">{blocker.who}</span></span>
                    {link}
                </li>
            }
        })
        .collect_view();
    Some(view! {
        <Panel title="What clears it">
            <ul class="plain slots">{items}</ul>
        </Panel>
    })
}

fn moved_panel(it: SinceLaunch) -> impl IntoView {
    let note = format!(
        "against {}; {} looked at, at 95 % each: exploratory",
        it.since,
        number::counted(it.moved.looked_at as u64, "series", "series")
    );
    let body = if it.moved.lines.is_empty() {
        view! { <p class="dim">"Nothing moved beyond chance."</p> }.into_any()
    } else {
        let label = "What moved since the last launch";
        view! { <MovedTable label=label lines=it.moved.lines most=10 /> }.into_any()
    };
    view! {
        <Panel title="Since the last launch" note=note>
            {body}
        </Panel>
    }
}

fn steps_panel(view: &LaunchView, base: &str) -> Option<impl IntoView + use<>> {
    if view.steps.is_empty() {
        return None;
    }
    let buttons = view
        .steps
        .iter()
        .map(|step| {
            let label = number::capitalised(step.label());
            let class = match step {
                Step::Launch | Step::Resume => "primary",
                Step::RollBack | Step::Suspend => "danger",
                _ => "",
            };
            view! { <button class=class name="step" value=step.as_str()>{label}</button> " " }
        })
        .collect_view();
    let errors = view.errors.clone();
    let action = format!("{base}/decide");
    Some(view! {
        <Panel title="Decide">
            <Form action=action errors=errors id="decide-form">
                <TextField label="Reason" name="reason" />
                <div class="submit">{buttons}</div>
            </Form>
        </Panel>
    })
}

fn history(view: &LaunchView, base: &str) -> impl IntoView + use<> {
    let revisions = view
        .revisions
        .iter()
        .map(|(number, at, verdict)| {
            let href = format!("{base}/revisions/{number}");
            view! {
                <li>
                    <a href=href>{format!("Revision {number}")}</a>
                    <span class="small dim">" · " <Time at=*at /> {format!(" · {verdict}")}</span>
                </li>
            }
        })
        .collect_view();
    let signed = view.sign_offs.clone().into_iter()
        .map(|signed| {
            let rest = if signed.counts { "" } else { " (superseded)" };
            view! {
                <li>
                    {format!("{} {} as {}, revision {}{rest}", signed.person, signed.decision, signed.function, signed.revision)}
                    <span class="small dim block">
                        <Time at=signed.at clock=true />
                        {format!(" · {}", signed.reason)}
                    </span>
                </li>
            }
        })
        .collect_view();
    view! {
        <Panel title="History">
            <ul class="plain">{revisions}</ul>
            <ul class="plain">{signed}</ul>
        </Panel>
    }
}

fn comments(view: &LaunchView, base: &str) -> impl IntoView + use<> {
    let none = view.comments.is_empty().then(|| view! { <p class="dim">"None yet."</p> });
    let items = view.comments.clone().into_iter()
        .map(|comment| {
            view! {
                <li>
                    <strong>{comment.person}</strong>
                    <span class="small dim">
                        " · " <Time at=comment.at clock=true /> {format!(" · revision {}", comment.revision)}
                    </span>
                    <Prose text=comment.text none="" />
                </li>
            }
        })
        .collect_view();
    let text = view.form.comment.clone();
    let action = format!("{base}/comment");
    let form = view.may_comment.then(|| {
        view! {
            <Form action=action id="comment-form">
                <TextArea label="Say something" name="text" value=text rows=2 required=true />
                <Submit label="Comment" kind=SubmitKind::Plain />
            </Form>
        }
    });
    view! {
        <Panel title="Comments">
            {none}
            <ul class="plain">{items}</ul>
            {form}
        </Panel>
    }
}
