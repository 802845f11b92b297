//! API tokens: one's own, and the table of them that an admin sees too.

use super::parts::{
    Badge, BadgeKind, CheckBox, CheckList, EmptyState, FieldKind, Form, PageHeader, Panel, Scroll,
    Select, Submit, SubmitKind, TextField, Time,
};
use crate::domain::token::TokenScope;
use crate::form::FieldErrors;
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug)]
pub struct TokensView {
    /// A token that was made just now: shown here and never again.
    pub made: Option<String>,
    pub tokens: Vec<TokenLine>,
    pub form: TokenForm,
    /// Slug and name of each team.
    pub teams: Vec<(String, String)>,
}

/// What was typed for a new token.
#[derive(Clone, Debug)]
pub struct TokenForm {
    pub name: String,
    pub scopes: Vec<String>,
    pub team: String,
    pub shared: bool,
    pub days: String,
    pub errors: FieldErrors,
}

impl Default for TokenForm {
    fn default() -> Self {
        Self {
            name: String::new(),
            scopes: vec![TokenScope::Read.as_str().to_owned()],
            team: String::new(),
            shared: false,
            days: "90".to_owned(),
            errors: FieldErrors::default(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct TokenLine {
    pub id: String,
    pub name: String,
    pub hint: String,
    pub scopes: Vec<TokenScope>,
    pub team: Option<String>,
    pub shared: bool,
    pub expires: OffsetDateTime,
    pub used: Option<OffsetDateTime>,
    pub state: TokenState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    Works,
    Expired,
    Revoked,
}

#[component]
pub fn TokensPage(view: TokensView) -> impl IntoView {
    let made = view.made.map(|token| {
        view! {
            <section class="notice good" role="status">
                <h2>"Your new token"</h2>
                <p>"Copy it now: it is not stored, and this page shows it only once."</p>
                <pre class="token" tabindex="0" aria-label="Token to copy">
                    <code>{token}</code>
                </pre>
            </section>
        }
    });
    let list = if view.tokens.is_empty() {
        view! {
            <EmptyState
                title="No tokens yet"
                text="A token lets a script or a build do what you may do, as far as its scopes go."
            />
        }
        .into_any()
    } else {
        view! {
            <Panel title="Tokens" note="a token acts for you, with your roles as they are now">
                <TokenTable tokens=view.tokens action="/account/tokens" />
            </Panel>
        }
        .into_any()
    };
    view! {
        <PageHeader title="API tokens">
            <a class="button" href="/api/docs">
                "What a token can do"
            </a>
        </PageHeader>
        {made}
        {list}
        <Panel title="New token">
            <TokenFields form=view.form teams=view.teams />
        </Panel>
    }
    .into_any()
}

#[component]
fn TokenFields(form: TokenForm, teams: Vec<(String, String)>) -> impl IntoView {
    let scopes = TokenScope::ALL
        .iter()
        .map(|scope| (scope.as_str().to_owned(), format!("{} ({})", scope.as_str(), scope.label())))
        .collect();
    let teams = std::iter::once((String::new(), "every team where you may".to_owned()))
        .chain(teams)
        .collect();
    view! {
        <Form action="/account/tokens" errors=form.errors>
            <TextField
                label="Name"
                name="name"
                value=form.name
                hint="Where it is used, such as \"nightly evaluation\"."
                required=true
            />
            <CheckList label="Scopes" name="scopes" options=scopes chosen=form.scopes />
            <Select label="Team" name="team" options=teams value=form.team required=true />
            <TextField
                label="Days until it expires"
                name="days"
                kind=FieldKind::Number
                value=form.days
                min="1"
                max="365"
                required=true
            />
            <CheckBox
                label="Shared by several people"
                name="shared"
                checked=form.shared
                hint="An upload must then say on whose behalf it is made."
            />
            <Submit label="Make token" />
        </Form>
    }
    .into_any()
}

/// Tokens, each with a button that revokes it by a POST below `action`.
#[component]
pub fn TokenTable(tokens: Vec<TokenLine>, #[prop(into)] action: String) -> impl IntoView {
    let lines = tokens.into_iter().map(|token| token_line(token, &action)).collect_view();
    view! {
        <Scroll label="Tokens">
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Ends in"</th>
                        <th scope="col">"Scopes"</th>
                        <th scope="col">"Team"</th>
                        <th scope="col">"Last used"</th>
                        <th scope="col">"Expires"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Action"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
        </Scroll>
    }
    .into_any()
}

fn token_line(token: TokenLine, action: &str) -> impl IntoView + use<> {
    let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    let used = match token.used {
        Some(at) => view! { <Time at=at clock=true /> }.into_any(),
        None => view! { <span class="faint">"never"</span> }.into_any(),
    };
    let shared = token.shared.then(|| view! { " " <Badge text="shared" /> });
    let end = match token.state {
        TokenState::Works => {
            let action = format!("{action}/{}/revoke", token.id);
            view! {
                <Form action=action id=format!("t-{}", token.id) inline=true>
                    <Submit label="Revoke" kind=SubmitKind::Danger />
                </Form>
            }
            .into_any()
        }
        TokenState::Expired => view! { <Badge text="expired" kind=BadgeKind::Thin /> }.into_any(),
        TokenState::Revoked => view! { <Badge text="revoked" kind=BadgeKind::Bad /> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{token.name} {shared}</th>
            <td>
                <code class="nowrap">{format!("…{}", token.hint)}</code>
            </td>
            <td>{scopes.join(", ")}</td>
            <td>{token.team.unwrap_or_else(|| "all".to_owned())}</td>
            <td>{used}</td>
            <td>
                <Time at=token.expires />
            </td>
            <td>{end}</td>
        </tr>
    }
}
