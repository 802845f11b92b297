//! Lists of items: quality per slice of queries, exposure and places per slice of items.

mod items;
mod lists;
mod queries;
mod target;

use super::Evaluated;
use super::aggregate::families;
use crate::bootstrap::units::Collection;
use crate::read::{Role, Table};
use crate::spec::{Ranking, Task};
use crate::{Problem, Spec};
use items::Items;
use lists::Lists;
use queries::Queries;
use target::Aim;

/// What all estimates of an evaluation have in common.
#[derive(Clone, Copy)]
struct Setting<'a> {
    weighted: bool,
    level: f64,
    /// Where the statistics go that are going to be resampled.
    collection: Option<&'a Collection>,
}

pub(super) fn evaluate(
    table: &Table,
    spec: &Spec,
    ranking: &Ranking,
    level: f64,
    collection: Option<&Collection>,
) -> Result<Evaluated, Vec<Problem>> {
    let lists = Lists::new(table, spec, ranking)?;
    let aims = Aim::all(&lists, ranking)?;
    let (of_items, of_queries): (Vec<_>, Vec<_>) = families(table, spec)?
        .into_iter()
        .partition(|family| family.iter().any(|&attribute| lists.of_items[attribute]));
    let setting = Setting { weighted: spec.weight.is_some(), level, collection };
    let queries = Queries::new(&lists, ranking, &aims, setting);
    let items = Items::new(&lists, spec, ranking, &aims, setting);
    let mut estimates = queries.estimates(&of_queries);
    for family in &of_items {
        estimates.extend(items.estimates(family)?);
    }
    if spec.task == Task::ImageGeneration {
        // The judged side counts rows.
        estimates.retain(|estimate| estimate.metric != "count");
    }
    let notes = notes(&lists, ranking, &aims, &queries);
    Ok(Evaluated { estimates, notes })
}

fn notes(lists: &Lists, ranking: &Ranking, aims: &[Aim], queries: &Queries) -> Vec<String> {
    let all = lists.len();
    let mut notes = vec![format!("{all} queries; of lists, each query counts as one")];
    let without = queries.without_relevant();
    if without > 0 {
        notes.push(format!(
            "{without} of {all} queries have no relevant item: metrics that look for one leave them out"
        ));
    }
    for &k in &ranking.k {
        let shorter = (0..all).filter(|&query| lists.shown(query).len() < k as usize).count();
        if shorter > 0 {
            notes.push(format!("{shorter} of {all} lists are shorter than {k}"));
        }
    }
    let hidden = lists.table.numbers(Role::Rank).iter().filter(|rank| rank.is_nan()).count();
    if hidden > 0 {
        notes.push(format!("{hidden} items have no rank: judged, but not shown"));
    }
    if let Some(stop) = ranking.attention {
        notes.push(format!("attention stops at each position with chance {stop}"));
    }
    notes.extend(aims.iter().map(|aim| aim.note.clone()));
    notes
}
