//! Times on the wire.

use crate::audit::timestamp;
use crate::clock::from_micros;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use std::borrow::Cow;
use time::OffsetDateTime;

/// A time as the API writes it: RFC 3339, in UTC.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Moment(String);

impl Moment {
    /// The time that the databases keep as microseconds since 1970.
    pub fn of(micros: i64) -> Self {
        from_micros(micros).into()
    }
}

impl From<OffsetDateTime> for Moment {
    fn from(at: OffsetDateTime) -> Self {
        Self(timestamp(at))
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}
