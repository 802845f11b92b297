//! Judged responses: rates and means of judgements per slice. What the judge could not judge is
//! counted, and no rate is of it.

use super::Evaluated;
use super::aggregate::{Cells, families, refuse_too_many, slice_of};
use super::noise::corrected;
use super::ratios::{Clusters, Part, Rows};
use crate::bootstrap::units::Collection;
use crate::catalogue::CORRECTED;
use crate::ratio::{Design, Tally, Units};
use crate::read::{Role, Table};
use crate::spec::{Judged, Judgement};
use crate::{Estimate, Problem, Slice, Spec};
use std::ops::Range;

pub(super) fn evaluate(
    table: &Table,
    spec: &Spec,
    judged: &Judged,
    level: f64,
    collection: Option<&Collection>,
) -> Result<Evaluated, Vec<Problem>> {
    // Images of one prompt belong together, unless the spec says what does.
    let together = table.names(Role::Cluster).or_else(|| table.names(Role::Query));
    let clusters = together.map(Clusters::of);
    let units = if clusters.is_some() { Units::Together } else { Units::Alone };
    let design = Design { weighted: spec.weight.is_some(), units, level };
    let rows = Rows::new(table, clusters, collection);
    let columns: Vec<Column> = judged
        .columns
        .keys()
        .map(|&judgement| Column { judgement, values: table.numbers(Role::Judgement(judgement)) })
        .collect();
    let mut evaluated = Evaluated { estimates: Vec::new(), notes: notes(&columns, judged, spec) };
    let mut slices = 0;
    for family in families(table, spec)? {
        let cells = Cells::of(table, &family);
        slices += cells.groups.len();
        refuse_too_many(slices)?;
        let made = Made { table, spec, family: &family, cells: &cells, design };
        made.counts(&rows, &mut evaluated.estimates);
        for column in &columns {
            made.judgement(&rows, column, &mut evaluated.estimates);
        }
        if !columns.is_empty() {
            made.failures(&rows, &columns, &mut evaluated.estimates);
        }
    }
    Ok(evaluated)
}

/// A judgement of each row; not a number where the judge failed.
struct Column<'a> {
    judgement: Judgement,
    values: &'a [f64],
}

/// One family of slices.
struct Made<'a> {
    table: &'a Table,
    spec: &'a Spec,
    family: &'a [usize],
    cells: &'a Cells,
    design: Design,
}

impl Made<'_> {
    fn named<const N: usize>(&self, tallies: Vec<[Tally; N]>) -> Vec<(Slice, [Tally; N])> {
        let slice = |codes: &Vec<u16>| slice_of(self.table, self.family, codes);
        self.cells.groups.iter().map(slice).zip(tallies).collect()
    }

    fn counts(&self, rows: &Rows, estimates: &mut Vec<Estimate>) {
        for (slice, [all]) in self.named(rows.tallies(self.cells, |_, _| [Some((1.0, 1.0))])) {
            estimates.push(Estimate::count(&slice, all.rows));
        }
    }

    fn judgement(&self, rows: &Rows, column: &Column, estimates: &mut Vec<Estimate>) {
        const EMPTY: &str = "the judge failed on every response";
        let key = column.judgement.metric();
        let threshold = self.spec.threshold.unwrap_or(0.5);
        let part = |row: usize, value: f64| {
            let w = rows.weight(row);
            Some((w * value, w))
        };
        let of = |row: usize| Some(column.values[row]).filter(|value| !value.is_nan());
        match column.judgement {
            Judgement::Sentiment => {
                let tallies =
                    rows.tallies(self.cells, |row, _| [of(row).and_then(|value| part(row, value))]);
                for (slice, [mean]) in self.named(tallies) {
                    estimates.push(mean.mean(&slice, key, self.design, EMPTY));
                }
            }
            Judgement::Win => {
                // Won is 1, tied ½, lost 0.
                let tallies = rows.tallies(self.cells, |row, _| {
                    let is = |what: Range<f64>| -> Part {
                        let flag = |value: f64| f64::from(u8::from(what.contains(&value)));
                        of(row).and_then(|value| part(row, flag(value)))
                    };
                    [is(0.75..2.0), is(0.25..0.75)]
                });
                for (slice, [won, tied]) in self.named(tallies) {
                    estimates.push(won.rate(&slice, key, self.design, EMPTY));
                    estimates.push(tied.rate(&slice, "tie_rate", self.design, EMPTY));
                }
            }
            judgement => {
                let tallies = rows.tallies(self.cells, |row, _| {
                    let flag = |value: f64| f64::from(u8::from(value >= threshold));
                    [of(row).and_then(|value| part(row, flag(value)))]
                });
                for (slice, [flagged]) in self.named(tallies) {
                    let estimate = Estimate {
                        threshold: Some(threshold),
                        ..flagged.rate(&slice, key, self.design, EMPTY)
                    };
                    let noise = self.spec.label_noise.get(judgement.key());
                    let better = noise.map(|rates| {
                        corrected(
                            &estimate,
                            &format!("{key}[{CORRECTED}]"),
                            rates,
                            self.design.level,
                        )
                    });
                    estimates.push(estimate);
                    estimates.extend(better);
                }
            }
        }
    }

    /// Responses that some judgement failed on, and each judgement's own failures where there are
    /// several.
    fn failures(&self, rows: &Rows, columns: &[Column], estimates: &mut Vec<Estimate>) {
        const KEY: &str = "judge_failure_rate";
        let mut add = |key: &str, failed: &(dyn Fn(usize) -> bool + Sync)| {
            let tallies = rows.tallies(self.cells, |row, _| {
                let w = rows.weight(row);
                [Some((w * f64::from(u8::from(failed(row))), w))]
            });
            for (slice, [failures]) in self.named(tallies) {
                estimates.push(failures.rate(&slice, key, self.design, "no responses"));
            }
        };
        add(KEY, &|row| columns.iter().any(|column| column.values[row].is_nan()));
        if columns.len() > 1 {
            for column in columns {
                let key = format!("{KEY}[{}]", column.judgement.key());
                add(&key, &|row| column.values[row].is_nan());
            }
        }
    }
}

fn notes(columns: &[Column], judged: &Judged, spec: &Spec) -> Vec<String> {
    let mut notes = Vec::new();
    for column in columns {
        let failed = column.values.iter().filter(|value| value.is_nan()).count();
        let all = column.values.len();
        if failed > 0 {
            notes.push(format!(
                "the judge failed on {failed} of {all} responses in `{}`; they are counted as \
                 failures, and the rate is of the other {}",
                judged.columns[&column.judgement],
                all - failed
            ));
        }
    }
    if let Some(threshold) = spec.threshold {
        notes.push(format!("a judgement that is a score counts as yes from {threshold}"));
    }
    notes
}
