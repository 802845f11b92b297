//! A policy's TOML: read as a whole, with every problem at its line.

use super::{
    AppliesTo, Bound, Burden, DatasetChoice, Evidence, InstrumentChoice, Mode, Policy, Rule,
    Subject, Target, check,
};
use crate::domain::attribute::nearest;
use crate::domain::model::{RiskTier, Task};
use crate::domain::{Function, Slug};
use metrics::catalogue;
use metrics::disparity::{Kind, Reference};
use metrics::{Problem, Slice};
use std::collections::BTreeSet;
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a policy document begins with.
pub const SCHEMA: &str = "evenhand.policy/v1";
/// A longer text is no policy that people can read.
pub const MOST_BYTES: usize = 256 * 1024;
/// More rules than this are no policy that people can read.
pub const MOST_RULES: usize = 500;

const KEYS: &[&str] = &["schema", "name", "extends", "sign_offs", "applies_to", "defaults", "rule"];
const APPLIES_KEYS: &[&str] = &["tasks", "risk_tiers"];
/// What `[defaults]` may give to every rule.
const DEFAULT_KEYS: &[&str] = &[
    "level",
    "delta",
    "burden",
    "mode",
    "evidence",
    "least_n",
    "least_positives",
    "max_age_days",
    "dataset",
    "instrument",
    "instrument_definitions",
];
const RULE_KEYS: &[&str] = &[
    "id",
    "name",
    "metric",
    "by",
    "arity",
    "slices",
    "disparity",
    "reference",
    "change",
    "min",
    "max",
    "level",
    "delta",
    "burden",
    "mode",
    "evidence",
    "least_n",
    "least_positives",
    "max_age_days",
    "dataset",
    "instrument",
    "instrument_definitions",
];

/// A policy as it was written, before what it extends stands in front.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub name: String,
    /// Slug of the policy that it extends.
    pub extends: Option<String>,
    pub applies_to: AppliesTo,
    pub sign_offs: Vec<Function>,
    pub rules: Vec<Rule>,
}

impl Draft {
    /// The policy: the rules of what it extends stand first, a rule with the same id takes the
    /// place of the other's, and sign-offs add up. What it applies to is its own alone.
    pub fn resolve(self, base: Option<&Policy>) -> Policy {
        let (mut sign_offs, mut rules) =
            base.map_or_else(Default::default, |b| (b.sign_offs.clone(), b.rules.clone()));
        for function in self.sign_offs {
            if !sign_offs.contains(&function) {
                sign_offs.push(function);
            }
        }
        for rule in self.rules {
            match rules.iter_mut().find(|inherited| inherited.id == rule.id) {
                Some(inherited) => *inherited = rule,
                None => rules.push(rule),
            }
        }
        Policy { name: self.name, applies_to: self.applies_to, sign_offs, rules }
    }
}

/// Reads a policy.
///
/// # Errors
/// Every problem, each at its line.
pub fn parse(source: &str) -> Result<Draft, Vec<Problem>> {
    if source.len() > MOST_BYTES {
        return Err(vec![
            Problem::new("too_large", "the policy is longer than anybody reads")
                .expected(format!("at most {} KiB", MOST_BYTES / 1024)),
        ]);
    }
    let (table, errors) = DeTable::parse_recoverable(source);
    let mut reader = Reader { source, problems: vec![] };
    if !errors.is_empty() {
        for error in errors.iter().take(20) {
            let at = error.span().map_or(0, |span| span.start);
            reader.add(at, Problem::new("not_toml", error.message().to_owned()));
        }
        return Err(reader.problems);
    }
    let draft = reader.document(table.get_ref());
    reader.problems.sort_by(|a, b| a.place.cmp(&b.place));
    match draft {
        Some(draft) if reader.problems.is_empty() => Ok(draft),
        _ => Err(reader.problems),
    }
}

struct Reader<'s> {
    source: &'s str,
    problems: Vec<Problem>,
}

type Value<'t> = Spanned<DeValue<'t>>;

/// A rule's own keys, and behind them the defaults.
#[derive(Clone, Copy)]
struct Keys<'t> {
    own: &'t DeTable<'t>,
    defaults: Option<&'t DeTable<'t>>,
    /// Where the table begins: what is missing is missing there.
    at: usize,
}

impl<'t> Keys<'t> {
    fn get(&self, key: &str) -> Option<&'t Value<'t>> {
        self.own.get(key).or_else(|| self.defaults.and_then(|defaults| defaults.get(key)))
    }
}

