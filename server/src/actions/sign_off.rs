//! Sign a launch off, in a function, on what one revision covers.

use crate::actions::launches::{content_of, find, stands};
use crate::auth::Actor;
use crate::auth::actor::Through;
use crate::auth::permit::SignOff;
use crate::error::{Error, Result};
use crate::state::App;
use app::domain::launch::{Decision, State, Step, barred, differences};
use app::domain::{Function, LaunchId, Prose, Scope};
use app::form::FieldErrors;
use time::Duration;

/// A log-in that is older asks for the password again.
pub const FRESH: Duration = Duration::minutes(5);

/// A signature as it was given.
#[derive(Clone, Debug)]
pub struct Signature {
    pub function: Function,
    pub decision: Decision,
    pub reason: String,
    /// The digest of the revision that the person saw.
    pub digest: String,
}

/// How a signature ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// It counts; the launch stands here now.
    Counts(State),
    /// Another revision has come since: what changed.
    Stale(Vec<String>),
}

/// Whether the actor gave their password lately enough to sign.
pub fn is_fresh(app: &App, actor: &Actor) -> bool {
    match &actor.through {
        Through::Session { authenticated_at, .. } => app.clock.now() - *authenticated_at <= FRESH,
        Through::Token { .. } | Through::Operator => false,
    }
}

/// Signs. The password is the caller's to ask for; see [`is_fresh`].
///
/// # Errors
/// [`Error::Forbidden`] with every reason why this person may not, [`Error::Conflict`] when they
/// have signed already, somebody else holds the slot, or nothing is to be signed.
pub async fn sign(app: &App, actor: &Actor, number: &str, signature: &Signature) -> Result<Signed> {
    let person = actor.own()?.person();
    if !is_fresh(app, actor) {
        return Err(Error::forbidden("give your password again to sign"));
    }
    let (launch, model, _) = find(app, actor, number).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<SignOff>(Scope::Team(&lineage))?;
    let reason = Prose::new(&signature.reason)
        .map_err(|error| Error::Fields(FieldErrors::one("reason", error.to_string())))?;
    if reason.as_str().trim().is_empty() {
        return Err(
            FieldErrors::one("reason", "say what you looked at, and why you decide so").into()
        );
    }
    let since = app.store.may_sign_since(person, signature.function).await?;
    let Some(revision) = app.store.revisions(launch.id).await?.into_iter().next() else {
        return Err(Error::Conflict("nobody has asked for this launch yet".to_owned()));
    };
    if revision.digest != signature.digest {
        return stale(app, launch.id, &signature.digest).await;
    }
    // Read before the transaction, which must not wait for a second connection; what a revision
    // rests on never changes.
    let makers = app.store.makers(revision.id).await?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let locked = tx.lock_launch(launch.id).await?;
    if locked.revision != revision.number {
        drop(tx);
        return stale(app, launch.id, &signature.digest).await;
    }
    if !matches!(locked.state, State::InReview | State::Approved) {
        return Err(Error::Conflict(format!("a launch that is {} is not signed", locked.state)));
    }
    let made: Vec<_> = makers.iter().map(|maker| (maker.person_id, maker.part)).collect();
    let late = since.is_none_or(|since| since > revision.requested_at);
    let why = barred(person, signature.function, &actor.grants.functions, &made, late);
    if !why.is_empty() {
        return Err(Error::forbidden(why.join("; ")));
    }
    let held = tx.held_slots(revision.id).await?;
    match held.iter().find(|(slot, _)| *slot == signature.function) {
        None => {
            let message = format!("this launch needs no sign-off by {}", signature.function);
            return Err(Error::Conflict(message));
        }
        Some((_, Some((holder, decision)))) if *holder == person => {
            if *decision == signature.decision {
                let message = format!("you have {decision} this revision already");
                return Err(Error::Conflict(message));
            }
        }
        Some((slot, Some(_))) => {
            return Err(Error::Conflict(format!("somebody else has signed for {slot}")));
        }
        Some((_, None)) => {}
    }
    let (slot, decision) = (signature.function, signature.decision);
    if decision == Decision::Approve {
        tx.refuse_lost_ground(revision.id).await?;
    }
    tx.add_sign_off(&permit, revision.id, slot, person, decision, reason.as_str()).await?;
    let held = tx.held_slots(revision.id).await?;
    let all_approve = held.iter().all(|(_, held)| matches!(held, Some((_, Decision::Approve))));
    let step = match decision {
        Decision::Reject => Some(Step::Reject),
        Decision::Approve if all_approve && stands(&revision, app.clock.now()) => {
            Some(Step::Approve)
        }
        Decision::Approve => None,
    };
    let mut state = locked.state;
    if let Some(after) = step.and_then(|step| locked.state.after(step)) {
        let reason = match after {
            State::Approved => "every function has approved",
            _ => "a reviewer has rejected it",
        };
        tx.set_launch_state(launch.id, locked.state, after, reason).await?;
        state = after;
    }
    tx.commit().await?;
    Ok(Signed::Counts(state))
}

/// What has changed since the revision that somebody saw.
async fn stale(app: &App, launch: LaunchId, seen: &str) -> Result<Signed> {
    let all = app.store.revisions(launch).await?;
    let newest = all.first().ok_or_else(|| Error::not_found("revision"))?;
    let changes = match all.iter().find(|old| old.digest == seen) {
        Some(old) => differences(&content_of(old)?, &content_of(newest)?),
        None => vec!["What you saw was never asked for.".to_owned()],
    };
    Ok(Signed::Stale(changes))
}

/// When the revision that a person may sign was requested, beside since when they may: for a page
/// that says it before they try.
pub async fn why_not(
    app: &App,
    actor: &Actor,
    function: Function,
    revision: &crate::store::launches::Revision,
) -> Result<Vec<String>> {
    let Some(person) = actor.person else { return Ok(vec!["a person has to sign".to_owned()]) };
    let since = app.store.may_sign_since(person, function).await?;
    let makers = app.store.makers(revision.id).await?;
    let made: Vec<_> = makers.iter().map(|maker| (maker.person_id, maker.part)).collect();
    let late = since.is_some_and(|since| since > revision.requested_at);
    Ok(barred(person, function, &actor.grants.functions, &made, late))
}
