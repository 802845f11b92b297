//! Attributes, their groups and how these are crossed.

use crate::*;
use metrics::Slice;
use proptest::prelude::*;

#[test]
fn a_real_group_may_not_be_named_like_the_missing_one() {
    assert_eq!(
        refused("missing.csv", "1,0.5,1,F,A\n1,0.5,1,(missing),A\n"),
        ["line 3, column sex: a group is named `(missing)` \
          (expected another name; empty cells become that group)"]
    );
}

#[test]
fn empty_attributes_are_a_group_or_dropped_and_counted_or_refused() {
    let rows = format!("{HEADER}1,0.5,1,F,A\n1,0.5,1,,A\n0,0.5,1,M, \n0,0.1,0,M,A\n");
    let grouped = read("group.csv", rows.as_bytes(), SPEC).unwrap();
    let names: Vec<&str> =
        grouped.receipt.attributes[1].groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["(missing)", "F", "M"]);
    let dropped =
        read("drop.csv", rows.as_bytes(), &format!("{SPEC}missing = \"drop\"")).unwrap().receipt;
    assert_eq!((dropped.rows_read, dropped.rows_used), (4, 2));
    assert_eq!(
        (dropped.dropped[0].rows, dropped.dropped[0].reason.as_str()),
        (2, "an attribute is empty")
    );
    let refused = shown(read("error.csv", rows.as_bytes(), &format!("{SPEC}missing = \"error\"")));
    assert_eq!(refused.len(), 2);
    assert!(refused[0].starts_with("line 3, column sex: `sex` is empty"), "{refused:?}");
    assert!(refused[1].starts_with("line 4, column race: `race` is empty"), "{refused:?}");
}

#[test]
fn an_attribute_with_a_value_per_row_is_refused_by_name() {
    let rows: Vec<String> = (0..5_000).map(|i| format!("1,0.5,1,person {i},A\n")).collect();
    assert_eq!(
        refused("ids.csv", &rows.concat()),
        ["column sex: attribute `sex` has more than 1000 groups \
          (expected a column with few values, such as bands in place of numbers)"]
    );
}

#[test]
fn many_possible_combinations_are_no_matter_but_many_slices_are_refused() {
    let spec = SPEC.replace("[\"sex\", \"race\"]", "[\"a\", \"b\", \"c\"]").replace("= 2", "= 3");
    let header = "label,score,prediction,a,b,c\n";
    let rows: Vec<String> = (0..300).map(|i| format!("1,0.5,1,{i},{i},{i}\n")).collect();
    let text = format!("{header}{}", rows.concat());
    // 27,000,000 combinations are possible, 300 are there: of one, of two and of three attributes.
    for (name, spec) in [("cells3.csv", spec.clone()), ("cells3b.csv", unscored(&spec))] {
        let evaluation = read(name, text.as_bytes(), &spec).unwrap();
        let counts = evaluation.document.estimates.iter().filter(|e| e.metric == "count");
        assert_eq!(counts.count(), 1 + 7 * 300);
    }
    let rows: Vec<String> =
        (0..24_000).map(|i| format!("1,0.5,1,{},{},{i}\n", i % 200, i / 200)).collect();
    let text = format!("{header}{}", rows.concat());
    let spec = spec.replace("\"c\"]", "]").replace("= 3", "= 2");
    for (name, spec) in [("slices.csv", spec.clone()), ("slicesb.csv", unscored(&spec))] {
        assert_eq!(
            shown(read(name, text.as_bytes(), &spec)),
            ["the spec makes more than 20000 slices of this file \
              (expected at most 20000; cross fewer attributes)"]
        );
    }
}

#[test]
fn a_positive_label_by_name_is_read_and_a_third_label_or_a_mistyped_one_refused() {
    let spec = format!("{SPEC}positive = \">50K\"");
    let rows = format!("{HEADER}>50K,0.9,1,F,A\n<=50K,0.1,0,M,A\n");
    let evaluation = read("named.csv", rows.as_bytes(), &spec).unwrap();
    let base = evaluation.document.estimates.iter().find(|e| e.metric == "base_rate").unwrap();
    assert_eq!((base.numerator, base.denominator), (Some(1), Some(2)));
    let third = format!("{rows}unknown,0.1,0,M,A\n");
    assert_eq!(
        shown(read("third.csv", third.as_bytes(), &spec)),
        ["column label: besides `>50K` there are the labels `<=50K`, `unknown` \
          (expected one label besides the positive one)"]
    );
    let mistyped = format!("{SPEC}positive = \"50K\"");
    assert_eq!(
        shown(read("mistyped.csv", rows.as_bytes(), &mistyped)),
        [
            "column label: no label is `50K` (expected the positive one of the labels: `>50K`, `<=50K`)"
        ]
    );
}

