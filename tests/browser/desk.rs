//! What people of the demo decide, in a browser, with scripts and without.

use super::journey::predictions;
use server::clock::Clock;
use server::demo::PASSWORD;
use tests::Site;
use tests::browser::{Browser, Scripts, browse};

const ENGINEER: &str = "emil@evenhand.example";
const LEAD: &str = "lena@evenhand.example";
const REVIEWER: &str = "rosa@evenhand.example";
const COUNSEL: &str = "leo@evenhand.example";
const EXECUTIVE: &str = "edgar@evenhand.example";

/// Columns of the real predictions.
const SPEC: &str = "\
task = \"binary_classification\"
id = \"id\"
label = \"label\"
score = \"score\"
prediction = \"prediction\"
slices = [\"sex\", \"race\", \"age_band\"]
intersections = [[\"sex\", \"race\"]]
";

/// Makes a story into two tests: with scripts and without.
macro_rules! told_twice {
    ($name:ident, $story:path) => {
        mod $name {
            use super::*;

            async fn told(scripts: Scripts) {
                let site = Site::demo().await;
                browse(&site, scripts, |browser| async move { $story(&browser).await }).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn with_scripts() {
                told(Scripts::On).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn without_scripts() {
                told(Scripts::Off).await;
            }
        }
    };
}

told_twice!(the_lead_is_refused_her_own_sign_off, refused);
told_twice!(a_reviewer_signs_again_when_the_evidence_has_changed, signs_again);
told_twice!(an_engineer_ships_a_mitigation_and_the_trend_shows_it, ships);
told_twice!(an_executive_reads_the_okrs_and_reaches_the_evidence_in_two_clicks, reads);

/// Lena asks for a launch of the mitigated version; she stays signed in. The launch's path.
async fn asks(browser: &Browser) -> String {
    browser.log_in(LEAD, PASSWORD).await;
    browser.open("/models/adult-income/versions/v7").await;
    browser.follow("Request a launch").await;
    browser.fill("What is launched, and to whom", "Offers for customers of ten years.").await;
    browser.press("Request").await;
    browser.sees("2 sign-offs are still to come.").await;
    browser.path().await
}

async fn changes_to(browser: &Browser, email: &str) {
    browser.press("Log out").await;
    browser.log_in(email, PASSWORD).await;
}

async fn refused(browser: &Browser) {
    asks(browser).await;
    browser.sees("Why you may not sign").await;
    browser.sees("whoever asked for this launch may not sign it").await;
    let offered = browser.all("//button[normalize-space(.) = 'Approve']").await;
    assert_eq!(offered, 0, "nothing to press that would be refused");
}

async fn signs(browser: &Browser, email: &str, launch: &str, reason: &str) {
    changes_to(browser, email).await;
    browser.open(launch).await;
    browser.fill("Reason", reason).await;
    browser.press("Approve").await;
    browser.sees(&format!("· {reason}")).await;
}

async fn signs_again(browser: &Browser) {
    let launch = asks(browser).await;
    signs(browser, REVIEWER, &launch, "Every rule passes.").await;

    changes_to(browser, ENGINEER).await;
    browser.open("/models/adult-income/versions/v7").await;
    browser.follow("Upload results").await;
    browser.attach("File", &predictions("adult_v7_eqodds_thropt.csv")).await;
    browser.choose("It holds", "predictions, to be evaluated here").await;
    browser.fill("Dataset", "adult-half@1994").await;
    browser.fill_date("Evaluated on", &Clock::System.now().date().to_string()).await;
    browser.fill("Spec, for predictions", SPEC).await;
    browser.press("Upload").await;
    browser.sees("Uploaded: this is the run.").await;

    changes_to(browser, LEAD).await;
    browser.open(&launch).await;
    browser.sees("Newer evidence or another policy is there.").await;
    browser.press("Request again on this").await;
    browser.sees("revision 2").await;

    changes_to(browser, REVIEWER).await;
    browser.open(&launch).await;
    browser.sees("stale").await;
    browser.sees("Rosa Lindqvist signed an earlier revision").await;
    browser.sees("replaced run").await;
    browser.fill("Reason", "The new run says the same.").await;
    browser.press("Approve").await;
    browser.sees("1 sign-off is still to come.").await;
    signs(browser, COUNSEL, &launch, "As for the last launch.").await;
    browser.sees("approved").await;

    changes_to(browser, LEAD).await;
    browser.open(&launch).await;
    browser.press("Mark as launched").await;
    browser.sees("launched").await;
    assert_eq!(browser.all("//button[normalize-space(.) = 'Roll back']").await, 1);
}

async fn ships(browser: &Browser) {
    browser.log_in(ENGINEER, PASSWORD).await;
    browser.open("/mitigations/new?model=adult-income").await;
    browser.fill("Title", "Exponentiated gradient").await;
    browser.choose("Kind", "in-processing").await;
    browser.fill("Hypothesis", "Training under a constraint selects women as often as men.").await;
    browser.fill("Metric", "selection_rate").await;
    browser.fill("Slice", "sex=Female").await;
    browser.fill("Change wanted", "0.05").await;
    browser.choose("State", "shipped").await;
    browser.choose_starting("Run before", "v4 on adult-half@1994").await;
    browser.choose_starting("Run after", "v8 on adult-half@1994").await;
    browser.press("Save").await;
    browser.sees("It worked").await;
    let name = browser.path().await.replace("/mitigations/", "M-");

    browser.open("/models/adult-income").await;
    browser.follow("Trend").await;
    browser.choose("Metric", "selection rate").await;
    browser.choose("Attribute", "sex").await;
    browser.press("Show").await;
    browser.sees("Selection rate by sex").await;
    browser.sees(&format!("{name} shipped: Exponentiated gradient")).await;
    let chart = browser.text("figure svg").await;
    assert!(chart.contains(&format!("v8 · {name}")), "the chart names it too: {chart}");
    browser.follow(&name).await;
    browser.sees("Exponentiated gradient").await;
}

async fn reads(browser: &Browser) {
    browser.log_in(EXECUTIVE, PASSWORD).await;
    browser.follow("Overview").await;
    browser.sees("No group is found less often than another").await;
    browser.sees("held back").await;
    browser.follow("Women with the outcome are found as often as men").await;
    browser.follow("the evidence").await;
    browser.sees("Run of v7 on adult-half@1994").await;
    assert!(browser.path().await.starts_with("/runs/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_executive_page_prints_on_one_sheet() {
    let site = Site::demo().await;
    browse(&site, Scripts::On, |browser| async move {
        browser.log_in(EXECUTIVE, PASSWORD).await;
        browser.open("/overview").await;
        assert_eq!(browser.printed_sheets().await, 1);
    })
    .await;
}
