//! Ratios per slice from one pass over rows, each row for itself or by cluster.

use super::aggregate::{CHUNK, Cells, weight_scale};
use crate::bootstrap::units::{Collection, Draw, Kept};
use crate::exact::ExactSum;
use crate::ratio::Tally;
use crate::read::{Names, Table};
use rayon::prelude::*;
use std::sync::Arc;

/// A row's part in a ratio; `None`: the metric does not look at it.
pub(super) type Part = Option<(f64, f64)>;

/// Rows, and which of them belong together.
pub(super) struct Rows<'a> {
    pub table: &'a Table,
    scale: f64,
    /// Rows by cluster, where rows come in clusters.
    clusters: Option<Clusters>,
    /// Where the statistics go that are going to be resampled.
    collection: Option<Collection>,
}

/// Rows in the order of clusters.
pub(super) struct Clusters {
    order: Vec<u32>,
    /// Where each cluster ends in the order.
    ends: Vec<usize>,
}

impl Clusters {
    /// From the cluster of each row.
    pub fn of(names: &Names) -> Self {
        Self::of_codes(names.codes.len(), |row| names.codes[row] as usize)
    }

    /// From the number of each row's cluster.
    #[expect(clippy::cast_possible_truncation, reason = "the reader stops at 2^32 rows")]
    pub fn of_codes(rows: usize, code: impl Fn(usize) -> usize) -> Self {
        let mut order: Vec<u32> = (0..rows as u32).collect();
        order.sort_by_key(|&row| code(row as usize));
        let ends = (1..=order.len())
            .filter(|&end| {
                let cluster = |at: usize| order.get(at).map(|&row| code(row as usize));
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
    pub fn new(
        table: &'a Table,
        clusters: Option<Clusters>,
        collection: Option<&Collection>,
    ) -> Self {
        let scale = if table.weights.is_empty() { 1.0 } else { weight_scale(&table.weights) };
        Self { table, scale, clusters, collection: collection.cloned() }
    }

    /// Where the statistics go that are going to be resampled.
    pub fn collection(&self) -> Option<&Collection> {
        self.collection.as_ref()
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
        let mut tallies = self.counted(cells, &each);
        if let Some(collection) = &self.collection {
            for (tallies, kept) in tallies.iter_mut().zip(self.kept(cells, &each, collection)) {
                for (tally, kept) in tallies.iter_mut().zip(kept) {
                    tally.kept = Some(Box::new(kept));
                }
            }
        }
        tallies
    }

    /// Per slice of `cells`, what each unit adds to each ratio.
    fn kept<const N: usize>(
        &self,
        cells: &Cells,
        each: &(impl Fn(usize, usize) -> [Part; N] + Sync),
        collection: &Collection,
    ) -> Vec<[Kept; N]> {
        let none = || -> [[Vec<f64>; 2]; N] { std::array::from_fn(|_| [Vec::new(), Vec::new()]) };
        let mut columns: Vec<_> = cells.groups.iter().map(|_| none()).collect();
        let mut units: Vec<Vec<u32>> = vec![Vec::new(); cells.groups.len()];
        let mut add = |unit: u32, row: usize| {
            let slice = cells.of_row[row] as usize;
            let is_new = self.clusters.is_none() || units[slice].last() != Some(&unit);
            if is_new {
                units[slice].push(unit);
            }
            for ([x, w], part) in columns[slice].iter_mut().zip(each(row, slice)) {
                if is_new {
                    x.push(0.0);
                    w.push(0.0);
                }
                if let (Some((own_x, own_w)), Some(x), Some(w)) = (part, x.last_mut(), w.last_mut())
                {
                    *x += own_x;
                    *w += own_w;
                }
            }
        };
        match &self.clusters {
            None => {
                for row in 0..cells.of_row.len() {
                    add(0, row);
                }
            }
            Some(clusters) => {
                for (unit, rows) in (0..).zip(clusters.iter()) {
                    for &row in rows {
                        add(unit, row as usize);
                    }
                }
            }
        }
        columns
            .into_iter()
            .zip(units)
            .map(|(columns, units)| {
                let (draw, units): (Draw, Option<Arc<[u32]>>) = match &self.clusters {
                    None => (Draw::Within { units: units.len() }, None),
                    Some(clusters) => (Draw::Jointly { units: clusters.len() }, Some(units.into())),
                };
                columns.map(|[x, w]| Kept {
                    draw: draw.clone(),
                    units: units.clone(),
                    columns: [x.into(), w.into()],
                    into: collection.clone(),
                })
            })
            .collect()
    }

    fn counted<const N: usize>(
        &self,
        cells: &Cells,
        each: &(impl Fn(usize, usize) -> [Part; N] + Sync),
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
                let mut sums: Vec<[Option<(ExactSum, ExactSum)>; N]> =
                    vec![[const { None }; N]; cells.groups.len()];
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
                                let (all_x, all_w) = sum.get_or_insert_default();
                                all_x.add(x);
                                all_w.add(w);
                            }
                        }
                    }
                    for slice in touched.drain(..) {
                        for (sum, tally) in sums[slice].iter_mut().zip(&mut tallies[slice]) {
                            if let Some((x, w)) = sum.take() {
                                tally.ratio.add(x.get(), w.get());
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
