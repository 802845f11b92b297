//! What the groups of items get: exposure, attention, and places in the top.
//!
//! A share of exposure has one denominator per query, whichever group is asked for, so it is summed
//! once per slice of queries; only groups that a query shows have a part of their own.

mod sums;

use super::Setting;
use super::lists::Lists;
use super::target::Aim;
use crate::bootstrap::units::{self, Draw, Kept, Resampling};
use crate::catalogue::CORRECTED;
use crate::evaluate::aggregate::{Cells, refuse_too_many, slice_of};
use crate::evaluate::noise::corrected;
use crate::evaluate::ratios::{Clusters, Rows};
use crate::exact::ExactSum;
use crate::interval::{self, Bounds, method};
use crate::ranking;
use crate::ratio::{Design, Tally, Units};
use crate::read::Role;
use crate::slice::MISSING;
use crate::spec::{Ranking, Spec};
use crate::{Estimate, Problem, Slice};
use rayon::prelude::*;
use std::sync::Arc;
use sums::{ByUnit, Own, Sums, Unit, Whole};

/// Units that one task counts.
const UNITS: usize = 512;

/// A share of what a query gives out.
#[derive(Clone, Copy, PartialEq)]
enum Share {
    Exposure,
    Attention(f64),
    Top(usize),
}

/// A mean over the items of a group.
#[derive(Clone, Copy, PartialEq)]
enum Mean {
    Exposure,
    Attention(f64),
    PerRelevance,
}

pub(super) struct Items<'a> {
    lists: &'a Lists<'a>,
    spec: &'a Spec,
    aims: &'a [Aim],
    rows: Rows<'a>,
    design: Design,
    shares: Vec<Share>,
    means: Vec<Mean>,
}

impl<'a> Items<'a> {
    pub fn new(
        lists: &'a Lists<'a>,
        spec: &'a Spec,
        ranking: &Ranking,
        aims: &'a [Aim],
        setting: Setting,
    ) -> Self {
        let mut shares: Vec<Share> = ranking.k.iter().map(|&k| Share::Top(k as usize)).collect();
        let mut means = Vec::new();
        // Images that are in no order are all as visible.
        if ranking.rank.is_some() {
            shares.push(Share::Exposure);
            means.push(Mean::Exposure);
            if let Some(stop) = ranking.attention {
                shares.push(Share::Attention(stop));
                means.push(Mean::Attention(stop));
            }
            if ranking.relevance.is_some() {
                means.push(Mean::PerRelevance);
            }
        }
        let clusters = lists.clusters.as_ref().map(Clusters::of);
        let Setting { weighted, level, collection } = setting;
        let design = Design { weighted, units: Units::Together, level };
        let rows = Rows::new(&lists.queries, clusters, collection);
        Self { lists, spec, aims, rows, design, shares, means }
    }

    /// The estimates of a family that crosses attributes of items, and maybe of queries.
    pub fn estimates(&self, family: &[usize]) -> Result<Vec<Estimate>, Vec<Problem>> {
        let (of_items, of_queries): (Vec<usize>, Vec<usize>) =
            family.iter().partition(|&&attribute| self.lists.of_items[attribute]);
        let groups = Cells::of(self.lists.table, &of_items);
        let queries = Cells::of(&self.lists.queries, &of_queries);
        refuse_too_many(groups.groups.len().saturating_mul(queries.groups.len()))?;
        let known: Vec<bool> = groups
            .groups
            .iter()
            .map(|codes| {
                let group = |(&attribute, &code): (&usize, &u16)| {
                    self.lists.table.attributes[attribute].groups[usize::from(code)] != MISSING
                };
                of_items.iter().zip(codes).all(group)
            })
            .collect();
        let sums = self.sums(&groups, &queries, &known);
        let mut estimates = Vec::new();
        let aim = self.aims.iter().find(|aim| of_items == [aim.attribute]);
        for (h, of_query) in queries.groups.iter().enumerate() {
            if let Some(aim) = aim {
                let slice = slice_of(&self.lists.queries, &of_queries, of_query);
                estimates.extend(self.distances(aim, &slice, &sums, &groups, h));
            }
            for (g, of_item) in groups.groups.iter().enumerate() {
                let query = slice_of(&self.lists.queries, &of_queries, of_query);
                let item = slice_of(self.lists.table, &of_items, of_item);
                let slice = Slice::new(query.pairs().chain(item.pairs()))
                    .expect("attributes of queries and of items differ, as the spec checked");
                let at = h * groups.groups.len() + g;
                let made = Made { items: self, slice: &slice, item: &item, sums: &sums };
                made.shares(h, at, known[g], &mut estimates);
                made.means(at, &mut estimates);
            }
        }
        Ok(estimates)
    }

