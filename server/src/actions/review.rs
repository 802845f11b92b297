//! A launch as those look at it who decide about it: what it rests on, who signs, what holds it
//! back and who can clear that. Pages and the API both read launches here.

use crate::actions::launches::{content_of, cover, find};
use crate::actions::readiness::least;
use crate::actions::sign_off;
use crate::auth::Actor;
use crate::clock::micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::launches::{CommentLine, Launch, MakerLine, Revision, SignOffLine};
use crate::store::models::Model;
use crate::store::runs::Run;
use crate::store::versions::Version;
use crate::store::waivers::Waiver;
use app::domain::launch::{Content, State, differences};
use app::domain::verdict::{Readiness, words};
use app::domain::{Function, TeamId, WaiverId};
use metrics::Slice;

/// A launch with one of its revisions.
pub struct Review {
    pub launch: Launch,
    pub model: Model,
    pub version: Version,
    pub lineage: Vec<TeamId>,
    /// The revision that is looked at; `None`: nobody has asked for it yet.
    pub revision: Option<Reviewed>,
    /// The newest first.
    pub revisions: Vec<Revision>,
    /// What the newest revision would cover now; `None` where nobody asks: of a draft, an older
    /// revision, a launch that is over.
    pub now: Option<Now>,
    pub blockers: Vec<Blocker>,
    /// The newest first.
    pub sign_offs: Vec<SignOffLine>,
    /// The oldest first.
    pub comments: Vec<CommentLine>,
}

/// A revision with everything that it rests on.
pub struct Reviewed {
    pub revision: Revision,
    pub content: Content,
    /// As the actor may see it.
    pub readiness: Readiness,
    /// What was different from the revision before.
    pub changes: Vec<String>,
    pub runs: Vec<Run>,
    pub waivers: Vec<Waiver>,
    pub makers: Vec<MakerLine>,
    pub slots: Vec<Slot>,
    /// Whether its evidence or a waiver has run out.
    pub is_expired: bool,
    pub is_newest: bool,
}

/// How what a revision covers compares with what there is now.
pub struct Now {
    /// Whether a request made now would make another revision.
    pub is_stale: bool,
    pub changes: Vec<String>,
}

/// A function in which somebody has to sign.
pub struct Slot {
    pub function: Function,
    /// The sign-off that counts.
    pub held: Option<SignOffLine>,
    /// The newest sign-off of an earlier revision.
    pub stale: Option<SignOffLine>,
    /// The names of those who could sign.
    pub could: Vec<String>,
    /// Why the actor may not; empty: they may.
    pub why_not: Vec<String>,
}

/// Something that holds a launch back.
pub struct Blocker {
    pub what: String,
    pub why: String,
    /// Who can clear it, in words.
    pub who: String,
    pub clear: Option<Clear>,
}

/// What would clear a blocker.
pub enum Clear {
    Upload,
    Mitigate { metric: String, slice: Slice },
}

/// Looks at a launch: its newest revision, or one that is named.
///
/// # Errors
/// [`Error::NotFound`] for a launch that is not there or not for this actor, or such a revision.
pub async fn look(app: &App, actor: &Actor, name: &str, wanted: Option<i64>) -> Result<Review> {
    let (launch, model, version) = find(app, actor, name).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let revisions = app.store.revisions(launch.id).await?;
    let revision = match wanted {
        None => revisions.first(),
        Some(number) => Some(
            revisions
                .iter()
                .find(|revision| revision.number == number)
                .ok_or_else(|| Error::not_found("revision"))?,
        ),
    };
    let sign_offs = app.store.sign_offs(launch.id).await?;
    let reviewed = match revision {
        Some(revision) => {
            Some(reviewed(app, actor, &launch, &lineage, revision, &sign_offs).await?)
        }
        None => None,
    };
    let (mut now, mut blockers) = (None, vec![]);
    if let Some(reviewed) = reviewed.as_ref().filter(|it| it.is_newest)
        && !matches!(launch.state, State::Withdrawn | State::RolledBack)
    {
        let covered = cover(app, &model, &version).await?;
        now = Some(Now {
            is_stale: covered.digest != reviewed.revision.digest,
            changes: differences(&reviewed.content, &covered.content),
        });
        blockers = blockers_of(&launch, reviewed);
    }
    let comments = app.store.comments(launch.id).await?;
    Ok(Review {
        launch,
        model,
        version,
        lineage,
        revision: reviewed,
        revisions,
        now,
        blockers,
        sign_offs,
        comments,
    })
}

