//! Findings: what a rule misses on a slice of a version, open until the evidence closes it.

use super::{Store, Tx, in_tx, read};
use crate::audit::Entry;
use crate::clock::micros;
use crate::error::Result;
use app::domain::{FindingId, ModelId, PolicyId, RunId, TeamId, VersionId};
use serde_json::json;
use uuid::Uuid;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Finding {
    #[sqlx(try_from = "Uuid")]
    pub id: FindingId,
    #[sqlx(try_from = "Uuid")]
    pub model_id: ModelId,
    pub rule: String,
    pub slice: String,
    pub kind: String,
    pub sentence: String,
    pub run_id: Option<Uuid>,
    pub opened_at: i64,
    pub updated_at: i64,
    pub closed_at: Option<i64>,
    pub close_reason: Option<String>,
    pub policy_slug: String,
    pub version_label: String,
    pub model_slug: String,
    pub model_name: String,
    #[sqlx(try_from = "Uuid")]
    pub team_id: TeamId,
    pub team_name: String,
    pub restricted: bool,
    /// Mitigations that are aimed at it.
    pub mitigations: i64,
}

/// A version whose evidence is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    pub model: ModelId,
    pub version: VersionId,
    /// Another version took its place: its findings only want to be closed.
    pub is_superseded: bool,
}

/// What a rule misses now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    pub policy: PolicyId,
    pub rule: String,
    pub slice: String,
    pub kind: &'static str,
    pub sentence: String,
    pub run: Option<RunId>,
}

#[derive(sqlx::FromRow)]
struct Open {
    id: Uuid,
    policy_id: Uuid,
    rule: String,
    slice: String,
    kind: String,
    sentence: String,
}

macro_rules! select_finding {
    ($rest:literal) => {
        concat!(
            "select f.id, f.model_id, f.rule, f.slice, f.kind, f.sentence, f.run_id, f.opened_at, \
             f.updated_at, f.closed_at, f.close_reason, p.slug as policy_slug, \
             v.label as version_label, m.slug as model_slug, m.name as model_name, m.team_id, \
             t.name as team_name, m.restricted, \
             (select count(*) from mitigation x where x.finding_id = f.id) as mitigations \
             from finding f join policy p on p.id = f.policy_id \
             join model_version v on v.id = f.version_id join model m on m.id = f.model_id \
             join team t on t.id = m.team_id ",
            $rest
        )
    };
}

impl Store {
    /// All findings: the open ones first, the newest first.
    pub async fn findings(&self) -> Result<Vec<Finding>> {
        const SQL: &str = select_finding!(
            "order by case when f.closed_at is null then 0 else 1 end, f.opened_at desc, f.id desc"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?)
    }

