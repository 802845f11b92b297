//! Decodes columns of a Parquet file on all cores and drops them: what reading alone costs, for
//! `scripts/compare-speed`.
//!
//! `read_columns FILE COLUMN...`

#![expect(clippy::expect_used, reason = "a measuring tool may end where it cannot measure")]

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use rayon::prelude::*;
use std::fs::File;
use std::hint::black_box;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("a file is named");
    let columns: Vec<String> = arguments.collect();
    let open = || File::open(&path).expect("the file is there");
    let metadata = ArrowReaderMetadata::load(&open(), ArrowReaderOptions::default())
        .expect("the file is Parquet");
    let names = columns.iter().map(String::as_str);
    let mask = ProjectionMask::columns(metadata.parquet_schema(), names);
    (0..metadata.metadata().num_row_groups()).into_par_iter().for_each(|group| {
        ParquetRecordBatchReaderBuilder::new_with_metadata(open(), metadata.clone())
            .with_projection(mask.clone())
            .with_row_groups(vec![group])
            .with_batch_size(1 << 14)
            .build()
            .expect("the columns can be read")
            .for_each(|batch| {
                black_box::<RecordBatch>(batch.expect("the columns can be decoded"));
            });
    });
}
