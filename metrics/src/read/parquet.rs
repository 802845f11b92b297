//! Parquet: the columns that are asked for, stretch by stretch, on all cores.

mod arrays;

use super::column::Column;
use super::draft::Draft;
use super::problems::Problems;
use super::request::{Kind, Request, Wanted};
use super::{Collector, Gather, MOST_COLUMNS, pages, places, too_many_columns, unreadable};
use crate::Problem;
use arrays::readable;
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::reader::ChunkReader;
use rayon::prelude::*;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

/// Rows that one task decodes. The fewer, the more pages are decoded twice; the more, the more
/// memory a task needs.
const PART: usize = 1 << 18;
/// Rows that are decoded at a time.
const BATCH: usize = 1 << 14;
/// Parts that are decoded before they are added up, per thread.
const PARTS_PER_THREAD: usize = 4;
/// A footer larger than this describes no table of predictions.
const LONGEST_FOOTER: u64 = 32 << 20;

/// Where the bytes of a Parquet file are.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// In a file of so many bytes.
    File(PathBuf, u64),
    /// In memory, where they were unpacked.
    Memory(Bytes),
}

/// Reads the columns of the spec from a Parquet file.
pub(super) fn read<G: Gather>(
    source: Source,
    request: &Request,
    collector: &mut Collector<G>,
) -> Result<(), Vec<Problem>> {
    match source {
        Source::File(path, size) => {
            let open = || File::open(&path).map_err(|error| unreadable(&error));
            read_chunks(open, size, request, collector)
        }
        Source::Memory(bytes) => {
            let size = bytes.len() as u64;
            read_chunks(|| Ok(bytes.clone()), size, request, collector)
        }
    }
}

/// The column names alone.
pub(super) fn names(source: Source) -> Result<Vec<String>, Vec<Problem>> {
    let metadata = match source {
        Source::File(path, size) => {
            let file = File::open(&path).map_err(|error| vec![unreadable(&error)])?;
            metadata(&file, size)
        }
        Source::Memory(bytes) => metadata(&bytes, bytes.len() as u64),
    };
    metadata.map(|metadata| header(&metadata)).map_err(|problem| vec![problem])
}

