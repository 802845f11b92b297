//! Parquet: the columns that the spec names, each decoded on its own, on all cores.

use super::cell::{self, Classes};
use super::draft::{Draft, Group, Groups, group_problem, too_many_groups};
use super::problems::Problems;
use super::{Collector, Columns, MOST_COLUMNS, Table, pages, too_many_columns, unreadable};
use crate::spec::Missing;
use crate::{Problem, Spec};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;
use rayon::prelude::*;
use std::fmt::Write;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// Rows that are decoded before they are added up; bounds what is held twice.
const WINDOW: u64 = 1 << 20;
/// Rows that are decoded at a time, per column.
const BATCH: usize = 1 << 14;
/// A footer larger than this describes no table of predictions.
const LONGEST_FOOTER: u64 = 32 << 20;

/// Reads the columns of the spec from a Parquet file of `size` bytes.
pub(super) fn read(path: &Path, size: u64, spec: &Spec) -> Result<Table, Vec<Problem>> {
    let one = |problem| vec![problem];
    let mut file = File::open(path).map_err(|error| one(unreadable(&error)))?;
    check_footer(&mut file, size).map_err(one)?;
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = guarded(|| {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
        ArrowReaderMetadata::try_new(Arc::new(metadata), plain)
    })
    .map_err(one)?;
    let header: Vec<String> =
        metadata.schema().fields().iter().map(|field| field.name().clone()).collect();
    if header.len() > MOST_COLUMNS {
        return Err(one(too_many_columns(header.len())));
    }
    let columns = Columns::find(&header, spec)?;
    let reader = Reader::new(path, spec, &columns, &metadata)?;
    reader.check_pages(&mut file, size).map_err(one)?;

    let mut collector = Collector::new(spec, &columns, "parquet");
    let mut row = 0;
    for window in reader.windows() {
        let tasks: Vec<(usize, usize)> = window
            .iter()
            .flat_map(|&group| (0..reader.roles.len()).map(move |role| (group, role)))
            .collect();
        let mut decoded = tasks
            .par_iter()
            .map(|&(group, role)| reader.column(group, &reader.roles[role]))
            .collect::<Result<Vec<_>, _>>()
            .map_err(one)?
            .into_iter();
        for &group in &window {
            let read: Vec<Column> = decoded.by_ref().take(reader.roles.len()).collect();
            let rows = reader.rows(group);
            collector.add(reader.draft(read, rows).map_err(one)?, row);
            row += rows as u64;
        }
        if collector.hopeless() {
            break;
        }
    }
    collector.finish()
}

fn check_footer(file: &mut File, size: u64) -> Result<(), Problem> {
    let cut_off = || {
        Problem::new("truncated_parquet", "the Parquet file has no footer; it was cut off")
            .expected("the complete file")
    };
    if size < 12 {
        return Err(cut_off());
    }
    let mut tail = [0; 8];
    file.seek(SeekFrom::Start(size - 8))
        .and_then(|_| file.read_exact(&mut tail))
        .map_err(|error| unreadable(&error))?;
    let [a, b, c, d, magic @ ..] = tail;
    if &magic == b"PARE" {
        return Err(Problem::new("wrong_format", "the Parquet file is encrypted")
            .expected("a file without encryption"));
    }
    if &magic != b"PAR1" {
        return Err(cut_off());
    }
    let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
    if footer > size - 12 || footer > LONGEST_FOOTER {
        let message = format!("the Parquet footer claims {footer} bytes");
        return Err(Problem::new("broken_parquet", message)
            .expected(format!("at most {}", (size - 12).min(LONGEST_FOOTER))));
    }
    Ok(())
}

/// The decoder is not meant for hostile files: its panics are refusals too.
fn guarded<T>(decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, Problem> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(broken(&error.to_string())),
        Err(_) => Err(broken("its structure contradicts itself")),
    }
}

fn broken(why: &str) -> Problem {
    Problem::new("broken_parquet", format!("the Parquet file is broken: {why}"))
        .expected("a complete and valid file")
}

