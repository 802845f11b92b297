use super::areas::areas;
use super::rates::{Pairs, Table};
use super::*;
use crate::counts::Counts;
use crate::interval;
use crate::rates::of_confusion;
use crate::trend;
use proptest::prelude::*;

/// Rows with ids from 1: label, prediction, score, group.
type Row = (bool, bool, f64, u16);

fn rows(of: &[Row]) -> Rows {
    let codes = of.iter().map(|row| row.3).collect();
    let sex = Column {
        name: "sex".to_owned(),
        groups: vec!["Female".to_owned(), "Male".to_owned()],
        codes,
    };
    Rows::new(
        (1..=of.len() as u128).collect(),
        of.iter().map(|row| u8::from(row.0) + 2 * u8::from(row.1)).collect(),
        of.iter().map(|row| row.2).collect(),
        vec![sex],
        vec![],
    )
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn mcnemar_is_the_two_sided_sign_test_of_the_rows_that_differ() {
    assert!(close(mcnemar_exact(8, 2), 0.109_375) && close(mcnemar_exact(2, 8), 0.109_375));
    assert!(close(mcnemar_exact(0, 0), 1.0) && close(mcnemar_exact(3, 3), 1.0));
    for b in 0..25_u64 {
        for c in 0..25 {
            let choose = |k: u64| (0..k).fold(1.0, |x, i| x * (b + c - i) as f64 / (i + 1) as f64);
            let tail: f64 = (0..=b.min(c)).map(choose).sum::<f64>() / 2_f64.powf((b + c) as f64);
            assert!(close(mcnemar_exact(b, c), (2.0 * tail).min(1.0)), "{b} {c}");
        }
    }
    // Where the sum gives way to the normal approximation, the two agree.
    let (exact, normal) = (mcnemar_exact(100_000, 100_900), mcnemar_exact(100_001, 100_901));
    assert!((exact / normal - 1.0).abs() < 1e-3, "{exact} {normal}");
}

#[test]
fn newcombes_paired_interval_gives_the_published_limits() {
    // Altman et al. 2000, Statistics with Confidence, table 6.2: 0.011 to 0.226; Fagerland et al.
    // 2014, Stat Med 33:2850, table 9 (Bentur et al. 2009): −0.507 to −0.026.
    for ((both, lost, gained, neither), value, low, high) in [
        ((14, 5, 0, 22), -0.121_951, -0.226_493, -0.011_483),
        ((1, 1, 7, 12), 0.285_714, 0.025_559, 0.506_920),
    ] {
        let bounds = Pairs { both, lost, gained, neither }.newcombe(0.95).unwrap();
        assert!((bounds.value - value).abs() < 1e-6, "{bounds:?}");
        assert!((bounds.low - low).abs() < 1e-6 && (bounds.high - high).abs() < 1e-6, "{bounds:?}");
    }
}

#[test]
fn a_loss_of_three_points_on_600_positives_shows_only_when_rows_are_paired() {
    // 24 of them are found no longer, 6 are found anew.
    let pairs = Pairs { both: 456, lost: 24, gained: 6, neither: 114 };
    let bounds = pairs.newcombe(0.95).unwrap();
    assert!(close(bounds.value, -0.03) && bounds.high < 0.0, "{bounds:?}");
    assert!(mcnemar_exact(pairs.lost, pairs.gained) < 0.002);
    let rate = |found| {
        of_confusion("true_positive_rate", &Counts::of_confusion(found, 0, 600 - found, 0), 0.95)
    };
    let change = trend::change(&rate(480).unwrap(), &rate(462).unwrap(), 0.95);
    assert_eq!(change.beyond_chance, Some(false));
}

#[test]
fn what_both_runs_say_alike_is_no_change_and_has_a_width_all_the_same() {
    let of: Vec<Row> = (0..200)
        .map(|i| (i % 3 == 0, i % 4 == 0, f64::from(i) / 200.0, u16::from(i % 5 < 2)))
        .collect();
    let comparison = compare(&rows(&of), &rows(&of), 0.95).unwrap();
    assert_eq!((comparison.matched, comparison.only_before, comparison.only_after), (200, 0, 0));
    assert!(comparison.find("roc_auc", &Slice::parse("sex=Male").unwrap()).is_some());
    for change in &comparison.changes {
        let interval = change.change.interval.as_ref().expect("every metric is defined here");
        assert_eq!(change.change.value, Some(0.0), "{change:?}");
        assert!(interval.low < 0.0 && interval.high > 0.0, "{change:?}");
        assert_eq!((change.p, change.change.beyond_chance), (Some(1.0), Some(false)), "{change:?}");
    }
}

#[test]
fn rows_of_one_run_only_are_counted_and_other_labels_or_groups_are_not_paired() {
    let of = [(true, true, 0.9, 0), (false, false, 0.2, 1), (true, false, 0.4, 1)];
    let all = rows(&of);
    let comparison = compare(&rows(&of[..2]), &all, 0.95).unwrap();
    assert_eq!((comparison.matched, comparison.only_before, comparison.only_after), (2, 0, 1));
    assert!(close(comparison.share_matched(), 2.0 / 3.0));

    let mut relabelled = of;
    relabelled[1].0 = true;
    let refused = compare(&all, &rows(&relabelled), 0.95).unwrap_err();
    assert_eq!(refused, NotPaired::LabelsDiffer { rows: 1, matched: 3 });

    let mut moved = of;
    moved[2].3 = 0;
    let comparison = compare(&all, &rows(&moved), 0.95).unwrap();
    assert!(comparison.notes[0].contains("`sex` differs in 1 of 3 matched rows"));
    assert!(comparison.changes.iter().all(|change| change.slice.is_overall()));

    let strangers = Rows::new(vec![77], vec![0], vec![], vec![], vec![]);
    assert_eq!(compare(&all, &strangers, 0.95), Err(NotPaired::NothingMatched));
}

#[test]
fn groups_are_compared_by_name_and_an_alias_can_be_resolved_first() {
    let of = [(true, true, 0.9, 0), (false, false, 0.2, 1), (true, false, 0.4, 1)];
    let mut other = rows(&of);
    other.attributes[0].name = "gender".to_owned();
    other.attributes[0].groups.reverse();
    other.attributes[0].codes.iter_mut().for_each(|code| *code = 1 - *code);
    other.attributes[0].groups[1] = "F".to_owned();
    let comparison = compare(&rows(&of), &other, 0.95).unwrap();
    assert_eq!(comparison.notes.len(), 2, "{:?}", comparison.notes);
    let other = other.renamed(
        |_| "sex".to_owned(),
        |_, group| if group == "F" { "Female" } else { group }.to_owned(),
    );
    let comparison = compare(&rows(&of), &other, 0.95).unwrap();
    assert_eq!(comparison.notes, Vec::<String>::new());
    assert!(comparison.find("accuracy", &Slice::parse("sex=Female").unwrap()).is_some());
}

/// Fair enough for a simulation, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A row scored twice: what both runs see of it, and what each sees of its own.
fn scored_twice(dice: &mut Dice, worse: f64) -> (Row, Row) {
    let label = dice.throw() < 0.4;
    let shared = f64::midpoint(dice.throw(), dice.throw()) + if label { 0.25 } else { 0.0 };
    let mut run = |worse: f64| {
        let drop = if label { worse } else { 0.0 };
        let score = (0.6 * shared + 0.25 * dice.throw() - drop).clamp(0.0, 1.0);
        (label, score >= 0.5, score, 0)
    };
    (run(0.0), run(worse))
}

#[test]
fn of_two_runs_that_do_not_differ_one_in_twenty_seems_to_and_a_real_loss_is_found() {
    const RUNS: usize = 200;
    let metrics = [
        "true_positive_rate",
        "accuracy",
        "precision",
        "f1",
        "balanced_accuracy",
        "brier_score",
        "roc_auc",
    ];
    let beyond_chance = |worse: f64, seed: u64| {
        let mut dice = Dice(seed);
        let mut beyond = [0_usize; 7];
        for _ in 0..RUNS {
            let (before, after): (Vec<Row>, Vec<Row>) =
                (0..400).map(|_| scored_twice(&mut dice, worse)).unzip();
            let comparison = compare(&rows(&before), &rows(&after), 0.95).unwrap();
            for (count, metric) in beyond.iter_mut().zip(metrics) {
                let change = comparison.find(metric, &Slice::overall()).unwrap();
                *count += usize::from(change.change.beyond_chance == Some(true));
            }
        }
        beyond
    };
    // 5 % of 200 are 10; three standard deviations of simulation are 9.
    let alike = beyond_chance(0.0, 7);
    assert!(alike.iter().all(|&count| count <= 19), "{alike:?}");
    let worse = beyond_chance(0.08, 8);
    assert!(worse.iter().all(|&count| count > RUNS * 7 / 10), "{worse:?}");
}

#[test]
fn mcnemar_finds_most_losses_of_three_points_on_600_positives_that_the_unpaired_test_misses() {
    let mut dice = Dice(3);
    let (mut paired, mut unpaired) = (0, 0);
    for _ in 0..400 {
        let mut table = Table::default();
        for _ in 0..600 {
            let u = dice.throw();
            // Found before and after; no longer; anew; never.
            let cell = if u < 0.76 {
                7
            } else if u < 0.80 {
                3
            } else if u < 0.81 {
                5
            } else {
                1
            };
            table.0[cell] += 1;
        }
        let rate = |found: u64| {
            let counts = Counts::of_confusion(found, 0, 600 - found, 0);
            of_confusion("true_positive_rate", &counts, 0.95).unwrap()
        };
        let [before, after] = [rate(table.0[7] + table.0[3]), rate(table.0[7] + table.0[5])];
        let moved = table.change(&before, &after, 0.95).unwrap();
        paired += i32::from(moved.bounds.high < 0.0);
        unpaired += i32::from(trend::change(&before, &after, 0.95).beyond_chance == Some(true));
    }
    assert!(paired > 340 && unpaired < 40, "{paired} {unpaired} of 400");
}

/// Sample covariance.
fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>() / (n - 1.0)
}

