//! A planted slice is found and confirmed; in noise there is seldom anything to find.

use super::*;
use crate::random::Stream;
use crate::read::Attribute;

const SEARCH: fn() -> Search = || Search {
    metric: "accuracy".to_owned(),
    depth: 3,
    least_n: 30,
    rate: 0.05,
    seed: 7,
    level: 0.95,
};

/// Rows over attributes with so many groups each, all equally likely; `wrong` is how likely a row of
/// these groups is to be predicted wrongly.
fn table(rows: usize, sizes: &[u16], seed: u64, wrong: impl Fn(&[u16]) -> f64) -> Table {
    let mut stream = Stream::new(seed, "table", 0);
    let mut table = Table::default();
    for (place, &size) in sizes.iter().enumerate() {
        table.attributes.push(Attribute {
            name: format!("a{place}"),
            groups: (0..size).map(|group| format!("g{group}")).collect(),
            codes: Vec::new(),
        });
    }
    for _ in 0..rows {
        let codes: Vec<u16> = sizes
            .iter()
            .map(|&size| u16::try_from(stream.below(u64::from(size))).unwrap())
            .collect();
        let label = u8::from(stream.uniform() < 0.5);
        let prediction = if stream.uniform() < wrong(&codes) { 1 - label } else { label };
        table.cells.push(label + 2 * prediction);
        for (attribute, code) in table.attributes.iter_mut().zip(codes) {
            attribute.codes.push(code);
        }
    }
    table
}

fn searched(table: &Table, search: &Search) -> SliceSearch {
    search_table(table, criterion(&search.metric, Outcome::Favourable).unwrap(), search)
}

#[test]
fn a_planted_slice_is_the_first_found_is_confirmed_and_explains_the_slices_around_it() {
    let planted = |codes: &[u16]| if codes[0] == 1 && codes[2] == 2 { 0.4 } else { 0.1 };
    let found = searched(&table(20_000, &[2, 5, 4, 3], 1, planted), &SEARCH());
    let first = &found.found[0];
    assert_eq!(first.slice.to_string(), "a0=g1;a2=g2", "{:?}", found.found);
    assert!(matches!(first.confirmation, Confirmation::Confirmed { .. }));
    let (value, rest) = (first.held_out.value.unwrap(), first.held_out.rest.unwrap());
    assert!((value - 0.6).abs() < 0.05 && (rest - 0.9).abs() < 0.02, "{value} {rest}");
    let ends = first.held_out.difference.as_ref().unwrap();
    assert!(ends.low < value - rest && value - rest < ends.high && ends.high < -0.2);
    // Its parents, diluted, and its children, no worse than itself, are not findings of their own.
    let by = |text: &str| {
        let slice = Slice::parse(text).unwrap();
        found.explained.iter().find(|it| it.slice == slice).map(|it| it.by.to_string())
    };
    assert_eq!(by("a0=g1").as_deref(), Some("a0=g1;a2=g2"));
    assert_eq!(by("a2=g2").as_deref(), Some("a0=g1;a2=g2"));
    // Nor is what merely shares rows with it.
    assert_eq!(by("a1=g4;a2=g2").as_deref(), Some("a0=g1;a2=g2"));
    assert!(found.found.len() == 1 && found.explained.len() > 20, "{found:?}");
    assert!(found.exploratory && found.rows.iter().sum::<u64>() == 20_000);
}

#[test]
fn a_slice_that_is_worse_within_a_bad_one_is_listed_beside_it() {
    let nested = |codes: &[u16]| match (codes[0], codes[1]) {
        (0, 0) => 0.6,
        (0, _) => 0.3,
        _ => 0.1,
    };
    let found = searched(&table(20_000, &[4, 4], 2, nested), &SEARCH());
    let slices: Vec<String> = found.found.iter().map(|it| it.slice.to_string()).collect();
    assert_eq!(slices, ["a0=g0;a1=g0", "a0=g0"]);
}

