//! What `evenhand evaluate` does beyond estimates: bootstrap intervals, the null band and the
//! four-fifths rule beside them, the search for the worst slices, and intervals by another method.

mod requested;

use super::super::Failure;
use super::super::choice::one_of;
use super::super::output::{Align, MISUSED, Table, clean};
use app::pages::parts::number::{
    count, counted, interval, level, p_value, ratio, ratio_interval, signed, signed_interval, value,
};
use clap::Args;
use metrics::bootstrap::{Form, LEAST_RESAMPLES, MOST_RESAMPLES, Plan, RESAMPLES};
use metrics::catalogue::{self, Outcome};
use metrics::disparity::{
    Comparison, Disparity, FALSE_DISCOVERY_RATE, FOUR_FIFTHS, FourFifths, Kind, LEAST_N, NullBand,
    Reference, Resampled, ResampledEstimate, Resampling, SIMULATIONS, four_fifths, null_band,
};
use metrics::evaluate::{Confirmation, Exploring, Found, LEVEL, MOST_DEPTH, Search, SliceSearch};
use metrics::requested::{Method, Requested, requested};
use metrics::{Estimate, RunDocument};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The rate that the four-fifths rule and the null band are about.
const SELECTION: &str = "selection_rate";
/// More slices than this are cut from what a person reads.
const MOST_SHOWN: usize = 20;

#[derive(Args, Debug)]
pub struct Explore {
    /// Resample this often: a bootstrap interval for every metric and every gap, and what chance
    /// alone does to the extremes. Counts are resampled where they decide a metric, otherwise rows,
    /// queries or clusters
    #[arg(
        long,
        value_name = "N",
        num_args = 0..=1,
        default_missing_value = RESAMPLES_TEXT,
        value_parser = clap::value_parser!(u32)
            .range(i64::from(LEAST_RESAMPLES)..=i64::from(MOST_RESAMPLES))
    )]
    bootstrap: Option<u32>,
    /// How the interval is read off the resamples: percentile or bca
    #[arg(
        long,
        value_name = "FORM",
        value_parser = one_of(["percentile", "bca"], parse_form),
        default_value = "percentile",
        hide_possible_values = true
    )]
    bootstrap_form: Form,
    /// Seed of the resamples, and of the halves that --find-slices splits the rows into
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Search all combinations of the spec's slices for those on which a metric is worst; one half
    /// of the rows finds, the other confirms
    #[arg(long)]
    find_slices: bool,
    /// Combine up to so many attributes
    #[arg(long, value_name = "N", default_value_t = MOST_DEPTH, requires = "find_slices")]
    depth: usize,
    /// Rows that a slice needs in either half
    #[arg(long, value_name = "N", default_value_t = LEAST_N, requires = "find_slices")]
    least_n: u64,
    /// The rate to search by
    #[arg(long, value_name = "METRIC", default_value = "accuracy", requires = "find_slices")]
    metric: String,
    /// Beside the report, intervals by a method that a report must name: clopper_pearson or jeffreys
    /// of rates, agresti_caffo of differences, katz, koopman or miettinen_nurminen of ratios to the
    /// best group. The run document keeps its own
    #[arg(
        long,
        value_name = "METHOD",
        value_parser = one_of(Method::ALL.map(Method::as_str), str::parse::<Method>),
        hide_possible_values = true
    )]
    interval: Option<Method>,
}

const RESAMPLES_TEXT: &str = "2000";
const _: () = assert!(RESAMPLES == 2_000, "`--bootstrap` alone means the usual number");

fn parse_form(text: &str) -> Result<Form, &'static str> {
    match text {
        "percentile" => Ok(Form::Percentile),
        "bca" => Ok(Form::Bca),
        _ => Err("expected percentile or bca"),
    }
}

/// What was found.
pub struct Explored {
    bootstrap: Option<Bootstrap>,
    search: Option<SliceSearch>,
    requested: Option<Requested>,
}

/// A run resampled, and what chance alone does to its extremes.
#[derive(Serialize)]
struct Bootstrap {
    #[serde(flatten)]
    resampled: Resampled,
    /// Per attribute, the extremes of the selection rate.
    extremes: Vec<Extremes>,
}

