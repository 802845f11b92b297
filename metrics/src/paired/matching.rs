//! Which rows of one run are which of another.

use super::rows::{Column, Rows};

/// Why two runs cannot be compared row by row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPaired {
    /// No row has an id that stands in both.
    #[error("they have no row in common")]
    NothingMatched,
    /// The same id has another label, so it is not the same row.
    #[error("{rows} of {matched} rows with the same id have another label")]
    LabelsDiffer {
        /// Matched rows whose label differs.
        rows: u64,
        /// Matched rows.
        matched: u64,
    },
}

/// The rows that both runs have, column by column.
pub(super) struct Matched {
    /// Label + 2 × prediction before + 4 × prediction after.
    pub cells: Vec<u8>,
    /// Scores before and after; both empty unless both runs have them.
    pub scores: [Vec<f64>; 2],
    pub attributes: Vec<Column>,
    /// The sets of attributes, by position, whose groups are slices: none, each one, those that
    /// both runs cross.
    pub families: Vec<Vec<usize>>,
    pub notes: Vec<String>,
}

impl Matched {
    pub fn len(&self) -> usize {
        self.cells.len()
    }
}

pub(super) fn match_rows(before: &Rows, after: &Rows) -> Result<Matched, NotPaired> {
    let pairs = pairs(&before.ids, &after.ids);
    if pairs.is_empty() {
        return Err(NotPaired::NothingMatched);
    }
    let other_label = |&&(b, a): &&(usize, usize)| (before.cells[b] ^ after.cells[a]) & 1 == 1;
    let rows = pairs.iter().filter(other_label).count() as u64;
    if rows > 0 {
        return Err(NotPaired::LabelsDiffer { rows, matched: pairs.len() as u64 });
    }
    let mut notes = Vec::new();
    let attributes: Vec<Column> = before
        .attributes
        .iter()
        .filter_map(|column| match same_groups(column, after, &pairs) {
            Ok(column) => Some(column),
            Err(note) => {
                notes.push(note);
                None
            }
        })
        .collect();
    let new = after.attributes.iter().filter(|new| !has(before, &new.name));
    notes.extend(new.map(|new| only_one(&new.name, "after")));
    let scored = !before.scores.is_empty() && !after.scores.is_empty();
    if !scored && before.scores.len() != after.scores.len() {
        notes.push("only one of the runs has scores, so none is compared".to_owned());
    }
    if before.clustered || after.clustered {
        notes.push(
            "rows that belong together were counted as independent, so intervals may be too narrow"
                .to_owned(),
        );
    }
    let scores = if scored {
        [
            pairs.iter().map(|&(b, _)| before.scores[b]).collect(),
            pairs.iter().map(|&(_, a)| after.scores[a]).collect(),
        ]
    } else {
        [Vec::new(), Vec::new()]
    };
    Ok(Matched {
        cells: pairs.iter().map(|&(b, a)| before.cells[b] | (after.cells[a] & 2) << 1).collect(),
        scores,
        families: families(&attributes, before, after),
        attributes,
        notes,
    })
}

/// The positions of equal ids in two sorted lists.
fn pairs(before: &[u128], after: &[u128]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let (mut b, mut a) = (0, 0);
    while b < before.len() && a < after.len() {
        match before[b].cmp(&after[a]) {
            std::cmp::Ordering::Less => b += 1,
            std::cmp::Ordering::Greater => a += 1,
            std::cmp::Ordering::Equal => {
                pairs.push((b, a));
                b += 1;
                a += 1;
            }
        }
    }
    pairs
}

fn has(rows: &Rows, attribute: &str) -> bool {
    rows.attributes.iter().any(|column| column.name == attribute)
}

fn only_one(attribute: &str, run: &str) -> String {
    format!("only the run {run} has `{attribute}`, so its groups are not compared row by row")
}

/// An attribute of the matched rows, if each has the same group in both runs.
fn same_groups(column: &Column, after: &Rows, pairs: &[(usize, usize)]) -> Result<Column, String> {
    let Some(other) = after.attributes.iter().find(|other| other.name == column.name) else {
        return Err(only_one(&column.name, "before"));
    };
    // Names may stand twice, where one is an alias of the other.
    let mut groups: Vec<String> = Vec::new();
    let mine = number(&column.groups, &mut groups);
    let theirs = number(&other.groups, &mut groups);
    let codes: Vec<u16> = pairs.iter().map(|&(b, _)| mine[usize::from(column.codes[b])]).collect();
    let differ = pairs
        .iter()
        .zip(&codes)
        .filter(|&(&(_, a), &code)| theirs[usize::from(other.codes[a])] != code)
        .count();
    if differ > 0 {
        return Err(format!(
            "`{}` differs in {differ} of {} matched rows, so its groups are not compared row by row",
            column.name,
            pairs.len()
        ));
    }
    Ok(Column { name: column.name.clone(), groups, codes })
}

/// The number of each name in a list to which new ones are added.
#[expect(clippy::cast_possible_truncation, reason = "two attributes have at most 2,000 groups")]
fn number(names: &[String], groups: &mut Vec<String>) -> Vec<u16> {
    names
        .iter()
        .map(|name| {
            let place = groups.iter().position(|group| group == name).unwrap_or_else(|| {
                groups.push(name.clone());
                groups.len() - 1
            });
            place as u16
        })
        .collect()
}

fn families(attributes: &[Column], before: &Rows, after: &Rows) -> Vec<Vec<usize>> {
    let place = |name: &String| attributes.iter().position(|column| column.name == *name);
    let crossed = |rows: &Rows| -> Vec<Vec<usize>> {
        rows.intersections
            .iter()
            .filter_map(|names| names.iter().map(place).collect::<Option<Vec<usize>>>())
            .map(|mut family| {
                family.sort_unstable();
                family.dedup();
                family
            })
            .collect()
    };
    let theirs = crossed(after);
    let mut families = vec![Vec::new()];
    families.extend((0..attributes.len()).map(|attribute| vec![attribute]));
    families.extend(crossed(before).into_iter().filter(|family| theirs.contains(family)));
    families
}
