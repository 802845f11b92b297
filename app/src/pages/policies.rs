//! Policies: which holds for what, one version of one, and the form that writes it.

use super::parts::{
    Badge, BadgeKind, Digest, EmptyState, Form, PageHeader, Panel, Scroll, Select, Submit,
    TextArea, TextField, Time,
};
use crate::domain::policy::{Mode, Policy, Rule, template};
use crate::domain::verdict::words::requirement;
use crate::form::FieldErrors;
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug, Default)]
pub struct PoliciesView {
    pub policies: Vec<PolicyLine>,
    pub may_edit: bool,
}

#[derive(Clone, Debug)]
pub struct PolicyLine {
    pub slug: String,
    pub number: i64,
    /// The team that it is for, or the whole organisation.
    pub team: Option<String>,
    pub policy: Policy,
    pub edited_by: String,
    pub edited_at: OffsetDateTime,
}

#[component]
pub fn PoliciesPage(view: PoliciesView) -> impl IntoView {
    let new = view
        .may_edit
        .then(|| view! { <a class="button primary" href="/policies/new">"Write a policy"</a> });
    if view.policies.is_empty() {
        let text = "A policy says what the evidence must show before a version may launch. \
                    Without one, nothing can be shown, and every verdict is: not enough evidence.";
        return view! {
            <PageHeader title="Policies" />
            <EmptyState title="No policy yet" text=text>
                {new}
            </EmptyState>
        }
        .into_any();
    }
    let rows = view.policies.into_iter().map(policy_line).collect_view();
    view! {
        <PageHeader title="Policies">{new}</PageHeader>
        <Panel title="What holds for which models" note="a team's own policy goes before the organisation's">
            <Scroll label="Policies">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Policy"</th>
                            <th scope="col">"Holds for"</th>
                            <th scope="col">"In"</th>
                            <th scope="col">"Rules"</th>
                            <th scope="col">"Signed by"</th>
                            <th scope="col">"Last edited"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        </Panel>
    }
    .into_any()
}

fn policy_line(line: PolicyLine) -> impl IntoView {
    let href = format!("/policies/{}", line.slug);
    view! {
        <tr>
            <th scope="row">
                <a href=href>{line.policy.name.clone()}</a>
                <span class="small dim block">{format!("{} · version {}", line.slug, line.number)}</span>
            </th>
            <td>{applies(&line.policy)}</td>
            <td>{line.team.unwrap_or_else(|| "the organisation".to_owned())}</td>
            <td>{modes(&line.policy)}</td>
            <td>{functions(&line.policy)}</td>
            <td class="dim">
                <Time at=line.edited_at />
                <span class="small block">{line.edited_by}</span>
            </td>
        </tr>
    }
}

fn applies(policy: &Policy) -> String {
    let to = &policy.applies_to;
    if to.tasks.is_empty() || to.risk_tiers.is_empty() {
        return "nothing by itself: others extend it".to_owned();
    }
    let tasks: Vec<&str> = to.tasks.iter().map(|task| task.label()).collect();
    let tiers: Vec<&str> = to.risk_tiers.iter().map(|tier| tier.label()).collect();
    format!("{}; {} risk", tasks.join(", "), tiers.join(", "))
}

fn functions(policy: &Policy) -> String {
    if policy.sign_offs.is_empty() {
        return "nobody".to_owned();
    }
    policy.sign_offs.iter().map(|f| f.label()).collect::<Vec<_>>().join(", ")
}

/// How many rules block, warn and only watch.
fn modes(policy: &Policy) -> String {
    let count = |mode| policy.rules.iter().filter(|rule| rule.mode == mode).count();
    let said: Vec<String> = [
        (count(Mode::Block), "block"),
        (count(Mode::Warn), "warn"),
        (count(Mode::Shadow), "in shadow"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, word)| format!("{n} {word}"))
    .collect();
    said.join(", ")
}

#[derive(Clone, Debug)]
pub struct PolicyView {
    pub slug: String,
    pub number: i64,
    pub newest: i64,
    pub team: Option<String>,
    pub policy: Policy,
    pub source: String,
    pub digest: String,
    /// Slug and number of the version that it extends, and the base's newest number.
    pub extends: Option<(String, i64, i64)>,
    /// What is different from the version before; `None` for the first.
    pub changes: Option<Vec<String>>,
    pub edited_by: String,
    pub edited_at: OffsetDateTime,
    pub note: String,
    pub versions: Vec<PolicyVersionLine>,
    pub may_edit: bool,
}

#[derive(Clone, Debug)]
pub struct PolicyVersionLine {
    pub number: i64,
    pub edited_by: String,
    pub edited_at: OffsetDateTime,
    pub note: String,
}