/// What a column is read as.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Label,
    Prediction,
    Score,
    Weight,
    Attribute,
}

struct Role<'a> {
    kind: Kind,
    name: &'a str,
    /// Its position in the schema.
    at: usize,
}

/// A column of a row group.
struct Column {
    kind: Kind,
    values: Values,
    problems: Problems,
    classes: Classes,
}

enum Values {
    Classes(Vec<u8>),
    Numbers(Vec<f64>),
    Groups(Groups),
}

/// The code of a row whose attribute is empty and that is dropped for it.
const DROPPED: u16 = u16::MAX;

struct Reader<'a> {
    path: &'a Path,
    spec: &'a Spec,
    metadata: ArrowReaderMetadata,
    roles: Vec<Role<'a>>,
}

impl<'a> Reader<'a> {
    fn new(
        path: &'a Path,
        spec: &'a Spec,
        columns: &Columns,
        metadata: &ArrowReaderMetadata,
    ) -> Result<Self, Vec<Problem>> {
        let mut roles = vec![Role { kind: Kind::Label, name: &spec.label, at: columns.label }];
        for (kind, name, at) in [
            (Kind::Score, &spec.score, columns.score),
            (Kind::Prediction, &spec.prediction, columns.prediction),
            (Kind::Weight, &spec.weight, columns.weight),
        ] {
            roles.extend(name.as_deref().zip(at).map(|(name, at)| Role { kind, name, at }));
        }
        let slices = spec.slices.iter().zip(&columns.slices);
        roles.extend(slices.map(|(name, &at)| Role { kind: Kind::Attribute, name, at }));

        let fields = metadata.schema().fields();
        let problems: Vec<Problem> = roles
            .iter()
            .filter(|role| !readable(role.kind, fields[role.at].data_type()))
            .map(|role| {
                let message = format!("it has type {}", fields[role.at].data_type());
                Problem::new("wrong_type", message).at_cell(None, Some(role.name)).expected(
                    match role.kind {
                        Kind::Score | Kind::Weight => "numbers",
                        _ => "text, whole numbers or truth values",
                    },
                )
            })
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        // Text is mostly few values many times: keep it as codes.
        let fields: Vec<Field> = fields
            .iter()
            .enumerate()
            .map(|(at, field)| match field.data_type() {
                text @ (DataType::Utf8 | DataType::Binary)
                    if roles.iter().any(|role| role.at == at) =>
                {
                    let codes = Box::new(DataType::Int32);
                    let coded = DataType::Dictionary(codes, Box::new(text.clone()));
                    Field::new(field.name(), coded, field.is_nullable())
                }
                _ => field.as_ref().clone(),
            })
            .collect();
        let options = ArrowReaderOptions::new()
            .with_skip_arrow_metadata(true)
            .with_schema(Arc::new(Schema::new(fields)));
        let metadata =
            guarded(|| ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options))
                .map_err(|problem| vec![problem])?;
        Ok(Self { path, spec, metadata, roles })
    }

    /// Row groups, as many at a time as make about `WINDOW` rows.
    fn windows(&self) -> Vec<Vec<usize>> {
        let mut windows: Vec<Vec<usize>> = Vec::new();
        let mut rows = u64::MAX;
        for group in 0..self.metadata.metadata().num_row_groups() {
            if rows >= WINDOW {
                windows.push(Vec::new());
                rows = 0;
            }
            rows = rows.saturating_add(self.rows(group) as u64);
            if let Some(window) = windows.last_mut() {
                window.push(group);
            }
        }
        windows
    }

    fn rows(&self, group: usize) -> usize {
        usize::try_from(self.metadata.metadata().row_group(group).num_rows()).unwrap_or(0)
    }

    /// No page of a column that is read may claim more than it can hold.
    fn check_pages(&self, file: &mut File, size: u64) -> Result<(), Problem> {
        for group in self.metadata.metadata().row_groups() {
            let leaves = group.columns().iter().filter(|leaf| {
                let root = leaf.column_path().parts().first();
                self.roles.iter().any(|role| root.is_some_and(|root| root == role.name))
            });
            for leaf in leaves {
                let name = leaf.column_path().string();
                let refuse = |why: &str| broken(why).at_cell(None, Some(&name));
                // `byte_range` would panic on negative offsets.
                let start = leaf.dictionary_page_offset().unwrap_or(leaf.data_page_offset());
                let start = start.min(leaf.data_page_offset());
                let (Ok(start), Ok(length)) =
                    (u64::try_from(start), u64::try_from(leaf.compressed_size()))
                else {
                    return Err(refuse("a column has a negative place"));
                };
                if start.checked_add(length).is_none_or(|end| end > size) {
                    return Err(refuse("a column lies beyond the end of the file"));
                }
                pages::check(file, start, length)
                    .map_err(|error| unreadable(&error))?
                    .map_err(|why| refuse(&why))?;
            }
        }
        Ok(())
    }

    /// Decodes one column of a row group.
    fn column(&self, group: usize, role: &Role) -> Result<Column, Problem> {
        // Each task has a file of its own: clones of one share their position.
        let file = File::open(self.path).map_err(|error| unreadable(&error))?;
        let rows = self.rows(group);
        guarded(|| {
            let schema = self.metadata.parquet_schema();
            let batches =
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                    .with_row_groups(vec![group])
                    .with_projection(ProjectionMask::roots(schema, [role.at]))
                    .with_batch_size(BATCH)
                    .build()?;
            let mut column = Column::new(role.kind, self.spec.missing);
            let mut row = 0;
            for batch in batches {
                let batch = batch?;
                if row + batch.num_rows() > rows {
                    break;
                }
                column.add(batch.column(0), role.name, row as u64, self.spec);
                row += batch.num_rows();
                if column.problems.is_fatal() {
                    return Ok(column);
                }
            }
            if row == rows {
                Ok(column)
            } else {
                Err(ParquetError::General(format!("{rows} rows are announced, {row} are there")))
            }
        })
        .map_err(|problem| problem.at_cell(None, Some(role.name)))
    }

    /// Puts the columns of a row group together.
    fn draft(&self, columns: Vec<Column>, rows: usize) -> Result<Draft, Problem> {
        let mut draft = Draft { rows_read: rows as u64, ..Draft::default() };
        let (mut labels, mut predictions) = (Vec::new(), None);
        for mut column in columns {
            draft.problems.append(std::mem::take(&mut column.problems), 0);
            draft.classes.merge(std::mem::take(&mut column.classes));
            match (column.kind, column.values) {
                (Kind::Label, Values::Classes(values)) => labels = values,
                (Kind::Prediction, Values::Classes(values)) => predictions = Some(values),
                (Kind::Score, Values::Numbers(values)) => draft.scores = values,
                (Kind::Weight, Values::Numbers(values)) => draft.weights = values,
                (Kind::Attribute, Values::Groups(groups)) => draft.groups.push(groups),
                _ => return Err(broken("a column changed its type")),
            }
        }
        draft.problems.sort();
        if !draft.problems.is_empty() {
            return Ok(draft);
        }
        let threshold = self.spec.threshold.unwrap_or(0.5);
        let mut cells = labels;
        match predictions {
            Some(predictions) => {
                for (cell, prediction) in cells.iter_mut().zip(predictions) {
                    *cell |= prediction << 1;
                }
            }
            None => {
                for (cell, score) in cells.iter_mut().zip(&draft.scores) {
                    *cell |= u8::from(*score >= threshold) << 1;
                }
            }
        }
        draft.cells = cells;
        if self.spec.missing == Missing::Drop {
            draft.drop_empty();
        }
        Ok(draft)
    }
}