    /// How far the top of a slice of queries is from the target of an attribute.
    fn distances(
        &self,
        aim: &Aim,
        slice: &Slice,
        sums: &Sums,
        groups: &Cells,
        h: usize,
    ) -> Vec<Estimate> {
        let name = &self.lists.table.attributes[aim.attribute].name;
        let of = if self.aims.len() > 1 { format!("[{name}]") } else { String::new() };
        let count = groups.groups.len();
        let tops = self.shares.iter().enumerate().filter_map(|(s, share)| match share {
            Share::Top(k) => Some((s, *k)),
            _ => None,
        });
        tops.map(|(s, k)| {
            let key = format!("representation_distance@{k}{of}");
            let mut shares = vec![0.0; aim.shares.len()];
            let mut errors = vec![0.0; aim.shares.len()];
            let mut units = None;
            for (g, codes) in groups.groups.iter().enumerate() {
                let tally = sums.tally(self.shares.len(), s, h, h * count + g);
                let Some(share) = tally.ratio.value() else { continue };
                let place = aim.places[usize::from(codes[0])];
                shares[place] = share;
                errors[place] = tally.ratio.stderr().unwrap_or(0.0);
                units = Some((tally.rows, tally.ratio.units() as f64));
            }
            let mut estimate = Estimate::blank(slice, &key);
            let Some((places, units)) = units else {
                return Estimate { n: Some(0), undefined: Some(NO_KNOWN.to_owned()), ..estimate };
            };
            let value = ranking::distance(&shares, &aim.shares).min(1.0);
            let owns: Vec<usize> =
                (0..count).map(|g| (h * count + g) * self.shares.len() + s).collect();
            let place = |codes: &Vec<u16>| aim.places[usize::from(codes[0])];
            let by_group = groups.groups.iter().map(place).collect();
            let from = (h * self.shares.len() + s, owns.as_slice(), by_group);
            self.collect_distance(aim, slice, &key, sums, from);
            estimate.n = Some(places);
            estimate.n_effective = Some(units.min(places as f64));
            estimate.value = Some(value);
            // Shares move together, so half the sum of their errors bounds the error of half the sum
            // of their distances; noise alone makes at most √(2/π) of that.
            let stderr = errors.iter().sum::<f64>() / 2.0;
            if stderr > 0.0 {
                let level = self.design.level;
                let bounds = interval::delta(value, stderr, level, [0.0, 1.0]);
                let bias = (2.0 / std::f64::consts::PI).sqrt() * stderr;
                let bounds = Bounds { low: (bounds.low - bias).max(0.0), ..bounds };
                estimate.stderr = Some(stderr);
                estimate.interval = Some(bounds.interval(level, method::DELTA_BIAS));
            }
            estimate
        })
        .collect()
    }

    /// All units, as a query shows items of several groups.
    fn draw(&self) -> Draw {
        Draw::Jointly { units: self.rows.clusters().map_or(self.lists.len(), Clusters::len) }
    }

    fn kept_share(&self, sums: &Sums, whole: usize, own: usize) -> Option<Box<Kept>> {
        let into = self.rows.collection()?.clone();
        let units: Arc<[u32]> = sums.by_unit.wholes[whole].iter().map(|(unit, _)| *unit).collect();
        let columns = sums.by_unit.share(whole, own)?;
        Some(Box::new(Kept { draw: self.draw(), units: Some(units), columns, into }))
    }

    fn kept_mean(&self, sums: &Sums, at: usize) -> Option<Box<Kept>> {
        let into = self.rows.collection()?.clone();
        let kept = &sums.by_unit.means[at];
        let units: Arc<[u32]> = kept.iter().map(|(unit, _)| *unit).collect();
        let columns = [0, 1].map(|i| kept.iter().map(|(_, sums)| sums[i]).collect());
        Some(Box::new(Kept { draw: self.draw(), units: Some(units), columns, into }))
    }