#[component]
pub fn PolicyPage(view: PolicyView) -> impl IntoView {
    let is_newest = view.number == view.newest;
    let edit = (view.may_edit && is_newest).then(|| {
        view! { <a class="button primary" href=format!("/policies/{}/edit", view.slug)>"Edit"</a> }
    });
    let old = (!is_newest).then(|| {
        let href = format!("/policies/{}", view.slug);
        view! {
            <p class="notice">
                {format!("This is version {}. ", view.number)}
                <a href=href>{format!("Version {} is the newest.", view.newest)}</a>
            </p>
        }
    });
    let behind = view.extends.as_ref().filter(|(_, number, newest)| number < newest).map(
        |(slug, number, newest)| {
            view! {
                <p class="notice">
                    {format!(
                        "It rests on version {number} of {slug}, which is at version {newest} now; \
                         save it again to take that over.",
                    )}
                </p>
            }
        },
    );
    let changes = view.changes.map(|changes| {
        let changes = if changes.is_empty() {
            vec!["Nothing that a verdict depends on.".to_owned()]
        } else {
            changes
        };
        let items = changes.into_iter().map(|it| view! { <li>{it}</li> }).collect_view();
        view! {
            <Panel title="What this version changed" note=view.note.clone()>
                <ul class="plain">{items}</ul>
            </Panel>
        }
    });
    let extends = view.extends.map(|(slug, number, _)| {
        let href = format!("/policies/{slug}/versions/{number}");
        view! {
            <dt>"Extends"</dt>
            <dd><a href=href>{format!("{slug}, version {number}")}</a></dd>
        }
    });
    let subtitle = format!("{} · version {}", view.slug, view.number);
    let rules = view.policy.rules.iter().map(rule_row).collect_view();
    let versions = version_rows(&view.slug, view.number, view.versions);
    let team = view.team.unwrap_or_else(|| "the organisation".to_owned());
    view! {
        <PageHeader title=view.policy.name.clone() subtitle=subtitle>{edit}</PageHeader>
        {old}
        {behind}
        <Panel title="Rules" note=modes(&view.policy)>
            <Scroll label="Rules">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Rule"</th>
                            <th scope="col">"Asks that"</th>
                            <th scope="col">"Of"</th>
                            <th scope="col">"Mode"</th>
                        </tr>
                    </thead>
                    <tbody>{rules}</tbody>
                </table>
            </Scroll>
        </Panel>
        <div class="row">
            <Panel title="Where it holds">
                <dl class="facts">
                    <dt>"Models"</dt>
                    <dd>{applies(&view.policy)}</dd>
                    <dt>"In"</dt>
                    <dd>{team}</dd>
                    <dt>"Signed by"</dt>
                    <dd>{functions(&view.policy)}</dd>
                    {extends}
                    <dt>"Edited"</dt>
                    <dd>
                        <Time at=view.edited_at clock=true />
                        {format!(" by {}", view.edited_by)}
                    </dd>
                    <dt>"Digest"</dt>
                    <dd>
                        <Digest digest=view.digest />
                    </dd>
                </dl>
            </Panel>
            <Panel title="Versions" note="whoever edits a policy cannot sign launches under that version">
                <Scroll label="Versions">
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">"Version"</th>
                                <th scope="col">"Edited"</th>
                                <th scope="col">"Why"</th>
                            </tr>
                        </thead>
                        <tbody>{versions}</tbody>
                    </table>
                </Scroll>
            </Panel>
        </div>
        {changes}
        <Panel title="As it was written" note="TOML">
            <details>
                <summary>"Show the text"</summary>
                <pre class="source" tabindex="0" aria-label="The policy's TOML"><code>{view.source}</code></pre>
            </details>
        </Panel>
    }
    .into_any()
}

fn version_rows(slug: &str, shown: i64, versions: Vec<PolicyVersionLine>) -> impl IntoView + use<> {
    let slug = slug.to_owned();
    versions
        .into_iter()
        .map(move |version| {
            let href = format!("/policies/{slug}/versions/{}", version.number);
            let current = (version.number == shown).then_some("page");
            view! {
                <tr>
                    <th scope="row">
                        <a href=href aria-current=current>{version.number}</a>
                    </th>
                    <td class="dim">
                        <Time at=version.edited_at />
                        <span class="small block">{version.edited_by}</span>
                    </td>
                    <td>{version.note}</td>
                </tr>
            }
        })
        .collect_view()
}

fn rule_row(rule: &Rule) -> impl IntoView + use<> {
    let mut of = vec![format!("at least {} rows", rule.least_n)];
    if rule.least_positives > 0 {
        of.push(format!("{} positives", rule.least_positives));
    }
    if let Some(days) = rule.max_age_days {
        of.push(format!("runs of the last {days} days"));
    }
    if let Some(dataset) = &rule.dataset {
        let version = dataset.version.as_ref().map(|v| format!("@{v}")).unwrap_or_default();
        of.push(format!("on {}{version}", dataset.name));
    }
    if let Some(instrument) = &rule.instrument {
        of.push(format!("by {}", instrument.name));
    }
    of.push(rule.evidence.to_string());
    let kind = match rule.mode {
        Mode::Block => BadgeKind::Bad,
        Mode::Warn => BadgeKind::Thin,
        Mode::Shadow => BadgeKind::Plain,
    };
    let level = crate::number::level(rule.level);
    view! {
        <tr id=format!("rule-{}", rule.id)>
            <th scope="row">
                {rule.name.clone()}
                <span class="small dim block">{rule.id.clone()}</span>
            </th>
            <td>
                {requirement(rule)}
                <span class="small dim block">
                    {format!("{}, at {level}; finds {} beyond it", rule.burden, rule.delta)}
                </span>
            </td>
            <td class="small">{of.join(", ")}</td>
            <td>
                <Badge text=rule.mode.label() kind=kind />
            </td>
        </tr>
    }
}

