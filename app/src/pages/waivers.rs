//! Waivers: exceptions with an end.

use super::models::version_path;
use super::parts::{
    Badge, BadgeKind, EmptyState, FieldKind, FilterBar, Form, PageHeader, Panel, Prose, Scroll,
    Select, Submit, SubmitKind, TextArea, TextField, Time,
};
use crate::form::FieldErrors;
use leptos::prelude::*;
use time::OffsetDateTime;

/// Where a waiver stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Asked,
    InForce,
    Expired,
    Refused,
    Revoked,
}

impl Standing {
    pub const ALL: [Self; 5] =
        [Self::Asked, Self::InForce, Self::Expired, Self::Refused, Self::Revoked];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::InForce => "in_force",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Revoked => "revoked",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Asked => "asked for",
            Self::InForce => "in force",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Revoked => "revoked",
        }
    }

    fn kind(self) -> BadgeKind {
        match self {
            Self::Asked => BadgeKind::Info,
            Self::InForce => BadgeKind::Thin,
            Self::Expired | Self::Revoked => BadgeKind::Plain,
            Self::Refused => BadgeKind::Bad,
        }
    }
}

#[derive(Clone, Debug)]
pub struct WaiverView {
    pub id: String,
    pub model: String,
    pub model_slug: String,
    pub version: String,
    pub policy: String,
    pub rule: String,
    pub slice: String,
    pub metric: String,
    pub bound: String,
    pub reason: String,
    pub control: String,
    pub owner: String,
    pub asked_by: String,
    pub asked_at: OffsetDateTime,
    /// Who decided, when and why.
    pub decided: Option<(String, OffsetDateTime, String)>,
    pub expires_at: OffsetDateTime,
    pub standing: Standing,
    pub may_decide: bool,
    pub may_revoke: bool,
    /// Why the viewer may not decide about it.
    pub why_not: Option<String>,
    pub errors: FieldErrors,
    pub typed: String,
}

#[derive(Clone, Debug, Default)]
pub struct WaiversView {
    pub waivers: Vec<WaiverView>,
    pub total: usize,
    pub standing: String,
}