#[derive(Serialize)]
struct Extremes {
    attributes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    null_band: Option<NullBand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    four_fifths: Option<FourFifths>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Explore {
    /// What is to be done with the rows of the file.
    pub fn asked(&self) -> Exploring {
        let plan = |resamples| Plan { resamples, seed: self.seed, level: LEVEL };
        Exploring {
            bootstrap: self.bootstrap.map(|resamples| (plan(resamples), self.bootstrap_form)),
            search: self.find_slices.then(|| Search {
                metric: self.metric.clone(),
                depth: self.depth,
                least_n: self.least_n,
                rate: FALSE_DISCOVERY_RATE,
                seed: self.seed,
                level: LEVEL,
            }),
        }
    }

    /// What came of it, and what the estimates alone tell.
    pub fn found(
        &self,
        document: &RunDocument,
        bootstrap: Option<Result<Resampled, String>>,
        search: Option<SliceSearch>,
    ) -> Result<Explored, Failure> {
        let outcome = document.positive_outcome.unwrap_or(Outcome::Neutral);
        let estimates = &document.estimates;
        let bootstrap = match bootstrap {
            Some(Ok(resampled)) => Some(self.beside(resampled, estimates, outcome)),
            Some(Err(why)) => {
                return Err(Failure { message: format!("--bootstrap: {why}"), code: MISUSED });
            }
            None => None,
        };
        let requested = self.interval.map(|method| requested(estimates, method, outcome, LEVEL));
        Ok(Explored { bootstrap, search, requested })
    }

    /// What chance alone does to the extremes, beside what was resampled.
    fn beside(&self, resampled: Resampled, estimates: &[Estimate], outcome: Outcome) -> Bootstrap {
        let families: BTreeSet<Vec<String>> = estimates
            .iter()
            .filter(|estimate| !estimate.slice.is_overall())
            .map(|estimate| estimate.slice.attributes().map(str::to_owned).collect())
            .collect();
        let extremes = families
            .into_iter()
            .map(|attributes| {
                let names: Vec<&str> = attributes.iter().map(String::as_str).collect();
                let asked = Comparison::with_best(SELECTION, &names, Kind::Ratio, outcome);
                let band = null_band(estimates, &asked, SIMULATIONS, self.seed);
                let rule = four_fifths(estimates, &asked);
                let reason = band.as_ref().err().or(rule.as_ref().err()).cloned();
                Extremes { null_band: band.ok(), four_fifths: rule.ok(), reason, attributes }
            })
            .collect();
        Bootstrap { resampled, extremes }
    }
}

impl Explored {
    /// The run document as it is, or, where more was asked for, an object that holds it.
    pub fn json(&self, document: &RunDocument) -> Result<Value, serde_json::Error> {
        let document = serde_json::to_value(document)?;
        if self.bootstrap.is_none() && self.search.is_none() && self.requested.is_none() {
            return Ok(document);
        }
        let mut all = json!({ "run": document });
        if let Some(bootstrap) = &self.bootstrap {
            all["bootstrap"] = serde_json::to_value(bootstrap)?;
        }
        if let Some(search) = &self.search {
            all["slice_search"] = serde_json::to_value(search)?;
        }
        if let Some(requested) = &self.requested {
            all["intervals"] = serde_json::to_value(requested)?;
        }
        Ok(all)
    }