#[derive(Clone, Debug, Default)]
pub struct PolicyFormView {
    /// The policy that is edited, and the version that its editor read; `None` for a new one.
    pub editing: Option<(String, i64)>,
    pub slug: String,
    pub team: String,
    /// Slug and name of the teams that it may be for; empty slug: the organisation.
    pub teams: Vec<(String, String)>,
    pub source: String,
    pub note: String,
    pub errors: FieldErrors,
    /// The rules as they would read, where the text can be read.
    pub preview: Vec<String>,
    /// Who wrote a version meanwhile, and what it changed.
    pub conflict: Option<(String, Vec<String>)>,
}

#[component]
pub fn PolicyFormPage(view: PolicyFormView) -> impl IntoView {
    let is_new = view.editing.is_none();
    let (title, action, back, hidden) = match &view.editing {
        None => (
            "Write a policy".to_owned(),
            "/policies/new".to_owned(),
            "/policies".to_owned(),
            vec![],
        ),
        Some((slug, number)) => (
            format!("Edit {slug}"),
            format!("/policies/{slug}/edit"),
            format!("/policies/{slug}"),
            vec![("version".to_owned(), number.to_string())],
        ),
    };
    let templates = is_new.then(|| {
        let links = template::TEMPLATES
            .iter()
            .map(|template| {
                let href = format!("/policies/new?template={}", template.key);
                view! { <li><a href=href>{template.name}</a></li> }
            })
            .collect_view();
        view! {
            <Panel title="Begin with one of these">
                <ul class="plain">{links}</ul>
            </Panel>
        }
    });
    let conflict = view.conflict.map(|(by, changes)| {
        let items = changes.into_iter().map(|it| view! { <li>{it}</li> }).collect_view();
        view! {
            <div class="notice bad" role="alert">
                <p>{format!("{by} wrote a version while you typed. Below is what you typed; save \
                             it again to put it on top. What theirs changed:")}</p>
                <ul>{items}</ul>
            </div>
        }
    });
    let marked = marked_lines(&view.source, view.errors.of("source"));
    let preview = (!view.preview.is_empty()).then(|| {
        let items = view.preview.into_iter().map(|it| view! { <li>{it}</li> }).collect_view();
        view! {
            <Panel title="As it reads">
                <ul class="plain">{items}</ul>
            </Panel>
        }
    });
    let (slug, team, teams) = (view.slug, view.team, view.teams);
    let fixed = move || {
        is_new.then(|| {
            view! {
                <TextField
                    label="Slug"
                    name="slug"
                    value=slug
                    required=true
                    hint="What addresses the policy, such as high-risk. It never changes."
                />
                <Select label="Holds in" name="team" options=teams value=team required=true />
            }
        })
    };
    view! {
        <PageHeader title=title />
        {conflict}
        {marked}
        <Form action=action errors=view.errors hidden=hidden>
            {fixed()}
            <TextArea
                label="Policy (TOML)"
                name="source"
                value=view.source
                rows=28
                required=true
                hint="[[rule]] tables with metric, by or slices, min or max; disparity and reference, or change; burden, mode, level, delta, least_n, max_age_days."
            />
            <TextField
                label="Why"
                name="note"
                value=view.note
                required=true
                hint="What this version is for; it stands beside it for good."
            />
            <Submit label="Save as a version">
                <button name="preview" value="true">
                    "Preview"
                </button>
                <a class="button" href=back>
                    "Cancel"
                </a>
            </Submit>
        </Form>
        {preview}
        {templates}
    }
    .into_any()
}

/// The lines that a message is about, as they stand.
fn marked_lines(source: &str, messages: &[String]) -> Option<impl IntoView + use<>> {
    let lines: Vec<&str> = source.lines().collect();
    let rows: Vec<_> = messages
        .iter()
        .filter_map(|message| {
            let (line, rest) = message.strip_prefix("line ")?.split_once(": ")?;
            let n: usize = line.parse().ok()?;
            let text = (*lines.get(n.checked_sub(1)?)?).to_owned();
            let rest = rest.to_owned();
            Some(view! {
                <tr>
                    <td class="num">{n}</td>
                    <td><code>{text}</code></td>
                    <td>{rest}</td>
                </tr>
            })
        })
        .collect();
    (!rows.is_empty()).then(|| {
        view! {
            <Panel title="Lines that need a look" note="nothing was saved">
                <Scroll label="Lines that need a look">
                    <table>
                        <thead>
                            <tr>
                                <th scope="col" class="num">"Line"</th>
                                <th scope="col">"As it stands"</th>
                                <th scope="col">"What is wrong"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </Scroll>
            </Panel>
        }
    })
}
