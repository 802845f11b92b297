//! What each query has a value of: quality of its list, and whether all groups are in it.

use super::Setting;
use super::lists::Lists;
use super::target::Aim;
use crate::evaluate::aggregate::{Cells, slice_of};
use crate::evaluate::ratios::{Clusters, Rows};
use crate::ranking;
use crate::ratio::{Design, Units};
use crate::read::Role;
use crate::spec::Ranking;
use crate::{Estimate, Slice};
use rayon::prelude::*;

/// A value per query.
#[derive(Clone, Copy)]
enum Measure<'a> {
    Ndcg(usize),
    Precision(usize),
    Recall(usize),
    AveragePrecision(usize),
    ReciprocalRank,
    HitRate(usize),
    Ndkl(&'a Aim),
    Diversity(&'a Aim, usize),
}

pub(super) struct Queries<'a> {
    lists: &'a Lists<'a>,
    ranking: &'a Ranking,
    aims: &'a [Aim],
    rows: Rows<'a>,
    design: Design,
    /// The relevance of each query's items from the most relevant down; empty without relevance.
    ideal: Vec<Vec<f64>>,
}

const NO_RELEVANT: &str = "no query has a relevant item";

impl<'a> Queries<'a> {
    pub fn new(
        lists: &'a Lists<'a>,
        ranking: &'a Ranking,
        aims: &'a [Aim],
        setting: Setting,
    ) -> Self {
        let clusters = lists.clusters.as_ref().map(Clusters::of);
        let units = if clusters.is_some() { Units::Together } else { Units::Alone };
        let relevance = lists.table.numbers(Role::Relevance);
        let ideal = |query: usize| {
            let of = |&row: &u32| relevance[row as usize];
            let mut all: Vec<f64> = lists.rows(query).iter().map(of).collect();
            all.sort_by(|a, b| b.total_cmp(a));
            all
        };
        let has_relevance = ranking.relevance.is_some();
        Self {
            lists,
            ranking,
            aims,
            rows: Rows::new(&lists.queries, clusters, setting.collection),
            design: Design { weighted: setting.weighted, units, level: setting.level },
            ideal: if has_relevance {
                (0..lists.len()).into_par_iter().map(ideal).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// Queries without any relevant item.
    pub fn without_relevant(&self) -> usize {
        let is_relevant = |x: &f64| self.ranking.is_relevant(*x);
        self.ideal.iter().filter(|all| !all.first().is_some_and(is_relevant)).count()
    }

    /// The estimates of slices of queries, family by family.
    pub fn estimates(&self, families: &[Vec<usize>]) -> Vec<Estimate> {
        let cells: Vec<(Vec<Slice>, Cells)> = families
            .iter()
            .map(|family| {
                let cells = Cells::of(&self.lists.queries, family);
                let of = |codes: &Vec<u16>| slice_of(&self.lists.queries, family, codes);
                (cells.groups.iter().map(of).collect(), cells)
            })
            .collect();
        let mut estimates = Vec::new();
        for (slices, cells) in &cells {
            let mut rows = vec![0_u64; slices.len()];
            for (query, &slice) in cells.of_row.iter().enumerate() {
                rows[slice as usize] += self.lists.rows(query).len() as u64;
            }
            estimates.extend(slices.iter().zip(rows).map(|(slice, n)| Estimate::count(slice, n)));
        }
        for measure in self.measures() {
            let values: Result<Vec<f64>, String> = (0..self.lists.len())
                .into_par_iter()
                .map(|query| self.value(measure, query))
                .collect();
            let key = self.key(measure);
            for (slices, cells) in &cells {
                estimates.extend(self.estimated(&key, measure, &values, slices, cells));
            }
        }
        estimates
    }

    fn estimated(
        &self,
        key: &str,
        measure: Measure,
        values: &Result<Vec<f64>, String>,
        slices: &[Slice],
        cells: &Cells,
    ) -> Vec<Estimate> {
        let values = match values {
            Ok(values) => values,
            Err(why) => {
                let undefined = |slice: &Slice| Estimate {
                    undefined: Some(why.clone()),
                    ..Estimate::blank(slice, key)
                };
                return slices.iter().map(undefined).collect();
            }
        };
        let tallies = self.rows.tallies(cells, |query, _| {
            let w = self.rows.weight(query);
            [Some(values[query]).filter(|value| !value.is_nan()).map(|value| (w * value, w))]
        });
        let empty = match measure {
            Measure::Ndkl(_) => "no list shows an item of a known group".to_owned(),
            Measure::Diversity(_, k) => format!("no list shows {k} items of a known group"),
            Measure::Precision(_) => "no queries".to_owned(),
            _ => NO_RELEVANT.to_owned(),
        };
        let is_rate = matches!(measure, Measure::HitRate(_) | Measure::Diversity(..));
        slices
            .iter()
            .zip(tallies)
            .map(|(slice, [tally])| {
                if is_rate {
                    tally.rate(slice, key, self.design, &empty)
                } else {
                    tally.mean(slice, key, self.design, &empty)
                }
            })
            .collect()
    }

    fn measures(&self) -> Vec<Measure<'a>> {
        let mut measures = Vec::new();
        let cutoffs: Vec<usize> = self.ranking.k.iter().map(|&k| k as usize).collect();
        if !self.ideal.is_empty() {
            for of in [
                Measure::Ndcg,
                Measure::Precision,
                Measure::Recall,
                Measure::AveragePrecision,
                Measure::HitRate,
            ] {
                measures.extend(cutoffs.iter().map(|&k| of(k)));
            }
            measures.push(Measure::ReciprocalRank);
        }
        for aim in self.aims {
            // Images that are in no order have no prefixes.
            if self.ranking.rank.is_some() {
                measures.push(Measure::Ndkl(aim));
            }
            measures.extend(cutoffs.iter().map(|&k| Measure::Diversity(aim, k)));
        }
        measures
    }

    /// Its key; an attribute stands in brackets where there are several.
    fn key(&self, measure: Measure) -> String {
        let of = |aim: &Aim| {
            if self.aims.len() > 1 {
                format!("[{}]", self.lists.table.attributes[aim.attribute].name)
            } else {
                String::new()
            }
        };
        match measure {
            Measure::Ndcg(k) => format!("ndcg@{k}"),
            Measure::Precision(k) => format!("precision@{k}"),
            Measure::Recall(k) => format!("recall@{k}"),
            Measure::AveragePrecision(k) => format!("average_precision@{k}"),
            Measure::HitRate(k) => format!("hit_rate@{k}"),
            Measure::ReciprocalRank => "reciprocal_rank".to_owned(),
            Measure::Ndkl(aim) => format!("ndkl{}", of(aim)),
            Measure::Diversity(aim, k) => format!("diversity@{k}{}", of(aim)),
        }
    }

    /// The value of a query; not a number where it has none.
    ///
    /// # Errors
    /// Why no query has one.
    fn value(&self, measure: Measure, query: usize) -> Result<f64, String> {
        let relevance = self.lists.table.numbers(Role::Relevance);
        let shown = || self.lists.shown(query).iter().map(|&row| relevance[row as usize]);
        let relevant =
            || shown().map(|relevance| self.ranking.is_relevant(relevance)).collect::<Vec<bool>>();
        let total = || {
            let is_relevant = |x: &&f64| self.ranking.is_relevant(**x);
            self.ideal[query].iter().take_while(is_relevant).count()
        };
        // Where nothing is relevant, nothing can be found.
        let found = |value: f64| if total() > 0 { value } else { f64::NAN };
        Ok(match measure {
            Measure::Ndcg(k) => ranking::ndcg(&shown().collect::<Vec<_>>(), &self.ideal[query], k)
                .unwrap_or(f64::NAN),
            Measure::Precision(k) => ranking::hits(&relevant(), k) as f64 / k as f64,
            Measure::Recall(k) => found(ranking::hits(&relevant(), k) as f64 / total() as f64),
            Measure::AveragePrecision(k) => {
                ranking::average_precision(&relevant(), total(), k).unwrap_or(f64::NAN)
            }
            Measure::HitRate(k) => found(f64::from(u8::from(ranking::hits(&relevant(), k) > 0))),
            Measure::ReciprocalRank => found(ranking::reciprocal_rank(&relevant())),
            Measure::Ndkl(aim) => ranking::ndkl(&self.groups(aim, query), &aim.shares)
                .map_err(|place| {
                    let groups = &self.lists.table.attributes[aim.attribute].groups;
                    let code = aim.places.iter().position(|known| *known == place);
                    let group = code.map(|code| groups[code].as_str()).unwrap_or_default();
                    format!("`{group}` is shown but has no target share")
                })?
                .unwrap_or(f64::NAN),
            Measure::Diversity(aim, k) if aim.groups > k => {
                return Err(format!("{} groups do not fit into the top {k}", aim.groups));
            }
            Measure::Diversity(aim, k) => {
                let mut groups = self.groups(aim, query);
                if groups.len() < k {
                    return Ok(f64::NAN);
                }
                groups.truncate(k);
                groups.sort_unstable();
                groups.dedup();
                f64::from(u8::from(groups.len() >= aim.groups))
            }
        })
    }

    /// The known groups of what a query shows, by rank; each by its place among groups.
    fn groups(&self, aim: &Aim, query: usize) -> Vec<usize> {
        let attribute = &self.lists.table.attributes[aim.attribute];
        self.lists
            .shown(query)
            .iter()
            .map(|&row| usize::from(attribute.codes[row as usize]))
            .filter(|&code| attribute.groups[code] != crate::slice::MISSING)
            .map(|code| aim.places[code])
            .collect()
    }
}
