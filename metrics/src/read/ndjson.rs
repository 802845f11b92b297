//! NDJSON: a JSON object per line. A key that a row leaves out, or has as null, is an empty cell.

use super::column::Column;
use super::draft::Draft;
use super::parts::{Parts, Quotes};
use super::problems::Problems;
use super::request::Request;
use super::{Collector, Gather, MOST_COLUMNS, cell, too_many_columns, unknown_column};
use crate::Problem;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

/// Reads one object per line.
pub(super) fn read<G: Gather>(
    input: impl Read + Send,
    request: &Request,
    collector: &mut Collector<G>,
) -> Result<(), Vec<Problem>> {
    let mut parts = Parts::new(input, Quotes::None);
    parts.skip_mark().map_err(|problem| vec![problem])?;
    let plan = Plan { request, names: request.names(), keys: Mutex::default() };
    parts.parse(collector, |bytes| plan.parse(bytes));
    let keys = plan.keys.into_inner().unwrap_or_else(PoisonError::into_inner);
    let header: Vec<String> = keys.into_iter().collect();
    if header.len() > MOST_COLUMNS {
        return Err(vec![too_many_columns(header.len())]);
    }
    // A key that no row has is mistyped rather than missing in each.
    let absent = plan.names.iter().filter(|name| !header.iter().any(|key| key == *name));
    let absent: Vec<Problem> =
        absent.map(|name| Problem { place: None, ..unknown_column(name, &header) }).collect();
    if !absent.is_empty() && !header.is_empty() {
        return Err(absent);
    }
    collector.columns(&header);
    Ok(())
}

struct Plan<'a> {
    request: &'a Request<'a>,
    /// The keys that are asked for, each once.
    names: Vec<&'a str>,
    /// All keys that were met.
    keys: Mutex<BTreeSet<String>>,
}

impl Plan<'_> {
    fn parse(&self, bytes: &[u8]) -> Draft {
        let mut part = Part {
            plan: self,
            columns: self
                .request
                .columns
                .iter()
                .map(|wanted| Column::new(wanted, self.request))
                .collect(),
            problems: Problems::default(),
            met: vec![false; self.names.len()],
            others: BTreeSet::new(),
        };
        let mut rows = 0;
        for (line, text) in (1_u64..).zip(bytes.split(|byte| *byte == b'\n')) {
            if text.trim_ascii().is_empty() {
                continue;
            }
            rows += 1;
            part.row(text, line);
            if part.columns.iter().any(|column| column.problems.is_fatal()) {
                break;
            }
        }
        {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            let met = self.names.iter().zip(&part.met).filter(|(_, met)| **met);
            keys.extend(met.map(|(name, _)| (*name).to_owned()));
            keys.append(&mut part.others);
        }
        Draft::of(part.columns, rows, part.problems)
    }
}

/// Some lines that are being read.
struct Part<'a> {
    plan: &'a Plan<'a>,
    columns: Vec<Column<'a>>,
    problems: Problems,
    /// Which of the keys that are asked for were met.
    met: Vec<bool>,
    others: BTreeSet<String>,
}

impl Part<'_> {
    fn row(&mut self, text: &[u8], line: u64) {
        let mut row = Row {
            names: &self.plan.names,
            cells: vec![Cell::Empty; self.plan.names.len()],
            seen: vec![false; self.plan.names.len()],
            twice: None,
            others: &mut self.others,
        };
        let mut json = serde_json::Deserializer::from_slice(text);
        let read = (&mut row).deserialize(&mut json).and_then(|()| json.end());
        let Row { cells, seen, twice, .. } = row;
        if let Err(error) = read {
            self.problems.push(|| not_json(&error, text, line));
            return;
        }
        for (met, seen) in self.met.iter_mut().zip(seen) {
            *met |= seen;
        }
        if let Some(name) = twice {
            self.problems.push(|| {
                Problem::new("duplicate_key", format!("key `{name}` stands twice"))
                    .at_cell(Some(line), Some(name))
                    .expected("each key once")
            });
            return;
        }
        for column in &mut self.columns {
            let place = self.plan.names.iter().position(|name| *name == column.wanted.name);
            let cell = place.map_or(&Cell::Empty, |place| &cells[place]);
            match cell {
                Cell::Empty => column.empty(line),
                Cell::Truth(truth) => column.truth(*truth, line),
                Cell::Whole(number) => column.whole(*number, line),
                Cell::Number(number) => column.number(*number, line),
                Cell::Text(text) => column.text(text.as_bytes(), line),
                Cell::Nested(what) => {
                    let name = &column.wanted.name;
                    let problem = Problem::new("nested_value", format!("`{name}` is {what}"))
                        .at_cell(Some(line), Some(name))
                        .expected("text, a number, true, false or null");
                    column.wrong(problem);
                }
            }
        }
    }
}

