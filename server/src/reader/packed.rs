//! A run document on its way from its reader: slices and other texts stand once, and estimates are
//! rows of numbers that point to them. Reading the same names a hundred thousand times again took a
//! large part of the time of a large upload.

use metrics::slice::Distinct;
use metrics::{Estimate, Interval, RunDocument, Slice};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::HashMap;

#[derive(Serialize, Deserialize)]
struct Packed {
    /// The document without its estimates.
    head: RunDocument,
    slices: Vec<Slice>,
    /// Metrics, methods of intervals, and reasons why there is no value.
    texts: Vec<String>,
    rows: Vec<Row>,
}

/// An estimate in the order of its fields; its slice and texts by their places.
#[derive(Serialize, Deserialize)]
struct Row(
    u32,
    u32,
    Option<f64>,
    Option<u64>,
    Option<u64>,
    Option<u64>,
    Option<u64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<(f64, f64, f64, u32)>,
    Option<u32>,
);

pub fn serialize<S: Serializer>(document: &RunDocument, to: S) -> Result<S::Ok, S::Error> {
    let slices: Distinct = document.estimates.iter().map(|estimate| &estimate.slice).collect();
    let mut texts = Texts::default();
    let rows = document.estimates.iter().zip(slices.places).map(|(estimate, slice)| {
        // Named one by one, so that a new field cannot be left out.
        let Estimate {
            slice: _,
            metric,
            value,
            n,
            numerator,
            denominator,
            positives,
            n_effective,
            stderr,
            threshold,
            interval,
            undefined,
        } = estimate;
        Row(
            place(slice),
            texts.of(metric),
            *value,
            *n,
            *numerator,
            *denominator,
            *positives,
            *n_effective,
            *stderr,
            *threshold,
            interval.as_ref().map(|it| (it.low, it.high, it.level, texts.of(&it.method))),
            undefined.as_ref().map(|why| texts.of(why)),
        )
    });
    let rows: Vec<Row> = rows.collect();
    let packed = Packed {
        head: document.without_estimates(),
        slices: slices.slices.into_iter().cloned().collect(),
        texts: texts.all.into_iter().cloned().collect(),
        rows,
    };
    packed.serialize(to)
}

pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<RunDocument, D::Error> {
    let Packed { head, slices, texts, rows } = Packed::deserialize(from)?;
    let slice = |at: u32| slices.get(at as usize).ok_or_else(|| D::Error::custom("no such slice"));
    let text = |at: u32| texts.get(at as usize).ok_or_else(|| D::Error::custom("no such text"));
    let estimate = |row: Row| -> Result<Estimate, D::Error> {
        let interval = match row.10 {
            Some((low, high, level, method)) => {
                Some(Interval { low, high, level, method: text(method)?.clone() })
            }
            None => None,
        };
        Ok(Estimate {
            slice: slice(row.0)?.clone(),
            metric: text(row.1)?.clone(),
            value: row.2,
            n: row.3,
            numerator: row.4,
            denominator: row.5,
            positives: row.6,
            n_effective: row.7,
            stderr: row.8,
            threshold: row.9,
            interval,
            undefined: row.11.map(|why| text(why).cloned()).transpose()?,
        })
    };
    // Their number is known, which collecting results does not use.
    let mut estimates = Vec::with_capacity(rows.len());
    for row in rows {
        estimates.push(estimate(row)?);
    }
    Ok(RunDocument { estimates, ..head })
}

/// Texts that are told apart, each with its place.
#[derive(Default)]
struct Texts<'d> {
    all: Vec<&'d String>,
    known: HashMap<&'d String, u32>,
}

impl<'d> Texts<'d> {
    fn of(&mut self, text: &'d String) -> u32 {
        let all = &mut self.all;
        *self.known.entry(text).or_insert_with(|| {
            all.push(text);
            place(all.len() - 1)
        })
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).expect("a run has at most a million estimates")
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::{DatasetRef, Instrument};
    use time::macros::datetime;

    #[derive(Serialize, Deserialize)]
    struct Carried(#[serde(with = "super")] RunDocument);

    fn estimate(slice: &str, metric: &str, value: Option<f64>) -> Estimate {
        let undefined = value.is_none().then(|| "no rows".to_owned());
        let interval = value.map(|value| Interval {
            low: value / 3.0,
            high: value,
            level: 0.95,
            method: "wilson".to_owned(),
        });
        Estimate {
            slice: Slice::parse(slice).unwrap(),
            metric: metric.to_owned(),
            value,
            n: Some(u64::MAX),
            numerator: value.map(|_| 1),
            denominator: None,
            positives: Some(0),
            n_effective: None,
            stderr: value.map(|value| value / 7.0),
            threshold: Some(0.5),
            interval,
            undefined,
        }
    }

    fn document() -> RunDocument {
        RunDocument {
            schema: metrics::run::SCHEMA.to_owned(),
            evaluated_at: datetime!(2026-11-01 01:00:00.000001 UTC),
            dataset: DatasetRef {
                name: "adult".to_owned(),
                version: "1".to_owned(),
                digest: None,
                rows: Some(3),
            },
            instrument: Instrument {
                name: "x".to_owned(),
                version: "1".to_owned(),
                definitions: "1".to_owned(),
                judge: None,
            },
            positive_outcome: None,
            metrics: vec![],
            estimates: vec![
                estimate("", "accuracy", Some(0.1 + 0.2)),
                estimate("sex=a\\;b;race=é", "accuracy", Some(f64::MIN_POSITIVE)),
                estimate("sex=a\\;b;race=é", "f1", None),
                estimate("", "no rows", Some(1e300)),
            ],
        }
    }

    #[test]
    fn a_document_arrives_as_it_was_sent() {
        let text = serde_json::to_string(&Carried(document())).unwrap();
        let Carried(arrived) = serde_json::from_str(&text).unwrap();
        assert_eq!(arrived, document());
        assert_eq!(text.matches("race").count(), 1, "a slice stands once: {text}");
        assert_eq!(text.matches("wilson").count(), 1);
    }

    #[test]
    fn a_place_that_is_none_is_no_document() {
        let text = serde_json::to_string(&Carried(document())).unwrap();
        let beyond = text.replacen("[[0,", "[[9,", 1);
        assert_ne!(beyond, text);
        let refused = serde_json::from_str::<Carried>(&beyond).err().unwrap();
        assert!(refused.to_string().contains("no such slice"), "{refused}");
    }
}
