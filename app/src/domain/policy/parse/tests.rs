use super::*;

const HEAD: &str = "schema = 'evenhand.policy/v1'\nname = 'High risk'\n";

fn rule(text: &str) -> Result<Draft, Vec<Problem>> {
    parse(&format!("{HEAD}[[rule]]\nid = 'r'\n{text}"))
}

fn refused(text: &str) -> String {
    let problems = rule(text).expect_err(text);
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_rule_has_every_default_and_what_it_says_itself() {
    let draft = parse(&format!(
        "{HEAD}sign_offs = ['legal_privacy']\n[applies_to]\ntasks = ['ranking']\n\
         risk_tiers = ['high', 'limited']\n[defaults]\nleast_n = 50\nmode = 'warn'\n\
         [[rule]]\nid = 'a'\nmetric = 'true_positive_rate'\nby = ['Sex', 'race']\narity = 2\n\
         disparity = 'ratio'\nmin = 0.8\ndataset = 'adult@1994'\nmode = 'block'\n"
    ))
    .unwrap();
    let rule = &draft.rules[0];
    assert_eq!((rule.least_n, rule.mode), (50, Mode::Block));
    assert_eq!(rule.wanted(), (0.8, f64::INFINITY));
    assert_eq!(rule.name, "a", "a rule without a name is called by its id");
    assert_eq!(rule.dataset.as_ref().unwrap().version.as_deref(), Some("1994"));
    assert_eq!(draft.applies_to.risk_tiers, [RiskTier::High, RiskTier::Limited]);
}

#[test]
fn every_problem_stands_at_its_line_with_the_nearest_name() {
    let problems = parse(
        "schema = 'evenhand.policy/v1'\nname = 'x'\nsing_offs = []\n[[rule]]\nid = 'r'\n\
         metric = 'true_postive_rate'\nby = ['sex']\nmax = 0.1\n",
    )
    .unwrap_err();
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "line 3: a policy has no key `sing_offs` (expected `sign_offs`)",
            "line 6: there is no metric `true_postive_rate` (expected `true_positive_rate`)",
        ]
    );
}

#[test]
fn bounds_that_cannot_be_meant_are_refused() {
    let estimate = "metric = 'accuracy'\nslices = ['']\n";
    let gap = "metric = 'accuracy'\nby = ['sex']\ndisparity = 'difference'\n";
    let ratio = "metric = 'accuracy'\nby = ['sex']\ndisparity = 'ratio'\n";
    for (rule, says) in [
        (estimate.to_owned(), "the rule has no bound"),
        (format!("{estimate}min = 0.9\nmax = 0.8\n"), "nothing is at least 0.9"),
        (format!("{estimate}min = 1.2\n"), "no model can be at least 1.2"),
        (format!("{estimate}min = 0\n"), "every model is at least 0"),
        (format!("{estimate}min = nan\n"), "expected a finite number"),
        (format!("{gap}max = 1\n"), "every model is at most 1"),
        (format!("{gap}max = -0.1\n"), "groups that are equal would not meet it"),
        (format!("{gap}max = 0\n"), "no sample can show"),
        (format!("{ratio}min = 1.25\n"), "groups that are equal would not meet it"),
        (format!("{ratio}max = -1\n"), "no model can be at most -1"),
        (format!("{gap}max = 0.1\nlevel = 1\n"), "a level of 1"),
        (format!("{gap}max = 0.1\nchange = 'last_launched'\n"), "not at both"),
        (format!("{gap}max = 0.1\nslices = ['']\n"), "either `by` or `slices`"),
        (format!("{gap}max = 0.1\narity = 2\n"), "an arity of 2 over 1"),
        (format!("{estimate}min = 0.8\nreference = 'best'\n"), "expected `disparity` beside"),
        ("metric = 'accuracy'\nmin = 0.5\n".to_owned(), "on which slices"),
        ("metric = 'accuracy'\nslices = ['sex']\nmin = 0.5\n".to_owned(), "sex"),
    ] {
        let text = refused(&rule);
        assert!(text.contains(says), "{rule}\n{text}");
    }
}

#[test]
fn what_is_no_policy_at_all_is_refused_with_a_reason() {
    for source in ["", "{}", "= = =", "name = 'x'", &"[".repeat(5000), "\u{0}\u{1}"] {
        assert!(!parse(source).unwrap_err().is_empty(), "{source:?}");
    }
    let long = "#".repeat(MOST_BYTES + 1);
    assert_eq!(parse(&long).unwrap_err()[0].code, "too_large");
}

#[test]
fn the_rules_of_what_it_extends_stand_first_and_can_be_replaced() {
    let base = parse(&format!(
        "{HEAD}sign_offs = ['product']\n[[rule]]\nid = 'a'\nmetric = 'accuracy'\n\
         slices = ['']\nmin = 0.7\n[[rule]]\nid = 'b'\nmetric = 'accuracy'\nslices = ['']\n\
         min = 0.6\n"
    ))
    .unwrap()
    .resolve(None);
    let policy = parse(&format!(
        "{HEAD}extends = 'base'\nsign_offs = ['legal_privacy']\n[[rule]]\nid = 'a'\n\
         metric = 'accuracy'\nslices = ['']\nmin = 0.9\n"
    ))
    .unwrap()
    .resolve(Some(&base));
    let bounds: Vec<_> = policy.rules.iter().map(|r| (r.id.as_str(), r.bound.min)).collect();
    assert_eq!(bounds, [("a", Some(0.9)), ("b", Some(0.6))]);
    assert_eq!(policy.sign_offs, [Function::Product, Function::LegalPrivacy]);
}
