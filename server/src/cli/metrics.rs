//! `evenhand metrics`: metrics of rows that another engine holds.

use super::Failure;
use super::choice::one_of;
use super::output::{print, refused};
use super::spec::read_spec;
use ::metrics::auc::BINS;
use ::metrics::sql::{Dialect, Query};
use clap::{Args, Subcommand};

#[derive(Subcommand, Debug)]
pub enum Metrics {
    /// Print the query that counts predictions on the engine that holds them
    Sql(Sql),
}

#[derive(Args, Debug)]
#[command(after_help = "\
The query's result is a file of counts: one row per slice, and per bin of the score grid where there
are scores. Save it as CSV or Parquet; `evenhand evaluate` takes it in place of the predictions, with
the same spec, and so does an upload. Files of parts of the rows add up by being put together.

Examples:
  evenhand metrics sql --spec spec.toml --dialect duckdb --table predictions | duckdb -csv my.db > counts.csv
  evenhand metrics sql --spec spec.toml --dialect postgres --table logs.scored > count.sql
  evenhand evaluate counts.csv --spec spec.toml

Exit code: 0 printed, 1 the spec cannot be read or counted elsewhere, 2 wrong usage.")]
pub struct Sql {
    /// Which column means what: a TOML or JSON file, - for standard input, or JSON itself
    #[arg(long)]
    spec: String,
    /// The engine: spark, bigquery, postgres or duckdb
    #[arg(
        long,
        value_parser = one_of(Dialect::ALL.map(Dialect::as_str), str::parse::<Dialect>),
        hide_possible_values = true
    )]
    dialect: Dialect,
    /// The table with the predictions, as schema.table where it needs one
    #[arg(long, default_value = "predictions")]
    table: String,
    /// Bins of the score grid, on which the area under the ROC curve is taken
    #[arg(long, default_value_t = BINS)]
    bins: usize,
    /// Divide weights by 2 to the power of this, and not by what fits the largest of them; parts
    /// that are put together need one exponent
    #[arg(long, allow_negative_numbers = true)]
    weight_exponent: Option<i32>,
}

pub fn run(command: Metrics) -> Result<(), Failure> {
    let Metrics::Sql(sql) = command;
    let spec = read_spec(&sql.spec)?;
    let query = Query {
        dialect: sql.dialect,
        table: sql.table,
        bins: sql.bins,
        weight_exponent: sql.weight_exponent,
    };
    print(&query.sql(&spec).map_err(|problems| refused("the query", &problems))?)
}
