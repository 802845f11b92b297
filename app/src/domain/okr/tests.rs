use super::*;
use time::macros::datetime;

fn at(value: f64, half: f64) -> Reading {
    Reading { value, interval: Some((value - half, value + half)) }
}

fn graded(baseline: Reading, target: f64, now: Reading, elapsed: f64) -> Grade {
    grade(&ToGrade {
        promise: Promise::Aspirational,
        baseline: Some(baseline),
        target: Some(target),
        now: Ok(now),
        counter: None,
        elapsed,
    })
}

#[test]
fn a_grade_is_the_share_of_the_way_and_its_state_the_pace() {
    for (now, elapsed, value, standing) in [
        (0.09, 0.5, 0.0, Standing::OffTrack),
        (0.07, 0.5, 0.25, Standing::AtRisk),
        (0.05, 0.5, 0.5, Standing::OnTrack),
        (0.01, 1.0, 1.0, Standing::OnTrack),
        (0.00, 0.5, 1.0, Standing::OnTrack),
        (0.12, 0.5, 0.0, Standing::OffTrack),
        (0.09, 0.0, 0.0, Standing::OnTrack),
    ] {
        let grade = graded(at(0.09, 0.01), 0.01, at(now, 0.01), elapsed);
        let got = grade.value.unwrap();
        assert!((got - value).abs() < 1e-9, "{now}: {got}");
        assert_eq!(grade.standing, standing, "{now} at {elapsed}");
    }
}

#[test]
fn the_interval_of_the_value_is_that_of_the_grade() {
    let grade = graded(at(0.10, 0.01), 0.0, at(0.05, 0.02), 0.5);
    let (low, high) = grade.interval.unwrap();
    assert!((low - 0.3).abs() < 1e-9 && (high - 0.7).abs() < 1e-9, "{low} {high}");
}

#[test]
fn what_noise_could_do_is_no_grade() {
    let grade = graded(at(0.10, 0.05), 0.05, at(0.06, 0.05), 0.5);
    assert_eq!((grade.value, grade.standing), (None, Standing::CannotBeGraded));
    assert!(grade.why.unwrap().contains("shorter than"));
    let same = graded(at(0.10, 0.0), 0.10, at(0.06, 0.0), 0.5);
    assert_eq!(same.standing, Standing::CannotBeGraded, "target equal to baseline");
}

#[test]
fn without_a_baseline_or_a_value_it_cannot_be_graded_and_says_why() {
    let base = ToGrade {
        promise: Promise::Committed,
        baseline: None,
        target: Some(0.1),
        now: Ok(at(0.2, 0.0)),
        counter: None,
        elapsed: 0.5,
    };
    assert_eq!(grade(&base).why.as_deref(), Some("it has no baseline"));
    let unknown = ToGrade { baseline: Some(at(0.5, 0.0)), now: Err("its run was voided"), ..base };
    assert_eq!(grade(&unknown).why.as_deref(), Some("its run was voided"));
}

#[test]
fn a_failing_or_unknown_counter_metric_holds_the_grade_back() {
    for counter in [Ok(false), Err("no run".to_owned())] {
        let grade = grade(&ToGrade {
            promise: Promise::Aspirational,
            baseline: Some(at(0.09, 0.0)),
            target: Some(0.01),
            now: Ok(at(0.01, 0.0)),
            counter: Some(counter),
            elapsed: 0.5,
        });
        assert_eq!(grade.value, Some(HELD_AT));
        assert!(grade.why.unwrap().starts_with("held back"));
    }
}

#[test]
fn what_was_committed_must_be_whole_at_the_end() {
    let at_end = |promise| {
        grade(&ToGrade {
            promise,
            baseline: Some(at(0.0, 0.0)),
            target: Some(1.0),
            now: Ok(at(0.9, 0.0)),
            counter: None,
            elapsed: 1.0,
        })
        .standing
    };
    assert_eq!(at_end(Promise::Committed), Standing::OffTrack);
    assert_eq!(at_end(Promise::Aspirational), Standing::OnTrack);
}

#[test]
fn an_objective_is_the_mean_of_what_can_be_graded_and_says_what_it_left_out() {
    let grades = [
        graded(at(0.0, 0.0), 1.0, at(0.8, 0.0), 0.5),
        graded(at(0.0, 0.0), 1.0, at(0.4, 0.0), 0.5),
        Grade::none("no run"),
    ];
    let (grade, left_out) = roll_up(Promise::Aspirational, &grades, 0.5);
    assert!((grade.value.unwrap() - 0.6).abs() < 1e-9);
    assert_eq!((left_out, grade.standing), (1, Standing::OnTrack));
    assert_eq!(roll_up(Promise::Committed, &[], 0.5).0.standing, Standing::CannotBeGraded);
}

#[test]
fn a_quarter_reads_back_and_knows_its_days() {
    let period: Period = "2026-Q4".parse().unwrap();
    assert_eq!(period, Period::of(datetime!(2026-11-23 12:00 UTC)));
    assert_eq!(period.start(), datetime!(2026-10-01 00:00 UTC));
    assert_eq!(period.next().to_string(), "2027-Q1");
    assert_eq!(period.previous().to_string(), "2026-Q3");
    assert!((period.elapsed(datetime!(2026-11-16 00:00 UTC)) - 0.5).abs() < 1e-9);
    for wrong in ["2026", "2026-Q5", "26-Q1", "Q1-2026", ""] {
        assert!(wrong.parse::<Period>().is_err(), "{wrong}");
    }
}