#[component]
pub fn WaiversPage(view: WaiversView) -> impl IntoView {
    if view.total == 0 {
        return view! {
            <PageHeader title="Waivers" />
            <EmptyState
                title="No waiver yet"
                text="A waiver lets one version miss one bound on one slice for a limited time. It is asked for from the rule that fails, on a version's page."
            />
        }
        .into_any();
    }
    let choices = std::iter::once((String::new(), "any".to_owned()))
        .chain(Standing::ALL.iter().map(|s| (s.as_str().to_owned(), s.label().to_owned())))
        .collect();
    let active = !view.standing.is_empty();
    let note = format!("showing {} of {}", view.waivers.len(), view.total);
    let rows = view
        .waivers
        .into_iter()
        .map(|waiver| {
            let href = format!("/waivers/{}", waiver.id);
            let version = version_path(&waiver.model_slug, &waiver.version);
            let what = format!("{}, {}", waiver.rule, waiver.slice);
            view! {
                <tr>
                    <th scope="row">
                        <a href=href>{what}</a>
                        <span class="small dim block">{format!("{} {}", waiver.metric, waiver.bound)}</span>
                    </th>
                    <td>
                        <a href=version>{waiver.model} " " {waiver.version}</a>
                    </td>
                    <td>
                        <Badge text=waiver.standing.label() kind=waiver.standing.kind() />
                    </td>
                    <td class="dim">
                        <Time at=waiver.expires_at />
                    </td>
                    <td class="dim">{waiver.asked_by}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <PageHeader title="Waivers" />
        <FilterBar action="/waivers" active=active>
            <Select label="Standing" name="standing" options=choices value=view.standing required=true />
        </FilterBar>
        <Panel title="Waivers" note=note>
            <Scroll label="Waivers">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Rule and slice"</th>
                            <th scope="col">"Version"</th>
                            <th scope="col">"Standing"</th>
                            <th scope="col">"Ends"</th>
                            <th scope="col">"Asked by"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        </Panel>
    }
    .into_any()
}

#[component]
pub fn WaiverPage(view: WaiverView) -> impl IntoView {
    let title = format!("Waiver: {}, {}", view.rule, view.slice);
    let version = version_path(&view.model_slug, &view.version);
    let name = format!("{} {}", view.model, view.version);
    let policy = format!("/policies/{}", view.policy);
    let action = format!("/waivers/{}", view.id);
    let decided = view.decided.map(|(who, at, why)| {
        view! {
            <dt>"Decided"</dt>
            <dd>
                <Time at=at clock=true />
                {format!(" by {who}")}
                <Prose text=why none="" />
            </dd>
        }
    });
    let (errors, typed) = (view.errors, view.typed);
    let form = (view.may_decide || view.may_revoke).then(|| {
        let buttons = if view.may_decide {
            view! {
                <Submit label="Approve" name="decision" value="approve">
                    <button class="danger" name="decision" value="refuse">
                        "Refuse"
                    </button>
                </Submit>
            }
            .into_any()
        } else {
            view! { <Submit label="End it now" kind=SubmitKind::Danger name="decision" value="revoke" /> }
                .into_any()
        };
        view! {
            <Panel title="Decide">
                <Form action=action errors=errors>
                    <TextArea label="Reason" name="reason" value=typed rows=3 required=true />
                    {buttons}
                </Form>
            </Panel>
        }
    });
    let why_not = view.why_not.map(|why| view! { <p class="notice">{why}"."</p> });
    view! {
        <PageHeader title=title>
            <Badge text=view.standing.label() kind=view.standing.kind() />
        </PageHeader>
        {why_not}
        <Panel title="What it lifts">
            <dl class="facts">
                <dt>"Version"</dt>
                <dd><a href=version>{name}</a></dd>
                <dt>"Rule"</dt>
                <dd>
                    <a href=policy>{view.policy}</a>
                    {format!(": {}", view.rule)}
                </dd>
                <dt>"Slice"</dt>
                <dd>{view.slice}</dd>
                <dt>"Bound"</dt>
                <dd>{format!("{} {}; another bound is not waived", view.metric, view.bound)}</dd>
                <dt>"Why"</dt>
                <dd><Prose text=view.reason none="" /></dd>
                <dt>"What protects people meanwhile"</dt>
                <dd><Prose text=view.control none="" /></dd>
                <dt>"Answered for by"</dt>
                <dd>{view.owner}</dd>
                <dt>"Asked for"</dt>
                <dd>
                    <Time at=view.asked_at clock=true />
                    {format!(" by {}", view.asked_by)}
                </dd>
                <dt>"Ends"</dt>
                <dd>
                    <Time at=view.expires_at clock=true />
                    "; then the rule blocks again by itself"
                </dd>
                {decided}
            </dl>
        </Panel>
        {form}
    }
    .into_any()
}

#[derive(Clone, Debug, Default)]
pub struct WaiverFormView {
    pub model: String,
    pub version: String,
    pub rule: String,
    pub slice: String,
    pub reason: String,
    pub control: String,
    pub owner: String,
    pub expires: String,
    /// What the rule says of the slice now.
    pub says: String,
    pub errors: FieldErrors,
}

#[component]
pub fn WaiverFormPage(view: WaiverFormView) -> impl IntoView {
    let back = version_path(&view.model, &view.version);
    let hidden = vec![
        ("model".to_owned(), view.model.clone()),
        ("version".to_owned(), view.version.clone()),
    ];
    let says = (!view.says.is_empty()).then(|| view! { <p class="notice">{view.says}</p> });
    view! {
        <PageHeader title="Ask for a waiver" subtitle=format!("{} {}", view.model, view.version) />
        {says}
        <Form action="/waivers/new" errors=view.errors hidden=hidden>
            <TextField label="Rule" name="rule" value=view.rule required=true />
            <TextField
                label="Slice"
                name="slice"
                value=view.slice
                hint="As attribute=group; empty is overall."
            />
            <TextArea label="Why the bound is not met" name="reason" value=view.reason rows=3 required=true />
            <TextArea
                label="What protects people meanwhile"
                name="control"
                value=view.control
                rows=3
                required=true
                hint="The compensating control: who does what, how often, and how one sees that it works."
            />
            <TextField
                label="Answered for by"
                name="owner"
                kind=FieldKind::Email
                value=view.owner
                required=true
                hint="E-mail address of somebody here."
            />
            <TextField
                label="Last day"
                name="expires"
                kind=FieldKind::Date
                value=view.expires
                required=true
                hint="At most 180 days from now. After it the rule blocks again by itself."
            />
            <Submit label="Ask">
                <a class="button" href=back>
                    "Cancel"
                </a>
            </Submit>
        </Form>
        <p class="small dim">
            "Somebody else approves it, who does not own the model. Whoever asks for or approves a \
             waiver cannot sign a launch that rests on it."
        </p>
    }
    .into_any()
}