fn psi(positive: f64, negative: f64) -> f64 {
    match positive.total_cmp(&negative) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    }
}

proptest! {
    #[test]
    fn delongs_paired_variance_is_that_of_all_pairs_of_rows(
        of in prop::collection::vec((any::<bool>(), 0_u8..9, 0_u8..9), 6..50),
    ) {
        let scores = |run: usize| -> Vec<f64> {
            of.iter().map(|row| f64::from([row.1, row.2][run]) / 8.0).collect()
        };
        let (before, after) = (scores(0), scores(1));
        let cells: Vec<u8> = of.iter().map(|row| u8::from(row.0)).collect();
        let placements = |scores: &[f64], class: u8| -> Vec<f64> {
            let other: Vec<f64> = scores.iter().zip(&cells).filter(|(_, c)| **c != class).map(|(s, _)| *s).collect();
            scores.iter().zip(&cells).filter(|(_, c)| **c == class).map(|(&s, _)| {
                other.iter().map(|&o| if class == 1 { psi(s, o) } else { psi(o, s) }).sum::<f64>() / other.len() as f64
            }).collect()
        };
        let (m, n) = (cells.iter().filter(|c| **c == 1).count(), cells.iter().filter(|c| **c == 0).count());
        prop_assume!(m > 1 && n > 1);
        let variance: f64 = [(1, m), (0, n)].into_iter().map(|(class, size)| {
            let (a, b) = (placements(&before, class), placements(&after, class));
            (covariance(&a, &a) + covariance(&b, &b) - 2.0 * covariance(&a, &b)) / size as f64
        }).sum();
        let value = (placements(&after, 1).iter().sum::<f64>() - placements(&before, 1).iter().sum::<f64>()) / m as f64;
        let order = [&before, &after].map(|scores| {
            let mut order: Vec<u32> = (0..scores.len()).filter_map(|row| u32::try_from(row).ok()).collect();
            order.sort_by(|a, b| scores[*a as usize].total_cmp(&scores[*b as usize]));
            order
        });
        let slice_of = vec![0; cells.len()];
        let moved = areas(1, &slice_of, &cells, &[before, after], &order)[0].change(0.95).unwrap();
        prop_assert!((moved.bounds.value - value).abs() < 1e-12);
        if variance > 1e-12 && moved.bounds.high < 1.0 {
            let half = moved.bounds.high - moved.bounds.value;
            prop_assert!((half - interval::z(0.95) * variance.sqrt()).abs() < 1e-9);
        }
    }

    #[test]
    fn the_order_of_runs_turns_every_change_round_and_that_of_rows_changes_nothing(
        of in prop::collection::vec((any::<bool>(), any::<bool>(), 0_u8..9, any::<bool>(), 0_u8..9, 0_u16..2), 4..60),
    ) {
        let before: Vec<Row> = of.iter().map(|r| (r.0, r.1, f64::from(r.2) / 8.0, r.5)).collect();
        let after: Vec<Row> = of.iter().map(|r| (r.0, r.3, f64::from(r.4) / 8.0, r.5)).collect();
        let there = compare(&rows(&before), &rows(&after), 0.9).unwrap();
        let back = compare(&rows(&after), &rows(&before), 0.9).unwrap();
        for (there, back) in there.changes.iter().zip(&back.changes) {
            prop_assert_eq!((&there.slice, &there.metric), (&back.slice, &back.metric));
            prop_assert_eq!(there.change.interval.is_some(), back.change.interval.is_some());
            if let (Some(a), Some(b)) = (&there.change.interval, &back.change.interval) {
                prop_assert!((a.low + b.high).abs() < 1e-12 && (a.high + b.low).abs() < 1e-12, "{a:?} {b:?}");
                prop_assert!(a.low >= -1.0 && a.high <= 1.0 && a.low <= a.high);
                let value = there.change.value.unwrap();
                prop_assert!(a.low <= value && value <= a.high, "{there:?}");
                prop_assert!((0.0..=1.0).contains(&there.p.unwrap()));
            }
        }
        let (mut ids, mut cells, mut scores) = (vec![], vec![], vec![]);
        for (i, row) in after.iter().enumerate().rev() {
            ids.push(i as u128 + 1);
            cells.push(u8::from(row.0) + 2 * u8::from(row.1));
            scores.push(row.2);
        }
        let mut column = rows(&after).attributes.remove(0);
        column.codes.reverse();
        let backwards = Rows::new(ids, cells, scores, vec![column], vec![]);
        prop_assert_eq!(compare(&rows(&before), &backwards, 0.9).unwrap(), there);
    }

    #[test]
    fn precision_is_correlated_as_the_influence_of_its_rows_is(
        counts in prop::array::uniform8(1_u64..30),
    ) {
        let table = Table(counts);
        let all: Vec<(f64, f64, f64)> = counts.iter().enumerate().flat_map(|(at, &n)| {
            let bit = move |b: usize| f64::from(u8::from(at & b > 0));
            (0..n).map(move |_| (bit(1), bit(2), bit(4)))
        }).collect();
        let influence = |prediction: fn(&(f64, f64, f64)) -> f64| -> (f64, Vec<f64>) {
            let below: f64 = all.iter().map(prediction).sum();
            let value = all.iter().map(|row| row.0 * prediction(row)).sum::<f64>() / below;
            (value, all.iter().map(|row| prediction(row) * (row.0 - value) / below).collect())
        };
        let ((p1, before), (p2, after)) = (influence(|row| row.1), influence(|row| row.2));
        let (n, selected) = (all.len() as f64, |run: usize| -> f64 {
            all.iter().map(|row| [row.1, row.2][run]).sum()
        });
        // Half a row, on the scale of influences.
        let half = 0.5 / (n - 1.0) / (selected(0) * selected(1));
        let shared = covariance(&before, &after);
        let shared = if shared > 0.0 { (shared - half).max(0.0) } else { shared };
        let correlation = shared / (covariance(&before, &before) * covariance(&after, &after)).sqrt();
        let cells = |prediction: usize| {
            let rows = |label: usize, predicted: usize| -> u64 {
                (0..8).filter(|at| at & 1 == label && usize::from(at & prediction > 0) == predicted).map(|at| counts[at]).sum()
            };
            Counts::of_confusion(rows(1, 1), rows(0, 1), rows(1, 0), rows(0, 0))
        };
        let [one, two] = [2, 4].map(|run| of_confusion("precision", &cells(run), 0.95).unwrap());
        let moved = table.change(&one, &two, 0.95).unwrap();
        let expected = interval::correlated_difference(
            two.bounds(0.95).unwrap(), one.bounds(0.95).unwrap(), correlation,
        );
        prop_assert!((moved.bounds.value - (p2 - p1)).abs() < 1e-12);
        prop_assert!((moved.bounds.low - expected.low).abs() < 1e-9);
        prop_assert!((moved.bounds.high - expected.high).abs() < 1e-9);
    }
}

