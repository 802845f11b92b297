//! The query that makes a file of counts ([`crate::counted`]) where the rows are: on the engine
//! that holds them.
//!
//! All arithmetic on scores and weights is IEEE 754 double precision, rounded down to whole units
//! of 2^-62 row by row and summed as integers, as [`crate::counts`] does it. So every engine makes
//! the same integers of the same rows, whatever order it adds them in, and the same as
//! [`crate::evaluate`] does. Logarithms alone are the engine's own, so the log loss of two engines
//! may differ in its last digits.

mod dialect;

use crate::counted::{self, CELLS, LOSSES, OTHERS, REFUSED, SCORE_SUMS, WEIGHT_SQUARES, WEIGHTS};
use crate::scores::LARGEST_LOSS;
use crate::slice::MISSING;
use crate::spec::{Missing, Spec};
use crate::{Problem, auc};
pub use dialect::Dialect;

/// How a query is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// For which engine.
    pub dialect: Dialect,
    /// The table with the rows; parts of its name are separated by dots.
    pub table: String,
    /// Bins of the score grid.
    pub bins: usize,
    /// Weights are divided by two to the power of this; where it is not given, by the least power
    /// that is above all of them. Parts that are to be added up need to have one in common.
    pub weight_exponent: Option<i32>,
}

impl Query {
    /// A query on a table, with the usual grid.
    pub fn new(dialect: Dialect, table: &str) -> Self {
        Self { dialect, table: table.to_owned(), bins: auc::BINS, weight_exponent: None }
    }

    /// The SQL text.
    ///
    /// # Errors
    /// When names cannot be written in the dialect, or an attribute has a name of the format's own.
    pub fn sql(&self, spec: &Spec) -> Result<String, Vec<Problem>> {
        counted::check(spec)?;
        self.check(spec)?;
        let writer = Writer { query: self, spec, sql: self.dialect };
        Ok(writer.query())
    }

    fn check(&self, spec: &Spec) -> Result<(), Vec<Problem>> {
        let tables = self.table.split('.');
        let mut problems: Vec<Problem> =
            tables.chain(spec.columns()).filter_map(|name| self.dialect.refuse(name)).collect();
        if self.bins == 0 || self.bins > 1 << 20 {
            let message = format!("a grid of {} bins", self.bins);
            problems.push(Problem::new("out_of_range", message).expected("1 to 1048576 bins"));
        }
        if self.weight_exponent.is_some_and(|exponent| !(-64..=1_000).contains(&exponent)) {
            let message = "a weight exponent that is too small or too large";
            problems.push(Problem::new("out_of_range", message).expected("-64 to 1000"));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

struct Writer<'a> {
    query: &'a Query,
    spec: &'a Spec,
    sql: Dialect,
}

/// Labels and predictions as tools write them.
const NO: [&str; 5] = ["0", "0.0", "false", "False", "FALSE"];
const YES: [&str; 5] = ["1", "1.0", "true", "True", "TRUE"];

impl Writer<'_> {
    fn query(&self) -> String {
        let mut parts = vec![self.picked(), self.classed(), self.checked()];
        if self.spec.weight.is_some() {
            parts.push(self.scaled());
        }
        parts.push(self.measured());
        parts.push(self.counted());
        format!("with {}\n{}", parts.join(",\n"), self.named())
    }

    fn attributes(&self) -> impl Iterator<Item = String> {
        (0..self.spec.slices.len()).map(|place| format!("evenhand_a{place}"))
    }

    /// The columns as text and numbers.
    fn picked(&self) -> String {
        let (spec, sql) = (self.spec, self.sql);
        let text = |column: &str| sql.trimmed(&sql.identifier(column));
        let mut columns = vec![format!("{} as evenhand_l", text(&spec.label))];
        columns.extend(spec.prediction.iter().map(|name| format!("{} as evenhand_p", text(name))));
        for (column, name) in [(&spec.score, "evenhand_s"), (&spec.weight, "evenhand_w")] {
            columns.extend(column.iter().map(|column| {
                format!("cast({} as {}) as {name}", sql.identifier(column), sql.double())
            }));
        }
        let slices = spec.slices.iter().zip(self.attributes());
        columns.extend(
            slices.map(|(column, name)| format!("coalesce({}, '') as {name}", text(column))),
        );
        let table = sql.table(&self.query.table);
        format!("evenhand_picked as (\n  select\n    {}\n  from {table}\n)", listed(&columns))
    }

    /// What labels and predictions say, and which rows are left out.
    fn classed(&self) -> String {
        let spec = self.spec;
        let mut columns = vec![format!("{} as evenhand_y", self.class("evenhand_l", false))];
        columns.push(match (&spec.prediction, spec.threshold) {
            (None, threshold) => {
                let threshold = self.sql.number(threshold.unwrap_or(0.5));
                format!(
                    "case when evenhand_s >= {threshold} then 1 when evenhand_s < {threshold} \
                     then 0 end as evenhand_z"
                )
            }
            (Some(_), _) => format!("{} as evenhand_z", self.class("evenhand_p", true)),
        });
        let empty = joined(self.attributes().map(|name| format!("{name} = ''")), " or ");
        let drops = spec.missing == Missing::Drop && !empty.is_empty();
        columns.push(if drops {
            format!("case when {empty} then 1 else 0 end as evenhand_dropped")
        } else {
            "0 as evenhand_dropped".to_owned()
        });
        let reserved = joined(
            self.attributes().map(|name| format!("{name} = {}", self.sql.literal(MISSING))),
            " or ",
        );
        let unwanted = match (reserved.is_empty(), spec.missing) {
            (true, _) => String::new(),
            (false, Missing::Error) => format!("{empty} or {reserved}"),
            (false, _) => reserved,
        };
        columns.push(if unwanted.is_empty() {
            "0 as evenhand_bad_groups".to_owned()
        } else {
            format!("case when {unwanted} then 1 else 0 end as evenhand_bad_groups")
        });
        format!(
            "evenhand_classed as (\n  select\n    evenhand_picked.*,\n    {}\n  from evenhand_picked\n)",
            listed(&columns)
        )
    }

    /// 0, 1 or null, from a text.
    fn class(&self, text: &str, prediction: bool) -> String {
        let plain = |value: &str, words: [&str; 5]| {
            let words = words.map(|word| self.sql.literal(word)).join(", ");
            format!("when {text} in ({words}) then {value}")
        };
        let (no, yes) = (plain("0", NO), plain("1", YES));
        let Some(positive) = &self.spec.positive else {
            return format!("case {no} {yes} end");
        };
        let mut words = vec![self.sql.literal(positive)];
        if positive.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            words.push(self.sql.literal(&format!("{positive}.0")));
        }
        let named = format!(
            "when {text} is null or {text} = '' then null when {} in ({}) then 1 else 0 end",
            self.sql.composed(text),
            words.join(", ")
        );
        let is_plain = NO.contains(&positive.as_str()) || YES.contains(&positive.as_str());
        if prediction && !is_plain {
            format!("case {no} {yes} {named}")
        } else {
            format!("case {named}")
        }
    }