#[test]
fn rows_in_any_order_and_the_threshold_give_the_same_bytes() {
    let spec = SPEC.replace("prediction = \"prediction\"", "threshold = 0.5");
    let mut rows: Vec<String> = (0..3_000_u32)
        .map(|i| {
            let score = f64::from(i.wrapping_mul(2_654_435_761) >> 20) / 4096.0;
            format!("{},{score},0,{},{}\n", (i * 7 % 11) & 1, ["F", "M"][(i % 2) as usize], i % 5)
        })
        .collect();
    let text = |name: &str, rows: &[String]| {
        let bytes = format!("{HEADER}{}", rows.concat());
        serde_json::to_string(&read(name, bytes.as_bytes(), &spec).unwrap().document).unwrap()
    };
    let known = text("order.csv", &rows);
    rows.reverse();
    rows.rotate_left(777);
    assert_eq!(text("reordered.csv", &rows), known);
    assert!(known.contains("\"threshold\":0.5"));
}

#[test]
fn many_combinations_are_counted_another_way_with_the_same_result() {
    // 20 × 20 × 20 combinations are more than are counted at once; 20 × 20 are not.
    let rows: Vec<String> = (0..4_000_u32)
        .map(|i| {
            let [a, b, c, d] = i.wrapping_mul(2_654_435_761).to_be_bytes();
            let score = f64::from(d) / 255.0;
            format!("{},{score},{},{},{},{}\n", a & 1, b & 1, a % 20, b % 20, c % 20)
        })
        .collect();
    let text = format!("label,score,prediction,a,b,c\n{}", rows.concat());
    let of = |slices: &str| {
        let spec = SPEC.replace("\"sex\", \"race\"", slices);
        read("combinations.csv", text.as_bytes(), &spec).unwrap().document.estimates
    };
    let (three, two) = (of("\"a\", \"b\", \"c\""), of("\"a\", \"b\""));
    let without_c: Vec<_> = three.into_iter().filter(|e| e.slice.group("c").is_none()).collect();
    assert!(two.len() > 400 && without_c == two);
    let spec = unscored(&SPEC.replace("\"sex\", \"race\"", "\"a\", \"b\", \"c\""));
    let unkept = read("unkept.csv", text.as_bytes(), &spec).unwrap().document.estimates;
    let of_counts = |e: &&metrics::Estimate| e.value.is_some() && !SCORED.contains(&&*e.metric);
    let all = SPEC.replace("\"sex\", \"race\"", "\"a\", \"b\", \"c\"");
    let kept = read("kept.csv", text.as_bytes(), &all).unwrap().document.estimates;
    assert!(kept.iter().filter(of_counts).eq(unkept.iter().filter(of_counts)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn groups_of_an_attribute_add_up_to_overall(
        rows in prop::collection::vec((0_u8..2, 0_u8..=100, 0_u8..2, 0_u8..3, 0_u8..3), 1..80),
    ) {
        let text: Vec<String> = rows
            .iter()
            .map(|(y, s, p, a, b)| format!("{y},{},{p},{a},{b}\n", f64::from(*s) / 100.0))
            .collect();
        let evaluation = read("sum.csv", format!("{HEADER}{}", text.concat()).as_bytes(), SPEC).unwrap();
        for metric in ["selection_rate", "true_positive_rate", "precision"] {
            let sum = |pick: &dyn Fn(&Slice) -> bool| -> (u64, u64) {
                evaluation
                    .document
                    .estimates
                    .iter()
                    .filter(|e| e.metric == metric && pick(&e.slice))
                    .fold((0, 0), |(k, n), e| {
                        (k + e.numerator.unwrap(), n + e.denominator.unwrap())
                    })
            };
            let overall = sum(&Slice::is_overall);
            prop_assert_eq!(sum(&|slice| slice.arity() == 1 && slice.group("sex").is_some()), overall);
            prop_assert_eq!(sum(&|slice| slice.arity() == 2), overall);
        }
    }
}
