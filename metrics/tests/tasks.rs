//! Every task from a file to its numbers, against scikit-learn, scipy and numpy, to 1e-9.
//!
//! The files and the numbers are made by `tests/fixtures/tasks/make.py`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use metrics::evaluate::{About, Evaluation, LEVEL, evaluate};
use metrics::{DatasetRef, Estimate, Problem, Slice, Spec};
use serde_json::Value;
use std::path::{Path, PathBuf};
use time::macros::datetime;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name)
}

fn known() -> Value {
    serde_json::from_str(&std::fs::read_to_string(fixture("tasks/known.json")).unwrap()).unwrap()
}

fn read(path: &Path, spec: &str) -> Result<Evaluation, Vec<Problem>> {
    let dataset =
        DatasetRef { name: "made".to_owned(), version: "1".to_owned(), digest: None, rows: None };
    let about = About { dataset, evaluated_at: datetime!(2026-11-01 00:00 UTC), level: LEVEL };
    evaluate(path, &Spec::parse(spec).unwrap(), about)
}

fn evaluated(file: &str, spec: &str) -> Evaluation {
    read(&fixture(file), spec).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn find<'a>(evaluation: &'a Evaluation, slice: &str, metric: &str) -> &'a Estimate {
    let slice = Slice::parse(slice).unwrap();
    let all = &evaluation.document.estimates;
    all.iter()
        .find(|e| e.slice == slice && e.metric == metric)
        .unwrap_or_else(|| panic!("no {metric} of {slice}"))
}

fn close(got: f64, wanted: f64, what: &str) {
    assert!((got - wanted).abs() < 1e-9 * wanted.abs().max(1.0), "{what}: {got} is not {wanted}");
}

/// Compares all metrics that are known of some groups of an attribute; the empty group is overall.
fn compare(evaluation: &Evaluation, attribute: &str, known: &Value) -> usize {
    let mut compared = 0;
    for (group, values) in known.as_object().unwrap() {
        let slice = if group.is_empty() { String::new() } else { format!("{attribute}={group}") };
        for (metric, wanted) in values.as_object().unwrap() {
            let estimate = find(evaluation, &slice, metric);
            close(
                estimate.value.unwrap(),
                wanted.as_f64().unwrap(),
                &format!("{metric} of {slice}"),
            );
            holds(estimate);
            compared += 1;
        }
    }
    compared
}

/// The interval is there and holds the value.
fn holds(estimate: &Estimate) {
    let (value, ends) = (estimate.value.unwrap(), estimate.interval.as_ref());
    let ends = ends.unwrap_or_else(|| panic!("{} has no interval", estimate.metric));
    assert!(ends.low <= value && value <= ends.high, "{}: {ends:?}", estimate.metric);
}

const ADULT: &str = "task='binary_classification'\nlabel='label'\nscore='score'\nslices=['sex']\n";

#[test]
fn scores_of_a_binary_model_give_what_scikit_learn_gives() {
    let (file, known) = ("predictions/adult_v4_hgb.csv", known());
    let plain = evaluated(file, ADULT);
    assert_eq!(compare(&plain, "sex", &known["binary"]), 9);
    let weighted = evaluated(file, &format!("{ADULT}weight='weight'\n"));
    let mut compared = 0;
    for (group, values) in known["binary_weighted"].as_object().unwrap() {
        let slice = if group.is_empty() { String::new() } else { format!("sex={group}") };
        for (metric, wanted) in values.as_object().unwrap() {
            let estimate = find(&weighted, &slice, metric);
            // Weights of unlike size are rounded once, to 2^-62 of the largest.
            close(estimate.value.unwrap(), wanted.as_f64().unwrap(), metric);
            assert!(estimate.n_effective.unwrap() < estimate.n.unwrap() as f64);
            compared += 1;
        }
    }
    assert_eq!(compared, 9);
}

#[test]
fn several_classes_give_what_scikit_learn_gives() {
    let spec = "task='multiclass_classification'\nlabel='label'\nprediction='prediction'\n\
                scores={portrait='p_portrait', food='p_food'}\nslices=['region']";
    let evaluation = evaluated("tasks/photos.csv", spec);
    assert_eq!(compare(&evaluation, "region", &known()["photos"]), 3 * 17);
    let accuracy = find(&evaluation, "region=north", "accuracy");
    assert_eq!(accuracy.n, accuracy.denominator);
}