impl Draft {
    /// Leaves out rows with an empty attribute.
    fn drop_empty(&mut self) {
        let keep: Vec<bool> = (0..self.cells.len())
            .map(|row| self.groups.iter().all(|groups| groups.codes[row] != DROPPED))
            .collect();
        self.dropped = keep.iter().filter(|keep| !**keep).count() as u64;
        if self.dropped == 0 {
            return;
        }
        retain(&mut self.cells, &keep);
        retain(&mut self.scores, &keep);
        retain(&mut self.weights, &keep);
        for groups in &mut self.groups {
            retain(&mut groups.codes, &keep);
        }
    }
}

fn retain<T>(values: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    values.retain(|_| keep.next().copied().unwrap_or(true));
}

fn readable(kind: Kind, data_type: &DataType) -> bool {
    let number =
        data_type.is_integer() || matches!(data_type, DataType::Float32 | DataType::Float64);
    let text = matches!(data_type, DataType::Utf8 | DataType::Binary);
    match kind {
        Kind::Score | Kind::Weight => number || text,
        Kind::Label | Kind::Prediction | Kind::Attribute => {
            number || text || *data_type == DataType::Boolean
        }
    }
}

impl Column {
    fn new(kind: Kind, missing: Missing) -> Self {
        let values = match kind {
            Kind::Label | Kind::Prediction => Values::Classes(Vec::new()),
            Kind::Score | Kind::Weight => Values::Numbers(Vec::new()),
            Kind::Attribute => Values::Groups(Groups::new(missing)),
        };
        Self { kind, values, problems: Problems::default(), classes: Classes::default() }
    }

