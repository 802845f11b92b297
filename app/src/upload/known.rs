//! Which metrics a document may speak of: the catalogue's, and those that it declares itself.

use super::name::{self, quoted};
use metrics::Problem;
use metrics::catalogue::{self, CustomMetric, Key, Kind};
use std::collections::BTreeMap;

/// What a reader has to know of a metric to check its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Known {
    pub kind: Kind,
    /// Least and greatest value; `None` where an end is open.
    pub range: Option<[f64; 2]>,
}

impl Known {
    fn of(metric: &CustomMetric) -> Self {
        // Where a custom metric is a share, counts make its value as they do that of any rate.
        let kind = if metric.range == Some([0.0, 1.0]) { Kind::Rate } else { Kind::Other };
        Self { kind, range: metric.range }
    }

    /// What a value should be, where this one cannot be the metric's.
    pub fn refuses(&self, value: f64) -> Option<String> {
        if self.kind == Kind::Count {
            let whole = value >= 0.0 && value.fract() == 0.0;
            return (!whole).then(|| "a whole number, 0 or more".to_owned());
        }
        let [low, high] = self.range?;
        (!(low..=high).contains(&value)).then(|| match (low.is_finite(), high.is_finite()) {
            (true, false) => format!("a value of at least {low}"),
            (false, true) => format!("a value of at most {high}"),
            _ => format!("a value from {low} to {high}"),
        })
    }
}

/// The metrics that one document may use.
pub(super) struct Metrics<'d> {
    declared: BTreeMap<&'d str, Known>,
    /// What to say of a key that is neither known nor declared.
    otherwise: &'static str,
}

impl<'d> Metrics<'d> {
    /// For a format in which no metric can be declared.
    pub fn of_catalogue() -> Self {
        Self {
            declared: BTreeMap::new(),
            otherwise: "or a run document, which can declare metrics of its own",
        }
    }

    pub fn with(declared: &'d [CustomMetric]) -> Self {
        let declared =
            declared.iter().map(|metric| (metric.key.as_str(), Known::of(metric))).collect();
        Self { declared, otherwise: "or a declaration in `metrics`" }
    }

    /// What is known of a metric, or what is wrong with its key; `suggest` a near one only where it
    /// will be read, for the search is dear.
    pub fn find(&self, key: &str, suggest: bool) -> Result<Known, Problem> {
        if let Some(metric) = catalogue::find(key) {
            return Ok(Known { kind: metric.kind, range: metric.range });
        }
        let Key { base, cutoff, of } = Key::parse(key);
        if of.is_some() && catalogue::find(key.split('[').next().unwrap_or(key)).is_some() {
            let problem =
                Problem::new("no_brackets", format!("`{base}` is of nothing in particular"));
            return Err(problem.expected(format!("`{base}`, without brackets")));
        }
        // A declared metric may be written with any cut-off, as the catalogue's may.
        if let Some(known) = self.declared.get(base)
            && of.is_none()
            && cutoff.is_none_or(is_cutoff)
        {
            return Ok(*known);
        }
        Err(self.unknown(base, cutoff, key, suggest))
    }

    fn unknown(&self, base: &str, cutoff: Option<&str>, key: &str, suggest: bool) -> Problem {
        let has_cutoff = catalogue::find(&format!("{base}@10")).is_some();
        match cutoff {
            None if has_cutoff => {
                Problem::new("needs_cut_off", format!("{} needs a cut-off", quoted(key)))
                    .expected(format!("`{base}@10`, say"))
            }
            Some(_) if has_cutoff || self.declared.contains_key(base) => {
                Problem::new("bad_cut_off", format!("{} has no usable cut-off", quoted(key)))
                    .expected(format!("a whole number from 1 after `@`, as in `{base}@10`"))
            }
            Some(_) if catalogue::find(base).is_some() => {
                Problem::new("no_cut_off", format!("`{base}` takes no cut-off"))
                    .expected(format!("`{base}`"))
            }
            _ => {
                let problem =
                    Problem::new("unknown_metric", format!("no metric is called {}", quoted(key)));
                let near =
                    (suggest && key.len() <= name::MAX_NAME).then(|| self.nearest(base)).flatten();
                match near {
                    Some(near) => problem.expected(format!("`{near}`, {}", self.otherwise)),
                    None => problem.expected(format!("a key of the catalogue, {}", self.otherwise)),
                }
            }
        }
    }

    fn nearest(&self, key: &str) -> Option<&str> {
        name::nearest(key, self.declared.keys().copied()).or_else(|| catalogue::nearest(key))
    }
}

fn is_cutoff(text: &str) -> bool {
    text.len() <= 6 && !text.starts_with('0') && text.parse::<u32>().is_ok_and(|k| k > 0)
}