#[test]
fn a_class_with_a_score_that_no_row_has_is_told_with_the_nearest() {
    let spec = "task='multiclass_classification'\nlabel='label'\nprediction='prediction'\n\
                scores={portrat='p_portrait'}";
    let problems = read(&fixture("tasks/photos.csv"), spec).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "no row is labelled or predicted `portrat` (expected `portrait`)"
    );
}

#[test]
fn numbers_give_what_scikit_learn_gives_and_their_means_student_s_interval() {
    let spec = "task='regression'\nlabel='rent'\nprediction='predicted'\nslices=['city']";
    let evaluation = evaluated("tasks/rents.csv", spec);
    let known = known();
    assert_eq!(compare(&evaluation, "city", &known["rents"]), 4 * 5);
    let ends = find(&evaluation, "", "mean_error").interval.clone().unwrap();
    close(ends.low, known["rents_mean_error_interval"][0].as_f64().unwrap(), "low");
    close(ends.high, known["rents_mean_error_interval"][1].as_f64().unwrap(), "high");
    let stderr = find(&evaluation, "", "r_squared").stderr.unwrap();
    let bootstrap = known["rents_r_squared_stderr_bootstrap"].as_f64().unwrap();
    assert!((stderr / bootstrap - 1.0).abs() < 0.1, "{stderr} and {bootstrap}");
    let weighted = evaluated("tasks/rents.csv", &format!("{spec}\nweight='weight'"));
    assert_eq!(compare(&weighted, "city", &known["rents_weighted"]), 4 * 5);
    assert!(find(&weighted, "", "mean_error").n_effective.unwrap() < 300.0);
}

const SEARCHES: &str = "task='ranking'\nquery='query'\nitem='item'\nrank='rank'\n\
    relevance='relevance'\nk=[3, 5]\nitem_slices=['genre']\nquery_slices=['gender']\n\
    intersections=[['gender', 'genre']]\ntarget='uniform'";

#[test]
fn searches_give_what_scikit_learn_and_scipy_give_for_searchers_and_for_films() {
    let evaluation = evaluated("tasks/searches.csv", SEARCHES);
    let known = known();
    assert_eq!(compare(&evaluation, "gender", &known["searches"]), 3 * 13);
    assert_eq!(compare(&evaluation, "genre", &known["searches_genre"]), 3 * 5);
    assert_eq!(compare(&evaluation, "gender=F;genre", &known["searches_genre_F"]), 3 * 5);
    let ndcg = find(&evaluation, "", "ndcg@5");
    assert_eq!(ndcg.n, known["searches_ndcg5"]["n"].as_u64());
    let ends = ndcg.interval.as_ref().unwrap();
    close(ends.low, known["searches_ndcg5"]["interval"][0].as_f64().unwrap(), "low");
    close(ends.high, known["searches_ndcg5"]["interval"][1].as_f64().unwrap(), "high");
    let notes = evaluation.receipt.notes.join("\n");
    assert!(notes.contains("of 40 queries have no relevant item"), "{notes}");
    assert!(notes.contains("of 40 lists are shorter than 5"), "{notes}");
}

