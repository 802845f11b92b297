//! Reads a JSON object field by field, so that everything wrong with it is said at once: unknown
//! names with the nearest known one, wrong types with what was expected.

use crate::error::{Error, Result};
use app::domain::attribute::nearest;
use app::form::FieldErrors;
use metrics::Slice;
use serde_json::{Map, Value};

pub struct Body {
    object: Map<String, Value>,
    known: Vec<&'static str>,
    pub errors: FieldErrors,
}

impl Body {
    /// # Errors
    /// When the bytes are not a JSON object.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) => {
                Ok(Self { object, known: vec![], errors: FieldErrors::default() })
            }
            Ok(_) => Err(Error::BadRequest("send a JSON object".to_owned())),
            Err(error) => Err(Error::BadRequest(format!("this is not JSON: {error}"))),
        }
    }

    fn take(&mut self, field: &'static str) -> Option<Value> {
        self.known.push(field);
        self.object.remove(field)
    }

    /// Puts a text into its place, when there is one; null empties it (RFC 7396).
    pub fn text(&mut self, field: &'static str, place: &mut String) {
        match self.take(field) {
            Some(Value::String(text)) => *place = text,
            Some(Value::Null) => place.clear(),
            Some(_) => self.errors.add(field, "is a text"),
            None => {}
        }
    }

    pub fn texts(&mut self, field: &'static str, place: &mut Vec<String>) {
        match self.take(field) {
            Some(Value::Array(values)) => {
                let texts: Option<Vec<String>> =
                    values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
                match texts {
                    Some(texts) => *place = texts,
                    None => self.errors.add(field, "is a list of texts"),
                }
            }
            Some(Value::Null) => place.clear(),
            Some(_) => self.errors.add(field, "is a list of texts"),
            None => {}
        }
    }

    pub fn flag(&mut self, field: &'static str, place: &mut bool) {
        match self.take(field) {
            Some(Value::Bool(flag)) => *place = flag,
            Some(Value::Null) | None => {}
            Some(_) => self.errors.add(field, "is true or false"),
        }
    }

    /// A number, as the text that a form would hold.
    pub fn number(&mut self, field: &'static str, place: &mut String) {
        match self.take(field) {
            Some(Value::Number(number)) => *place = number.to_string(),
            Some(Value::Null) => place.clear(),
            Some(_) => self.errors.add(field, "is a number"),
            None => {}
        }
    }

    /// A slice, `{"sex": "Female"}` or in its text form, as that text.
    pub fn slice(&mut self, field: &'static str, place: &mut String) {
        match self.take(field) {
            Some(Value::String(text)) => *place = text,
            Some(Value::Null) => place.clear(),
            Some(value) => match serde_json::from_value::<Slice>(value) {
                Ok(slice) => *place = slice.to_string(),
                Err(error) => {
                    let message = format!("is a slice such as {{\"sex\": \"Female\"}}: {error}");
                    self.errors.add(field, message);
                }
            },
            None => {}
        }
    }

    /// What was wrong, the fields that nobody asked for included.
    pub fn finish(mut self) -> FieldErrors {
        for field in self.object.keys() {
            let message = match nearest(field, self.known.iter().copied()) {
                Some(known) => format!("is no field here; did you mean `{known}`?"),
                None => format!("is no field here; known are {}", self.known.join(", ")),
            };
            self.errors.add(field, message);
        }
        self.errors
    }
}

/// Refuses a body that was wrong in its form, with what is wrong in what it says too: `checked`
/// finds that out, and is asked only then.
///
/// # Errors
/// When there are `errors`.
pub async fn refuse<T>(
    errors: FieldErrors,
    checked: impl Future<Output = Result<T>>,
) -> Result<()> {
    if errors.is_empty() {
        return Ok(());
    }
    match checked.await {
        Ok(_) => Err(errors.into()),
        Err(Error::Fields(others)) => Err(both(errors, &others).into()),
        Err(other) => Err(other),
    }
}

/// Both lists of errors in one.
pub fn both(mut first: FieldErrors, second: &FieldErrors) -> FieldErrors {
    for (field, message) in second.iter() {
        if first.of(field).is_empty() {
            first.add(field, message);
        }
    }
    first
}