    /// What is wrong with a row: the place of its reason among the refused, from 1; 0 for nothing.
    fn checked(&self) -> String {
        let spec = self.spec;
        let mut reasons = vec![
            "when evenhand_dropped = 1 then 0".to_owned(),
            "when evenhand_y is null then 1".to_owned(),
        ];
        let largest = self.sql.number(f64::MAX);
        if spec.prediction.is_some() {
            reasons.push("when evenhand_z is null then 2".to_owned());
        }
        if spec.score.is_some() {
            let fits = "evenhand_s >= 0 and evenhand_s <= 1";
            reasons.push(format!("when evenhand_s is null or not ({fits}) then 3"));
        }
        if spec.weight.is_some() {
            let fits = format!("evenhand_w >= 0 and evenhand_w <= {largest}");
            reasons.push(format!("when evenhand_w is null or not ({fits}) then 4"));
        }
        reasons.push("when evenhand_bad_groups = 1 then 5".to_owned());
        let mut columns =
            vec![format!("case {} else 0 end as evenhand_refused", reasons.join(" "))];
        if spec.score.is_some() {
            columns.push(
                "case when evenhand_y = 1 then evenhand_s else 1 - evenhand_s end as evenhand_given"
                    .to_owned(),
            );
        }
        format!(
            "evenhand_checked as (\n  select\n    evenhand_classed.*,\n    {}\n  \
             from evenhand_classed\n)",
            listed(&columns)
        )
    }

    /// The power of two that weights are divided by.
    fn scaled(&self) -> String {
        let exponent = match self.query.weight_exponent {
            Some(exponent) => exponent.to_string(),
            None => {
                let steps: Vec<String> = (-64..=64)
                    .map(|exponent| {
                        let above = self.sql.number(libm::ldexp(1.0, exponent));
                        format!("when max(evenhand_w) < {above} then {exponent}")
                    })
                    .collect();
                format!("case when max(evenhand_w) = 0 then 0 {} else 1000 end", steps.join(" "))
            }
        };
        let from = match self.query.weight_exponent {
            Some(_) => "",
            None => {
                "\n  from evenhand_checked\n  where evenhand_refused = 0 and evenhand_dropped = 0"
            }
        };
        format!("evenhand_scaled as (\n  select {exponent} as evenhand_exponent{from}\n)")
    }

