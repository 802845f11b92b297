//! The schemas of bodies, from the types that are read and written.

use metrics::catalogue::METRICS;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// What is read and what is written differ: a field that may be left out of a request is always in
/// an answer. So there are two generators with one set of definitions.
pub struct Schemas {
    pub requests: SchemaGenerator,
    pub answers: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            requests: settings.clone().for_deserialize().into_generator(),
            answers: settings.for_serialize().into_generator(),
        }
    }
}

impl Schemas {
    pub fn finish(mut self) -> Map<String, Value> {
        let mut all = self.requests.take_definitions(true);
        all.extend(self.answers.take_definitions(true));
        all.insert("MetricKey".to_owned(), metric_key());
        if let Some(estimate) = all.get_mut("Estimate") {
            estimate["properties"]["metric"] = json!({ "$ref": METRIC_KEY });
        }
        all.values_mut().for_each(reflow);
        all
    }
}

const METRIC_KEY: &str = "#/components/schemas/MetricKey";

/// What names a metric: the catalogue's keys, some at a cut-off, and what documents declare.
fn metric_key() -> Value {
    let (at_cutoff, plain): (Vec<&str>, Vec<&str>) =
        METRICS.iter().map(|metric| metric.key).partition(|key| key.ends_with("@k"));
    let names: Vec<&str> = at_cutoff.iter().filter_map(|key| key.strip_suffix("@k")).collect();
    json!({
        "description": "A metric's key: of the catalogue, there with its cut-off where it has one, \
            and in brackets the class, attribute or judgement where there are several; or one that \
            a run document declares.",
        "type": "string",
        "minLength": 1,
        "anyOf": [
            { "title": "Of the catalogue", "enum": plain },
            {
                "title": "Of the catalogue, at a cut-off",
                "pattern": format!("^({})@[1-9][0-9]*(\\[.+\\])?$", names.join("|")),
            },
            { "title": "Of several, or declared in a run document" },
        ],
    })
}

/// Comments of the code are wrapped, and name its words for what JSON calls null.
pub fn reflow(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                let paragraphs = text.split("\n\n").map(|text| text.replace('\n', " "));
                let joined = paragraphs.collect::<Vec<_>>().join("\n\n");
                *text = joined.replace("`None`", "null");
            }
            fields.values_mut().for_each(reflow);
        }
        Value::Array(items) => items.iter_mut().for_each(reflow),
        _ => {}
    }
}
