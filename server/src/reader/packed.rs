//! Estimates on their way from their reader: slices and other texts stand once, and estimates are
//! rows of numbers in binary that point to them. Writing a hundred thousand of them as JSON and
//! reading that took a large part of the time of a large upload.

use app::upload::MAX_ESTIMATES;
use metrics::slice::Distinct;
use metrics::{Estimate, Interval, Slice};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What stands before the rows.
#[derive(Serialize, Deserialize)]
struct Head {
    slices: Vec<Slice>,
    /// Metrics, methods of intervals, and reasons why there is no value.
    texts: Vec<String>,
    rows: usize,
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

/// Bytes of a row, more or less.
const ROW: usize = 80;

/// Estimates as bytes, which [`unpack`] reads.
///
/// # Errors
/// None that is known: every estimate can be written.
pub fn pack(estimates: &[Estimate]) -> postcard::Result<Vec<u8>> {
    let Distinct { slices, places } = estimates.iter().map(|estimate| &estimate.slice).collect();
    let mut texts = Texts::default();
    let mut rows = Vec::with_capacity(estimates.len() * ROW);
    for (estimate, slice) in estimates.iter().zip(places) {
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
        let row = Row(
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
        );
        rows = postcard::to_extend(&row, rows)?;
    }
    let slices = slices.into_iter().cloned().collect();
    let texts = texts.all.into_iter().cloned().collect();
    let mut bytes = postcard::to_stdvec(&Head { slices, texts, rows: estimates.len() })?;
    bytes.append(&mut rows);
    Ok(bytes)
}

/// The estimates that [`pack`] wrote.
///
/// # Errors
/// When it wrote something else, or a number that is not finite.
pub fn unpack(bytes: &[u8]) -> postcard::Result<Vec<Estimate>> {
    let (Head { slices, texts, rows }, mut bytes) = postcard::take_from_bytes(bytes)?;
    let broken = || postcard::Error::SerdeDeCustom;
    let slice = |at: u32| slices.get(at as usize).ok_or_else(broken);
    let text = |at: u32| texts.get(at as usize).ok_or_else(broken);
    if rows > MAX_ESTIMATES {
        return Err(broken());
    }
    // No row is shorter than it has fields.
    let mut estimates = Vec::with_capacity(rows.min(bytes.len() / 12));
    for _ in 0..rows {
        let (row, rest) = postcard::take_from_bytes::<Row>(bytes)?;
        bytes = rest;
        let interval = match row.10 {
            Some((low, high, level, method)) => {
                Some(Interval { low, high, level, method: text(method)?.clone() })
            }
            None => None,
        };
        let estimate = Estimate {
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
        };
        if !estimate.is_finite() {
            return Err(broken());
        }
        estimates.push(estimate);
    }
    if bytes.is_empty() { Ok(estimates) } else { Err(broken()) }
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

    fn estimates() -> Vec<Estimate> {
        vec![
            estimate("", "accuracy", Some(0.1 + 0.2)),
            estimate("sex=a\\;b;race=é", "accuracy", Some(f64::MIN_POSITIVE)),
            estimate("sex=a\\;b;race=é", "f1", None),
            estimate("", "no rows", Some(1e300)),
        ]
    }

    #[test]
    fn estimates_arrive_as_they_were_sent() {
        let sent = pack(&estimates()).unwrap();
        assert_eq!(unpack(&sent).unwrap(), estimates());
        let text = String::from_utf8_lossy(&sent);
        assert_eq!(text.matches("race").count(), 1, "a slice stands once: {text}");
        assert_eq!(text.matches("wilson").count(), 1);
        assert_eq!(unpack(&pack(&[]).unwrap()).unwrap(), vec![]);
    }

    #[test]
    fn what_breaks_off_or_points_nowhere_is_refused() {
        let sent = pack(&estimates()).unwrap();
        for length in 0..sent.len() {
            assert!(unpack(&sent[..length]).is_err(), "{length} of {} bytes", sent.len());
        }
        let (slices, texts) = (vec![Slice::overall()], vec![String::new()]);
        let mut lost = postcard::to_stdvec(&Head { slices, texts, rows: 1 }).unwrap();
        let row = Row(7, 0, None, None, None, None, None, None, None, None, None, None);
        lost.extend(postcard::to_stdvec(&row).unwrap());
        assert!(unpack(&lost).is_err());
        for number in [f64::NAN, f64::INFINITY] {
            let sent = pack(&[estimate("", "accuracy", Some(number))]).unwrap();
            assert!(unpack(&sent).is_err(), "{number}");
        }
    }
}
