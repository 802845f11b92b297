use super::*;
use crate::domain::policy::{self, Draft};
use metrics::power;
use time::Duration;
use time::macros::datetime;
use uuid::Uuid;

const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

fn rate(slice: &str, metric: &str, k: u64, n: u64) -> Estimate {
    Estimate {
        slice: Slice::parse(slice).unwrap(),
        metric: metric.to_owned(),
        value: (n > 0).then(|| k as f64 / n as f64),
        n: Some(n),
        numerator: Some(k),
        denominator: Some(n),
        positives: Some(n),
        n_effective: None,
        stderr: None,
        threshold: None,
        interval: None,
        undefined: (n == 0).then(|| "no positives".to_owned()),
    }
}

fn run(estimates: Vec<Estimate>) -> EvidenceRun {
    EvidenceRun {
        id: RunId(Uuid::from_u128(1)),
        digest: "sha256:1".to_owned(),
        version_label: "v1".to_owned(),
        dataset_name: "census".to_owned(),
        dataset_version: "1".to_owned(),
        instrument_name: "evenhand-metrics".to_owned(),
        instrument_definitions: "1".to_owned(),
        evaluated_at: NOW - Duration::days(10),
        outcome: Outcome::Favourable,
        recomputed: true,
        estimates,
        unconfirmed: vec![],
        replaced: vec![],
    }
}

fn policy(rule: &str) -> Policy {
    let source = format!(
        "schema = 'evenhand.policy/v1'\nname = 'Test'\n[[rule]]\nid = 'r'\nleast_n = 30\n{rule}"
    );
    policy::parse(&source).map(|draft: Draft| draft.resolve(None)).expect(rule)
}

fn judged(rule: &str, runs: &[EvidenceRun]) -> Readiness {
    let policy = policy(rule);
    judge(&Case { policy: Some(&policy), runs, launched: None, waivers: &[], at: NOW })
}

const FLOOR: &str = "metric = 'accuracy'\nslices = ['']\nmin = 0.8\n";
const GAP: &str =
    "metric = 'true_positive_rate'\nby = ['sex']\ndisparity = 'difference'\nmax = 0.1\n";

#[test]
fn an_estimate_passes_fails_or_cannot_be_told_by_where_its_interval_lies() {
    for (k, n, safety, harm) in [
        (900, 1000, Verdict::Pass, Verdict::Pass),
        (700, 1000, Verdict::Fail, Verdict::Fail),
        (81, 100, Verdict::NotEnoughEvidence, Verdict::Pass),
        (79, 100, Verdict::NotEnoughEvidence, Verdict::Pass),
        (20, 20, Verdict::NotEnoughEvidence, Verdict::NotEnoughEvidence),
    ] {
        let runs = [run(vec![rate("", "accuracy", k, n)])];
        let by = |burden: &str| judged(&format!("{FLOOR}burden = '{burden}'\n"), &runs).verdict;
        assert_eq!((by("safety"), by("harm")), (safety, harm), "{k} of {n}");
    }
}

#[test]
fn a_hole_in_the_evidence_is_never_a_pass_and_says_what_it_is() {
    let good = || vec![rate("", "accuracy", 900, 1000)];
    let stale = EvidenceRun { evaluated_at: NOW - Duration::days(100), ..run(good()) };
    let reported = |mut e: Estimate| {
        (e.numerator, e.denominator) = (None, None);
        EvidenceRun { recomputed: false, ..run(vec![e]) }
    };
    let without_n = Estimate { n: None, ..rate("", "accuracy", 900, 1000) };
    let undefined = rate("", "accuracy", 0, 0);
    let unconfirmed = EvidenceRun { unconfirmed: vec![Slice::overall()], ..run(good()) };
    let replaced = EvidenceRun { replaced: vec![Slice::overall()], ..run(good()) };
    for (runs, says) in [
        (vec![], "the version has no run"),
        (vec![stale], "the newest run is 100 days old, more than 90"),
        (vec![run(vec![])], "the run has no accuracy for Overall"),
        (vec![reported(rate("", "accuracy", 900, 1000))], "wants it recomputed"),
        (vec![reported(without_n)], "reported without n"),
        (vec![run(vec![undefined])], "Overall has 0 rows, the rule wants 30"),
        (vec![unconfirmed], "nobody has confirmed"),
        (vec![replaced], "other groups had taken the place"),
        (vec![run(vec![rate("", "accuracy", 20, 20)])], "about 10 rows more would decide"),
    ] {
        let readiness = judged(&format!("{FLOOR}max_age_days = 90\n"), &runs);
        assert_eq!(readiness.verdict, Verdict::NotEnoughEvidence, "{says}");
        let sentence = &readiness.rules[0].sentence;
        assert!(sentence.contains(says), "{sentence}");
    }
}