    /// Collects how far a top is from its target, for resampling.
    fn collect_distance(
        &self,
        aim: &Aim,
        slice: &Slice,
        key: &str,
        sums: &Sums,
        (whole, owns, places): (usize, &[usize], Vec<usize>),
    ) {
        let Some(collection) = self.rows.collection() else { return };
        let units = sums.by_unit.wholes[whole].iter().map(|(unit, _)| *unit).collect();
        let mut columns = Vec::new();
        for &own in owns {
            let Some([x, w]) = sums.by_unit.share(whole, own) else { return };
            if columns.is_empty() {
                columns.push(w);
            }
            columns.push(x);
        }
        let target = aim.shares.clone();
        let of = move |sums: &[f64]| {
            let (whole, owns) = sums.split_first().filter(|(whole, _)| **whole > 0.0)?;
            let mut shares = vec![0.0; target.len()];
            for (&place, own) in places.iter().zip(owns) {
                shares[place] = own / whole;
            }
            Some(ranking::distance(&shares, &target).min(1.0))
        };
        collection.add(Resampling {
            slice: slice.clone(),
            draw: self.draw(),
            statistics: Box::new(units::Sums {
                key: key.to_owned(),
                units: Some(units),
                columns,
                of: Arc::new(of),
            }),
        });
    }

    fn sums(&self, groups: &Cells, queries: &Cells, known: &[bool]) -> Sums {
        let (g, h) = (groups.groups.len(), queries.groups.len());
        let zero = || Sums {
            wholes: vec![Whole::default(); h * self.shares.len()],
            owns: vec![Own::default(); h * g * self.shares.len()],
            means: vec![Tally::default(); h * g * self.means.len()],
            by_unit: self.rows.collection().map_or_else(ByUnit::default, |_| ByUnit {
                wholes: vec![Vec::new(); h * self.shares.len()],
                owns: vec![Vec::new(); h * g * self.shares.len()],
                means: vec![Vec::new(); h * g * self.means.len()],
            }),
        };
        let units: Vec<Vec<u32>> = match self.rows.clusters() {
            Some(clusters) => clusters.iter().map(<[u32]>::to_vec).collect(),
            None => (0..queries.of_row.len())
                .filter_map(|q| Some(vec![u32::try_from(q).ok()?]))
                .collect(),
        };
        units
            .par_chunks(UNITS)
            .enumerate()
            .fold(zero, |mut sums, (chunk, units)| {
                for (place, queries_of_unit) in units.iter().enumerate() {
                    let mut unit = Unit::default();
                    for &query in queries_of_unit {
                        let query = query as usize;
                        let h = queries.of_row[query] as usize;
                        self.count(query, h, groups, known, &mut unit, &mut sums);
                    }
                    let number = u32::try_from(chunk * UNITS + place).unwrap_or(u32::MAX);
                    sums.add(number, unit, g, self.shares.len(), self.means.len());
                }
                sums
            })
            .reduce(zero, Sums::merge)
    }

    /// Adds a query to its unit, and its places to the counts.
    fn count(
        &self,
        query: usize,
        h: usize,
        groups: &Cells,
        known: &[bool],
        unit: &mut Unit,
        sums: &mut Sums,
    ) {
        let w = self.rows.weight(query);
        let relevance = self.lists.table.numbers(Role::Relevance);
        let shown = self.lists.shown(query).len();
        let count = groups.groups.len();
        for (i, &row) in self.lists.rows(query).iter().enumerate() {
            let g = groups.of_row[row as usize] as usize;
            let (rank, is_shown) = (i + 1, i < shown);
            for (s, share) in self.shares.iter().enumerate() {
                let amount = match *share {
                    Share::Top(k) => f64::from(u8::from(rank <= k && known[g])),
                    Share::Exposure => ranking::exposure(rank),
                    Share::Attention(stop) => ranking::attention(rank, stop),
                };
                if !is_shown || amount == 0.0 {
                    continue;
                }
                let shares = self.shares.len();
                let none = || vec![ExactSum::default(); shares];
                unit.wholes.entry(h).or_insert_with(none)[s].add(w * amount);
                unit.owns.entry((h, g)).or_insert_with(none)[s].add(w * amount);
                sums.wholes[h * shares + s].places += 1;
                sums.owns[(h * count + g) * shares + s].places += 1;
            }
            for (m, mean) in self.means.iter().enumerate() {
                let visible = match *mean {
                    _ if !is_shown => 0.0,
                    Mean::Exposure | Mean::PerRelevance => ranking::exposure(rank),
                    Mean::Attention(stop) => ranking::attention(rank, stop),
                };
                let over = if *mean == Mean::PerRelevance { relevance[row as usize] } else { 1.0 };
                let means = self.means.len();
                let none = || vec![(ExactSum::default(), ExactSum::default()); means];
                let (x, all) = &mut unit.means.entry((h, g)).or_insert_with(none)[m];
                x.add(w * visible);
                all.add(w * over);
                sums.means[(h * count + g) * means + m].rows += 1;
            }
        }
    }
}

