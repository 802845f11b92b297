//! Whether a rate that is measured again and again on fresh rows has shifted.
//!
//! Control charts take each point for an independent sample. Runs on one and the same dataset share
//! their rows and their luck, so nothing is claimed of them; runs on versions of a dataset, each with
//! a version of its own, are taken as fresh.

use metrics::Estimate;
use metrics::catalogue::{self, Kind};
use metrics::interval::Count;
use metrics::monitor::{Chart, FreshSamples, LEAST_POINTS, Monitored, Verdict, monitor};
use std::collections::BTreeSet;

/// A point of a series, as far as it decides whether points are independent and compare.
#[derive(Clone, Debug)]
pub struct Measured<'a> {
    /// Name and version of the dataset.
    pub dataset: (&'a str, &'a str),
    /// The SHA-256 of its content, where it is known.
    pub digest: Option<&'a str>,
    /// Tool, definitions and judge.
    pub instrument: (String, String, Option<String>),
    /// One per slice of the series; `None` where the run does not have it.
    pub estimates: &'a [Option<Estimate>],
}

/// What the charts say of each slice of a series, oldest point first.
///
/// # Errors
/// In words, why nothing is claimed of any slice.
pub fn watch(metric: &str, points: &[Measured]) -> Result<Vec<Monitored>, String> {
    if catalogue::find(metric).is_none_or(|it| it.kind != Kind::Rate) {
        return Err("control charts are for rates".to_owned());
    }
    if points.len() < LEAST_POINTS {
        return Err(format!(
            "it takes {LEAST_POINTS} points on fresh rows, and there {}",
            match points.len() {
                1 => "is 1".to_owned(),
                n => format!("are {n}"),
            }
        ));
    }
    fresh(points)?;
    let slices = points.iter().map(|point| point.estimates.len()).min().unwrap_or(0);
    Ok((0..slices).map(|slice| of_slice(points, slice)).collect())
}

/// Whether no two points can share rows, and all were measured alike.
fn fresh(points: &[Measured]) -> Result<(), String> {
    let (mut versions, mut digests) = (BTreeSet::new(), BTreeSet::new());
    let mut names = BTreeSet::new();
    for Measured { dataset: (name, version), digest, .. } in points {
        names.insert(*name);
        let again = digest.is_some_and(|digest| !digests.insert(digest));
        if !versions.insert((*name, *version)) || again {
            return Err(format!(
                "several runs are on {name}@{version}, and runs on the same rows are not independent"
            ));
        }
    }
    if names.len() > 1 {
        return Err("the runs are on different datasets".to_owned());
    }
    let instruments: BTreeSet<_> = points.iter().map(|point| &point.instrument).collect();
    if instruments.len() > 1 {
        return Err("the instrument changed between the runs".to_owned());
    }
    Ok(())
}

fn of_slice(points: &[Measured], slice: usize) -> Monitored {
    let counts: Option<Vec<Count>> =
        points.iter().map(|point| count(point.estimates[slice].as_ref()?)).collect();
    match counts {
        Some(counts) => monitor(&FreshSamples::drawn_anew(counts), &Chart::default()),
        None => {
            let reason = "not every run has counts of independent rows here".to_owned();
            let verdict = Verdict::NotEnough { reason };
            Monitored { baseline: None, spread: None, points: Vec::new(), verdict }
        }
    }
}

fn count(estimate: &Estimate) -> Option<Count> {
    let counts = estimate.numerator.zip(estimate.denominator);
    counts.filter(|_| estimate.n_effective.is_none()).and_then(|(k, n)| Count::of(k, n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::Slice;

    fn rate(k: u64, n: u64) -> Option<Estimate> {
        serde_json::from_value(serde_json::json!({
            "slice": Slice::overall(), "metric": "selection_rate", "value": k as f64 / n as f64,
            "n": n, "numerator": k, "denominator": n,
        }))
        .ok()
    }

    /// Weeks of a thousand rows each, with so many selected.
    fn weeks(selected: &[u64]) -> Vec<(String, Vec<Option<Estimate>>)> {
        let week = |(i, &k): (usize, &u64)| (format!("week-{i}"), vec![rate(k, 1_000)]);
        selected.iter().enumerate().map(week).collect()
    }

    fn watched(weeks: &[(String, Vec<Option<Estimate>>)]) -> Result<Vec<Monitored>, String> {
        let points: Vec<Measured> = weeks
            .iter()
            .map(|(version, estimates)| Measured {
                dataset: ("applications", version),
                digest: None,
                instrument: ("evenhand-metrics".to_owned(), "1".to_owned(), None),
                estimates,
            })
            .collect();
        watch("selection_rate", &points)
    }

    const CALM: [u64; 8] = [101, 98, 104, 95, 99, 103, 97, 102];

    #[test]
    fn a_rate_that_rises_in_fresh_samples_is_seen_and_a_calm_one_is_steady() {
        let calm = watched(&weeks(&[CALM.as_slice(), &[100, 99, 103, 96]].concat())).unwrap();
        assert_eq!(calm[0].verdict, Verdict::Steady);
        let rising = watched(&weeks(&[CALM.as_slice(), &[131, 135, 129]].concat())).unwrap();
        assert!(matches!(rising[0].verdict, Verdict::Shifted { rose: true, .. }));
    }

    #[test]
    fn runs_on_one_dataset_are_not_independent_and_nothing_is_claimed() {
        let mut shared = weeks(&[CALM.as_slice(), &[131, 135, 129]].concat());
        shared[10].0 = shared[9].0.clone();
        let why = watched(&shared).unwrap_err();
        assert!(why.contains("applications@week-9") && why.contains("not independent"), "{why}");
    }

    #[test]
    fn seven_points_are_too_few() {
        let why = watched(&weeks(&CALM[..7])).unwrap_err();
        assert_eq!(why, "it takes 8 points on fresh rows, and there are 7");
    }

    #[test]
    fn a_slice_without_counts_is_told_apart_from_the_others() {
        let mut gappy = weeks(&[CALM.as_slice(), &[100, 99]].concat());
        for (_, estimates) in &mut gappy {
            estimates.push(None);
        }
        let found = watched(&gappy).unwrap();
        assert_eq!(found[0].verdict, Verdict::Steady);
        assert!(matches!(found[1].verdict, Verdict::NotEnough { .. }));
    }
}
