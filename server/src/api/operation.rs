//! What a route of the API says of itself, beside the route: who calls it, with what, and what
//! comes back. [`super::openapi`] makes the published document of it and of the table of routes.

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// How a type is written, in the document that a generator is filling.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What calls are about; the document and its page are ordered by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    Teams,
    Models,
    Runs,
    Policies,
    Launches,
    Mitigations,
    Okrs,
    Audit,
    Contract,
}

impl Area {
    pub const ALL: [Self; 9] = [
        Self::Models,
        Self::Runs,
        Self::Policies,
        Self::Launches,
        Self::Mitigations,
        Self::Okrs,
        Self::Teams,
        Self::Audit,
        Self::Contract,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Teams => "Teams",
            Self::Models => "Models and versions",
            Self::Runs => "Runs",
            Self::Policies => "Policies",
            Self::Launches => "Launches",
            Self::Mitigations => "Mitigations",
            Self::Okrs => "Objectives and key results",
            Self::Audit => "Audit log",
            Self::Contract => "This contract",
        }
    }

    pub const fn about(self) -> &'static str {
        match self {
            Self::Teams => "Teams own models. An admin's token makes them.",
            Self::Models => "Register and describe models, and the versions that are evaluated.",
            Self::Runs => "Upload results or predictions, and read runs back.",
            Self::Policies => "Read policies and try them. They are written on pages only.",
            Self::Launches => {
                "Ask for a launch and see what it rests on. No token signs, waives or decides."
            }
            Self::Mitigations => "Interventions, each proved by a run before and a run after.",
            Self::Okrs => "Objectives with key results, graded from the evidence of now.",
            Self::Audit => "The append-only log and its signed head.",
            Self::Contract => "What you are reading, for programs.",
        }
    }
}

/// JSON, and what it is called on the wire.
pub const JSON: &str = "application/json";

/// A body whose content says what it is.
pub const ANY: &str = "application/octet-stream";

/// A body that a call may send.
pub struct RequestBody {
    pub media: &'static str,
    pub schema: Payload,
    /// Whether the call means nothing without it.
    pub required: bool,
}

/// What a body holds.
pub enum Payload {
    Typed(SchemaOf),
    /// A file or a text as it is.
    Raw(&'static str),
}

/// A success.
pub struct Success {
    pub status: u16,
    pub says: &'static str,
    pub media: &'static str,
    pub schema: Payload,
    /// Whether `Location` says where the new thing is.
    pub located: bool,
}

/// What a route says of itself.
pub struct Operation {
    pub area: Area,
    /// Its name in generated clients.
    pub id: &'static str,
    pub summary: &'static str,
    pub about: &'static str,
    pub query: Option<SchemaOf>,
    pub bodies: Vec<RequestBody>,
    pub successes: Vec<Success>,
    /// Refusals besides those that follow from the route itself.
    pub refusals: Vec<u16>,
    /// Whether it takes an `Idempotency-Key`.
    pub idempotent: bool,
}

impl Operation {
    pub fn new(area: Area, id: &'static str, summary: &'static str) -> Self {
        Self {
            area,
            id,
            summary,
            about: "",
            query: None,
            bodies: vec![],
            successes: vec![],
            refusals: vec![],
            idempotent: false,
        }
    }

    /// What there is to know beyond the summary.
    #[must_use]
    pub fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// The type that the query string is read into.
    #[must_use]
    pub fn query<T: JsonSchema>(self) -> Self {
        Self { query: Some(T::json_schema), ..self }
    }

    /// The fields of the JSON body.
    #[must_use]
    pub fn takes<T: JsonSchema>(mut self) -> Self {
        let schema = Payload::Typed(SchemaGenerator::subschema_for::<T>);
        self.bodies.push(RequestBody { media: JSON, schema, required: true });
        self
    }

    /// A body that is no JSON of ours.
    #[must_use]
    pub fn takes_raw(mut self, media: &'static str, says: &'static str, required: bool) -> Self {
        self.bodies.push(RequestBody { media, schema: Payload::Raw(says), required });
        self
    }

    #[must_use]
    pub fn takes_form<T: JsonSchema>(mut self) -> Self {
        let schema = Payload::Typed(SchemaGenerator::subschema_for::<T>);
        self.bodies.push(RequestBody { media: "multipart/form-data", schema, required: true });
        self
    }

    /// The JSON that comes back.
    #[must_use]
    pub fn gives<T: JsonSchema>(self, status: u16, says: &'static str) -> Self {
        self.gives_as::<T>(JSON, status, says)
    }

    #[must_use]
    pub fn gives_as<T: JsonSchema>(
        mut self,
        media: &'static str,
        status: u16,
        says: &'static str,
    ) -> Self {
        let schema = Payload::Typed(SchemaGenerator::subschema_for::<T>);
        self.successes.push(Success { status, says, media, schema, located: false });
        self
    }

    /// The text that comes back.
    #[must_use]
    pub fn gives_raw(mut self, media: &'static str, says: &'static str) -> Self {
        let schema = Payload::Raw(says);
        self.successes.push(Success { status: 200, says, media, schema, located: false });
        self
    }

    /// Says that the last success names the place of what was made.
    #[must_use]
    pub fn located(mut self) -> Self {
        if let Some(success) = self.successes.last_mut() {
            success.located = true;
        }
        self
    }

    /// A refusal that does not follow from the route itself.
    #[must_use]
    pub fn refuses(mut self, status: u16) -> Self {
        self.refusals.push(status);
        self
    }

    #[must_use]
    pub fn idempotent(self) -> Self {
        Self { idempotent: true, ..self }
    }
}
