//! What an audit entry is about, as it is called now.

use super::{Store, read};
use crate::error::Result;
use app::domain::TeamId;
use std::collections::HashSet;
use uuid::Uuid;

use super::models::Visibility;

/// A name for people, and the page of it where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub name: String,
    pub href: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Restricted {
    team_id: Uuid,
    id: Uuid,
}

impl Store {
    /// What the thing of this kind is called; `None` when it is not there or its kind has no name.
    pub async fn object(&self, kind: &str, id: &str) -> Result<Option<Object>> {
        const MODEL: &str = "select slug, '' from model where id = $1";
        const VERSION: &str = "select m.slug, v.label from model_version v \
             join model m on m.id = v.model_id where v.id = $1";
        const RUN: &str = "select m.slug, v.label from run r \
             join model_version v on v.id = r.version_id \
             join model m on m.id = r.model_id where r.id = $1";
        const DATASET: &str = "select name, label from dataset where id = $1";
        const PERSON: &str = "select name, email from person where id = $1";
        const TEAM: &str = "select slug, '' from team where id = $1";
        const TOKEN: &str = "select name, '' from api_token where id = $1";
        const ATTRIBUTE: &str = "select name, '' from attribute where id = $1";
        let sql = match kind {
            "model" => MODEL,
            "version" => VERSION,
            "run" => RUN,
            "dataset" => DATASET,
            "person" => PERSON,
            "team" => TEAM,
            "token" => TOKEN,
            "attribute" => ATTRIBUTE,
            _ => return Ok(None),
        };
        let Ok(uuid) = id.parse::<Uuid>() else { return Ok(None) };
        let found: Option<(String, String)> =
            read!(self, db => sqlx::query_as(sql).bind(uuid).fetch_optional(db).await)?;
        Ok(found.map(|(first, second)| match kind {
            "model" => Object { href: Some(format!("/models/{first}")), name: first },
            "version" => Object {
                href: Some(format!("/models/{first}/versions/{second}")),
                name: format!("{first} {second}"),
            },
            "run" => {
                Object { name: format!("{first} {second}"), href: Some(format!("/runs/{id}")) }
            }
            "dataset" => Object {
                href: Some(format!("/datasets/{first}/{second}")),
                name: format!("{first}@{second}"),
            },
            "team" => Object { href: Some(format!("/teams/{first}")), name: first },
            _ => Object { name: first, href: None },
        }))
    }

    /// The ids of restricted models that are not to be seen, and of their versions and runs.
    pub async fn hidden_objects(&self, visibility: &Visibility) -> Result<HashSet<String>> {
        const SQL: &str = "select team_id, id from model where restricted \
             union all select m.team_id, v.id from model_version v \
             join model m on m.id = v.model_id where m.restricted \
             union all select m.team_id, r.id from run r \
             join model m on m.id = r.model_id where m.restricted";
        if matches!(visibility, Visibility::All) {
            return Ok(HashSet::new());
        }
        let all: Vec<Restricted> = read!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?;
        Ok(all
            .into_iter()
            .filter(|object| !visibility.shows(TeamId(object.team_id), true))
            .map(|object| object.id.to_string())
            .collect())
    }
}
