//! Launches and their revisions, who made what they rest on, and who signed.

use super::{Store, Tx, in_tx, read};
use crate::audit::Entry;
use crate::auth::Permit;
use crate::auth::permit::{Comment, DecideLaunch, RequestLaunch, SignOff, VoidRun};
use crate::clock::micros;
use crate::error::{Error, Result};
use app::domain::launch::{Decision, MakerPart, State};
use app::domain::{Function, LaunchId, ModelId, PersonId, RevisionId, RunId, TeamId, VersionId};
use serde_json::json;
use uuid::Uuid;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Launch {
    #[sqlx(try_from = "Uuid")]
    pub id: LaunchId,
    pub number: i64,
    #[sqlx(try_from = "Uuid")]
    pub model_id: ModelId,
    #[sqlx(try_from = "Uuid")]
    pub version_id: VersionId,
    #[sqlx(try_from = "String")]
    pub state: State,
    pub summary: String,
    pub planned_for: Option<i64>,
    #[sqlx(try_from = "Uuid")]
    pub created_by: PersonId,
    pub created_by_name: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub launched_at: Option<i64>,
    pub revision: i64,
    pub model_slug: String,
    pub model_name: String,
    pub version_label: String,
    #[sqlx(try_from = "Uuid")]
    pub team_id: TeamId,
    pub team_name: String,
    pub restricted: bool,
    /// Of the newest revision.
    pub verdict: Option<String>,
    pub valid_until: Option<i64>,
    pub slots: i64,
    pub approved_slots: i64,
}

/// What a signature covers, as it is stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Revision {
    #[sqlx(try_from = "Uuid")]
    pub id: RevisionId,
    pub number: i64,
    pub digest: String,
    pub content: String,
    pub readiness: String,
    pub verdict: String,
    pub changes: String,
    pub valid_until: Option<i64>,
    pub requested_by_name: String,
    pub requested_at: i64,
}

