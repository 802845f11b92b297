//! The single rules for an estimate's numbers; each looks at what was readable and tells what is
//! wrong, and none changes anything.

use super::{Draft, Field, SAME};
use crate::upload::name::{self, MAX_NAME, MAX_REASON};
use metrics::Interval;
use metrics::catalogue::Kind;

/// Tells a problem: field, code, message, and what was expected.
pub(super) type Complain<'c> = &'c mut dyn FnMut(&str, &str, String, &str);

/// Counts may stand only where they make the value: whoever finds both takes the estimate for an
/// unweighted rate.
pub(super) fn check_made_of_counts(draft: &Draft, kind: Kind, complain: Complain) {
    let weighted = !draft.n_effective.is_absent();
    if kind == Kind::Rate && !weighted {
        return;
    }
    for (field, count) in [("numerator", &draft.numerator), ("denominator", &draft.denominator)] {
        if count.is().is_none() {
            continue;
        }
        if kind == Kind::Rate {
            let message =
                format!("a weighted rate (it has `n_effective`) is not made of its {field}");
            complain(field, "weighted_rate", message, "no numerator and no denominator");
        } else {
            let message = format!("the metric is no rate, but there is a {field}");
            complain(field, "not_a_rate", message, "no numerator and no denominator");
        }
    }
}

/// Whether a written value is this ratio, at full length or rounded to the decimals it has.
///
/// A whole number is no rounded rate: who writes 1 means all.
pub(in crate::upload) fn agree(written: f64, exact: f64) -> bool {
    let difference = (written - exact).abs();
    let text = written.to_string();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let half_a_digit = 0.5 * 10f64.powi(-i32::try_from(decimals).unwrap_or(i32::MAX));
    difference <= SAME * exact.abs().max(written.abs())
        || (decimals > 0 && difference <= half_a_digit * (1.0 + SAME))
}

pub(super) fn check_presence(draft: &Draft, complain: Complain) {
    let valued = draft.value.is().is_some();
    if draft.value.is_absent() && draft.undefined.is_absent() {
        complain(
            "value",
            "no_value",
            "there is neither a value nor a reason why there is none".to_owned(),
            "a finite number, or a reason in `undefined`",
        );
    }
    if let Some(reason) = draft.undefined.is() {
        if valued {
            complain(
                "undefined",
                "value_and_undefined",
                "there is a value and also a reason why there is none".to_owned(),
                "one of the two",
            );
        }
        if draft.value.is_absent() && !draft.interval.is_absent() {
            complain(
                "interval",
                "interval_of_nothing",
                "an undefined metric has an interval".to_owned(),
                "no interval",
            );
        }
        if let Some(problem) = name::problem_with("the reason", reason, MAX_REASON) {
            complain(
                "undefined",
                &problem.code,
                problem.message,
                problem.expected.as_deref().unwrap_or("text"),
            );
        }
    }
}

pub(super) fn check_rows(draft: &Draft, complain: Complain) {
    let valued = draft.value.is().is_some();
    if valued && (draft.n == Field::Is(0) || draft.denominator == Field::Is(0)) {
        complain(
            if draft.n == Field::Is(0) { "n" } else { "denominator" },
            "value_of_no_rows",
            "a metric of no rows has a value".to_owned(),
            "null, with the reason in `undefined`",
        );
    }
}

pub(super) fn check_counts(draft: &Draft, rows: Option<u64>, complain: Complain) {
    let mut at_most = |(field, count): (&str, &Field<u64>), (what, most): (&str, Option<u64>)| {
        if let (Some(count), Some(most)) = (count.is(), most)
            && *count > most
        {
            complain(
                field,
                "count_too_large",
                format!("{field} {count} is more than {what} {most}"),
                &format!("at most {most}"),
            );
        }
    };
    let n = draft.n.is().copied();
    let denominator = draft.denominator.is().copied();
    at_most(("n", &draft.n), ("the dataset's rows", rows));
    at_most(("numerator", &draft.numerator), ("the denominator", denominator));
    at_most(("denominator", &draft.denominator), ("n", n));
    at_most(("positives", &draft.positives), ("n", n));
    if draft.n.is_absent() {
        at_most(("denominator", &draft.denominator), ("the dataset's rows", rows));
    }
    if draft.numerator.is().is_some() && draft.denominator.is_absent() {
        complain(
            "denominator",
            "no_denominator",
            "there is a numerator but no denominator".to_owned(),
            "both, or neither",
        );
    }
    if let Some(&n_effective) = draft.n_effective.is() {
        let most = n.map_or(f64::INFINITY, |n| n as f64 * (1.0 + SAME));
        if n_effective < 0.0 || n_effective > most {
            complain(
                "n_effective",
                "bad_n_effective",
                format!("{n_effective} is no effective number of these rows"),
                "a number from 0 to n",
            );
        }
    }
    if draft.stderr.is().is_some_and(|&stderr| stderr < 0.0) {
        complain(
            "stderr",
            "negative_stderr",
            "a standard error is negative".to_owned(),
            "0 or more",
        );
    }
}

pub(super) fn check_interval(draft: &Draft, complain: Complain) {
    let Some(interval) = draft.interval.is() else { return };
    let Interval { low, high, level, method } = interval;
    if let Some(problem) = name::problem_with("the method", method, MAX_NAME) {
        let expected = problem.expected.as_deref().unwrap_or("text");
        complain("interval/method", &problem.code, problem.message, expected);
    }
    if !(*level > 0.0 && *level < 1.0) {
        complain(
            "interval/level",
            "bad_level",
            format!("{level} is no confidence level"),
            "a number between 0 and 1, such as 0.95",
        );
    }
    if low > high {
        complain(
            "interval/low",
            "interval_reversed",
            format!("the interval goes from {low} down to {high}"),
            "low at most high",
        );
    } else if let Some(value) = draft.value.is() {
        let slack = SAME * low.abs().max(high.abs());
        if *value < low - slack || *value > high + slack {
            complain(
                "interval",
                "interval_without_value",
                format!("the interval {low} to {high} does not hold the value {value}"),
                "low at most value at most high",
            );
        }
    }
}
