//! API tokens are made and revoked.

use super::change_person::team_of;
use crate::auth::{Actor, token};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::Store;
use crate::store::tokens::NewToken;
use app::domain::token::TokenScope;
use app::domain::{Line, PersonId, Scope, TokenId};
use app::form::FieldErrors;

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub name: String,
    pub scopes: Vec<String>,
    /// A team's slug; empty for all.
    pub team: String,
    pub shared: bool,
    pub days: String,
}

/// Longest life of a token, in days.
const LONGEST: i64 = 365;

/// Makes a token of whoever is signed in, and returns it: it is stored nowhere.
///
/// # Errors
/// [`Error::Fields`] for what was typed.
pub async fn make(app: &App, actor: &Actor, wish: &Wish) -> Result<String> {
    let own = actor.own()?;
    let new = checked(&app.store, wish).await?;
    let text = token::generate();
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.add_own_token(&own, &new, &token::hash(&text), token::hint(&text)).await?;
    tx.commit().await?;
    Ok(text)
}

/// The same for somebody else, from the command line.
pub async fn make_for(
    store: &Store,
    clock: &Clock,
    actor: &Actor,
    person: PersonId,
    wish: &Wish,
) -> Result<String> {
    let permit = actor.permit(Scope::Organisation)?;
    let new = checked(store, wish).await?;
    let text = token::generate();
    let mut tx = store.begin(&actor.by(), clock).await?;
    tx.add_token_for(&permit, person, &new, &token::hash(&text), token::hint(&text)).await?;
    tx.commit().await?;
    Ok(text)
}

/// Revokes one of one's own tokens.
pub async fn revoke(app: &App, actor: &Actor, token: TokenId) -> Result<()> {
    let own = actor.own()?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.revoke_own_token(&own, token).await?;
    tx.commit().await
}

/// Revokes somebody else's token.
pub async fn revoke_of(app: &App, actor: &Actor, person: PersonId, token: TokenId) -> Result<()> {
    let permit = actor.permit(Scope::Organisation)?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.revoke_token_of(&permit, person, token).await?;
    tx.commit().await
}

async fn checked(store: &Store, wish: &Wish) -> Result<NewToken> {
    let mut errors = FieldErrors::default();
    let name = errors.check("name", Line::new(&wish.name));
    let mut scopes: Vec<TokenScope> =
        wish.scopes.iter().filter_map(|scope| errors.check("scopes", scope.parse())).collect();
    scopes.sort_unstable();
    scopes.dedup();
    if wish.scopes.is_empty() {
        errors.add("scopes", "choose at least one");
    }
    let days = wish.days.trim().parse().ok().filter(|days| (1..=LONGEST).contains(days));
    if days.is_none() {
        errors.add("days", format!("use a number from 1 to {LONGEST}"));
    }
    let team = team_of(store, &wish.team, &mut errors).await?;
    match (name, team, days, errors.is_empty()) {
        (Some(name), Some(team), Some(days), true) => {
            Ok(NewToken { name, scopes, team, shared: wish.shared, days })
        }
        _ => Err(Error::Fields(errors)),
    }
}