async fn reviewed(
    app: &App,
    actor: &Actor,
    launch: &Launch,
    lineage: &[TeamId],
    revision: &Revision,
    sign_offs: &[SignOffLine],
) -> Result<Reviewed> {
    let broken = |error: serde_json::Error| Error::Internal(format!("{}: {error}", revision.id));
    let mut readiness: Readiness = serde_json::from_str(&revision.readiness).map_err(broken)?;
    let content = content_of(revision)?;
    let mut runs = vec![];
    for id in readiness.runs.iter().copied().chain(readiness.changed_from()) {
        runs.push(app.store.run(id).await?.ok_or_else(|| Error::not_found("run"))?);
    }
    let mut waivers = vec![];
    for waiver in &content.waivers {
        let id: Option<WaiverId> = waiver.id.parse().ok();
        let missing = || Error::Internal(format!("{}: waiver {}", revision.id, waiver.id));
        let found = app.store.waiver(id.ok_or_else(missing)?).await?;
        waivers.push(found.ok_or_else(missing)?);
    }
    readiness.hide_small_cells(least(app, actor, lineage));
    Ok(Reviewed {
        changes: serde_json::from_str(&revision.changes).map_err(broken)?,
        makers: app.store.makers(revision.id).await?,
        slots: slots_of(app, actor, revision, sign_offs).await?,
        is_expired: revision.valid_until.is_some_and(|until| micros(app.clock.now()) >= until),
        is_newest: revision.number == launch.revision,
        revision: revision.clone(),
        content,
        readiness,
        runs,
        waivers,
    })
}

async fn slots_of(
    app: &App,
    actor: &Actor,
    revision: &Revision,
    sign_offs: &[SignOffLine],
) -> Result<Vec<Slot>> {
    let makers = app.store.makers(revision.id).await?;
    let reviewers = app.store.reviewers().await?;
    let mut slots = vec![];
    for function in app.store.slots(revision.id).await? {
        let of = |line: &&SignOffLine| line.slot == function.as_str();
        let held =
            sign_offs.iter().filter(of).find(|line| line.holds && line.revision == revision.number);
        let stale = sign_offs.iter().filter(of).find(|line| line.revision < revision.number);
        let could = reviewers
            .iter()
            .filter(|reviewer| {
                reviewer.function == function.as_str()
                    && reviewer.granted_at <= revision.requested_at
                    && makers.iter().all(|maker| maker.person_id != reviewer.id)
            })
            .map(|reviewer| reviewer.name.clone())
            .collect();
        slots.push(Slot {
            function,
            held: held.cloned(),
            stale: stale.cloned(),
            could,
            why_not: sign_off::why_not(app, actor, function, revision).await?,
        });
    }
    Ok(slots)
}

/// What holds a launch back, and who can clear each.
fn blockers_of(launch: &Launch, reviewed: &Reviewed) -> Vec<Blocker> {
    if matches!(launch.state, State::Launched) {
        return vec![];
    }
    let mut blockers = vec![];
    for outcome in reviewed.readiness.blockers() {
        let part = outcome.parts.first();
        let is_hole = part.is_none_or(|part| part.value.is_none());
        let plan = part.and_then(|part| part.needed.as_ref());
        let (who, clear) = if is_hole {
            let who = format!(
                "engineers of {} can upload, a lead can ask for a waiver",
                launch.team_name
            );
            (who, Clear::Upload)
        } else {
            let slice = part.map(|part| part.slice.clone()).unwrap_or_default();
            let who = format!("{} can mitigate or ask for a waiver", launch.team_name);
            (who, Clear::Mitigate { metric: outcome.rule.metric.clone(), slice })
        };
        blockers.push(Blocker {
            what: outcome.rule.name.clone(),
            why: match plan {
                Some(plan) => words::needed(&outcome.rule, plan),
                None => words::requirement(&outcome.rule),
            },
            who,
            clear: Some(clear),
        });
    }
    for slot in reviewed.slots.iter().filter(|slot| slot.held.is_none()) {
        let who = match slot.could.as_slice() {
            [] => "an admin can give the function to somebody; then ask for the launch again"
                .to_owned(),
            could => could.join(" or "),
        };
        let why = if slot.stale.is_some() { "the one there was is stale" } else { "not given yet" };
        blockers.push(Blocker {
            what: format!("Sign-off: {}", slot.function),
            why: why.to_owned(),
            who,
            clear: None,
        });
    }
    if reviewed.is_expired {
        blockers.push(Blocker {
            what: "Evidence or a waiver has run out".to_owned(),
            why: "an approval stands only as long as what it rests on".to_owned(),
            who: format!("a lead of {} can ask again on newer evidence", launch.team_name),
            clear: None,
        });
    }
    blockers
}