fn read_chunks<C: ChunkReader + 'static, G: Gather>(
    open: impl Fn() -> Result<C, Problem> + Sync,
    size: u64,
    request: &Request,
    collector: &mut Collector<G>,
) -> Result<(), Vec<Problem>> {
    let one = |problem| vec![problem];
    let file = open().map_err(one)?;
    let metadata = metadata(&file, size).map_err(one)?;
    let header = header(&metadata);
    if header.len() > MOST_COLUMNS {
        return Err(one(too_many_columns(header.len())));
    }
    let places = places(&header, request)?;
    let reader = Reader::new(request, places, &metadata)?;
    reader.check_pages(&file, size).map_err(one)?;
    collector.columns(&header);
    let rows = reader.metadata.metadata().row_groups().iter();
    collector.gather.expect(rows.map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).sum());

    let parts = reader.parts();
    for window in parts.chunks(PARTS_PER_THREAD * rayon::current_num_threads()) {
        if collector.is_done() {
            break;
        }
        let digested = window
            .par_iter()
            .map(|part| Ok(collector.digest(reader.draft(open()?, part)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(one)?;
        for (digested, part) in digested.into_iter().zip(window) {
            collector.add(digested, part.before);
        }
    }
    Ok(())
}

/// The metadata of a file, its types as Parquet has them.
fn metadata(file: &impl ChunkReader, size: u64) -> Result<ArrowReaderMetadata, Problem> {
    check_footer(file, size)?;
    guarded(|| {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(file)?;
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        ArrowReaderMetadata::try_new(Arc::new(metadata), options)
    })
}

fn header(metadata: &ArrowReaderMetadata) -> Vec<String> {
    metadata.schema().fields().iter().map(|field| field.name().clone()).collect()
}

fn check_footer(file: &impl ChunkReader, size: u64) -> Result<(), Problem> {
    let cut_off = || {
        Problem::new("truncated_parquet", "the Parquet file has no footer; it was cut off")
            .expected("the complete file")
    };
    if size < 12 {
        return Err(cut_off());
    }
    let mut tail = [0; 8];
    file.get_read(size - 8)
        .and_then(|mut end| Ok(end.read_exact(&mut tail)?))
        .map_err(|error| broken(&error.to_string()))?;
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

/// Rows that one task decodes: a stretch of a row group, or some small ones.
#[derive(Debug, PartialEq)]
struct Part {
    groups: Vec<usize>,
    /// Rows of these row groups to be left out at the beginning.
    skip: usize,
    rows: usize,
    /// Rows that stand before it in the file.
    before: u64,
}

struct Reader<'a> {
    request: &'a Request<'a>,
    /// Where the columns stand in the schema; nowhere where they cannot be read and need not be.
    places: Vec<Option<usize>>,
    metadata: ArrowReaderMetadata,
}

impl<'a> Reader<'a> {
    fn new(
        request: &'a Request<'a>,
        places: Vec<usize>,
        metadata: &ArrowReaderMetadata,
    ) -> Result<Self, Vec<Problem>> {
        let fields = metadata.schema().fields();
        let problems: Vec<Problem> = request
            .columns
            .iter()
            .zip(&places)
            .filter(|(wanted, _)| wanted.kind != Kind::Id)
            .filter(|(wanted, at)| !readable(wanted.kind, fields[**at].data_type()))
            .map(|(wanted, at)| {
                let message = format!("it has type {}", fields[*at].data_type());
                let expected = match wanted.kind {
                    Kind::Number(_) => "numbers",
                    _ => "text, whole numbers or truth values",
                };
                Problem::new("wrong_type", message)
                    .at_cell(None, Some(&wanted.name))
                    .expected(expected)
            })
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        // An id of another type identifies nothing here, and refuses no file.
        let read = |(wanted, at): (&Wanted, usize)| {
            readable(wanted.kind, fields[at].data_type()).then_some(at)
        };
        let places: Vec<Option<usize>> = request.columns.iter().zip(places).map(read).collect();
        // Text is mostly few values many times: keep it as codes, but not ids.
        let few = |at: usize| {
            let columns = request.columns.iter().zip(&places);
            let mut here = columns.filter(|(_, place)| **place == Some(at)).peekable();
            here.peek().is_some() && here.all(|(wanted, _)| !wanted.kind.is_of_many())
        };
        let fields: Vec<Field> = fields
            .iter()
            .enumerate()
            .map(|(at, field)| match field.data_type() {
                text @ (DataType::Utf8 | DataType::Binary) if few(at) => {
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
        Ok(Self { request, places, metadata })
    }

    /// All rows, in parts of about `PART`.
    fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        let mut before = 0;
        for group in 0..self.metadata.metadata().num_row_groups() {
            let rows = self.rows(group);
            match parts.last_mut() {
                Some(last) if last.skip == 0 && last.rows + rows <= PART => {
                    last.groups.push(group);
                    last.rows += rows;
                }
                _ => {
                    let stretches = rows.div_ceil(PART).max(1);
                    parts.extend((0..stretches).map(|stretch| {
                        let (skip, end) =
                            (rows * stretch / stretches, rows * (stretch + 1) / stretches);
                        let before = before + skip as u64;
                        Part { groups: vec![group], skip, rows: end - skip, before }
                    }));
                }
            }
            before += rows as u64;
        }
        parts
    }

    fn rows(&self, group: usize) -> usize {
        usize::try_from(self.metadata.metadata().row_group(group).num_rows()).unwrap_or(0)
    }

    /// No page of a column that is read may claim more than it can hold.
    fn check_pages(&self, file: &impl ChunkReader, size: u64) -> Result<(), Problem> {
        for group in self.metadata.metadata().row_groups() {
            let leaves = group.columns().iter().filter(|leaf| {
                let root = leaf.column_path().parts().first();
                self.request.columns.iter().any(|wanted| root == Some(&wanted.name))
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
                pages::check(file, start, length).map_err(|error| match error {
                    ParquetError::General(why) => refuse(&why),
                    other => refuse(&other.to_string()),
                })?;
            }
        }
        Ok(())
    }

    /// Decodes a part.
    fn draft<C: ChunkReader + 'static>(&self, file: C, part: &Part) -> Result<Draft, Problem> {
        let wanted = self.request.columns.iter();
        let mut columns: Vec<Column> =
            wanted.map(|wanted| Column::new(wanted, self.request)).collect();
        let mut order: Vec<usize> = self.places.iter().flatten().copied().collect();
        order.sort_unstable();
        order.dedup();
        let decoded = guarded(|| {
            let schema = self.metadata.parquet_schema();
            let batches =
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                    .with_row_groups(part.groups.clone())
                    .with_projection(ProjectionMask::roots(schema, order.iter().copied()))
                    .with_offset(part.skip)
                    .with_limit(part.rows)
                    .with_batch_size(BATCH.min(part.rows.max(1)))
                    .build()?;
            let mut row = 0;
            for batch in batches {
                let batch = batch?;
                for (column, place) in columns.iter_mut().zip(&self.places) {
                    let Some(place) = place else { continue };
                    let at = order.partition_point(|other| other < place);
                    arrays::add(column, batch.column(at), row as u64);
                }
                row += batch.num_rows();
                if columns.iter().any(|column| column.problems.is_fatal()) {
                    return Ok(());
                }
            }
            if row == part.rows {
                Ok(())
            } else {
                let rows = part.rows;
                Err(ParquetError::General(format!("{rows} rows are announced, {row} are there")))
            }
        });
        decoded.map(|()| Draft::of(columns, part.rows, Problems::default()))
    }
}
