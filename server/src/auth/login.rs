//! Signing in and out.

use super::Actor;
use super::throttle::Subject;
use crate::audit::{By, Entry};
use crate::clock::micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::sessions::{ADDRESS, AGENT, AUTHENTICATED_AT, PERSON};
use app::domain::{Email, PersonId};
use app::form::FieldErrors;
use serde_json::json;
use std::net::IpAddr;
use tower_sessions::Session;

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct Visit {
    pub address: IpAddr,
    /// What the browser calls itself, cut to a length that a page can show.
    pub agent: String,
}

/// The person with this e-mail address and password.
///
/// # Errors
/// [`Error::TooMany`] while the account or the address has to wait, and one and the same
/// [`Error::Fields`] for every other reason: whether there is such an account stays unsaid.
pub async fn check(app: &App, visit: &Visit, email: &str, password: String) -> Result<PersonId> {
    let email = Email::new(email).ok();
    let address = Subject::address(visit.address);
    let account = email.as_ref().map(Subject::account);
    app.charge(&address).await?;
    if let Some(account) = &account {
        app.charge(account).await?;
    }

    let known = match &email {
        Some(email) => app.store.credentials(email).await?,
        None => None,
    };
    let (person, hash) = match known {
        Some(known) if known.disabled_at.is_none() => (Some(known.id), known.password_hash),
        _ => (None, None),
    };
    let is_right = app.hashing.verify(password, hash).await?;
    let now = micros(app.clock.now());
    let Some(person) = person.filter(|_| is_right) else {
        // What is no address may be a password in the wrong box.
        let subject = email.as_ref().map_or("", Email::as_str);
        app.store.add_failed_login(app.clock.id(), now, subject, visit.address).await?;
        return Err(Error::Fields(FieldErrors::one(
            "",
            "The e-mail address or the password is not right.",
        )));
    };
    app.store.forgive_one(address.key()).await?;
    if let Some(account) = &account {
        app.store.forgive(account.key()).await?;
    }
    Ok(person)
}

/// Makes the browser's session this person's, under a new id: one that somebody else knew before
/// opens nothing.
pub async fn open(app: &App, session: &Session, person: PersonId, visit: &Visit) -> Result<()> {
    let mut tx = app.store.begin(&By::person(person), &app.clock).await?;
    tx.note(
        Entry::new("session.opened", "person", person)
            .after(json!({ "address": visit.address, "agent": visit.agent })),
    );
    tx.commit().await?;
    session.clear().await;
    session.cycle_id().await?;
    session.insert(PERSON, person).await?;
    session.insert(AUTHENTICATED_AT, micros(app.clock.now())).await?;
    session.insert(ADDRESS, visit.address).await?;
    Ok(session.insert(AGENT, &visit.agent).await?)
}

/// Ends the session on the server; the layer takes the cookie back.
pub async fn close(app: &App, session: &Session, actor: &Actor) -> Result<()> {
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.note(Entry::new("session.closed", "person", actor.person()?));
    tx.commit().await?;
    Ok(session.flush().await?)
}
