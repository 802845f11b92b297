//! Query strings of the API.

use crate::error::{Error, Result};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum_extra::extract::Query as Form;
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What a call is asked with. A form leaves a field empty where nothing was chosen; a program that
/// sends an empty value where none can stand has made a mistake, and is told.
pub struct Query<T>(pub T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned + JsonSchema,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let refused = |why: String| Error::BadRequest(why);
        let Form(pairs) = Form::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| refused(error.body_text()))?;
        let empty: Vec<&str> = pairs
            .iter()
            .filter(|(_, value)| value.is_empty())
            .map(|(name, _)| name.as_str())
            .collect();
        if !empty.is_empty()
            && let Some(name) = first_that_needs_a_value::<T>(&empty)
        {
            return Err(refused(format!("`{name}` is empty; leave it out, or give it a value")));
        }
        let Form(query) =
            Form::try_from_uri(&parts.uri).map_err(|error| refused(error.body_text()))?;
        Ok(Self(query))
    }
}

/// The first of these parameters whose schema has no place for the empty text.
fn first_that_needs_a_value<'a, T: JsonSchema>(names: &[&'a str]) -> Option<&'a str> {
    let mut generator = SchemaGenerator::default();
    let schema = T::json_schema(&mut generator).to_value();
    let kinds = generator.take_definitions(true);
    names.iter().copied().find(|name| {
        let property = &schema["properties"][name];
        // What is not known at all is refused as that.
        property.is_object() && !takes_empty(property, &kinds)
    })
}

fn takes_empty(schema: &Value, kinds: &serde_json::Map<String, Value>) -> bool {
    if let Some(name) = schema["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
        return kinds.get(name).is_some_and(|schema| takes_empty(schema, kinds));
    }
    let either = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array());
    if let Some(either) = either {
        return either.iter().any(|schema| takes_empty(schema, kinds));
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().any(|word| word == "");
    }
    let is = |kind: &str| match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|it| it == kind),
        named => named == kind,
    };
    if is("array") {
        return takes_empty(&schema["items"], kinds);
    }
    let is_free = ["const", "format", "pattern"].iter().all(|key| schema[key].is_null());
    is("string") && is_free && schema["minLength"].as_u64().unwrap_or(0) == 0
}

/// Reads a text that may be empty: given so, it is there.
///
/// # Errors
/// When it is no text.
pub fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    String::deserialize(value).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::domain::model::Task;

    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Asked {
        #[serde(deserialize_with = "given")]
        slice: Option<String>,
        several: Vec<String>,
        #[schemars(with = "Option<Task>")]
        task: Option<String>,
        #[schemars(range(min = 1))]
        limit: Option<usize>,
        #[schemars(regex(pattern = "^[0-9]+$"))]
        number: Option<String>,
        flag: bool,
    }

    async fn ask(query: &str) -> Result<Asked, String> {
        let request = axum::http::Request::get(format!("/?{query}")).body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        let read = Query::<Asked>::from_request_parts(&mut parts, &()).await;
        read.map(|Query(asked)| asked).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn an_empty_value_stands_where_any_text_may_and_nowhere_else() {
        let asked = ask("slice=&several=&several=a").await.unwrap();
        assert_eq!(asked.slice.as_deref(), Some(""));
        assert_eq!(asked.several, ["", "a"]);
        assert_eq!(ask("").await.unwrap().slice, None);
        for name in ["task", "limit", "number", "flag"] {
            let said = ask(&format!("slice=x&{name}=")).await.unwrap_err();
            assert_eq!(said, format!("`{name}` is empty; leave it out, or give it a value"));
        }
        assert!(ask("lmit=").await.unwrap_err().contains("lmit"));
    }

    #[tokio::test]
    async fn what_is_given_is_read_as_ever() {
        let asked = ask("task=ranking&limit=3&number=7&flag=true").await.unwrap();
        assert_eq!(asked.task.as_deref(), Some("ranking"));
        assert_eq!((asked.limit, asked.number.as_deref(), asked.flag), (Some(3), Some("7"), true));
    }
}