/// A revision to be stored, with everybody and everything that it rests on.
#[derive(Clone, Debug)]
pub struct NewRevision<'a> {
    pub digest: &'a str,
    pub content: &'a str,
    pub policy_version: Option<Uuid>,
    pub readiness: &'a str,
    pub verdict: &'a str,
    pub changes: &'a str,
    pub valid_until: Option<i64>,
    pub requester: PersonId,
    /// When it was judged, which its readiness depends on.
    pub requested_at: i64,
    pub makers: &'a [(PersonId, MakerPart, Uuid)],
    pub runs: &'a [RunId],
    pub waivers: &'a [Uuid],
    pub slots: &'a [Function],
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SignOffLine {
    pub revision: i64,
    pub slot: String,
    pub person_id: Uuid,
    pub person_name: String,
    pub decision: String,
    pub reason: String,
    pub at: i64,
    /// Whether it still holds its slot.
    pub holds: bool,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MakerLine {
    #[sqlx(try_from = "Uuid")]
    pub person_id: PersonId,
    pub person_name: String,
    #[sqlx(try_from = "String")]
    pub part: MakerPart,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CommentLine {
    pub person_name: String,
    pub revision: i64,
    pub at: i64,
    pub text: String,
}

/// Somebody who holds a review function.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Reviewer {
    #[sqlx(try_from = "Uuid")]
    pub id: PersonId,
    pub name: String,
    pub function: String,
    pub granted_at: i64,
}

macro_rules! select_launch {
    ($rest:literal) => {
        concat!(
            "select l.id, l.number, l.model_id, l.version_id, l.state, l.summary, l.planned_for, \
             l.created_by, p.name as created_by_name, l.created_at, l.updated_at, l.launched_at, \
             l.revision, m.slug as model_slug, m.name as model_name, v.label as version_label, \
             m.team_id, t.name as team_name, m.restricted, r.verdict, r.valid_until, \
             (select count(*) from launch_slot s where s.revision_id = r.id) as slots, \
             (select count(*) from slot_holder h join sign_off o on o.id = h.sign_off_id \
              where h.revision_id = r.id and o.decision = 'approve') as approved_slots \
             from launch l join model m on m.id = l.model_id join team t on t.id = m.team_id \
             join model_version v on v.id = l.version_id join person p on p.id = l.created_by \
             left join launch_revision r on r.launch_id = l.id and r.number = l.revision ",
            $rest
        )
    };
}

macro_rules! select_revision {
    ($rest:literal) => {
        concat!(
            "select r.id, r.number, r.digest, r.content, r.readiness, r.verdict, r.changes, \
             r.valid_until, p.name as requested_by_name, r.requested_at \
             from launch_revision r join person p on p.id = r.requested_by ",
            $rest
        )
    };
}

impl Store {
    /// All launches, the newest first.
    pub async fn launches(&self) -> Result<Vec<Launch>> {
        const SQL: &str = select_launch!("order by l.number desc");
        Ok(read!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?)
    }

    pub async fn launch(&self, number: i64) -> Result<Option<Launch>> {
        const SQL: &str = select_launch!("where l.number = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(number).fetch_optional(db).await)?)
    }

    pub async fn launch_by_id(&self, id: LaunchId) -> Result<Option<Launch>> {
        const SQL: &str = select_launch!("where l.id = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(id.0).fetch_optional(db).await)?)
    }

    /// The revisions of a launch, the newest first.
    pub async fn revisions(&self, launch: LaunchId) -> Result<Vec<Revision>> {
        const SQL: &str = select_revision!("where r.launch_id = $1 order by r.number desc");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(launch.0).fetch_all(db).await)?)
    }

    /// Every sign-off of a launch, the newest first.
    pub async fn sign_offs(&self, launch: LaunchId) -> Result<Vec<SignOffLine>> {
        const SQL: &str = "select r.number as revision, s.slot, s.person_id, \
             p.name as person_name, s.decision, s.reason, s.at, \
             (h.sign_off_id is not null) as holds from sign_off s \
             join launch_revision r on r.id = s.revision_id join person p on p.id = s.person_id \
             left join slot_holder h on h.sign_off_id = s.id \
             where r.launch_id = $1 order by s.at desc, s.id desc";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(launch.0).fetch_all(db).await)?)
    }

    /// The functions that must sign a revision.
    pub async fn slots(&self, revision: RevisionId) -> Result<Vec<Function>> {
        const SQL: &str = "select slot from launch_slot where revision_id = $1 order by slot";
        let slots: Vec<String> =
            read!(self, db => sqlx::query_scalar(SQL).bind(revision.0).fetch_all(db).await)?;
        Ok(slots.into_iter().filter_map(|slot| slot.parse().ok()).collect())
    }

    /// Who made what a revision rests on, and how.
    pub async fn makers(&self, revision: RevisionId) -> Result<Vec<MakerLine>> {
        const SQL: &str = "select distinct m.person_id, p.name as person_name, m.part \
             from launch_maker m join person p on p.id = m.person_id \
             where m.revision_id = $1 order by p.name, m.part";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(revision.0).fetch_all(db).await)?)
    }

    /// The comments on a launch, the oldest first.
    pub async fn comments(&self, launch: LaunchId) -> Result<Vec<CommentLine>> {
        const SQL: &str = "select p.name as person_name, c.revision, c.at, c.text \
             from launch_comment c join person p on p.id = c.person_id \
             where c.launch_id = $1 order by c.at, c.id";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(launch.0).fetch_all(db).await)?)
    }

    /// Everybody who holds a review function and is not disabled.
    pub async fn reviewers(&self) -> Result<Vec<Reviewer>> {
        const SQL: &str = "select p.id, p.name, f.function, f.granted_at from function_grant f \
             join person p on p.id = f.person_id where p.disabled_at is null \
             order by f.function, p.name";
        Ok(read!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?)
    }

    /// Since when a person has a function and a role that signs: the later of the two.
    pub async fn may_sign_since(
        &self,
        person: PersonId,
        function: Function,
    ) -> Result<Option<i64>> {
        const SQL: &str = "select f.granted_at, (select min(g.granted_at) from role_grant g \
             where g.person_id = f.person_id and g.role = 'reviewer') \
             from function_grant f where f.person_id = $1 and f.function = $2";
        let row: Option<(i64, Option<i64>)> = read!(self, db => sqlx::query_as(SQL)
            .bind(person.0).bind(function.as_str()).fetch_optional(db).await)?;
        Ok(row.and_then(|(function, role)| Some(function.max(role?))))
    }

    /// The digests of what is launched of the models that a model depends on.
    pub async fn launched_dependencies(&self, model: ModelId) -> Result<Vec<(String, String)>> {
        const SQL: &str = "select m.slug, coalesce((select r.digest from launch l \
             join launch_revision r on r.launch_id = l.id and r.number = l.revision \
             where l.model_id = m.id and l.state = 'launched' \
             order by l.launched_at desc limit 1), 'nothing launched') \
             from model_dependency d join model m on m.id = d.depends_on_id \
             where d.model_id = $1 order by m.slug";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(model.0).fetch_all(db).await)?)
    }

    /// The launches whose newest revision rests on a run.
    pub async fn launches_on(&self, run: RunId) -> Result<Vec<Launch>> {
        const SQL: &str = select_launch!(
            "where exists (select 1 from launch_run x where x.revision_id = r.id and x.run_id = $1) \
             order by l.number"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).bind(run.0).fetch_all(db).await)?)
    }
}