    /// What a person reads below the report.
    pub fn report(&self) -> String {
        let mut text = String::new();
        if let Some(bootstrap) = &self.bootstrap {
            text.push_str(&bootstrap.report());
        }
        if let Some(requested) = &self.requested {
            text.push_str(&requested::report(requested));
        }
        if let Some(search) = &self.search {
            text.push_str(&searched(search));
        }
        text
    }
}

fn name_of(key: &str) -> &str {
    catalogue::find(key).map_or(key, |metric| metric.name)
}

/// What was drawn, in words.
fn drawn(estimates: &[ResampledEstimate]) -> String {
    let mut words = Vec::new();
    for (what, word) in [
        (Resampling::Cells, "the cells of each group's confusion matrix"),
        (Resampling::Units, "the rows (or queries) of each slice, for what cells do not decide"),
        (Resampling::Together, "whole clusters (or queries), for all slices at once"),
    ] {
        if estimates.iter().any(|estimate| estimate.drawn == what) {
            words.push(word);
        }
    }
    words.join("; ")
}

impl Bootstrap {
    /// Every metric overall.
    fn overall(&self) -> String {
        let mut table = Table::new([Align::Left, Align::Right, Align::Left]);
        table.row(["  Overall", "value", "bootstrap interval"]);
        let all = &self.resampled.estimates;
        for estimate in all.iter().filter(|estimate| estimate.slice.is_overall()) {
            let ends = estimate.interval.as_ref().map(|it| interval(it.low, it.high));
            let ends = ends.or_else(|| estimate.reason.clone()).unwrap_or_default();
            table.row([format!("    {}", name_of(&estimate.metric)), value(estimate.value), ends]);
        }
        table.to_string()
    }

    fn report(&self) -> String {
        let Resampled { plan, estimates, disparities, not_resampled, .. } = &self.resampled;
        let mut text = format!(
            "\nBootstrap\nResampled {} times, seed {}: {}.\n",
            count(plan.resamples.into()),
            plan.seed,
            drawn(estimates),
        );
        text.push_str(&self.overall());
        for extremes in &self.extremes {
            let _ = writeln!(text, "\n  By {}", clean(&extremes.attributes.join(" × ")));
            let mut table =
                Table::new([Align::Left, Align::Right, Align::Left, Align::Right, Align::Left]);
            table.row(["    worst against best", "difference", "interval", "ratio", "interval"]);
            for [difference, over] in worst_pairs(disparities, &extremes.attributes) {
                let (x, ends) = written(difference, signed, signed_interval);
                let (y, ends_of_ratio) = written(over, ratio, ratio_interval);
                let name = format!("    {}", name_of(&difference.metric));
                table.row([name, x, ends, y, ends_of_ratio]);
            }
            text.push_str(&table.to_string());
            text.push_str(&extremes.report());
        }
        if !not_resampled.is_empty() {
            let names: Vec<&str> = not_resampled.iter().map(|key| name_of(key)).collect();
            let _ = writeln!(
                text,
                "\nNot resampled, as counts do not decide them: {}.",
                clean(&names.join(", "))
            );
        }
        text
    }
}

/// Of each metric, the group that lies farthest from the best one: as difference and as ratio.
fn worst_pairs<'a>(disparities: &'a [Disparity], attributes: &[String]) -> Vec<[&'a Disparity; 2]> {
    let against_best = |kind: Kind| {
        disparities.iter().filter(move |it| {
            it.reference == Reference::Best
                && it.kind == kind
                && it.attributes == attributes
                && !it.below_least_n
        })
    };
    let metrics: BTreeSet<&str> =
        against_best(Kind::Difference).map(|it| it.metric.as_str()).collect();
    metrics
        .into_iter()
        .filter_map(|metric| {
            let size = |it: &&Disparity| it.value.map_or(0.0, f64::abs);
            let difference = against_best(Kind::Difference)
                .filter(|it| it.metric == metric && it.value.is_some())
                .max_by(|a, b| size(a).total_cmp(&size(b)))?;
            let over = against_best(Kind::Ratio)
                .find(|it| it.metric == metric && it.slice == difference.slice)?;
            Some([difference, over])
        })
        .collect()
}

fn written(
    disparity: &Disparity,
    write: fn(f64) -> String,
    write_interval: fn(f64, f64) -> String,
) -> (String, String) {
    let value = disparity.value.map_or_else(|| "—".to_owned(), write);
    let ends = match &disparity.interval {
        Some(ends) => write_interval(ends.low, ends.high),
        None => disparity.reason.clone().unwrap_or_else(|| "no interval".to_owned()),
    };
    (value, ends)
}