impl Reader<'_> {
    fn add(&mut self, at: usize, problem: Problem) {
        let before = self.source.get(..at).unwrap_or(self.source);
        let line = 1 + before.matches('\n').count() as u64;
        self.problems.push(problem.at_cell(Some(line), None));
    }

    fn wrong(&mut self, value: &Value<'_>, key: &str, expected: &str) {
        let message = format!("`{key}` is {}", value.get_ref().type_str());
        self.add(value.span().start, Problem::new("wrong_type", message).expected(expected));
    }

    fn refuse_unknown(&mut self, table: &DeTable<'_>, known: &[&str], of: &str) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            let expected = match nearest(name, known.iter().copied()) {
                Some(near) => format!("`{near}`"),
                None => format!("one of {}", known.join(", ")),
            };
            let message = format!("{of} has no key `{name}`");
            self.add(key.span().start, Problem::new("unknown_key", message).expected(expected));
        }
    }

    fn document(&mut self, table: &DeTable<'_>) -> Option<Draft> {
        self.refuse_unknown(table, KEYS, "a policy");
        let keys = Keys { own: table, defaults: None, at: 0 };
        if let Some(schema) = self.required(keys, "schema")
            && schema != SCHEMA
        {
            let at = table.get("schema").map_or(0, |value| value.span().start);
            let message = format!("`{schema}` is no schema of policies");
            self.add(at, Problem::new("unknown_schema", message).expected(SCHEMA));
        }
        let name = self.required(keys, "name");
        let extends = self.text(keys, "extends");
        let sign_offs = self.words(keys, "sign_offs").unwrap_or_default();
        let applies_to = self.applies_to(keys);
        let defaults = self.table(keys, "defaults");
        if let Some(defaults) = defaults {
            self.refuse_unknown(defaults, DEFAULT_KEYS, "[defaults]");
        }
        let rules = self.rules(keys, defaults);
        if rules.is_empty() && extends.is_none() && self.problems.is_empty() {
            self.add(
                0,
                Problem::new("no_rules", "the policy has no rule").expected("a table [[rule]]"),
            );
        }
        Some(Draft { name: name?, extends, applies_to, sign_offs, rules })
    }

    fn applies_to(&mut self, keys: Keys<'_>) -> AppliesTo {
        let Some(table) = self.table(keys, "applies_to") else {
            return AppliesTo { tasks: vec![], risk_tiers: vec![] };
        };
        self.refuse_unknown(table, APPLIES_KEYS, "[applies_to]");
        let keys = Keys { own: table, defaults: None, at: 0 };
        AppliesTo {
            tasks: self.words::<Task>(keys, "tasks").unwrap_or_default(),
            risk_tiers: self.words::<RiskTier>(keys, "risk_tiers").unwrap_or_default(),
        }
    }

    fn rules<'t>(&mut self, keys: Keys<'t>, defaults: Option<&'t DeTable<'t>>) -> Vec<Rule> {
        let Some(value) = keys.get("rule") else { return vec![] };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong(value, "rule", "tables [[rule]]");
            return vec![];
        };
        if list.len() > MOST_RULES {
            let message = format!("{} rules", list.len());
            let expected = format!("at most {MOST_RULES}");
            self.add(value.span().start, Problem::new("too_many", message).expected(expected));
            return vec![];
        }
        let (mut rules, mut seen) = (vec![], BTreeSet::new());
        for item in list {
            let Some(own) = item.get_ref().as_table() else {
                self.wrong(item, "rule", "a table [[rule]]");
                continue;
            };
            self.refuse_unknown(own, RULE_KEYS, "a rule");
            // A table's own span begins at its header; its first key is near enough otherwise.
            let at = own.keys().map(|key| key.span().start).min().unwrap_or(item.span().start);
            let keys = Keys { own, defaults, at };
            let Some(rule) = self.rule(keys) else { continue };
            if !seen.insert(rule.id.clone()) {
                let message = format!("there are two rules `{}`", rule.id);
                self.add(at, Problem::new("duplicate", message).expected("an id of its own"));
            }
            for problem in check::rule(&rule) {
                let at = own.get(problem.key).map_or(at, |value| value.span().start);
                self.add(at, problem.problem);
            }
            rules.push(rule);
        }
        rules
    }

    fn rule(&mut self, keys: Keys<'_>) -> Option<Rule> {
        let before = self.problems.len();
        let id = self.required(keys, "id").and_then(|id| match Slug::new(&id) {
            Ok(slug) => Some(slug.as_str().to_owned()),
            Err(error) => {
                self.add(keys.at, Problem::new("not_a_slug", format!("`id`: {error}")));
                None
            }
        });
        let metric = self.required(keys, "metric").and_then(|key| self.metric(keys, key));
        let target = self.target(keys);
        let subject = self.subject(keys);
        let rule = Rule {
            name: self.text(keys, "name").or_else(|| id.clone()).unwrap_or_default(),
            id: id?,
            metric: metric?,
            target: target?,
            subject: subject?,
            bound: Bound { min: self.number(keys, "min"), max: self.number(keys, "max") },
            burden: self.word(keys, "burden").unwrap_or(Burden::Safety),
            mode: self.word(keys, "mode").unwrap_or(Mode::Block),
            level: self.number(keys, "level").unwrap_or(0.95),
            delta: self.number(keys, "delta").unwrap_or(0.05),
            evidence: self.word(keys, "evidence").unwrap_or(Evidence::Recomputed),
            least_n: self.whole(keys, "least_n").unwrap_or(metrics::disparity::LEAST_N),
            least_positives: self.whole(keys, "least_positives").unwrap_or(0),
            max_age_days: self.whole(keys, "max_age_days").and_then(|n| u32::try_from(n).ok()),
            dataset: self.text(keys, "dataset").map(|text| match text.split_once('@') {
                Some((name, version)) => {
                    DatasetChoice { name: name.to_owned(), version: Some(version.to_owned()) }
                }
                None => DatasetChoice { name: text, version: None },
            }),
            instrument: self.text(keys, "instrument").map(|name| InstrumentChoice {
                name,
                definitions: self.text(keys, "instrument_definitions"),
            }),
        };
        (self.problems.len() == before).then_some(rule)
    }

    fn metric(&mut self, keys: Keys<'_>, key: String) -> Option<String> {
        if catalogue::find(&key).is_some() {
            return Some(key);
        }
        let expected = catalogue::nearest(&key)
            .map_or_else(|| "a key of the metric catalogue".to_owned(), |near| format!("`{near}`"));
        let at = keys.get("metric").map_or(keys.at, |value| value.span().start);
        let message = format!("there is no metric `{key}`");
        self.add(at, Problem::new("unknown_metric", message).expected(expected));
        None
    }

    fn target(&mut self, keys: Keys<'_>) -> Option<Target> {
        let (by, slices) = (keys.get("by"), keys.get("slices"));
        match (by, slices) {
            (Some(_), Some(slices)) => {
                let message = "a rule has either `by` or `slices`";
                self.add(slices.span().start, Problem::new("both", message));
                None
            }
            (None, None) => {
                let problem = Problem::new("missing", "the rule does not say on which slices")
                    .expected("`by = [attributes]`, or `slices = [\"\"]` for overall");
                self.add(keys.at, problem);
                None
            }
            (Some(by), None) => {
                let attributes: Vec<String> = self
                    .list(keys, "by")?
                    .into_iter()
                    .map(|name| metrics::slice::normalise_name(&name))
                    .collect();
                let arity = self.whole(keys, "arity").unwrap_or(1);
                let distinct: BTreeSet<&String> = attributes.iter().collect();
                if attributes.is_empty() || distinct.len() < attributes.len() {
                    let problem =
                        Problem::new("attributes", "`by` names no attribute, or one twice");
                    self.add(by.span().start, problem);
                    return None;
                }
                let most = attributes.len().min(4) as u64;
                if arity == 0 || arity > most {
                    let at = keys.get("arity").map_or(keys.at, |value| value.span().start);
                    let message = format!("an arity of {arity} over {}", attributes.len());
                    let expected = format!("1 to {most}");
                    self.add(at, Problem::new("arity", message).expected(expected));
                    return None;
                }
                Some(Target::Groups { attributes, arity: usize::try_from(arity).unwrap_or(1) })
            }
            (None, Some(value)) => {
                let mut slices = vec![];
                for text in self.list(keys, "slices")? {
                    match Slice::parse(&text) {
                        Ok(slice) => slices.push(slice),
                        Err(error) => {
                            let problem = Problem::new("not_a_slice", error.to_string());
                            self.add(value.span().start, problem);
                        }
                    }
                }
                if slices.is_empty() {
                    let problem = Problem::new("no_slices", "`slices` is empty")
                        .expected("`[\"\"]` for overall");
                    self.add(value.span().start, problem);
                    return None;
                }
                Some(Target::Slices(slices))
            }
        }
    }

    fn subject(&mut self, keys: Keys<'_>) -> Option<Subject> {
        let kind = match self.text(keys, "disparity").as_deref() {
            None => None,
            Some("difference") => Some(Kind::Difference),
            Some("ratio") => Some(Kind::Ratio),
            Some(other) => {
                let message = format!("`{other}` is no disparity");
                let at = keys.get("disparity").map_or(keys.at, |value| value.span().start);
                let problem = Problem::new("unknown_word", message).expected("difference or ratio");
                self.add(at, problem);
                return None;
            }
        };
        let reference = self.text(keys, "reference");
        let change = self.text(keys, "change");
        let at = |key| keys.get(key).map_or(keys.at, |value| value.span().start);
        match (kind, reference, change) {
            (Some(_), _, Some(_)) => {
                let message = "a rule looks at a disparity or at a change, not at both";
                self.add(at("change"), Problem::new("both", message));
                None
            }
            (None, Some(_), _) => {
                let message = "`reference` says what a disparity is measured against";
                let problem = Problem::new("reference", message).expected("`disparity` beside it");
                self.add(at("reference"), problem);
                None
            }
            (None, None, Some(since)) if since == "last_launched" => Some(Subject::Change),
            (None, None, Some(since)) => {
                let message = format!("a change since `{since}`");
                self.add(
                    at("change"),
                    Problem::new("unknown_word", message).expected("last_launched"),
                );
                None
            }
            (None, None, None) => Some(Subject::Estimate),
            (Some(kind), reference, None) => {
                match reference.as_deref().unwrap_or("best").parse::<Reference>() {
                    Ok(reference) => Some(Subject::Disparity { kind, reference }),
                    Err(message) => {
                        self.add(at("reference"), Problem::new("reference", message));
                        None
                    }
                }
            }
        }
    }

    fn table<'t>(&mut self, keys: Keys<'t>, key: &str) -> Option<&'t DeTable<'t>> {
        let value = keys.get(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong(value, key, "a table");
        }
        table
    }

    fn text(&mut self, keys: Keys<'_>, key: &str) -> Option<String> {
        let value = keys.get(key)?;
        match value.get_ref().as_str() {
            Some(text) if !text.trim().is_empty() && text.len() <= 200 => {
                return Some(text.trim().to_owned());
            }
            Some(text) => {
                let message = if text.trim().is_empty() { "is empty" } else { "is too long" };
                let problem = Problem::new("text", format!("`{key}` {message}"));
                self.add(value.span().start, problem.expected("1 to 200 bytes"));
            }
            None => self.wrong(value, key, "text in quotes"),
        }
        None
    }

    fn required(&mut self, keys: Keys<'_>, key: &str) -> Option<String> {
        if keys.get(key).is_none() {
            self.add(keys.at, Problem::new("missing", format!("`{key}` is missing")));
        }
        self.text(keys, key)
    }

    fn number(&mut self, keys: Keys<'_>, key: &str) -> Option<f64> {
        let value = keys.get(key)?;
        let text = match value.get_ref() {
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            _ => {
                self.wrong(value, key, "a number");
                return None;
            }
        };
        match text.replace('_', "").parse::<f64>() {
            Ok(number) if number.is_finite() => Some(number),
            _ => {
                let problem = Problem::new("not_finite", format!("`{key}` is {text}"));
                self.add(value.span().start, problem.expected("a finite number"));
                None
            }
        }
    }

    fn whole(&mut self, keys: Keys<'_>, key: &str) -> Option<u64> {
        let value = keys.get(key)?;
        let number = value
            .get_ref()
            .as_integer()
            .filter(|number| number.radix() == 10)
            .and_then(|number| number.as_str().replace('_', "").parse::<u64>().ok())
            .filter(|number| *number <= 1_000_000_000);
        if number.is_none() {
            self.wrong(value, key, "a whole number from 0 to a billion");
        }
        number
    }

    fn list(&mut self, keys: Keys<'_>, key: &str) -> Option<Vec<String>> {
        let value = keys.get(key)?;
        let texts: Option<Vec<String>> = value.get_ref().as_array().and_then(|items| {
            items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        });
        if texts.is_none() {
            self.wrong(value, key, "a list of texts");
        }
        texts
    }

    /// One of the words of a fixed list.
    fn word<T: FromStr<Err = String>>(&mut self, keys: Keys<'_>, key: &str) -> Option<T> {
        let text = self.text(keys, key)?;
        text.parse().map_err(|message: String| self.unknown_word(keys, key, message)).ok()
    }

    fn words<T: FromStr<Err = String> + PartialEq>(
        &mut self,
        keys: Keys<'_>,
        key: &str,
    ) -> Option<Vec<T>> {
        let mut words: Vec<T> = vec![];
        for text in self.list(keys, key)? {
            match text.parse() {
                Ok(word) if words.contains(&word) => {}
                Ok(word) => words.push(word),
                Err(message) => self.unknown_word(keys, key, message),
            }
        }
        Some(words)
    }

    fn unknown_word(&mut self, keys: Keys<'_>, key: &str, message: String) {
        let at = keys.get(key).map_or(keys.at, |value| value.span().start);
        self.add(at, Problem::new("unknown_word", format!("`{key}`: {message}")));
    }
}

#[cfg(test)]
mod tests {
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
}
