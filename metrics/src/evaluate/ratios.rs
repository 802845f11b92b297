//! Ratios per slice from one pass over rows, each row for itself or by cluster.

use super::aggregate::{CHUNK, Cells, weight_scale};
use crate::ratio::Tally;
use crate::read::{Names, Table};
use rayon::prelude::*;

/// A row's part in a ratio; `None`: the metric does not look at it.
pub(super) type Part = Option<(f64, f64)>;

/// Rows, and which of them belong together.
pub(super) struct Rows<'a> {
    pub table: &'a Table,
    scale: f64,
    /// Rows by cluster, where rows come in clusters.
    clusters: Option<Clusters>,
}

/// Rows in the order of clusters.
pub(super) struct Clusters {
    order: Vec<u32>,
    /// Where each cluster ends in the order.
    ends: Vec<usize>,
}

impl Clusters {
    /// From the cluster of each row.
    #[expect(clippy::cast_possible_truncation, reason = "the reader stops at 2^32 rows")]
    pub fn of(names: &Names) -> Self {
        let mut order: Vec<u32> = (0..names.codes.len() as u32).collect();
        order.sort_by_key(|&row| names.codes[row as usize]);
        let ends = (1..=order.len())
            .filter(|&end| {
                let cluster = |at: usize| order.get(at).map(|&row| names.codes[row as usize]);
                cluster(end) != cluster(end - 1)
            })
            .collect();
        Self { order, ends }
    }

    /// The rows of each cluster.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.ends.len()).map(|i| self.rows(i))
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn rows(&self, cluster: usize) -> &[u32] {
        let start = if cluster == 0 { 0 } else { self.ends[cluster - 1] };
        &self.order[start..self.ends[cluster]]
    }
}

impl<'a> Rows<'a> {
    pub fn new(table: &'a Table, clusters: Option<Clusters>) -> Self {
        let scale = if table.weights.is_empty() { 1.0 } else { weight_scale(&table.weights) };
        Self { table, scale, clusters }
    }

    /// The clusters, where rows come in them.
    pub fn clusters(&self) -> Option<&Clusters> {
        self.clusters.as_ref()
    }

    /// The weight of a row, scaled to 0..1 by a power of two.
    pub fn weight(&self, row: usize) -> f64 {
        self.table.weights.get(row).map_or(1.0, |weight| weight * self.scale)
    }

    /// Per slice of `cells`, the ratios of as many measures as `each` fills in; a numerator above
    /// 0 is a hit. `each` is given row and slice.
    pub fn tallies<const N: usize>(
        &self,
        cells: &Cells,
        each: impl Fn(usize, usize) -> [Part; N] + Sync,
    ) -> Vec<[Tally; N]> {
        let zero = || vec![[const { None::<()> }; N].map(|_| Tally::default()); cells.groups.len()];
        let merge = |mut a: Vec<[Tally; N]>, b: Vec<[Tally; N]>| {
            for (a, b) in a.iter_mut().zip(&b) {
                for (a, b) in a.iter_mut().zip(b) {
                    a.merge(b);
                }
            }
            a
        };
        let Some(clusters) = &self.clusters else {
            let rows = cells.of_row.len();
            return (0..rows.div_ceil(CHUNK))
                .into_par_iter()
                .fold(zero, |mut tallies, chunk| {
                    for row in chunk * CHUNK..((chunk + 1) * CHUNK).min(rows) {
                        let slice = cells.of_row[row] as usize;
                        for (tally, part) in tallies[slice].iter_mut().zip(each(row, slice)) {
                            tally.count(part);
                            if let Some((x, w)) = part {
                                tally.ratio.add(x, w);
                            }
                        }
                    }
                    tallies
                })
                .reduce(zero, merge);
        };
        let chunk = (clusters.len() / 64).max(64);
        (0..clusters.len().div_ceil(chunk))
            .into_par_iter()
            .fold(zero, |mut tallies, i| {
                let mut sums: Vec<[Part; N]> = vec![[None; N]; cells.groups.len()];
                let mut touched: Vec<usize> = Vec::new();
                for cluster in i * chunk..((i + 1) * chunk).min(clusters.len()) {
                    for &row in clusters.rows(cluster) {
                        let row = row as usize;
                        let slice = cells.of_row[row] as usize;
                        touched.push(slice);
                        let parts = each(row, slice);
                        for ((sum, tally), part) in
                            sums[slice].iter_mut().zip(&mut tallies[slice]).zip(parts)
                        {
                            tally.count(part);
                            if let Some((x, w)) = part {
                                let (all_x, all_w) = sum.unwrap_or_default();
                                *sum = Some((all_x + x, all_w + w));
                            }
                        }
                    }
                    for slice in touched.drain(..) {
                        for (sum, tally) in sums[slice].iter_mut().zip(&mut tallies[slice]) {
                            if let Some((x, w)) = sum.take() {
                                tally.ratio.add(x, w);
                            }
                        }
                    }
                }
                tallies
            })
            .reduce(zero, merge)
    }
}

impl Tally {
    fn count(&mut self, part: Part) {
        self.rows += u64::from(part.is_some());
        self.hits += u64::from(part.is_some_and(|(x, _)| x > 0.0));
    }
}