    /// What each row adds, in whole units.
    fn measured(&self) -> String {
        let (spec, sql) = (self.spec, self.sql);
        let used = "evenhand_refused = 0 and evenhand_dropped = 0";
        let units = |number: &str| {
            let unit = sql.number(libm::ldexp(1.0, 62));
            format!("case when {used} then {} end", sql.floor(&format!("({number}) * {unit}")))
        };
        let mut columns = vec![
            "evenhand_refused".to_owned(),
            "evenhand_dropped".to_owned(),
            format!("case when {used} then evenhand_y + 2 * evenhand_z end as evenhand_cell"),
        ];
        if spec.positive.is_some() {
            columns.push("case when evenhand_y = 0 then evenhand_l end as evenhand_other_l".into());
            let words: Vec<String> = NO.iter().chain(&YES).map(|word| sql.literal(word)).collect();
            columns.push(if spec.prediction.is_some() {
                format!(
                    "case when evenhand_z = 0 and evenhand_p not in ({}) then evenhand_p end \
                     as evenhand_other_p",
                    words.join(", ")
                )
            } else {
                format!("cast(null as {}) as evenhand_other_p", sql.text())
            });
        }
        let missing = sql.literal(MISSING);
        columns.extend(self.attributes().map(|name| {
            format!(
                "case when evenhand_dropped = 1 or {name} = '' then {missing} else {name} end \
                 as {name}"
            )
        }));
        let weight = if spec.weight.is_some() {
            let (two, exponent) = (sql.number(2.0), "evenhand_exponent");
            let weight = format!("(evenhand_w * power({two}, -{exponent}))");
            columns.push(exponent.to_owned());
            columns.push(format!("{} as evenhand_u0", units(&weight)));
            columns.push(format!("{} as evenhand_u1", units(&format!("{weight} * {weight}"))));
            format!("{weight} * ")
        } else {
            String::new()
        };
        if spec.score.is_some() {
            for (bins, name) in [
                (self.query.bins, "evenhand_bin"),
                (usize::from(spec.calibration_bins), "evenhand_calibration"),
            ] {
                let bin = sql.floor(&format!("evenhand_s * {}", sql.number(bins as f64)));
                let last = bins - 1;
                columns.push(format!("case when {used} then least({bin}, {last}) end as {name}"));
            }
            let error = "((evenhand_s - evenhand_y) * (evenhand_s - evenhand_y))";
            for (place, number) in
                ["evenhand_s", "(evenhand_s * evenhand_s)", error, &format!("({error} * {error})")]
                    .into_iter()
                    .enumerate()
            {
                columns
                    .push(format!("{} as evenhand_v{place}", units(&format!("{weight}{number}"))));
            }
        }
        if spec.score.is_some() {
            let loss = format!("(-ln(evenhand_given) / {})", sql.number(LARGEST_LOSS));
            for (place, number) in [&loss, &format!("({loss} * {loss})")].into_iter().enumerate() {
                let units = units(&format!("{weight}{number}"));
                columns.push(format!(
                    "case when evenhand_given > 0 then {units} end as evenhand_n{place}"
                ));
            }
            let weighs = if spec.weight.is_some() { " and evenhand_w > 0" } else { "" };
            columns.push(format!(
                "case when {used} and evenhand_given <= 0{weighs} then 1 else 0 end \
                 as evenhand_impossible"
            ));
        }
        let from = if spec.weight.is_some() {
            "evenhand_checked cross join evenhand_scaled"
        } else {
            "evenhand_checked"
        };
        format!("evenhand_measured as (\n  select\n    {}\n  from {from}\n)", listed(&columns))
    }

