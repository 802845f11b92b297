//! Small cells: what would tell too much about a few people is not shown.
//!
//! One view layer for pages, API and exports alike. Verdicts still use what is hidden here.

use metrics::catalogue::Key;
use metrics::{Estimate, Slice};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What an estimate says in place of its value when it is hidden.
pub const HIDDEN: &str = "hidden: fewer rows than may be shown";

/// What an estimate says when it is hidden only to protect a smaller neighbour.
pub const HIDDEN_TOO: &str = "hidden: with its neighbours it would give a small cell away";

/// Hides every estimate of fewer than `least` rows, what tells the same of its slice by another
/// metric, and as many of their neighbours as it takes that they cannot be had by subtraction: where
/// one group of a family is hidden, so is its smallest neighbour.
pub fn hide_small_cells(estimates: &mut [Estimate], least: u64) {
    let is_small = |estimate: &Estimate| estimate.n.is_some_and(|n| n > 0 && n < least);
    let telling = telling(estimates, is_small);
    let mut by_metric: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, estimate) in estimates.iter().enumerate() {
        by_metric.entry(estimate.metric.clone()).or_default().push(i);
    }
    for (_, cells) in by_metric {
        let of_few = cells.iter().copied().filter(|&i| is_small(&estimates[i]));
        let of_few: BTreeSet<usize> = of_few.collect();
        let small: BTreeSet<usize> =
            cells.iter().copied().filter(|i| of_few.contains(i) || telling.contains(i)).collect();
        if small.is_empty() {
            continue;
        }
        for &i in &small {
            let reason = if of_few.contains(&i) { HIDDEN } else { HIDDEN_TOO };
            hide(&mut estimates[i], reason);
        }
        for i in neighbours_to_hide(estimates, &cells, small) {
            hide(&mut estimates[i], HIDDEN_TOO);
        }
    }
}

/// Whether a reason is one of ours.
pub fn is_hidden(estimate: &Estimate) -> bool {
    matches!(estimate.undefined.as_deref(), Some(HIDDEN | HIDDEN_TOO))
}

fn hide(estimate: &mut Estimate, reason: &str) {
    *estimate = Estimate {
        slice: estimate.slice.clone(),
        metric: estimate.metric.clone(),
        value: None,
        n: None,
        numerator: None,
        denominator: None,
        positives: None,
        n_effective: None,
        stderr: None,
        threshold: estimate.threshold,
        interval: None,
        undefined: Some(reason.to_owned()),
    };
}

/// Sides of a confusion matrix whose sums a rate may divide by.
#[derive(Clone, Copy, Default)]
struct Sides {
    labels: bool,
    predictions: bool,
}

/// What a metric of classification tells of a confusion matrix: the side that it divides by, and
/// those of which it gives a sum, or a part that no sum may be known without.
fn sides(base: &str) -> Option<(Sides, Sides)> {
    const NONE: Sides = Sides { labels: false, predictions: false };
    const LABELS: Sides = Sides { labels: true, predictions: false };
    const PREDICTIONS: Sides = Sides { labels: false, predictions: true };
    const BOTH: Sides = Sides { labels: true, predictions: true };
    Some(match base {
        "true_positive_rate"
        | "false_negative_rate"
        | "true_negative_rate"
        | "false_positive_rate" => (LABELS, BOTH),
        "precision"
        | "false_discovery_rate"
        | "negative_predictive_value"
        | "false_omission_rate" => (PREDICTIONS, BOTH),
        "base_rate" | "roc_auc" | "average_precision" | "log_loss" | "brier_score"
        | "calibration_error" => (NONE, LABELS),
        "selection_rate" => (NONE, PREDICTIONS),
        "f1" | "balanced_accuracy" | "macro_recall" | "macro_precision" | "macro_f1" => {
            (NONE, BOTH)
        }
        _ => return None,
    })
}

/// The estimates that would tell how many rows a small one of their slice has, or what is in it: of
/// 47 rows with a true positive rate of few, the base rate says how few, and the balanced accuracy
/// how many of them were found.
fn telling(estimates: &[Estimate], is_small: impl Fn(&Estimate) -> bool) -> BTreeSet<usize> {
    let mut few: HashMap<(&Slice, Option<&str>), Sides> = HashMap::new();
    let mut mark = |slice, of, by: Sides| {
        let sides: &mut Sides = few.entry((slice, of)).or_default();
        sides.labels |= by.labels;
        sides.predictions |= by.predictions;
    };
    for estimate in estimates.iter().filter(|estimate| is_small(estimate)) {
        let key = Key::parse(&estimate.metric);
        if let Some((by, _)) = sides(key.base) {
            mark(&estimate.slice, key.of, by);
            // One class is known from their mean and the others.
            mark(&estimate.slice, None, by);
        }
    }
    if few.is_empty() {
        return BTreeSet::new();
    }
    let tells = |estimate: &Estimate| {
        let key = Key::parse(&estimate.metric);
        let (Some((_, tells)), Some(few)) = (sides(key.base), few.get(&(&estimate.slice, key.of)))
        else {
            return false;
        };
        // Of no rows there is no value, and their number is no small one.
        estimate.n != Some(0)
            && (tells.labels && few.labels || tells.predictions && few.predictions)
    };
    (0..estimates.len()).filter(|&i| tells(&estimates[i])).collect()
}