/// What stands of a launch once its lock is taken.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Locked {
    #[sqlx(try_from = "String")]
    pub state: State,
    pub revision: i64,
}

impl Tx {
    /// Waits for its turn to decide about a launch; says how it stands then.
    pub async fn lock_launch(&mut self, launch: LaunchId) -> Result<Locked> {
        const SQL: &str = "update launch set lock_no = lock_no + 1 where id = $1 \
             returning state, revision";
        Ok(in_tx!(self, db => sqlx::query_as(SQL).bind(launch.0).fetch_one(db).await)?)
    }

    /// The newest revision, as it stands within this transaction.
    pub async fn revision(&mut self, launch: LaunchId, number: i64) -> Result<Revision> {
        const SQL: &str = select_revision!("where r.launch_id = $1 and r.number = $2");
        Ok(in_tx!(self, db => sqlx::query_as(SQL).bind(launch.0).bind(number)
            .fetch_one(db).await)?)
    }

    /// A draft of a launch; its id and number.
    pub async fn add_launch(
        &mut self,
        _: &Permit<RequestLaunch>,
        model: ModelId,
        version: VersionId,
        by: PersonId,
        summary: &str,
        planned_for: Option<i64>,
    ) -> Result<(LaunchId, i64)> {
        const NEXT: &str = "select coalesce(max(number), 0) + 1 from launch";
        const SQL: &str = "insert into launch (id, number, model_id, version_id, state, summary, \
             planned_for, created_by, created_at, updated_at, revision, lock_no) \
             values ($1, $2, $3, $4, 'draft', $5, $6, $7, $8, $8, 0, 0)";
        // Two that are made at once would take the same number.
        self.lock_registry().await?;
        let number: i64 = in_tx!(self, db => sqlx::query_scalar(NEXT).fetch_one(db).await)?;
        let (id, at) = (LaunchId(self.id()), micros(self.at()));
        in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(number).bind(model.0).bind(version.0)
            .bind(summary).bind(planned_for).bind(by.0).bind(at).execute(db).await.map(drop))?;
        self.note(Entry::new("launch.drafted", "launch", id).after(json!({
            "number": number, "model": model, "version": version, "summary": summary,
        })));
        Ok((id, number))
    }

    /// The next revision of a launch, which is in review from now on. The lock must be held.
    pub async fn add_revision(
        &mut self,
        _: &Permit<RequestLaunch>,
        launch: LaunchId,
        before: i64,
        new: &NewRevision<'_>,
    ) -> Result<RevisionId> {
        const SQL: &str = "insert into launch_revision (id, launch_id, number, digest, content, \
             policy_version_id, readiness, verdict, changes, valid_until, requested_by, \
             requested_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        const STATE: &str = "update launch set revision = $2, state = 'in_review', \
             updated_at = $3 where id = $1";
        const PERSON: &str = "insert into launch_people (revision_id, person_id, side) \
             values ($1, $2, 'made') on conflict (revision_id, person_id) do nothing";
        const MAKER: &str = "insert into launch_maker (revision_id, person_id, side, part, \
             subject_id) values ($1, $2, 'made', $3, $4) \
             on conflict (revision_id, person_id, part, subject_id) do nothing";
        const RUN: &str = "insert into launch_run (revision_id, run_id) values ($1, $2)";
        const WAIVER: &str = "insert into launch_waiver (revision_id, waiver_id) values ($1, $2)";
        const SLOT: &str = "insert into launch_slot (revision_id, slot) values ($1, $2)";
        let (id, at, number) = (RevisionId(self.id()), micros(self.at()), before + 1);
        in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(launch.0).bind(number)
            .bind(new.digest).bind(new.content).bind(new.policy_version).bind(new.readiness)
            .bind(new.verdict).bind(new.changes).bind(new.valid_until).bind(new.requester.0)
            .bind(new.requested_at).execute(db).await.map(drop))?;
        in_tx!(self, db => sqlx::query(STATE).bind(launch.0).bind(number).bind(at)
            .execute(db).await.map(drop))?;
        for (person, part, subject) in new.makers {
            in_tx!(self, db => sqlx::query(PERSON).bind(id.0).bind(person.0)
                .execute(db).await.map(drop))?;
            in_tx!(self, db => sqlx::query(MAKER).bind(id.0).bind(person.0).bind(part.as_str())
                .bind(subject).execute(db).await.map(drop))?;
        }
        for run in new.runs {
            in_tx!(self, db => sqlx::query(RUN).bind(id.0).bind(run.0)
                .execute(db).await.map(drop))?;
        }
        for waiver in new.waivers {
            in_tx!(self, db => sqlx::query(WAIVER).bind(id.0).bind(waiver)
                .execute(db).await.map(drop))?;
        }
        for slot in new.slots {
            in_tx!(self, db => sqlx::query(SLOT).bind(id.0).bind(slot.as_str())
                .execute(db).await.map(drop))?;
        }
        self.note(Entry::new("launch.requested", "launch", launch).digest(new.digest).after(
            json!({
                "revision": number, "verdict": new.verdict,
                "runs": new.runs.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }),
        ));
        Ok(id)
    }

    /// Moves a launch on. The lock must be held and the step allowed.
    pub async fn set_launch_state(
        &mut self,
        launch: LaunchId,
        before: State,
        after: State,
        reason: &str,
    ) -> Result<()> {
        const SQL: &str = "update launch set state = $2, updated_at = $3, \
             launched_at = case when $2 = 'launched' and launched_at is null then $3 \
             else launched_at end where id = $1";
        let at = micros(self.at());
        in_tx!(self, db => sqlx::query(SQL).bind(launch.0).bind(after.as_str()).bind(at)
            .execute(db).await.map(drop))?;
        self.note(
            Entry::new("launch.moved", "launch", launch)
                .before(json!({ "state": before }))
                .after(json!({ "state": after, "reason": reason })),
        );
        Ok(())
    }

    /// The same, for whoever decides about launches.
    pub async fn decide_launch(
        &mut self,
        _: &Permit<DecideLaunch>,
        launch: LaunchId,
        before: State,
        after: State,
        reason: &str,
    ) -> Result<()> {
        self.set_launch_state(launch, before, after, reason).await
    }

    /// A person's decision in a slot of a revision. The database refuses whoever made what it rests
    /// on, and whoever holds another slot of it.
    ///
    /// # Errors
    /// [`Error::Conflict`] for whoever holds another slot, [`Error::Forbidden`] for a maker.
    pub async fn add_sign_off(
        &mut self,
        _: &Permit<SignOff>,
        revision: RevisionId,
        slot: Function,
        person: PersonId,
        decision: Decision,
        reason: &str,
    ) -> Result<()> {
        const JUDGE: &str = "insert into launch_people (revision_id, person_id, side) \
             values ($1, $2, 'judges') on conflict (revision_id, person_id) do nothing";
        const SIDE: &str =
            "select side from launch_people where revision_id = $1 and person_id = $2";
        const OTHER: &str =
            "select slot from slot_holder where revision_id = $1 and person_id = $2 and slot <> $3";
        const SQL: &str = "insert into sign_off (id, revision_id, slot, person_id, side, \
             decision, reason, at) values ($1, $2, $3, $4, 'judges', $5, $6, $7)";
        const HOLD: &str = "insert into slot_holder (revision_id, slot, sign_off_id, person_id) \
             values ($1, $2, $3, $4) on conflict (revision_id, slot) do update \
             set sign_off_id = excluded.sign_off_id, person_id = excluded.person_id";
        in_tx!(self, db => sqlx::query(JUDGE).bind(revision.0).bind(person.0)
            .execute(db).await.map(drop))?;
        let side: String = in_tx!(self, db => sqlx::query_scalar(SIDE).bind(revision.0)
            .bind(person.0).fetch_one(db).await)?;
        if side != "judges" {
            return Err(Error::forbidden("whoever made what it rests on may not sign it"));
        }
        let other: Option<String> = in_tx!(self, db => sqlx::query_scalar(OTHER)
            .bind(revision.0).bind(person.0).bind(slot.as_str()).fetch_optional(db).await)?;
        if let Some(other) = other.and_then(|slot| slot.parse::<Function>().ok()) {
            return Err(Error::Conflict(format!(
                "you have signed this revision for {other}; one person signs in one function"
            )));
        }
        let (id, at) = (self.id(), micros(self.at()));
        in_tx!(self, db => sqlx::query(SQL).bind(id).bind(revision.0).bind(slot.as_str())
            .bind(person.0).bind(decision.as_str()).bind(reason).bind(at)
            .execute(db).await.map(drop))?;
        in_tx!(self, db => sqlx::query(HOLD).bind(revision.0).bind(slot.as_str()).bind(id)
            .bind(person.0).execute(db).await.map(drop))?;
        self.note(Entry::new("sign_off.given", "sign_off", id).after(json!({
            "revision": revision, "slot": slot, "decision": decision, "reason": reason,
        })));
        Ok(())
    }

    /// Who holds each slot of a revision, and what they decided.
    pub async fn held_slots(
        &mut self,
        revision: RevisionId,
    ) -> Result<Vec<(Function, Option<(PersonId, Decision)>)>> {
        const SQL: &str = "select s.slot, h.person_id, o.decision from launch_slot s \
             left join slot_holder h on h.revision_id = s.revision_id and h.slot = s.slot \
             left join sign_off o on o.id = h.sign_off_id where s.revision_id = $1 order by s.slot";
        let rows: Vec<(String, Option<Uuid>, Option<String>)> =
            in_tx!(self, db => sqlx::query_as(SQL).bind(revision.0).fetch_all(db).await)?;
        Ok(rows
            .into_iter()
            .filter_map(|(slot, person, decision)| {
                let held = person.zip(decision.and_then(|word| word.parse().ok()));
                Some((slot.parse().ok()?, held.map(|(id, decision)| (PersonId(id), decision))))
            })
            .collect())
    }

    pub async fn add_comment(
        &mut self,
        _: &Permit<Comment>,
        launch: &Launch,
        person: PersonId,
        text: &str,
    ) -> Result<()> {
        const SQL: &str = "insert into launch_comment (id, launch_id, person_id, revision, at, \
             text) values ($1, $2, $3, $4, $5, $6)";
        let (id, at) = (self.id(), micros(self.at()));
        in_tx!(self, db => sqlx::query(SQL).bind(id).bind(launch.id.0).bind(person.0)
            .bind(launch.revision).bind(at).bind(text).execute(db).await.map(drop))?;
        self.note(
            Entry::new("launch.commented", "launch", launch.id).after(json!({ "text": text })),
        );
        Ok(())
    }

    /// Takes its evidence from every launch that rests on a run; gives the launches.
    pub async fn void_launches_on(
        &mut self,
        _: &Permit<VoidRun>,
        run: RunId,
        reason: &str,
    ) -> Result<Vec<(LaunchId, i64)>> {
        const SQL: &str = "select l.id, l.number from launch l \
             join launch_revision r on r.launch_id = l.id and r.number = l.revision \
             join launch_run x on x.revision_id = r.id where x.run_id = $1 order by l.number";
        let resting: Vec<(Uuid, i64)> =
            in_tx!(self, db => sqlx::query_as(SQL).bind(run.0).fetch_all(db).await)?;
        let mut voided = vec![];
        for (id, number) in resting {
            let id = LaunchId(id);
            let locked = self.lock_launch(id).await?;
            if let Some(after) = locked.state.after(app::domain::launch::Step::VoidEvidence) {
                let reason = format!("a run was voided: {reason}");
                self.set_launch_state(id, locked.state, after, &reason).await?;
                voided.push((id, number));
            }
        }
        Ok(voided)
    }
}