    /// Adds a batch whose first row is the `before`th of its row group.
    fn add(&mut self, array: &ArrayRef, name: &str, before: u64, spec: &Spec) {
        let line = |row: usize| before + row as u64 + 1;
        let Self { kind, values, problems, classes } = self;
        match values {
            Values::Classes(values) => {
                let positive = spec.positive.as_deref();
                if positive.is_none() && !matches!(array.data_type(), DataType::Boolean) {
                    let mut plain = |row, value: Option<f64>| {
                        let class = match value {
                            Some(0.0) => 0,
                            Some(1.0) => 1,
                            other => {
                                problems.push(|| not_binary(other, name, line(row)));
                                0
                            }
                        };
                        values.push(class);
                    };
                    if numbers(array, &mut plain) {
                        return;
                    }
                }
                texts(array, &mut |row, text| {
                    let class = text.filter(|text| !text.is_empty()).and_then(|text| match kind {
                        Kind::Label => classes.label(text, positive),
                        _ => classes.prediction(text, positive),
                    });
                    if class.is_none() {
                        problems.push(|| {
                            super::csv::not_binary(text.unwrap_or_default(), name, line(row))
                        });
                    }
                    values.push(class.unwrap_or(0));
                });
            }
            Values::Numbers(values) => {
                let check = if *kind == Kind::Score { cell::score } else { cell::weight };
                let mut take = |row: usize, value: Option<f64>| {
                    let wrong = match value.map(check) {
                        Some(Ok(value)) => return values.push(value),
                        Some(Err(wrong)) => wrong,
                        None => ("not_a_number", format!("`{name}` is empty")),
                    };
                    problems.push(|| super::csv::bad_measure(wrong, name, line(row)));
                    values.push(0.0);
                };
                if !numbers(array, &mut take) {
                    texts(array, &mut |row, text| {
                        let text = text.unwrap_or_default();
                        match cell::number(text) {
                            Some(value) => take(row, Some(value)),
                            None => take(row, None),
                        }
                    });
                }
            }
            Values::Groups(groups) => add_groups(groups, problems, array, name, before, spec),
        }
    }
}

fn not_binary(value: Option<f64>, name: &str, line: u64) -> Problem {
    let text = value.map(|value| value.to_string()).unwrap_or_default();
    super::csv::not_binary(text.as_bytes(), name, line)
}