/// Cells that add up to a shown one: the groups of one attribute, all other pairs being equal.
type Family = (String, Slice);

fn neighbours_to_hide(
    estimates: &[Estimate],
    cells: &[usize],
    small: BTreeSet<usize>,
) -> BTreeSet<usize> {
    let mut families: BTreeMap<Family, Vec<usize>> = BTreeMap::new();
    for &i in cells {
        let slice = &estimates[i].slice;
        for attribute in slice.attributes() {
            let rest = slice.pairs().filter(|(name, _)| *name != attribute);
            let Ok(rest) = Slice::new(rest) else { continue };
            families.entry((attribute.to_owned(), rest)).or_default().push(i);
        }
    }
    let mut hidden = small.clone();
    // Hiding a neighbour may leave it the only hidden one of another family; go on until none is.
    loop {
        let mut more = None;
        for members in families.values() {
            let mut shown = members.iter().filter(|i| !hidden.contains(i));
            let hidden_here = members.len() - shown.clone().count();
            // An empty cell adds nothing, so it protects nothing.
            if hidden_here == 1
                && let Some(&next) = shown
                    .by_ref()
                    .filter(|i| estimates[**i].n != Some(0))
                    .min_by_key(|i| estimates[**i].n)
            {
                more = Some(next);
                break;
            }
        }
        match more {
            Some(next) => hidden.insert(next),
            None => break,
        };
    }
    hidden.difference(&small).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(slice: &str, n: u64) -> Estimate {
        Estimate {
            slice: Slice::parse(slice).unwrap(),
            metric: "accuracy".to_owned(),
            value: Some(0.5),
            n: Some(n),
            numerator: Some(n / 2),
            denominator: Some(n),
            positives: None,
            n_effective: None,
            stderr: None,
            threshold: None,
            interval: None,
            undefined: None,
        }
    }

    fn hidden(cells: &mut [Estimate]) -> Vec<String> {
        hide_small_cells(cells, 10);
        cells.iter().filter(|e| is_hidden(e)).map(|e| e.slice.to_string()).collect()
    }

    #[test]
    fn a_small_cell_takes_its_smallest_neighbour_with_it() {
        let mut cells = [cell("", 209), cell("sex=A", 9), cell("sex=B", 120), cell("sex=C", 80)];
        assert_eq!(hidden(&mut cells), ["sex=A", "sex=C"]);
        assert!(cells.iter().filter(|e| is_hidden(e)).all(|e| e.n.is_none() && e.value.is_none()));
    }

    #[test]
    fn two_small_cells_protect_each_other() {
        let mut cells = [cell("", 135), cell("sex=A", 9), cell("sex=B", 6), cell("sex=C", 120)];
        assert_eq!(hidden(&mut cells), ["sex=A", "sex=B"]);
    }

    #[test]
    fn no_margin_of_an_intersection_gives_a_small_cell_away() {
        let mut cells = [
            cell("race=X;sex=A", 5),
            cell("race=X;sex=B", 50),
            cell("race=Y;sex=A", 60),
            cell("race=Y;sex=B", 70),
        ];
        assert_eq!(hidden(&mut cells).len(), 4, "each row and column needs two hidden cells");
    }

    #[test]
    fn no_other_metric_of_a_slice_tells_what_a_hidden_one_was() {
        let of = |metric: &str, n: u64| Estimate { metric: metric.to_owned(), ..cell("sex=A", n) };
        let mut cells = [
            of("count", 47),
            of("accuracy", 47),
            of("selection_rate", 47),
            of("base_rate", 47),
            of("true_positive_rate", 2),
            of("false_positive_rate", 45),
            of("false_omission_rate", 46),
            of("balanced_accuracy", 47),
            of("precision", 0),
        ];
        hide_small_cells(&mut cells, 10);
        let shown = cells.iter().filter(|it| !is_hidden(it)).map(|it| it.metric.as_str());
        let seen = ["count", "accuracy", "selection_rate", "precision"];
        assert_eq!(shown.collect::<Vec<_>>(), seen, "of no rows there is nothing to hide");
        let mut classes = [
            of("precision[a]", 7),
            of("f1[a]", 80),
            of("true_positive_rate[a]", 24),
            of("precision[b]", 40),
            of("macro_precision", 80),
        ];
        hide_small_cells(&mut classes, 10);
        let shown = classes.iter().filter(|it| !is_hidden(it)).map(|it| it.metric.as_str());
        assert_eq!(shown.collect::<Vec<_>>(), ["precision[b]"]);
    }

    #[test]
    fn nothing_is_hidden_where_every_cell_is_large_or_empty() {
        let mut cells = [cell("", 100), cell("sex=A", 100), cell("sex=B", 0)];
        assert_eq!(hidden(&mut cells), Vec::<String>::new());
    }
}