#[test]
fn the_order_of_rows_changes_no_byte() {
    let rents = "task='regression'\nlabel='rent'\nprediction='predicted'\ncluster='city'";
    for (file, spec) in [("searches", SEARCHES), ("answers", ANSWERS), ("rents", rents)] {
        let file = format!("tasks/{file}.csv");
        let text = std::fs::read_to_string(fixture(&file)).unwrap();
        let (header, rows) = text.split_once('\n').unwrap();
        let mut rows: Vec<&str> = rows.lines().collect();
        rows.sort_unstable();
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(file.replace('/', "_sorted_"));
        std::fs::write(&path, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
        let (one, other) = (evaluated(&file, spec), read(&path, spec).unwrap());
        let estimates = one.document.estimates.iter().zip(&other.document.estimates);
        for (one, other) in estimates {
            assert_eq!(one, other);
        }
        assert_eq!(one.document, other.document);
    }
}

/// The problems of a few rows, as text.
fn refused(name: &str, rows: &str, spec: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, rows).unwrap();
    read(&path, spec).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn lists_with_gaps_doubles_and_contradictions_are_refused_with_all_of_them() {
    let rows = "query,item,rank,relevance,genre,gender\n\
                a,x,1,0,War,F\na,y,3,0,War,F\n\
                b,x,1,0,War,F\nb,x,2,0,War,F\n\
                c,x,1,0,Drama,F\nc,z,1,0,War,M\n";
    let problems = refused("lists.csv", rows, SEARCHES);
    let wanted = [
        "query `a` has rank 3 but no rank 2",
        "query `b` has item `x` twice",
        "query `c` has rank 1 twice",
        "the rows of query `c` differ in `gender`",
        "item `x` is `War` in one row and `Drama` in another",
    ];
    assert_eq!(problems.len(), wanted.len(), "{problems:#?}");
    for (problem, wanted) in problems.iter().zip(wanted) {
        assert!(problem.contains(wanted), "{problem}");
    }
}

#[test]
fn bad_cells_of_a_ranking_have_line_column_and_what_was_expected() {
    let rows = "query,item,rank,relevance,genre,gender\n,x,0,-1,War,F\n";
    assert_eq!(
        refused("cells_of_lists.csv", rows, SEARCHES),
        [
            "line 2, column query: `query` is empty (expected a name or a number)",
            "line 2, column rank: `rank` is 0 (expected a whole number from 1)",
            "line 2, column relevance: `relevance` is -1 \
             (expected a number of at least 0 and at most 1e60)",
        ]
    );
}

#[test]
fn a_target_that_lacks_a_group_of_the_file_is_refused() {
    let spec = SEARCHES.replace("'uniform'", "{ genre = { Drama = 0.5, Comedy = 0.5 } }");
    let problems = read(&fixture("tasks/searches.csv"), &spec).unwrap_err();
    assert!(problems[0].message.contains("no share for genre=War"), "{problems:?}");
}

#[test]
fn the_textbook_ranking_has_the_textbook_s_skew_and_divergence() {
    let rows = "query,item,rank,g\nq,1,1,a\nq,2,2,a\nq,3,3,b\nq,4,4,a\nq,5,5,b\nq,6,6,b\n";
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("textbook.csv");
    std::fs::write(&path, rows).unwrap();
    let spec = "task='ranking'\nquery='query'\nitem='item'\nrank='rank'\nitem_slices=['g']\n\
                k=[2, 4]\ntarget='uniform'\nattention=0.5";
    let evaluation = read(&path, spec).unwrap();
    let value = |slice: &str, metric: &str| find(&evaluation, slice, metric).value.unwrap();
    let near = |got: f64, wanted: f64| assert!((got - wanted).abs() < 1e-6, "{got} {wanted}");
    near(value("", "ndkl"), 0.370_058);
    near(value("g=a", "skew@2"), std::f64::consts::LN_2);
    near(value("g=a", "skew@4"), 0.405_465);
    near(value("g=b", "mean_exposure") / value("g=a", "mean_exposure"), 0.602_957);
    near(value("g=b", "mean_attention") / value("g=a", "mean_attention"), 0.211_538);
    let absent = find(&evaluation, "g=b", "skew@2").undefined.clone();
    assert_eq!(absent.as_deref(), Some("the group is absent from the top 2"));
}

const ANSWERS: &str = "task='text_generation'\ncluster='prompt'\ntoxicity='toxicity'\n\
    refusal='refused'\nwin='verdict'\nsentiment='sentiment'\nthreshold=0.2\n\
    judge='tone 3, rubric 2'\nslices=['group']";

#[test]
fn judged_answers_count_what_the_judge_could_not_judge_and_prompts_as_one() {
    let evaluation = evaluated("tasks/answers.csv", ANSWERS);
    let known = &known()["answers"];
    let toxicity = find(&evaluation, "", "toxicity_rate");
    let wanted = &known["toxicity_rate"];
    assert_eq!(toxicity.n, wanted["n"].as_u64());
    let (p, stderr) = (wanted["value"].as_f64().unwrap(), wanted["stderr"].as_f64().unwrap());
    close(toxicity.value.unwrap(), p, "toxicity");
    // As many independent rows as would know a share as well.
    close(toxicity.n_effective.unwrap(), p * (1.0 - p) / (stderr * stderr), "n_effective");
    assert!(toxicity.n_effective.unwrap() < 100.0, "three answers to a prompt are alike");
    for metric in ["refusal_rate", "win_rate", "tie_rate", "sentiment_mean"] {
        let estimate = find(&evaluation, "", metric);
        close(estimate.value.unwrap(), known[metric].as_f64().unwrap(), metric);
        holds(estimate);
    }
    let failures = find(&evaluation, "", "judge_failure_rate");
    let rate = known["failed"].as_f64().unwrap() / known["responses"].as_f64().unwrap();
    close(failures.value.unwrap(), rate, "failures");
    close(find(&evaluation, "", "judge_failure_rate[toxicity]").value.unwrap(), rate, "toxicity");
    assert_eq!(find(&evaluation, "", "judge_failure_rate[win]").value, Some(0.0));
    assert_eq!(evaluation.document.instrument.judge.as_deref(), Some("tone 3, rubric 2"));
    assert!(evaluation.receipt.notes[0].starts_with("the judge failed on"));
}

#[test]
fn known_error_rates_of_the_judge_correct_its_rate_beside_the_observed_one() {
    let noise = "label_noise={ toxicity={ sensitivity=0.9, specificity=0.95 } }";
    let evaluation = evaluated("tasks/answers.csv", &format!("{ANSWERS}\n{noise}"));
    let observed = find(&evaluation, "", "toxicity_rate").value.unwrap();
    let corrected = find(&evaluation, "", "toxicity_rate[corrected]");
    close(corrected.value.unwrap(), (observed + 0.95 - 1.0) / 0.85, "corrected");
    holds(corrected);
}

#[test]
fn an_answer_that_is_no_judgement_is_refused_not_taken_for_a_failure() {
    let rows = "prompt,group,toxicity,refused,verdict,sentiment\np,a,maybe,1,won,3\n";
    let problems = refused("answers.csv", rows, ANSWERS);
    assert_eq!(
        problems,
        [
            "line 2, column sentiment: `sentiment` is 3 (expected a number in -1..1, or empty \
             where the judge failed)",
            "line 2, column toxicity: `toxicity` is `maybe` (expected true or false, a score in \
             0..1, or empty where the judge failed)",
            "line 2, column verdict: `verdict` is `won` (expected win, tie or loss, or empty \
             where the judge failed)",
        ]
    );
}

#[test]
fn pictures_of_a_prompt_are_judged_and_looked_through_for_every_tone() {
    let spec = "task='image_generation'\nquery='prompt'\nitem_slices=['skin_tone']\nk=4\n\
                target='uniform'\nunsafe='unsafe'\nslices=['scene']";
    let evaluation = evaluated("tasks/pictures.csv", spec);
    let known = &known()["pictures"];
    for metric in ["diversity@4", "unsafe_rate"] {
        let estimate = find(&evaluation, "", metric);
        close(estimate.value.unwrap(), known[metric].as_f64().unwrap(), metric);
        holds(estimate);
    }
    assert_eq!(find(&evaluation, "", "diversity@4").n, Some(30));
    let shares = known["representation@4"].as_object().unwrap().values();
    let distance: f64 = shares.map(|share| (share.as_f64().unwrap() - 1.0 / 3.0).abs() / 2.0).sum();
    let estimate = find(&evaluation, "", "representation_distance@4");
    close(estimate.value.unwrap(), distance, "distance");
    holds(estimate);
    for (tone, share) in known["representation@4"].as_object().unwrap() {
        let estimate = find(&evaluation, &format!("skin_tone={tone}"), "representation@4");
        close(estimate.value.unwrap(), share.as_f64().unwrap(), tone);
        holds(estimate);
    }
    // Pictures of a prompt stand in no order, so none is more visible.
    assert!(evaluation.document.estimates.iter().all(|e| e.metric != "exposure_share"));
}

#[test]
fn no_metric_stands_twice_for_a_slice_and_every_key_is_in_the_catalogue() {
    for (file, spec) in [
        ("tasks/searches.csv", SEARCHES),
        ("tasks/answers.csv", ANSWERS),
        (
            "tasks/pictures.csv",
            "task='image_generation'\nquery='prompt'\nitem_slices=['skin_tone']\nunsafe='unsafe'",
        ),
    ] {
        let evaluation = evaluated(file, spec);
        let mut seen = std::collections::BTreeSet::new();
        for estimate in &evaluation.document.estimates {
            assert!(metrics::catalogue::find(&estimate.metric).is_some(), "{}", estimate.metric);
            assert!(seen.insert((&estimate.slice, &estimate.metric)), "{estimate:?}");
        }
    }
}
