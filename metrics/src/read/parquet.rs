//! Parquet: the columns that the spec names, each decoded on its own, on all cores.

mod column;

use super::draft::Draft;
use super::{
    Collector, Columns, Ids, MOST_COLUMNS, Table, asked, pages, retain, too_many_columns,
    unreadable,
};
use crate::spec::{Missing, Task};
use crate::{Problem, Spec};
use arrow_schema::{DataType, Field, Schema};
use column::{Column, DROPPED, Kind, Values, readable};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;
use rayon::prelude::*;
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
pub(super) fn read(
    path: &Path,
    size: u64,
    spec: &Spec,
    ids: Option<&Ids>,
) -> Result<Table, Vec<Problem>> {
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
    let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(u64::MAX);
    let is_readable = |at: usize| readable(Kind::Id, metadata.schema().fields()[at].data_type());
    // An id of another type identifies nothing here, and refuses no file.
    let ids = ids.filter(|ids| rows <= ids.most && columns.id.is_some_and(is_readable));
    let reader = Reader::new(path, spec, ids, &columns, &metadata)?;
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

struct Role<'a> {
    kind: Kind,
    name: &'a str,
    /// Its position in the schema.
    at: usize,
}

struct Reader<'a> {
    path: &'a Path,
    spec: &'a Spec,
    /// How ids are hashed, if they are.
    ids: Option<&'a Ids>,
    metadata: ArrowReaderMetadata,
    roles: Vec<Role<'a>>,
}

impl<'a> Reader<'a> {
    fn new(
        path: &'a Path,
        spec: &'a Spec,
        ids: Option<&'a Ids>,
        columns: &Columns,
        metadata: &ArrowReaderMetadata,
    ) -> Result<Self, Vec<Problem>> {
        let label = columns.label.map(|at| Role { kind: Kind::Label, name: &spec.label, at });
        let mut roles: Vec<Role<'_>> = label.into_iter().collect();
        let asked = asked::asked(spec).into_iter().zip(&columns.asked);
        roles.extend(asked.map(|((role, name), &at)| Role { kind: Kind::Asked(role), name, at }));
        for (kind, name, at) in [
            (Kind::Id, &spec.id, columns.id.filter(|_| ids.is_some())),
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
                    if roles.iter().any(|role| role.at == at && role.kind != Kind::Id) =>
                {
                    let coded =
                        DataType::Dictionary(Box::new(DataType::Int32), Box::new(text.clone()));
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
        Ok(Self { path, spec, ids, metadata, roles })
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
                column.add(batch.column(0), role.name, row as u64, self.spec, self.ids);
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
                (Kind::Id, Values::Ids(values)) => draft.ids = values,
                (Kind::Attribute, Values::Groups(groups)) => draft.groups.push(groups),
                (Kind::Asked(_), Values::Asked(values)) => draft.asked.push(values),
                _ => return Err(broken("a column changed its type")),
            }
        }
        draft.problems.sort();
        if !draft.problems.is_empty() {
            return Ok(draft);
        }
        let threshold = self.spec.threshold.unwrap_or(0.5);
        let is_binary = self.spec.task == Task::BinaryClassification;
        let mut cells = if is_binary { labels } else { vec![0; rows] };
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
        retain(&mut self.ids, &keep);
        for groups in &mut self.groups {
            retain(&mut groups.codes, &keep);
        }
        for values in &mut self.asked {
            values.retain(&keep);
        }
    }
}