#[test]
fn without_a_policy_there_is_not_enough_evidence() {
    let runs = [run(vec![rate("", "accuracy", 900, 1000)])];
    let case = Case { policy: None, runs: &runs, launched: None, waivers: &[], at: NOW };
    assert_eq!(judge(&case).verdict, Verdict::NotEnoughEvidence);
}

#[test]
fn a_gap_is_held_against_the_best_group_that_has_enough_rows() {
    let metric = "true_positive_rate";
    let runs = [run(vec![
        rate("sex=A", metric, 830, 1000),
        rate("sex=B", metric, 600, 1000),
        rate("sex=C", metric, 10, 10),
    ])];
    let outcome = &judged(GAP, &runs).rules[0];
    let verdicts: Vec<(String, Verdict)> =
        outcome.parts.iter().map(|part| (part.slice.label(), part.verdict)).collect();
    assert_eq!(
        verdicts,
        [
            ("B".to_owned(), Verdict::Fail),
            ("C".to_owned(), Verdict::NotEnoughEvidence),
            ("A".to_owned(), Verdict::Pass),
        ],
        "C has too few rows to be judged, or to be what others are compared with"
    );
    assert_eq!(
        outcome.sentence,
        "fails: B against A: \u{2212}0.230 [\u{2212}0.27, \u{2212}0.19] is not within ±0.1"
    );
}

#[test]
fn an_attribute_that_was_not_measured_and_one_with_a_single_group_are_holes() {
    let only = [run(vec![rate("sex=A", "true_positive_rate", 800, 1000)])];
    assert!(judged(GAP, &only).rules[0].sentence.contains("the only group with enough rows"));
    let none = [run(vec![rate("race=A", "true_positive_rate", 800, 1000)])];
    assert!(judged(GAP, &none).rules[0].sentence.contains("no true_positive_rate by sex"));
}

#[test]
fn a_waiver_lifts_its_slice_and_bound_until_it_expires() {
    let metric = "true_positive_rate";
    let runs = [run(vec![rate("sex=A", metric, 830, 1000), rate("sex=B", metric, 600, 1000)])];
    let policy = policy(GAP);
    let waiver = |bound: &str, expires_at| WaiverInForce {
        id: WaiverId(Uuid::from_u128(7)),
        rule: "r".to_owned(),
        slice: Slice::parse("sex=B").unwrap(),
        metric: metric.to_owned(),
        bound: bound.to_owned(),
        expires_at,
    };
    let verdict = |waiver: WaiverInForce| {
        let waivers = [waiver];
        let case =
            Case { policy: Some(&policy), runs: &runs, launched: None, waivers: &waivers, at: NOW };
        judge(&case)
    };
    let tomorrow = NOW + Duration::days(1);
    let lifted = verdict(waiver("at most 0.1", tomorrow));
    assert_eq!((lifted.verdict, lifted.valid_until), (Verdict::Pass, Some(tomorrow)));
    assert!(lifted.rules[0].waived && lifted.rules[0].verdict == Verdict::Fail);
    assert_eq!(verdict(waiver("at most 0.1", NOW)).verdict, Verdict::Fail, "it has expired");
    assert_eq!(verdict(waiver("at most 0.2", tomorrow)).verdict, Verdict::Fail, "another bound");
}

#[test]
fn only_blocking_rules_hold_a_launch_back() {
    let runs = [run(vec![rate("", "accuracy", 700, 1000)])];
    for (mode, verdict) in
        [("block", Verdict::Fail), ("warn", Verdict::Pass), ("shadow", Verdict::Pass)]
    {
        let readiness = judged(&format!("{FLOOR}mode = '{mode}'\n"), &runs);
        assert_eq!(readiness.verdict, verdict, "{mode}");
        assert_eq!(readiness.rules[0].verdict, Verdict::Fail, "it is shown all the same");
    }
}

#[test]
fn a_change_is_against_the_launched_version_on_the_same_dataset() {
    let rule = "metric = 'accuracy'\nslices = ['']\nchange = 'last_launched'\nmin = -0.02\n";
    let policy = policy(rule);
    let new = [run(vec![rate("", "accuracy", 8000, 10_000)])];
    let verdict = |launched: Option<&[EvidenceRun]>| {
        judge(&Case { policy: Some(&policy), runs: &new, launched, waivers: &[], at: NOW })
    };
    let first = verdict(None);
    assert!(!first.rules[0].applies, "nothing was launched yet");
    let before = run(vec![rate("", "accuracy", 9000, 10_000)]);
    let fallen = verdict(Some(std::slice::from_ref(&before)));
    assert_eq!((fallen.verdict, fallen.changed_from()), (Verdict::Fail, vec![before.id]));
    let elsewhere = EvidenceRun { dataset_version: "2".to_owned(), ..before };
    for without in [vec![], vec![elsewhere]] {
        assert_eq!(verdict(Some(&without)).verdict, Verdict::NotEnoughEvidence);
    }
}