fn add_groups(
    groups: &mut Groups,
    problems: &mut Problems,
    array: &ArrayRef,
    name: &str,
    before: u64,
    spec: &Spec,
) {
    let mut code = |group: Group, row: usize| match group {
        Group::Code(code) => code,
        Group::Missing if spec.missing == Missing::Drop => DROPPED,
        Group::TooMany => {
            problems.fatal(too_many_groups(name));
            0
        }
        other => {
            problems.push(|| group_problem(other, name, before + row as u64 + 1));
            0
        }
    };
    if let Some(coded) = array.as_any_dictionary_opt() {
        let mut known = Vec::with_capacity(coded.values().len());
        texts(coded.values(), &mut |_, text| {
            known.push(groups.look_up(text.unwrap_or_default()));
        });
        let empty = array.is_nullable().then(|| groups.look_up(b""));
        for (row, key) in coded.normalized_keys().into_iter().enumerate() {
            let group = match empty {
                Some(empty) if array.is_null(row) => empty,
                _ => known.get(key).copied().unwrap_or(Group::NotText),
            };
            groups.codes.push(code(group, row));
        }
    } else {
        texts(array, &mut |row, text| {
            let group = groups.look_up(text.unwrap_or_default());
            groups.codes.push(code(group, row));
        });
    }
}

/// Calls `each` with every row's number; `false` when the array holds no numbers.
fn numbers(array: &ArrayRef, each: &mut dyn FnMut(usize, Option<f64>)) -> bool {
    macro_rules! walk {
        ($kind:ty) => {
            for (row, value) in array.as_primitive::<$kind>().iter().enumerate() {
                each(row, value.map(|value| value as f64));
            }
        };
    }
    match array.data_type() {
        DataType::Int8 => walk!(Int8Type),
        DataType::Int16 => walk!(Int16Type),
        DataType::Int32 => walk!(Int32Type),
        DataType::Int64 => walk!(Int64Type),
        DataType::UInt8 => walk!(UInt8Type),
        DataType::UInt16 => walk!(UInt16Type),
        DataType::UInt32 => walk!(UInt32Type),
        DataType::UInt64 => walk!(UInt64Type),
        DataType::Float32 => walk!(Float32Type),
        DataType::Float64 => walk!(Float64Type),
        _ => return false,
    }
    true
}

/// Calls `each` with every row as text; numbers as they are written shortest, NaN as nothing.
fn texts(array: &ArrayRef, each: &mut dyn FnMut(usize, Option<&[u8]>)) {
    macro_rules! walk {
        ($kind:ty) => {{
            let mut text = String::new();
            for (row, value) in array.as_primitive::<$kind>().iter().enumerate() {
                text.clear();
                let written = value.is_some_and(|value| write!(text, "{value}").is_ok());
                each(row, (written && text != "NaN").then_some(text.as_bytes()));
            }
        }};
    }
    match array.data_type() {
        DataType::Boolean => {
            for (row, value) in array.as_boolean().iter().enumerate() {
                let text: Option<&[u8]> =
                    value.map(|value| if value { &b"true"[..] } else { &b"false"[..] });
                each(row, text);
            }
        }
        DataType::Utf8 => {
            for (row, value) in array.as_string::<i32>().iter().enumerate() {
                each(row, value.map(str::as_bytes));
            }
        }
        DataType::Binary => {
            for (row, value) in array.as_binary::<i32>().iter().enumerate() {
                each(row, value);
            }
        }
        DataType::Dictionary(_, _) => {
            if let Some(coded) = array.as_any_dictionary_opt() {
                let mut known: Vec<Option<Vec<u8>>> = Vec::new();
                texts(coded.values(), &mut |_, text| known.push(text.map(<[u8]>::to_vec)));
                for (row, key) in coded.normalized_keys().into_iter().enumerate() {
                    let text = known.get(key).and_then(Option::as_deref);
                    each(row, text.filter(|_| !array.is_null(row)));
                }
            }
        }
        DataType::Int8 => walk!(Int8Type),
        DataType::Int16 => walk!(Int16Type),
        DataType::Int32 => walk!(Int32Type),
        DataType::Int64 => walk!(Int64Type),
        DataType::UInt8 => walk!(UInt8Type),
        DataType::UInt16 => walk!(UInt16Type),
        DataType::UInt32 => walk!(UInt32Type),
        DataType::UInt64 => walk!(UInt64Type),
        DataType::Float32 => walk!(Float32Type),
        DataType::Float64 => walk!(Float64Type),
        // `readable` lets no other type pass.
        _ => {}
    }
}