/// What is wrong with a line, in the words of its reader where there are none better.
fn not_json(error: &serde_json::Error, text: &[u8], line: u64) -> Problem {
    /// How other tools write numbers that JSON does not have.
    const DIALECT: [&str; 6] = ["-Infinity", "Infinity", "NaN", "-inf", "inf", "nan"];
    let at = |problem: Problem| problem.at_cell(Some(line), None);
    if std::str::from_utf8(text).is_err() {
        return at(Problem::new("not_utf8", "the text is not UTF-8").expected("text in UTF-8"));
    }
    if !text.trim_ascii_start().starts_with(b"{") {
        let shown = cell::shown(text.trim_ascii());
        return at(Problem::new("not_an_object", format!("the line is `{shown}`"))
            .expected("a JSON object on each line"));
    }
    let place = error.column().saturating_sub(1);
    for before in [place.saturating_sub(1), place] {
        let rest = text.get(before..).unwrap_or_default();
        if let Some(word) = DIALECT.iter().find(|word| rest.starts_with(word.as_bytes())) {
            return at(Problem::new("not_finite", format!("`{word}` is not JSON"))
                .expected("a number, or null where there is none"));
        }
    }
    if error.is_eof() {
        return at(Problem::new("broken_line", "the JSON object does not end on its line")
            .expected("a whole JSON object on each line"));
    }
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    at(Problem::new("not_json", format!("{words} at character {}", error.column()))
        .expected("a JSON object on each line"))
}

/// The value of a key.
#[derive(Clone)]
enum Cell<'t> {
    Empty,
    Truth(bool),
    Whole(i128),
    Number(f64),
    Text(Cow<'t, str>),
    Nested(&'static str),
}

/// A line that is being read.
struct Row<'a, 't> {
    names: &'a [&'a str],
    cells: Vec<Cell<'t>>,
    seen: Vec<bool>,
    twice: Option<&'a str>,
    others: &'a mut BTreeSet<String>,
}

impl<'t> DeserializeSeed<'t> for &mut Row<'_, 't> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'t>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'t> Visitor<'t> for &mut Row<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        // Rows mostly have their keys in one order, so the next one is looked for first.
        let mut next = 0;
        while let Some(Key(key)) = map.next_key()? {
            let found = self.names[next..]
                .iter()
                .position(|name| *name == key)
                .map(|place| next + place)
                .or_else(|| self.names[..next].iter().position(|name| *name == key));
            let Some(place) = found else {
                if !self.others.contains(key.as_ref()) {
                    if self.others.len() >= MOST_COLUMNS {
                        return Err(A::Error::custom("more different keys than a table has"));
                    }
                    self.others.insert(key.into_owned());
                }
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if std::mem::replace(&mut self.seen[place], true) {
                self.twice = Some(self.names[place]);
            }
            self.cells[place] = map.next_value()?;
            next = place;
        }
        Ok(())
    }
}

/// A key; borrowed where it holds no escapes.
struct Key<'t>(Cow<'t, str>);

impl<'t> serde::Deserialize<'t> for Key<'t> {
    fn deserialize<D: serde::Deserializer<'t>>(json: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'t> Visitor<'t> for Text {
            type Value = Key<'t>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'t str) -> Result<Key<'t>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key<'t>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        json.deserialize_str(Text)
    }
}

impl<'t> serde::Deserialize<'t> for Cell<'t> {
    fn deserialize<D: serde::Deserializer<'t>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'t> Visitor<'t> for CellVisitor {
    type Value = Cell<'t>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Cell<'t>, E> {
        Ok(Cell::Empty)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Cell<'t>, E> {
        Ok(Cell::Truth(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Cell<'t>, E> {
        Ok(Cell::Whole(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Cell<'t>, E> {
        Ok(Cell::Whole(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Cell<'t>, E> {
        Ok(Cell::Number(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'t str) -> Result<Cell<'t>, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cell<'t>, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<Cell<'t>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cell::Nested("a list"))
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Cell<'t>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Nested("an object"))
    }
}