    /// The sums, by each set of attributes.
    fn counted(&self) -> String {
        let (spec, sql) = (self.spec, self.sql);
        let ones = |when: &str| sql.integer(&format!("sum(case when {when} then 1 else 0 end)"));
        let mut columns: Vec<String> = self.attributes().collect();
        columns.push(format!("{} as evenhand_dropped", ones("evenhand_dropped = 1")));
        columns.extend((1..=REFUSED.len()).map(|reason| {
            format!("{} as evenhand_r{reason}", ones(&format!("evenhand_refused = {reason}")))
        }));
        if spec.positive.is_some() {
            columns.extend(["l", "p"].into_iter().flat_map(|of| {
                ["min", "max"]
                    .map(|end| format!("{end}(evenhand_other_{of}) as evenhand_{end}_{of}"))
            }));
        }
        columns.extend((0..CELLS.len()).map(|cell| {
            format!("{} as evenhand_c{cell}", ones(&format!("evenhand_cell = {cell}")))
        }));
        if spec.score.is_some() {
            columns.extend(["evenhand_bin".to_owned(), "evenhand_calibration".to_owned()]);
            columns.extend((0..LOSSES.len()).map(|place| {
                format!("{} as evenhand_n{place}", sql.total(&format!("evenhand_n{place}")))
            }));
            columns.push(format!("{} as evenhand_impossible", ones("evenhand_impossible = 1")));
            columns.extend((0..SCORE_SUMS.len()).map(|place| {
                format!("{} as evenhand_v{place}", sql.total(&format!("evenhand_v{place}")))
            }));
        }
        if spec.weight.is_some() {
            columns.push("max(evenhand_exponent) as evenhand_exponent".to_owned());
            for (unit, name) in [("evenhand_u0", "evenhand_w"), ("evenhand_u1", "evenhand_q")] {
                columns.extend((0..CELLS.len()).map(|cell| {
                    let weight = format!("case when evenhand_cell = {cell} then {unit} end");
                    format!("{} as {name}{cell}", sql.total(&weight))
                }));
            }
        }
        let bin = spec.score.as_ref().map(|_| "evenhand_bin, evenhand_calibration".to_owned());
        let places = |names: &[String]| {
            let at = |name| spec.slices.iter().position(|slice| slice == name);
            let places = names.iter().filter_map(at).map(|place| format!("evenhand_a{place}"));
            format!("({})", joined(bin.iter().cloned().chain(places), ", "))
        };
        let mut sets = vec![places(&[])];
        sets.extend(spec.slices.iter().map(|slice| places(std::slice::from_ref(slice))));
        sets.extend(spec.intersections.iter().map(|names| places(names)));
        format!(
            "evenhand_counted as (\n  select\n    {}\n  from evenhand_measured\n  \
             group by grouping sets (\n    {}\n  )\n)",
            listed(&columns),
            sets.join(",\n    ")
        )
    }

    /// The file: every column under its own name.
    fn named(&self) -> String {
        let (spec, sql) = (self.spec, self.sql);
        let mut columns = vec![
            format!("{} as {}", counted::VERSION, counted::MARK),
            format!("{} as {}", sql.literal(&counted::digest(spec)), counted::SPEC_DIGEST),
        ];
        let slices = spec.slices.iter().zip(self.attributes());
        columns
            .extend(slices.map(|(column, name)| format!("{name} as {}", sql.identifier(column))));
        if spec.score.is_some() {
            columns.push(format!("{} as {}", self.query.bins, counted::SCORE_BINS));
            columns.push(format!("evenhand_bin as {}", counted::SCORE_BIN));
            columns.push(format!("evenhand_calibration as {}", counted::CALIBRATION_BIN));
        }
        if spec.weight.is_some() {
            columns.push(format!("evenhand_exponent as {}", counted::WEIGHT_EXPONENT));
        }
        columns.push(format!("evenhand_dropped as {}", counted::DROPPED));
        let mut named = |own: &dyn Fn(usize) -> String, names: &[&str], wide: bool| {
            columns.extend(names.iter().enumerate().map(|(place, name)| {
                let own = own(place);
                let own = if wide { format!("cast({own} as {})", sql.text()) } else { own };
                format!("{own} as {name}")
            }));
        };
        named(&|place| format!("evenhand_r{}", place + 1), &REFUSED, false);
        if spec.positive.is_some() {
            let ends = ["min_l", "max_l", "min_p", "max_p"];
            named(&|place| format!("evenhand_{}", ends[place]), &OTHERS, false);
        }
        named(&|place| format!("evenhand_c{place}"), &CELLS, false);
        // Wider than any integer that every engine and file format can hold, so as text.
        if spec.score.is_some() {
            named(&|place| format!("evenhand_v{place}"), &SCORE_SUMS, true);
            named(&|place| format!("evenhand_n{place}"), &LOSSES, true);
            named(&|_| "evenhand_impossible".to_owned(), &[counted::IMPOSSIBLE], false);
        }
        if spec.weight.is_some() {
            named(&|place| format!("evenhand_w{place}"), &WEIGHTS, true);
            named(&|place| format!("evenhand_q{place}"), &WEIGHT_SQUARES, true);
        }
        format!("select\n  {}\nfrom evenhand_counted\n", columns.join(",\n  "))
    }
}

/// Parts with something between them.
fn joined(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}

/// Columns of a select within a common table expression, one a line.
fn listed(columns: &[String]) -> String {
    columns.join(",\n    ")
}

#[cfg(test)]
#[path = "sql/tests.rs"]
mod tests;