impl Extremes {
    fn report(&self) -> String {
        let mut text = String::new();
        if let Some(band) = &self.null_band {
            let verdict = if band.difference.within_chance(band.level) {
                "within what chance alone shows"
            } else {
                "more than chance alone shows"
            };
            let _ = writeln!(
                text,
                "    selection rates differ by {}, {verdict}: up to {} in {} of cases (p {})",
                value(band.difference.observed),
                value(band.difference.limit),
                level(band.level),
                p_value(band.difference.p_value),
            );
        }
        for group in self.four_fifths.iter().flat_map(|rule| &rule.groups) {
            if let Some(over) = group.ratio.filter(|_| group.flagged) {
                let small = if group.small_numbers {
                    "; one decision more would lift it: small numbers"
                } else {
                    ""
                };
                let ends = group.interval.as_ref().map(|it| ratio_interval(it.low, it.high));
                let _ = writeln!(
                    text,
                    "    {} is below four fifths: {} {} (p {}), {} short{small}",
                    clean(&group.slice.label()),
                    ratio(over),
                    ends.unwrap_or_default(),
                    p_value(group.tested.p_value),
                    count(group.shortfall),
                );
            }
        }
        let nobody = |rule: &FourFifths| rule.groups.iter().all(|group| !group.flagged);
        if self.four_fifths.as_ref().is_some_and(nobody) {
            let _ = writeln!(text, "    no group is below {FOUR_FIFTHS} of the highest rate");
        }
        if let Some(reason) = &self.reason {
            let _ = writeln!(text, "    no null band, no four-fifths rule: {}", clean(reason));
        }
        text
    }
}

fn searched(search: &SliceSearch) -> String {
    let mut text = format!(
        "\nWorst slices by {} (exploratory)\n\
         {} tested, combining up to {}; {} with fewer than {} rows were not.\n",
        name_of(&search.metric),
        counted(search.tested as u64, "slice", "slices"),
        counted(search.depth as u64, "attribute", "attributes"),
        count(search.too_small as u64),
        count(search.least_n),
    );
    for family in &search.left_out {
        let _ = writeln!(text, "{} has too many combinations.", clean(&family.join(" × ")));
    }
    if search.found.is_empty() {
        text.push_str("No slice is worse than the rest beyond chance.\n");
        return text;
    }
    let mut table = Table::new([
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Left,
        Align::Right,
        Align::Left,
    ]);
    table.row(["  slice", "value", "rest", "slice less rest", "n", ""]);
    for found in search.found.iter().take(MOST_SHOWN) {
        table.row(row(found));
    }
    text.push_str(&table.to_string());
    let cut = (search.found.len().saturating_sub(MOST_SHOWN) + search.more) as u64;
    if cut > 0 {
        let _ = writeln!(text, "  and {}: see --json", counted(cut, "more slice", "more slices"));
    }
    let explained = search.explained.len() as u64;
    if explained > 0 {
        let slices = counted(explained, "slice looks", "slices look");
        let _ =
            writeln!(text, "{slices} worse too, but only by sharing rows with these: see --json.");
    }
    let [found, confirming] = search.rows;
    let _ = writeln!(
        text,
        "Found in {} rows at a false discovery rate of {}; all numbers are from the {} rows that\n\
         had no part in the search (seed {}).",
        count(found),
        search.rate,
        count(confirming),
        search.seed
    );
    text
}

fn row(found: &Found) -> [String; 6] {
    let side = &found.held_out;
    let written = |x: Option<f64>| x.map_or_else(|| "—".to_owned(), value);
    let ends = side.difference.as_ref();
    let verdict = match found.confirmation {
        Confirmation::Confirmed { adjusted } => format!("confirmed (p {})", p_value(adjusted)),
        Confirmation::NotConfirmed { adjusted } => {
            format!("not confirmed (p {})", p_value(adjusted))
        }
        Confirmation::NotEnoughRows => "too few rows to confirm".to_owned(),
    };
    [
        format!("  {}", found.slice),
        written(side.value),
        written(side.rest),
        ends.map_or_else(String::new, |it| signed_interval(it.low, it.high)),
        count(side.n),
        verdict,
    ]
}
