//! A password is set by its owner only: by a one-time link, or with the old one.

use crate::audit::By;
use crate::auth::Actor;
use crate::auth::actor::Through;
use crate::auth::throttle::Subject;
use crate::clock::micros;
use crate::error::{Error, Result};
use crate::state::App;
use app::domain::name::check_password;
use app::domain::{Email, PersonId};
use app::form::FieldErrors;

/// Whom a link that works was made for.
pub struct Welcomed {
    pub person: PersonId,
    pub name: String,
    pub email: Email,
    /// Whether they set a password for the first time.
    pub is_new: bool,
}

/// Whom a link is for.
///
/// # Errors
/// [`Error::NotFound`] when it does not work.
pub async fn invited(app: &App, secret: &str) -> Result<Welcomed> {
    let dead = || Error::not_found("link");
    let link = app.store.link(secret, micros(app.clock.now())).await?.ok_or_else(dead)?;
    let id = PersonId(link.person_id.ok_or_else(dead)?);
    let person = app
        .store
        .person(id)
        .await?
        .filter(|person| person.disabled_at.is_none())
        .ok_or_else(dead)?;
    let email = stored(&person.email)?;
    Ok(Welcomed { person: id, name: person.name, email, is_new: !person.has_password })
}

/// Sets the password of whoever holds the link, which works no longer after that.
///
/// # Errors
/// [`Error::Fields`] for what was typed, [`Error::NotFound`] when the link was used meanwhile.
pub async fn by_link(
    app: &App,
    secret: &str,
    who: &Welcomed,
    password: String,
    again: &str,
) -> Result<()> {
    let mut errors = FieldErrors::default();
    checked(&mut errors, Some(&who.email), &password, again);
    errors.into_result()?;
    let hash = app.hashing.hash(password).await?;
    let mut tx = app.store.begin(&By::person(who.person), &app.clock).await?;
    let own = tx.use_link(secret).await?.ok_or_else(|| Error::not_found("link"))?;
    tx.set_password(&own, &hash, "").await?;
    tx.commit().await?;
    app.store.forgive(Subject::account(&who.email).key()).await
}

/// Changes the password of whoever is signed in, and ends their other sessions.
///
/// # Errors
/// [`Error::Fields`] for what was typed, [`Error::TooMany`] when the old password was wrong too
/// often: a session that was left open is no place to guess it.
pub async fn change(app: &App, actor: &Actor, old: String, new: String, again: &str) -> Result<()> {
    let own = actor.own()?;
    let Through::Session { hash: session, .. } = &actor.through else {
        return Err(Error::Unauthenticated);
    };
    let email = stored(&actor.email)?;
    let mut errors = FieldErrors::default();
    checked(&mut errors, Some(&email), &new, again);
    errors.into_result()?;

    let subject = Subject::account(&email);
    app.charge(&subject).await?;
    let known = app.store.credentials(&email).await?.and_then(|known| known.password_hash);
    if !app.hashing.verify(old, known).await? {
        return Err(FieldErrors::one("old", "this is not your password").into());
    }
    app.store.forgive(subject.key()).await?;
    let hash = app.hashing.hash(new).await?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.set_password(&own, &hash, session).await?;
    tx.commit().await
}

/// Checks a new password that was typed twice; an address that is none was noted elsewhere.
pub(super) fn checked(
    errors: &mut FieldErrors,
    email: Option<&Email>,
    password: &str,
    again: &str,
) {
    if let Some(email) = email {
        errors.check("password", check_password(password, email));
    }
    if password != again {
        errors.add("again", "type the same password again");
    }
}

fn stored(email: &str) -> Result<Email> {
    Email::new(email).map_err(|error| Error::Internal(format!("a stored address: {error}")))
}
