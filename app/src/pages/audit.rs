//! The audit log: who did what to what, the newest first, and whether it still holds.

use super::parts::{
    Badge, BadgeKind, Digest, EmptyState, FieldKind, FilterBar, Lede, Link, PageHeader, Pages,
    Panel, Scroll, TextField, Time, number,
};
use leptos::prelude::*;
use time::OffsetDateTime;

/// How many entries a page shows.
pub const PER_PAGE: u64 = 50;

/// One entry.
#[derive(Clone, Debug)]
pub struct AuditRow {
    pub position: u64,
    pub at: OffsetDateTime,
    pub who: String,
    /// How they came, when it was not through a session: `by token`.
    pub via: Option<String>,
    /// Object and verb, such as `model.registered`.
    pub action: String,
    pub object_kind: String,
    pub object: String,
    pub object_href: Option<String>,
    pub detail: Detail,
    /// Hex.
    pub leaf_hash: String,
}

/// What an entry says about the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    None,
    Changes(Vec<Change>),
    Erased,
    /// It is about a model that the reader may not see.
    Restricted,
}

/// A field, as it was and as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub field: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// What was chosen; empty where nothing was.
#[derive(Clone, Debug, Default)]
pub struct AuditChoices {
    /// An e-mail address.
    pub actor: String,
    /// The beginning of an action, such as `model.`.
    pub action: String,
    pub kind: String,
    pub object: String,
    /// Days, `2026-11-01`, both included.
    pub from: String,
    pub to: String,
}

impl AuditChoices {
    pub fn is_filtered(&self) -> bool {
        [&self.actor, &self.action, &self.kind, &self.object, &self.from, &self.to]
            .iter()
            .any(|choice| !choice.is_empty())
    }

    /// The log with these choices, from its newest page.
    pub fn link(&self) -> Link {
        Link::new("/audit")
            .with_some("actor", &self.actor)
            .with_some("action", &self.action)
            .with_some("kind", &self.kind)
            .with_some("object", &self.object)
            .with_some("from", &self.from)
            .with_some("to", &self.to)
    }
}

#[derive(Clone, Debug)]
pub struct AuditView {
    pub rows: Vec<AuditRow>,
    /// Entries that the choices let through.
    pub total: u64,
    /// From 1.
    pub page: u64,
    /// The log's length when its newest page was asked for, so that later pages do not shift.
    pub below: u64,
    pub choices: AuditChoices,
    /// What is wrong with the choices, if anything.
    pub wrong: Option<String>,
}

