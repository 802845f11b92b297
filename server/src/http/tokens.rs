//! One's own API tokens.

use super::page::done;
use super::teams::choices;
use super::{Access, Page, Routes};
use crate::actions::make_token::{self, Wish};
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::teams::Team;
use crate::store::tokens::Token;
use app::domain::TokenId;
use app::pages::parts::Crumb;
use app::pages::tokens::{TokenForm, TokenLine, TokenState, TokensPage, TokensView};
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Form;
use leptos::prelude::*;
use serde::Deserialize;
use time::OffsetDateTime;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    routes
        .get("/account/tokens", Access::SignedIn, list)
        .post("/account/tokens", Access::SignedIn, make)
        .post("/account/tokens/{token}/revoke", Access::SignedIn, revoke)
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    team: String,
    #[serde(default)]
    shared: Option<String>,
    #[serde(default)]
    days: String,
}

async fn list(State(app): State<App>, actor: Actor, page: Page) -> Result<Response> {
    show(&app, &actor, page, None, TokenForm::default()).await
}

/// Answers with the page itself and not with a redirect: the token is stored nowhere.
async fn make(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let wish = Wish {
        name: typed.name,
        scopes: typed.scopes,
        team: typed.team,
        shared: typed.shared.is_some(),
        days: typed.days,
    };
    match make_token::make(&app, &actor, &wish).await {
        Ok(token) => show(&app, &actor, page, Some(token), TokenForm::default()).await,
        Err(Error::Fields(errors)) => {
            let Wish { name, scopes, team, shared, days } = wish;
            let form = TokenForm { name, scopes, team, shared, days, errors };
            show(&app, &actor, page.refused(), None, form).await
        }
        Err(error) => Err(error),
    }
}

async fn revoke(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    Path(token): Path<TokenId>,
) -> Result<Response> {
    make_token::revoke(&app, &actor, token).await?;
    done(&session, "/account/tokens", "The token works no longer.").await
}

async fn show(
    app: &App,
    actor: &Actor,
    page: Page,
    made: Option<String>,
    form: TokenForm,
) -> Result<Response> {
    let teams = app.store.teams().await?;
    let tokens = lines(app.store.tokens_of(actor.person()?).await?, &teams, app.clock.now());
    let view = TokensView { made, tokens, form, teams: choices(&teams) };
    let crumbs = vec![Crumb::to("Your account", "/account"), Crumb::here("API tokens")];
    Ok(page.title("API tokens").crumbs(crumbs).html(move || view! { <TokensPage view=view /> }))
}

/// Tokens as a page lists them.
pub(super) fn lines(tokens: Vec<Token>, teams: &[Team], now: OffsetDateTime) -> Vec<TokenLine> {
    tokens
        .into_iter()
        .map(|token| {
            let expires = from_micros(token.expires_at);
            let state = if token.revoked_at.is_some() {
                TokenState::Revoked
            } else if expires <= now {
                TokenState::Expired
            } else {
                TokenState::Works
            };
            TokenLine {
                id: token.id.to_string(),
                scopes: token.scopes(),
                team: token.team().and_then(|id| {
                    teams.iter().find(|team| team.id == id).map(|team| team.name.clone())
                }),
                name: token.name,
                hint: token.hint,
                shared: token.shared,
                expires,
                used: token.used_at.map(from_micros),
                state,
            }
        })
        .collect()
}
