//! Small cells: what would tell too much about a few people is not shown.
//!
//! One view layer for pages, API and exports alike. Verdicts still use what is hidden here.

use metrics::{Estimate, Slice};
use std::collections::{BTreeMap, BTreeSet};

/// What an estimate says in place of its value when it is hidden.
pub const HIDDEN: &str = "hidden: fewer rows than may be shown";

/// What an estimate says when it is hidden only to protect a smaller neighbour.
pub const HIDDEN_TOO: &str = "hidden: with its neighbours it would give a small cell away";

/// Hides every estimate of fewer than `least` rows, and as many of its neighbours as it takes that
/// it cannot be had by subtraction: where one group of a family is hidden, so is its smallest
/// neighbour.
pub fn hide_small_cells(estimates: &mut [Estimate], least: u64) {
    let mut by_metric: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, estimate) in estimates.iter().enumerate() {
        by_metric.entry(estimate.metric.clone()).or_default().push(i);
    }
    for (_, cells) in by_metric {
        let small: BTreeSet<usize> = cells
            .iter()
            .copied()
            .filter(|&i| estimates[i].n.is_some_and(|n| n > 0 && n < least))
            .collect();
        if small.is_empty() {
            continue;
        }
        for &i in &small {
            hide(&mut estimates[i], HIDDEN);
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
    fn nothing_is_hidden_where_every_cell_is_large_or_empty() {
        let mut cells = [cell("", 100), cell("sex=A", 100), cell("sex=B", 0)];
        assert_eq!(hidden(&mut cells), Vec::<String>::new());
    }
}