#[test]
fn the_newest_run_on_the_named_dataset_is_taken_and_the_same_case_gives_the_same_text() {
    let other = EvidenceRun {
        dataset_name: "other".to_owned(),
        ..run(vec![rate("", "accuracy", 100, 1000)])
    };
    let runs = [other, run(vec![rate("", "accuracy", 900, 1000)])];
    let readiness = judged(&format!("{FLOOR}dataset = 'census'\n"), &runs);
    assert_eq!((readiness.verdict, readiness.runs_looked_at), (Verdict::Pass, 2));
    let text = |readiness: &Readiness| serde_json::to_string(readiness).unwrap();
    let again = judged(&format!("{FLOOR}dataset = 'census'\n"), &runs);
    assert_eq!(text(&readiness), text(&again));
    let read: Readiness = serde_json::from_str(&text(&readiness)).unwrap();
    assert_eq!(read, readiness, "what was stored reads back");
}

#[test]
fn a_small_cell_keeps_its_verdict_and_loses_its_numbers() {
    let mut readiness = judged(FLOOR, &[run(vec![rate("", "accuracy", 7, 8)])]);
    readiness.hide_small_cells(10);
    let text = serde_json::to_string(&readiness.rules[0].parts).unwrap();
    assert_eq!(readiness.verdict, Verdict::NotEnoughEvidence);
    assert!(text.contains("hidden") && !text.contains('8'), "{text}");
    assert!(!readiness.rules[0].sentence.contains('8'), "{}", readiness.rules[0].sentence);
}

/// SplitMix64 (Steele, Lea and Flood 2014): enough for a simulation, the same on every machine.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn binomial(&mut self, n: u64, p: f64) -> u64 {
        (0..n).filter(|_| self.unit() < p).count() as u64
    }
}

/// The share of replicates in which a rule over these groups gives this verdict.
fn share(rule: &str, n: u64, shares: &[f64], wanted: Verdict, replicates: u32) -> f64 {
    let policy = policy(rule);
    let mut random = Random(20_261_123);
    let mut hits = 0;
    for _ in 0..replicates {
        let mut counts: Vec<u64> = shares.iter().map(|p| random.binomial(n, *p)).collect();
        let total = counts.iter().sum();
        let mut estimates = vec![rate("", "true_positive_rate", total, n * shares.len() as u64)];
        for (i, k) in counts.drain(..).enumerate() {
            estimates.push(rate(&format!("sex=g{i}"), "true_positive_rate", k, n));
        }
        let runs = [run(estimates)];
        let case =
            Case { policy: Some(&policy), runs: &runs, launched: None, waivers: &[], at: NOW };
        hits += u32::from(judge(&case).verdict == wanted);
    }
    f64::from(hits) / f64::from(replicates)
}

/// Three standard errors of a simulated share near 5 %.
fn slack(replicates: u32) -> f64 {
    3.0 * (0.05 * 0.95 / f64::from(replicates)).sqrt()
}

#[test]
fn with_no_difference_a_five_group_rule_fails_in_at_most_five_per_cent() {
    let replicates = 600;
    for burden in ["safety", "harm"] {
        for reference in ["best", "overall", "rest", "group:g0"] {
            // The strictest bound that can be asked for is where it would fail most often.
            let rule = format!(
                "metric = 'true_positive_rate'\nby = ['sex']\ndisparity = 'difference'\n\
                 reference = '{reference}'\nmax = 0.0001\nburden = '{burden}'\n"
            );
            let fails = share(&rule, 200, &[0.3; 5], Verdict::Fail, replicates);
            assert!(fails <= 0.05 + slack(replicates), "{burden}, {reference}: {fails}");
        }
    }
}

#[test]
fn a_difference_of_bound_and_delta_fails_in_four_of_five_at_the_planned_rows() {
    let (p, bound, delta, level) = (0.7, 0.05, 0.1, 0.95);
    // Against the best of two groups the error is shared by one pair.
    let n = power::rows_to_fail(p - f64::midpoint(bound, delta), delta, level, 0.8).unwrap();
    for burden in ["safety", "harm"] {
        let rule = format!(
            "metric = 'true_positive_rate'\nby = ['sex']\ndisparity = 'difference'\n\
             max = {bound}\ndelta = {delta}\nburden = '{burden}'\n"
        );
        let fails = share(&rule, n, &[p, p - bound - delta], Verdict::Fail, 600);
        assert!(fails >= 0.8 - 0.05, "{burden}: {fails} at {n} rows");
    }
}

#[test]
fn the_planned_chance_that_a_fair_model_passes_is_right() {
    let (p, bound) = (0.7, 0.1);
    for n in [200, 400, 800] {
        let planned = power::chance_to_pass(p, n as f64, bound, 0.95);
        let rule = format!(
            "metric = 'true_positive_rate'\nby = ['sex']\ndisparity = 'difference'\nmax = {bound}\n"
        );
        let passed = share(&rule, n, &[p, p], Verdict::Pass, 600);
        assert!((passed - planned).abs() < 0.07, "{n}: planned {planned}, passed {passed}");
    }
}
