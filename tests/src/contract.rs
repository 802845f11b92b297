//! Holds every answer of the API in every test against the published document.

use crate::Answer;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::BodyExt;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;
use tower::ServiceExt;

pub struct Contract {
    document: Value,
    /// By pointer to the schema; made when it is first needed.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// The contract of this build, which all servers of a test share.
pub async fn contract(router: &Router) -> &'static Contract {
    static CONTRACT: OnceCell<Contract> = OnceCell::const_new();
    CONTRACT
        .get_or_init(|| async {
            let request = Request::get("/api/v1/openapi.json")
                .header(header::HOST, "evenhand.test")
                .body(Body::empty())
                .expect("a request");
            let response = router.clone().oneshot(request).await.expect("the router answers");
            let body = response.into_body().collect().await.expect("the body arrives").to_bytes();
            let document = serde_json::from_slice(&body).expect("the document is JSON");
            Contract { document, validators: Mutex::default() }
        })
        .await
}

impl Contract {
    /// # Panics
    /// When an answer of a documented call has a status, a kind of body, or a body that the
    /// document does not say.
    #[track_caller]
    pub fn check(&self, method: &Method, path: &str, answer: &Answer) {
        let Some((template, operation)) = self.operation(method, path) else { return };
        let status = answer.status.as_str();
        // The right method on a path of another shape, such as an empty segment.
        let mut response = &operation["responses"][status];
        let mut pointer = format!(
            "/paths/{}/{}/responses/{status}",
            escaped(template),
            method.as_str().to_lowercase()
        );
        if let Some(reference) = response["$ref"].as_str() {
            pointer = reference.trim_start_matches('#').to_owned();
            response = self.document.pointer(&pointer).expect("the reference leads somewhere");
        }
        assert!(
            !response.is_null(),
            "{method} {path}: the document does not say that it answers {status}: {}",
            answer.text()
        );
        if answer.body.is_empty() {
            return;
        }
        let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let media = kind.unwrap_or_default().split(';').next().unwrap_or_default();
        let content = &response["content"][media];
        assert!(!content.is_null(), "{method} {path}: the document has no {media} for {status}");
        if !media.ends_with("json") {
            return;
        }
        let pointer = format!("{pointer}/content/{}/schema", escaped(media));
        let (validator, body) = (self.validator(pointer), answer.json());
        let wrong: Vec<String> =
            validator.iter_errors(&body).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(
            wrong.is_empty(),
            "{method} {path}, {status}: not what the document says:\n{}",
            wrong.join("\n")
        );
    }

    /// The call that a path is of: with the fewest placeholders where several fit.
    fn operation(&self, method: &Method, path: &str) -> Option<(&str, &Value)> {
        let path = path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let wanted: Vec<&str> = template.split('/').collect();
            wanted.len() == parts.len()
                && wanted.iter().zip(&parts).all(|(wanted, part)| {
                    wanted == part || (wanted.starts_with('{') && !part.is_empty())
                })
        };
        let paths = self.document["paths"].as_object().expect("paths");
        let (template, item) = paths
            .iter()
            .filter(|(template, _)| fits(template))
            .min_by_key(|(template, _)| template.matches('{').count())?;
        let operation = item.get(method.as_str().to_lowercase())?;
        Some((template, operation))
    }

    fn validator(&self, pointer: String) -> Arc<Validator> {
        let mut validators = self.validators.lock().expect("no test panics holding it");
        let made = validators.entry(pointer).or_insert_with_key(|pointer| {
            let mut schema = self.document.pointer(pointer).cloned().unwrap_or(json!({}));
            schema["components"] = self.document["components"].clone();
            let validator = jsonschema::options().should_validate_formats(true).build(&schema);
            Arc::new(validator.unwrap_or_else(|error| panic!("{pointer}: {error}")))
        });
        Arc::clone(made)
    }
}

/// A key as a part of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Holds every row of a file of counts against the published schema.
///
/// # Panics
/// When one is not as the schema says.
#[track_caller]
pub fn assert_counts(csv: &[u8]) {
    let schema = serde_json::from_str(metrics::counted::JSON_SCHEMA).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    let rows = csv::Reader::from_reader(csv).into_deserialize::<HashMap<String, String>>();
    for (i, row) in rows.enumerate() {
        let row = json!(row.expect("a row can be read"));
        let wrong = validator.iter_errors(&row).next();
        assert!(wrong.is_none(), "row {}: {wrong:?}", i + 1);
    }
}
