//! What tests upload to and look at: teams, models, versions, and runs of real predictions.

use crate::{Answer, Client, Database, TestServer};
use app::domain::register::{ModelInput, VersionInput};
use app::domain::token::TokenScope;
use app::domain::{Grant, PersonId, Role};
use app::pages::parts::link::encode;
use serde_json::Value;
use server::actions::{register_model, register_version};
use server::auth::Actor;
use server::store::Store;
use std::collections::BTreeMap;
use std::path::Path;

/// The team that every model belongs to unless a test says otherwise.
pub const TEAM: &str = "scoring";

/// How the columns of the predictions in the fixtures are read.
pub const SPEC: &str = r#"{"task": "binary_classification", "label": "label", "score": "score",
    "prediction": "prediction", "slices": ["sex", "race"], "intersections": [["sex", "race"]]}"#;

/// The bytes of a file in the fixtures.
///
/// # Panics
/// When it is not there.
pub fn fixture(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A form with files, as its content type and its bytes. A part is a name, the file's name where
/// it is a file, and what it holds.
pub fn multipart(parts: &[(&str, Option<&str>, &[u8])]) -> (String, Vec<u8>) {
    const BOUNDARY: &str = "between-two-parts-of-a-test";
    let mut body = vec![];
    for (name, file, bytes) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        body.extend_from_slice(
            format!(
                "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

/// A model in a test: its slug and a program that may upload to it.
pub struct Model {
    pub slug: String,
    /// Has the token of an engineer of the model's team, with every scope an upload can use.
    pub engineer: Client,
    pub engineer_id: PersonId,
}

impl TestServer {
    /// A model of the team [`TEAM`] with the version `v1`.
    pub async fn model(&self, slug: &str) -> Model {
        self.model_from(ModelInput {
            slug: slug.to_owned(),
            name: slug.to_owned(),
            ..ModelInput::default()
        })
        .await
    }

    /// A model as described, with the version `v1`; fields that need a value get one.
    pub async fn model_from(&self, input: ModelInput) -> Model {
        let or = |text: &str, other: &str| {
            if text.is_empty() { other.to_owned() } else { text.to_owned() }
        };
        let input = ModelInput {
            team: or(&input.team, TEAM),
            task: or(&input.task, "binary_classification"),
            risk_tier: or(&input.risk_tier, "high"),
            ..input
        };
        let team = self.team(&input.team).await;
        register_model::register(&self.app, &Actor::operator(), &input).await.expect("a new model");
        self.version(&input.slug, "v1").await;
        let grant = Grant { role: Role::Engineer, team: Some(team) };
        let engineer_id = self.somebody(Some(grant)).await.0;
        let scopes = [TokenScope::Read, TokenScope::ModelsWrite, TokenScope::RunsWrite];
        let token = self.token_of(engineer_id, &scopes, None).await;
        Model { slug: input.slug, engineer: self.visitor().with_token(&token), engineer_id }
    }

    /// A new version of a model.
    pub async fn version(&self, model: &str, label: &str) {
        let input = VersionInput { label: label.to_owned(), ..VersionInput::default() };
        register_version::register(&self.app, &Actor::operator(), model, &input)
            .await
            .expect("a new version");
    }

    /// How many rows each table has that an upload could write.
    pub async fn rows(&self) -> BTreeMap<&'static str, i64> {
        const TABLES: [&str; 13] = [
            "audit_entry",
            "audit_detail",
            "model",
            "model_version",
            "dataset",
            "dataset_attribute",
            "attribute",
            "attribute_group",
            "group_alias",
            "attribute_alias",
            "run",
            "estimate",
            "idempotency_key",
        ];
        let mut rows = BTreeMap::new();
        for table in TABLES {
            let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
            let n = match &self.app.store {
                Store::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await,
                Store::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await,
            };
            rows.insert(table, n.expect("a table can be counted"));
        }
        rows
    }
}

impl Model {
    /// Uploads results to a version.
    pub async fn results(&self, version: &str, query: &str, bytes: impl Into<Vec<u8>>) -> Answer {
        let path = format!("/api/v1/models/{}/versions/{version}/runs{query}", self.slug);
        self.engineer.post_bytes(&path, "application/octet-stream", bytes.into()).await
    }

    /// Uploads predictions of a dataset to a version, read as [`SPEC`] says.
    pub async fn predictions(
        &self,
        version: &str,
        dataset: &str,
        more: &str,
        bytes: impl Into<Vec<u8>>,
    ) -> Answer {
        let path = self.predictions_path(version, SPEC, dataset, more);
        self.engineer.post_bytes(&path, "application/octet-stream", bytes.into()).await
    }

    pub fn predictions_path(&self, version: &str, spec: &str, dataset: &str, more: &str) -> String {
        format!(
            "/api/v1/models/{}/versions/{version}/predictions?spec={}&dataset={}{more}",
            self.slug,
            encode(spec),
            encode(dataset)
        )
    }

    /// Uploads real predictions as a new run; its id.
    pub async fn run(
        &self,
        version: &str,
        file: &str,
        dataset: &str,
        evaluated_at: &str,
    ) -> String {
        let more = format!("&evaluated_at={evaluated_at}");
        let bytes = fixture(&format!("predictions/{file}"));
        id_of(self.predictions(version, dataset, &more, bytes).await.assert_status(201))
    }

    /// Uploads a long table as a new run; its id.
    pub async fn table(&self, version: &str, dataset: &str, day: &str, csv: &str) -> String {
        let query = format!("?dataset={}&evaluated_at={day}", encode(dataset));
        id_of(self.results(version, &query, csv).await.assert_status(201))
    }
}

/// A policy with these rules for classifiers of high risk; responsible AI signs.
pub fn policy(rules: &str) -> String {
    format!(
        r#"schema = "evenhand.policy/v1"
name = "High risk"
sign_offs = ["responsible_ai"]
[applies_to]
tasks = ["binary_classification"]
risk_tiers = ["high"]
{rules}"#
    )
}

/// The id in an answer.
///
/// # Panics
/// When there is none.
#[track_caller]
pub fn id_of(answer: &Answer) -> String {
    answer.json()["id"].as_str().expect("an id").to_owned()
}

/// The estimate of a metric on a slice among the items of an answer.
///
/// # Panics
/// When there is none.
#[track_caller]
pub fn estimate<'a>(items: &'a Value, metric: &str, slice: &Value) -> &'a Value {
    let items = items["items"].as_array().expect("items");
    items
        .iter()
        .find(|item| item["metric"] == metric && item["slice"] == *slice)
        .unwrap_or_else(|| panic!("no {metric} of {slice}"))
}

/// A second server on the same kind of database, told something else than the usual.
pub async fn other(
    server: &TestServer,
    tell: impl FnOnce(&mut server::config::Config),
) -> TestServer {
    let database = match server.app.store {
        Store::Sqlite { .. } => Database::Sqlite,
        Store::Postgres(_) => Database::Postgres,
    };
    TestServer::with(database, tell).await
}