#[test]
fn two_bad_slices_and_a_worse_part_of_one_are_three_findings() {
    let wrong = |codes: &[u16]| match (codes[0], codes[1], codes[2]) {
        (0, 0, _) => 0.6,
        (0, ..) => 0.5,
        (_, _, 1) => 0.3,
        _ => 0.05,
    };
    let found = searched(&table(60_000, &[4, 9, 4], 6, wrong), &Search { depth: 2, ..SEARCH() });
    let slices: Vec<String> = found.found.iter().map(|it| it.slice.to_string()).collect();
    assert_eq!(slices, ["a0=g0", "a0=g0;a1=g0", "a2=g1"]);
}

#[test]
fn in_pure_noise_the_false_discovery_rate_holds() {
    let runs = 200;
    let (mut discoveries, mut confirmations) = (0, 0);
    for seed in 0..runs {
        let noise = table(2_000, &[2, 5, 4], seed, |_| 0.2);
        let found = searched(&noise, &Search { seed, ..SEARCH() });
        assert!(found.tested > 40, "{}", found.tested);
        discoveries += u32::from(!found.found.is_empty());
        confirmations += u32::from(
            found.found.iter().any(|it| matches!(it.confirmation, Confirmation::Confirmed { .. })),
        );
    }
    // 5 % are promised: above 21 of 200 has a chance of one in a thousand.
    assert!(discoveries <= 21, "{discoveries}");
    assert!(confirmations <= 4, "{confirmations}");
}

#[test]
fn the_search_is_the_same_for_any_number_of_threads_and_another_seed_splits_otherwise() {
    let table = table(5_000, &[3, 4, 5], 5, |codes| if codes[1] == 0 { 0.3 } else { 0.1 });
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| searched(&table, &SEARCH()))
    };
    assert_eq!(run(1), run(5));
    let other = searched(&table, &Search { seed: 8, ..SEARCH() });
    assert_ne!(run(1).rows, other.rows);
    let halves = (0..10_000).filter(|&row| half_of(7, row) == 1).count();
    assert!((4_800..5_200).contains(&halves), "{halves}");
}

#[test]
fn slices_with_too_few_rows_are_not_looked_into_and_are_counted() {
    let table = table(2_000, &[2, 50, 50], 3, |_| 0.2);
    let found = searched(&table, &Search { least_n: 100, ..SEARCH() });
    // Only the two groups of the first attribute have a hundred rows in one half.
    assert_eq!((found.tested, found.too_small, found.least_n), (2, 100, 100));
}

#[test]
fn a_slice_that_could_not_be_found_with_all_its_rows_bad_is_not_tested() {
    // Half of all rows are bad: 5 bad rows of 5 have p = 1/32, 4 of 4 have p = 1/16.
    let all = Halves { bad: [5_000, 0], n: [10_000, 0] };
    assert_eq!(least_to_be_found(&all, 0.05), 5);
    assert_eq!(least_to_be_found(&Halves { bad: [0, 0], n: [100, 0] }, 0.05), 101);
    let right = table(500, &[2, 2], 4, |_| 0.0);
    let found = searched(&right, &SEARCH());
    assert!(found.found.is_empty() && found.tested == 0);
}

#[test]
fn a_family_grows_only_while_all_of_its_parts_are_alive() {
    let alive = BTreeSet::from([vec![0, 1], vec![0, 2], vec![1, 2], vec![1, 3]]);
    assert_eq!(grown(&alive, 4), [vec![0, 1, 2]]);
    assert_eq!(grown(&BTreeSet::from([vec![]]), 2), [vec![0], vec![1]]);
}

#[test]
fn a_metric_that_is_no_rate_or_has_no_worse_way_is_refused() {
    for metric in ["roc_auc", "f1", "nonsense"] {
        assert!(criterion(metric, Outcome::Favourable).is_err(), "{metric}");
    }
    assert!(criterion("selection_rate", Outcome::Neutral).is_err());
    let adverse = criterion("selection_rate", Outcome::Adverse).unwrap();
    assert_eq!((adverse.bad, adverse.counts_bad), ([false, false, true, true], true));
    let missed = criterion("true_positive_rate", Outcome::Neutral).unwrap();
    assert_eq!(missed.looked_at, [false, true, false, true]);
    assert_eq!((missed.bad, missed.counts_bad), ([false, true, false, false], false));
}
