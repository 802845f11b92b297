use super::*;

const SPEC: &str = r#"
task = "binary_classification"
label = "label"
score = "score"
prediction = "prediction"
weight = "weight"
slices = ["sex", "race"]
intersections = 2
"#;

fn sql(spec: &str, dialect: Dialect) -> Result<String, Vec<String>> {
    let spec = Spec::parse(spec).unwrap();
    let query = Query::new(dialect, "data.predictions");
    query.sql(&spec).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn rows_are_grouped_by_every_slice_that_the_spec_asks_for() {
    for dialect in Dialect::ALL {
        let text = sql(SPEC, dialect).unwrap();
        for set in [
            "(evenhand_bin, evenhand_calibration)",
            "(evenhand_bin, evenhand_calibration, evenhand_a0)",
            "(evenhand_bin, evenhand_calibration, evenhand_a1)",
            "(evenhand_bin, evenhand_calibration, evenhand_a0, evenhand_a1)",
        ] {
            assert!(text.contains(set), "{dialect}: {set}");
        }
    }
    let bare = "task = 'binary_classification'\nlabel = 'y'\nprediction = 'p'";
    assert!(sql(bare, Dialect::DuckDb).unwrap().contains("grouping sets (\n    ()\n  )"));
}

#[test]
fn names_and_texts_stay_names_and_texts_whatever_they_hold() {
    let hostile = [
        "x\"; drop table predictions; --",
        "x`; drop table predictions; --",
        "x'; drop table predictions; --",
        "x\\",
        "größe ≥ 50 %",
        "$$",
    ];
    for name in hostile {
        let text = serde_json::to_string(name).unwrap();
        let spec = format!(
            "{{\"task\": \"binary_classification\", \"label\": \"y\", \"positive\": {text}, \
             \"prediction\": \"p\", \"slices\": [{text}]}}"
        );
        for dialect in Dialect::ALL {
            let Ok(sql) = sql(&spec, dialect) else {
                assert_eq!(dialect, Dialect::BigQuery, "{name}");
                continue;
            };
            let quote =
                if matches!(dialect, Dialect::Spark | Dialect::BigQuery) { '`' } else { '"' };
            let doubled = name.replace(quote, &format!("{quote}{quote}"));
            let identifier = format!("{quote}{doubled}{quote}");
            let rest = sql.replace(&identifier, "");
            assert_ne!(rest, sql, "{dialect}: {name} is there as a name");
            assert!(!rest.contains(name), "{dialect}: {name} is there as nothing else");
            assert!(!rest.contains("drop table"), "{dialect}: {name}");
        }
    }
}

#[test]
fn names_that_a_dialect_cannot_write_and_names_of_our_own_are_refused() {
    let long =
        format!("task = 'binary_classification'\nlabel = '{}'\nprediction = 'p'", "y".repeat(64));
    assert_eq!(
        sql(&long, Dialect::Postgres).unwrap_err(),
        [format!(
            "the name `{}` has 64 bytes (expected at most 63, as PostgreSQL has it)",
            "y".repeat(64)
        )]
    );
    assert!(sql(&long, Dialect::DuckDb).is_ok());
    let own = SPEC.replace("\"sex\"", "\"Score_Bin\"");
    assert_eq!(
        sql(&own, Dialect::DuckDb).unwrap_err(),
        ["/slices/0: attribute `Score_Bin` is named like a column of counts \
          (expected another name for the column)"]
    );
    let query = Query { bins: 0, weight_exponent: Some(-65), ..Query::new(Dialect::Spark, "a..b") };
    let problems = query.sql(&Spec::parse(SPEC).unwrap()).unwrap_err();
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn numbers_are_written_to_the_last_bit() {
    for number in [0.1, f64::MAX, libm::ldexp(1.0, 62), 5e-324] {
        let text = Dialect::Postgres.number(number);
        let digits = text.split('\'').nth(1).unwrap();
        assert_eq!(digits.parse::<f64>().unwrap().to_bits(), number.to_bits());
    }
}

#[test]
fn the_digest_of_a_spec_follows_what_is_counted_and_nothing_else() {
    let digest = |text: &str| counted::digest(&Spec::parse(text).unwrap());
    let known = digest(SPEC);
    assert_eq!(known.len(), 16);
    assert_eq!(digest(&SPEC.replace("intersections = 2", "")), known);
    for (from, to) in [
        ("prediction = \"prediction\"", "threshold = 0.4"),
        ("\"sex\"", "\"age\""),
        ("weight = \"weight\"\n", ""),
        ("intersections = 2", "missing = \"drop\""),
    ] {
        assert_ne!(digest(&SPEC.replace(from, to)), known, "{to}");
    }
}