/// One slice.
struct Made<'a> {
    items: &'a Items<'a>,
    slice: &'a Slice,
    /// Its part that is of items.
    item: &'a Slice,
    sums: &'a Sums,
}

impl Made<'_> {
    fn shares(&self, h: usize, at: usize, known: bool, estimates: &mut Vec<Estimate>) {
        let Items { shares, design, .. } = self.items;
        for (s, share) in shares.iter().enumerate() {
            let mut tally = self.sums.tally(shares.len(), s, h, at);
            tally.kept =
                self.items.kept_share(self.sums, h * shares.len() + s, at * shares.len() + s);
            let mut rate = |key: &str, empty: &str| {
                let estimate = tally.rate(self.slice, key, *design, empty);
                estimates.push(estimate.clone());
                estimate
            };
            match *share {
                Share::Exposure => drop(rate("exposure_share", "nothing is shown")),
                Share::Attention(_) => drop(rate("attention_share", "nothing is shown")),
                // Of items without a known group no share can be told.
                Share::Top(_) if !known => {}
                Share::Top(k) => {
                    let key = format!("representation@{k}");
                    let estimate = rate(&key, NO_KNOWN);
                    if let Some(rates) = self.items.spec.label_noise.get(&self.item.to_string()) {
                        let key = format!("{key}[{CORRECTED}]");
                        estimates.push(corrected(&estimate, &key, rates, design.level));
                    }
                    estimates.extend(self.skew(k, &tally));
                }
            }
        }
    }

    /// How far a group's share of the top is from its target; of single attributes only, for no
    /// target says how groups should meet.
    fn skew(&self, k: usize, tally: &Tally) -> Option<Estimate> {
        let attributes = &self.items.lists.table.attributes;
        let (name, group) = self.item.pairs().next().filter(|_| self.item.arity() == 1)?;
        let aim = self.items.aims.iter().find(|aim| attributes[aim.attribute].name == name)?;
        let at = attributes[aim.attribute].groups.iter().position(|known| known == group)?;
        let target = aim.shares[aim.places[at]];
        let key = format!("skew@{k}");
        Some(tally.delta(self.slice, &key, self.items.design, NO_KNOWN, move |share| {
            if target <= 0.0 {
                Err("the group has no target share".to_owned())
            } else if share <= 0.0 {
                Err(format!("the group is absent from the top {k}"))
            } else {
                Ok((libm::log(share / target), 1.0 / share))
            }
        }))
    }

    fn means(&self, at: usize, estimates: &mut Vec<Estimate>) {
        let Items { means, design, .. } = self.items;
        for (m, mean) in means.iter().enumerate() {
            let mut tally = self.sums.means[at * means.len() + m].clone();
            tally.kept = self.items.kept_mean(self.sums, at * means.len() + m);
            let (key, empty) = match mean {
                Mean::Exposure => ("mean_exposure", NO_ITEMS),
                Mean::Attention(_) => ("mean_attention", NO_ITEMS),
                Mean::PerRelevance if tally.rows > 0 => {
                    ("exposure_per_relevance", "no item of the group is relevant")
                }
                Mean::PerRelevance => ("exposure_per_relevance", NO_ITEMS),
            };
            if m == 0 {
                estimates.push(Estimate::count(self.slice, tally.rows));
            }
            estimates.push(tally.mean(self.slice, key, *design, empty));
        }
    }
}

const NO_KNOWN: &str = "no item of a known group is shown";
const NO_ITEMS: &str = "no items";