/// An action in words: what comes after the person's name.
pub fn in_words(action: &str) -> String {
    let known = match action {
        "server.started" => "started",
        "server.stopped" => "stopped",
        "session.opened" => "signed in",
        "session.closed" => "signed out",
        "setup.link_made" => "made the set-up link",
        "person.link_made" => "made a one-time link",
        "person.password_set" => "set a password",
        "role.granted" => "gave a role",
        "role.revoked" => "took a role back",
        "function.granted" => "gave a review function",
        "function.revoked" => "took a review function back",
        "run.accepted" => "uploaded a run",
        "upload.taken" => "sent predictions",
        "upload.settled" => "read predictions",
        "groups.proposed" => "proposed groups",
        "groups.accepted" => "accepted groups",
        "backup.made" => "made a backup",
        "backup.restored" => "restored a backup",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let (object, verb) = action.split_once('.').unwrap_or(("", action));
    let (object, verb) = (object.replace('_', " "), verb.replace('_', " "));
    let article = if object.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    if object.is_empty() { verb } else { format!("{verb} {article} {object}") }
}

#[component]
pub fn AuditPage(view: AuditView) -> impl IntoView {
    let link = view.choices.link().with("below", view.below);
    let shown = view.rows.len() as u64;
    let first = (view.page - 1) * PER_PAGE + 1;
    let last = first + shown - u64::from(shown > 0) - u64::from(shown == 0);
    let previous = (view.page > 1).then(|| link.set("page", view.page - 1));
    let next = (shown > 0 && last < view.total).then(|| link.set("page", view.page + 1));
    let is_filtered = view.choices.is_filtered();
    let entries = if view.rows.is_empty() {
        let text = if is_filtered {
            "No entry fits all of these filters."
        } else {
            "Every change of state writes an entry; there was none yet."
        };
        view! { <EmptyState title="No entries" text=text /> }.into_any()
    } else {
        table(view.rows)
    };
    let wrong = view.wrong.map(|wrong| view! { <p class="notice bad" role="alert">{wrong}</p> });
    view! {
        <PageHeader title="Audit log" subtitle="every change, in the order it was made">
            <a class="button" href="/audit/export" download="">
                "Export as NDJSON"
            </a>
            <a class="button primary" href="/audit/verify">
                "Verify now"
            </a>
        </PageHeader>
        {wrong}
        {filters(&view.choices)}
        <section class="panel">
            {entries} <Pages first=first last=last total=view.total previous=previous next=next />
        </section>
    }
    .into_any()
}

fn filters(choices: &AuditChoices) -> impl IntoView + use<> {
    let choices = choices.clone();
    view! {
        <FilterBar action="/audit" active=choices.is_filtered()>
            <TextField label="Who (e-mail)" name="actor" value=choices.actor />
            <TextField label="Action begins with" name="action" value=choices.action />
            <TextField label="Kind of object" name="kind" value=choices.kind />
            <TextField label="Object id" name="object" value=choices.object />
            <TextField label="From" name="from" value=choices.from kind=FieldKind::Date />
            <TextField label="To" name="to" value=choices.to kind=FieldKind::Date />
        </FilterBar>
    }
}

fn table(rows: Vec<AuditRow>) -> AnyView {
    let rows = rows.into_iter().map(row).collect_view();
    view! {
        <Scroll label="Audit entries">
            <table>
                <thead>
                    <tr>
                        <th scope="col" class="num">"Entry"</th>
                        <th scope="col">"When (UTC)"</th>
                        <th scope="col">"Who"</th>
                        <th scope="col">"Did"</th>
                        <th scope="col">"To"</th>
                        <th scope="col">"Detail"</th>
                        <th scope="col">"Leaf hash"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Scroll>
    }
    .into_any()
}

fn row(row: AuditRow) -> impl IntoView {
    let object = match row.object_href {
        Some(href) => view! { <a href=href>{row.object}</a> }.into_any(),
        None => row.object.into_any(),
    };
    let via = row.via.map(|via| view! { " " <Badge text=via /> });
    view! {
        <tr id=format!("e{}", row.position)>
            <td class="num">{row.position}</td>
            <td><Time at=row.at clock=true /></td>
            <td>{row.who} {via}</td>
            <td title=row.action.clone()>{in_words(&row.action)}</td>
            <td><span title=row.object_kind>{object}</span></td>
            <td>{detail(row.detail)}</td>
            <td><Digest digest=row.leaf_hash /></td>
        </tr>
    }
}

fn detail(detail: Detail) -> AnyView {
    match detail {
        Detail::None => ().into_any(),
        Detail::Erased => view! { <Badge text="erased" kind=BadgeKind::Thin /> }.into_any(),
        Detail::Restricted => view! { <Badge text="restricted" kind=BadgeKind::Thin /> }.into_any(),
        Detail::Changes(changes) => {
            let fields = changes.len();
            let named: Vec<String> =
                changes.iter().take(3).map(|change| change.field.clone()).collect();
            let facts = changes
                .into_iter()
                .map(|change| {
                    let value = match (change.before, change.after) {
                        (Some(before), Some(after)) if before == after => after.into_any(),
                        (Some(before), Some(after)) => {
                            view! { <del>{before}</del> " → " <ins>{after}</ins> }.into_any()
                        }
                        (Some(before), None) => view! { <del>{before}</del> }.into_any(),
                        (None, Some(after)) => after.into_any(),
                        (None, None) => "–".into_any(),
                    };
                    view! {
                        <dt>{change.field}</dt>
                        <dd>{value}</dd>
                    }
                })
                .collect_view();
            let facts = view! { <dl class="facts">{facts}</dl> };
            if fields <= FEW {
                return facts.into_any();
            }
            let more = if fields > named.len() { ", …" } else { "" };
            let summary = format!("{fields} fields: {}{more}", named.join(", "));
            view! {
                <details>
                    <summary>{summary}</summary>
                    {facts}
                </details>
            }
            .into_any()
        }
    }
}

/// An entry with more fields than this folds them away, so that a page shows what happened first.
const FEW: usize = 2;

/// The result of looking through the whole log.
#[derive(Clone, Debug)]
pub struct VerifyView {
    /// What is wrong first, if anything.
    pub breach: Option<String>,
    /// What the result proves and what it does not.
    pub sentences: Vec<String>,
    pub entries: u64,
    /// Base64.
    pub public_key: String,
    /// The newest checkpoint, as a signed note.
    pub checkpoint: String,
}

#[component]
pub fn VerifyPage(view: VerifyView) -> impl IntoView {
    let command = format!(
        "evenhand audit verify --export evenhand-audit.ndjson \\\n    \
         --checkpoint checkpoint.txt --key {}",
        view.public_key
    );
    let sentences = view.sentences.into_iter().map(|text| view! { <li>{text}</li> }).collect_view();
    let result = match view.breach {
        None => view! {
            <Lede>
                <Badge text="verifies" kind=BadgeKind::Good />
                {format!(" All {} entries fit together.", number::count(view.entries))}
            </Lede>
        }
        .into_any(),
        Some(breach) => view! {
            <p class="notice bad" role="alert">
                {format!("The log does not verify: {breach}")}
            </p>
        }
        .into_any(),
    };
    view! {
        <PageHeader title="Is the log whole?">
            <a class="button" href="/audit/verify">
                "Verify again"
            </a>
        </PageHeader>
        {result}
        <Panel title="What this proves">
            <ul>{sentences}</ul>
            <p>
                "The server that is asked here could lie. To trust nobody, keep the two texts below \
                 in another place, and verify an export or the database with them:"
            </p>
            <pre class="command" tabindex="0" aria-label="Command to copy">
                <code>{command}</code>
            </pre>
        </Panel>
        <Panel title="Public key">
            <pre class="command" tabindex="0" aria-label="Public key">
                <code>{view.public_key}</code>
            </pre>
        </Panel>
        <Panel title="Newest checkpoint">
            <pre class="command" tabindex="0" aria-label="Newest checkpoint">
                <code>{view.checkpoint}</code>
            </pre>
        </Panel>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_reads_as_what_somebody_did() {
        assert_eq!(in_words("model.registered"), "registered a model");
        assert_eq!(in_words("attribute.edited"), "edited an attribute");
        assert_eq!(in_words("session.opened"), "signed in");
        assert_eq!(in_words("odd"), "odd");
    }
}
