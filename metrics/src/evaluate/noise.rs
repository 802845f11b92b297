//! Rates corrected for the errors of the labels that they are made of.

use crate::Estimate;
use crate::interval::{self, method};
use crate::spec::ErrorRates;

/// A rate as it would be with true labels, by Rogan and Gladen's estimator
/// p = (p_observed + specificity − 1) / (sensitivity + specificity − 1), cut to 0..1, with the
/// delta method: the observed rate's variance, and that of the error rates where the spec says what
/// they were measured on.
///
/// Source: Rogan & Gladen 1978, American Journal of Epidemiology 107:71.
pub(super) fn corrected(
    observed: &Estimate,
    key: &str,
    rates: &ErrorRates,
    level: f64,
) -> Estimate {
    let mut estimate = Estimate {
        metric: key.to_owned(),
        numerator: None,
        denominator: None,
        n_effective: None,
        stderr: None,
        value: None,
        interval: None,
        ..observed.clone()
    };
    let Some(p) = observed.value else { return estimate };
    let n = observed.n_effective.or(observed.n.map(|n| n as f64)).unwrap_or(0.0);
    // The validator takes a rate without counts for a weighted one only if it says so.
    estimate.n_effective = Some(n);
    let ErrorRates { sensitivity, specificity, positives, negatives } = *rates;
    let better_than_chance = sensitivity + specificity - 1.0;
    let value = (p + specificity - 1.0) / better_than_chance;
    // A rate of 0 or 1 would count as known without error: half a row each way is not.
    let safe = (p * n + 0.5) / (n + 1.0);
    let binomial = |p: f64, n: Option<u64>| n.map_or(0.0, |n| p * (1.0 - p) / n as f64);
    let variance = if n > 0.0 { safe * (1.0 - safe) / n } else { 0.0 }
        + value * value * binomial(sensitivity, positives)
        + (1.0 - value) * (1.0 - value) * binomial(specificity, negatives);
    let stderr = variance.sqrt() / better_than_chance;
    // The interval lies around the uncut value, and is then cut as the value is.
    let bounds = interval::delta(value, stderr, level, [f64::NEG_INFINITY, f64::INFINITY]);
    let cut = |x: f64| x.clamp(0.0, 1.0);
    estimate.value = Some(cut(value));
    estimate.stderr = Some(stderr);
    estimate.interval = Some(bounds.through(cut).interval(level, method::ROGAN_GLADEN));
    estimate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Slice;

    fn observed(hits: u64, n: u64) -> Estimate {
        Estimate {
            value: Some(hits as f64 / n as f64),
            n: Some(n),
            numerator: Some(hits),
            denominator: Some(n),
            ..Estimate::blank(&Slice::overall(), "toxicity_rate")
        }
    }

    const RATES: ErrorRates =
        ErrorRates { sensitivity: 0.9, specificity: 0.95, positives: None, negatives: None };

    #[test]
    fn the_correction_is_rogan_and_gladens() {
        let estimate = corrected(&observed(42, 100), "toxicity_rate[corrected]", &RATES, 0.95);
        assert!((estimate.value.unwrap() - 0.435_294).abs() < 1e-6);
    }

    #[test]
    fn error_rates_that_were_measured_on_few_rows_widen_the_interval() {
        let known = corrected(&observed(42, 100), "toxicity_rate[corrected]", &RATES, 0.95);
        let measured = ErrorRates { positives: Some(50), negatives: Some(50), ..RATES };
        let unsure = corrected(&observed(42, 100), "toxicity_rate[corrected]", &measured, 0.95);
        let width = |e: &Estimate| e.interval.as_ref().map(|i| i.high - i.low).unwrap();
        assert!(width(&unsure) > width(&known) * 1.05);
        assert_eq!(unsure.value, known.value);
    }

    #[test]
    fn fewer_positives_than_errors_alone_would_make_is_none_at_all() {
        let estimate = corrected(&observed(1, 100), "toxicity_rate[corrected]", &RATES, 0.95);
        assert_eq!(estimate.value, Some(0.0));
        let ends = estimate.interval.unwrap();
        assert!(ends.low == 0.0 && ends.high < 0.1, "{ends:?}");
    }
}