    pub async fn finding(&self, id: FindingId) -> Result<Option<Finding>> {
        const SQL: &str = select_finding!("where f.id = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(id.0).fetch_optional(db).await)?)
    }

    pub async fn has_open_findings(&self, version: VersionId) -> Result<bool> {
        const SQL: &str =
            "select count(*) from finding where version_id = $1 and closed_at is null";
        let n: i64 =
            read!(self, db => sqlx::query_scalar(SQL).bind(version.0).fetch_one(db).await)?;
        Ok(n > 0)
    }

    /// The versions whose evidence is watched: the newest of each model, the one that was launched
    /// last, and those whose launch is under way. Others come too while a finding of theirs is open.
    pub async fn watched_versions(&self) -> Result<Vec<Watched>> {
        const SQL: &str = "select w.model_id, w.id, w.counts from (\
             select v.model_id, v.id, cast(case when exists (\
                 select 1 from run r where r.version_id = v.id) and (\
             not exists (select 1 from model_version n join run r on r.version_id = n.id \
                 where n.model_id = v.model_id and (n.created_at, n.id) > (v.created_at, v.id)) \
             or exists (select 1 from launch l where l.version_id = v.id and (\
                 l.state in ('in_review', 'approved', 'evidence_void') \
                 or l.state = 'launched' and l.launched_at = (select max(m.launched_at) \
                     from launch m where m.model_id = v.model_id and m.state = 'launched')))) \
             then 1 else 0 end as bigint) as counts from model_version v) w \
             where w.counts = 1 or exists (select 1 from finding f where f.version_id = w.id \
                 and f.closed_at is null) \
             order by w.model_id, w.id";
        let rows: Vec<(Uuid, Uuid, i64)> =
            read!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?;
        let watched = |(model, version, counts)| Watched {
            model: ModelId(model),
            version: VersionId(version),
            is_superseded: counts == 0,
        };
        Ok(rows.into_iter().map(watched).collect())
    }
}

impl Tx {
    /// Brings the open findings of a version in line with what its rules miss; how many changed.
    /// Two that do it at once end in the same findings: the index lets each be open once.
    pub async fn reconcile_findings(
        &mut self,
        model: ModelId,
        version: VersionId,
        missed: &[Missed],
        why_closed: &str,
    ) -> Result<usize> {
        const OPEN: &str = "select id, policy_id, rule, slice, kind, sentence from finding \
             where version_id = $1 and closed_at is null order by id";
        const INSERT: &str = "insert into finding (id, model_id, version_id, policy_id, rule, \
             slice, kind, sentence, run_id, opened_at, updated_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) on conflict do nothing";
        const UPDATE: &str = "update finding set kind = $2, sentence = $3, run_id = $4, \
             updated_at = $5 where id = $1 and closed_at is null";
        const CLOSE: &str = "update finding set closed_at = $2, updated_at = $2, \
             close_reason = $3 where id = $1 and closed_at is null";
        let open: Vec<Open> =
            in_tx!(self, db => sqlx::query_as(OPEN).bind(version.0).fetch_all(db).await)?;
        let at = micros(self.at());
        let is = |open: &Open, missed: &Missed| {
            open.policy_id == missed.policy.0
                && open.rule == missed.rule
                && open.slice == missed.slice
        };
        let mut changed = 0;
        for gone in open.iter().filter(|open| !missed.iter().any(|missed| is(open, missed))) {
            let rows = in_tx!(self, db => sqlx::query(CLOSE).bind(gone.id).bind(at).bind(why_closed)
                .execute(db).await.map(|done| done.rows_affected()))?;
            if rows > 0 {
                self.note(Entry::new("finding.closed", "finding", gone.id).after(json!({
                    "reason": why_closed, "rule": gone.rule, "slice": gone.slice,
                })));
                changed += 1;
            }
        }
        for missed in missed {
            let run = missed.run.map(|run| run.0);
            let Some(known) = open.iter().find(|open| is(open, missed)) else {
                let id = self.id();
                let rows = in_tx!(self, db => sqlx::query(INSERT).bind(id).bind(model.0)
                    .bind(version.0).bind(missed.policy.0).bind(&missed.rule).bind(&missed.slice)
                    .bind(missed.kind).bind(&missed.sentence).bind(run).bind(at)
                    .execute(db).await.map(|done| done.rows_affected()))?;
                if rows > 0 {
                    self.note(Entry::new("finding.opened", "finding", id).after(json!({
                        "version": version, "rule": missed.rule, "slice": missed.slice,
                        "kind": missed.kind, "sentence": missed.sentence,
                    })));
                    changed += 1;
                }
                continue;
            };
            if known.kind != missed.kind || known.sentence != missed.sentence {
                in_tx!(self, db => sqlx::query(UPDATE).bind(known.id).bind(missed.kind)
                    .bind(&missed.sentence).bind(run).bind(at).execute(db).await.map(drop))?;
                self.note(
                    Entry::new("finding.changed", "finding", known.id)
                        .before(json!({ "kind": known.kind, "sentence": known.sentence }))
                        .after(json!({ "kind": missed.kind, "sentence": missed.sentence })),
                );
                changed += 1;
            }
        }
        Ok(changed)
    }
}