#[test]
fn a_mean_moves_by_the_mean_of_its_rows_with_students_t() {
    let scores = [(0.1, 0.2), (0.5, 0.4), (0.3, 0.6), (0.9, 0.95), (0.2, 0.2)];
    let of = |run: usize| -> Vec<Row> {
        scores.iter().map(|s| (s.0 > 0.25, false, [s.0, s.1][run], 0)).collect()
    };
    let comparison = compare(&rows(&of(0)), &rows(&of(1)), 0.95).unwrap();
    let change = comparison.find("mean_score", &Slice::overall()).unwrap();
    // R: t.test(c(.1,-.1,.3,.05,0)): mean 0.07, t = 1.0553, df = 4, p = 0.3508, −0.1142 to 0.2542.
    let interval = change.change.interval.as_ref().unwrap();
    assert!(close(change.change.value.unwrap(), 0.07));
    assert!(
        (interval.low + 0.114_169).abs() < 1e-5 && (interval.high - 0.254_169).abs() < 1e-5,
        "{interval:?}"
    );
    assert!((change.p.unwrap() - 0.350_815).abs() < 1e-5, "{:?}", change.p);
}

#[cfg(feature = "read")]
#[test]
fn rows_survive_being_stored_and_a_damaged_byte_is_no_panic() {
    let of = [(true, true, 0.9, 0), (false, false, 0.2, 1), (true, false, 0.4, 1)];
    let kept = rows(&of).clustered(true);
    let bytes = kept.to_bytes().unwrap();
    assert_eq!(Rows::from_bytes(&bytes, 3).unwrap(), kept);
    assert!(Rows::from_bytes(&bytes, 2).unwrap_err().to_string().contains("too many"));
    for cut in 0..bytes.len() {
        assert!(Rows::from_bytes(&bytes[..cut], 3).is_err(), "{cut}");
        let mut damaged = bytes.clone();
        damaged[cut] ^= 0x55;
        let _ = Rows::from_bytes(&damaged, 3);
    }
}
