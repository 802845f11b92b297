//! Rows as lists of items, one per query, and what is wrong with them.

use crate::read::{Attribute, Names, Problems, Role, Table};
use crate::spec::{Ranking, Spec};
use crate::{Problem, Slice};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The lists of a file, and its queries as rows of their own.
pub(in crate::evaluate) struct Lists<'a> {
    pub table: &'a Table,
    /// Rows by query, in each by rank, those that were not shown last.
    order: Vec<u32>,
    bounds: Vec<List>,
    /// Queries, with the attributes and the weight that all rows of each agree on. Attributes of
    /// items have no codes.
    pub queries: Table,
    /// The cluster of each query.
    pub clusters: Option<Names>,
    /// By attribute: whether it is one of items.
    pub of_items: Vec<bool>,
}

/// Where the rows of a query stand in the order.
#[derive(Clone, Copy)]
struct List {
    start: usize,
    /// After the last row that was shown.
    shown: usize,
    end: usize,
}

impl<'a> Lists<'a> {
    #[expect(clippy::cast_possible_truncation, reason = "the reader stops at 2^32 rows")]
    pub fn new(table: &'a Table, spec: &Spec, ranking: &Ranking) -> Result<Self, Vec<Problem>> {
        let none = Names::default();
        let queries = table.names(Role::Query).unwrap_or(&none);
        let ranks = table.numbers(Role::Rank);
        let rank = |row: u32| ranks.get(row as usize).copied();
        let mut order: Vec<u32> = (0..queries.codes.len() as u32).collect();
        // Rows that were not shown have no number for a rank, which orders last.
        order.sort_by(|&a, &b| {
            let query = |row: u32| queries.codes[row as usize];
            let place = |row: u32| rank(row).unwrap_or(f64::from(row));
            query(a).cmp(&query(b)).then(place(a).total_cmp(&place(b))).then(a.cmp(&b))
        });
        let mut bounds: Vec<List> = Vec::with_capacity(queries.texts.len());
        let mut start = 0;
        for end in 1..=order.len() {
            let query = |at: usize| order.get(at).map(|&row| queries.codes[row as usize]);
            if query(end) != query(start) {
                let is_shown = |row: &&u32| rank(**row).is_none_or(|rank| !rank.is_nan());
                let shown = start + order[start..end].iter().filter(is_shown).count();
                bounds.push(List { start, shown, end });
                start = end;
            }
        }
        let of_items = spec.slices.iter().map(|name| ranking.item_slices.contains(name)).collect();
        let mut lists =
            Self { table, order, bounds, queries: Table::default(), clusters: None, of_items };
        let mut check = Check { lists: &lists, spec, ranking, problems: Problems::default() };
        check.lists();
        check.items();
        let problems = check.problems.into_list();
        if !problems.is_empty() {
            return Err(problems);
        }
        lists.describe_queries();
        Ok(lists)
    }

    /// How many queries there are.
    pub fn len(&self) -> usize {
        self.bounds.len()
    }

    /// The rows of a query that were shown, by rank.
    pub fn shown(&self, query: usize) -> &[u32] {
        let list = self.bounds[query];
        &self.order[list.start..list.shown]
    }

    /// All rows of a query, those that were shown first.
    pub fn rows(&self, query: usize) -> &[u32] {
        let list = self.bounds[query];
        &self.order[list.start..list.end]
    }

    fn describe_queries(&mut self) {
        let firsts: Vec<usize> =
            self.bounds.iter().map(|list| self.order[list.start] as usize).collect();
        let table = self.table;
        self.queries = Table {
            cells: vec![0; firsts.len()],
            weights: firsts.iter().filter_map(|&row| table.weights.get(row).copied()).collect(),
            attributes: table
                .attributes
                .iter()
                .zip(&self.of_items)
                .map(|(attribute, of_items)| Attribute {
                    name: attribute.name.clone(),
                    groups: attribute.groups.clone(),
                    codes: if *of_items {
                        Vec::new()
                    } else {
                        firsts.iter().map(|&row| attribute.codes[row]).collect()
                    },
                })
                .collect(),
            ..Table::default()
        };
        self.clusters =
            table.names(Role::Cluster).map(|clusters| Names::of_rows(clusters, &firsts));
    }
}

struct Check<'a> {
    lists: &'a Lists<'a>,
    spec: &'a Spec,
    ranking: &'a Ranking,
    problems: Problems,
}

impl Check<'_> {
    fn query(&self, query: usize) -> &str {
        let row = self.lists.order[self.lists.bounds[query].start] as usize;
        let Some(names) = self.lists.table.names(Role::Query) else { return "" };
        &names.texts[names.codes[row] as usize]
    }

    fn tell(&mut self, code: &str, message: String, column: &str, expected: &str) {
        self.problems
            .push(|| Problem::new(code, message).at_cell(None, Some(column)).expected(expected));
    }

    fn lists(&mut self) {
        for query in 0..self.lists.len() {
            self.ranks(query);
            self.duplicates(query);
            self.agreement(query);
        }
    }

    /// Ranks run from 1 without a gap: positions that are missing would count as never shown.
    fn ranks(&mut self, query: usize) {
        let (Some(column), lists) = (self.ranking.rank.clone(), self.lists) else { return };
        let ranks = lists.table.numbers(Role::Rank);
        for (i, &row) in lists.shown(query).iter().enumerate() {
            let (rank, wanted) = (ranks[row as usize], (i + 1) as f64);
            let name = self.query(query);
            let (code, message) = match rank.total_cmp(&wanted) {
                Ordering::Equal => continue,
                Ordering::Less => ("rank_twice", format!("query `{name}` has rank {rank} twice")),
                Ordering::Greater => {
                    ("rank_gap", format!("query `{name}` has rank {rank} but no rank {wanted}"))
                }
            };
            return self.tell(
                code,
                message,
                &column,
                "ranks from 1 without a gap; empty where an item was not shown",
            );
        }
    }

    fn duplicates(&mut self, query: usize) {
        let lists = self.lists;
        let (Some(column), Some(items)) =
            (self.ranking.item.clone(), lists.table.names(Role::Item))
        else {
            return;
        };
        let mut codes: Vec<u32> =
            lists.rows(query).iter().map(|&row| items.codes[row as usize]).collect();
        codes.sort_unstable();
        if let Some([item, _]) = codes.array_windows().find(|[a, b]| a == b) {
            let (name, item) = (self.query(query), &items.texts[*item as usize]);
            let message = format!("query `{name}` has item `{item}` twice");
            self.tell("duplicate_item", message, &column, "each item of a query once");
        }
    }

    /// All rows of a query agree on what the query is.
    fn agreement(&mut self, query: usize) {
        let lists = self.lists;
        let table = lists.table;
        let rows = lists.rows(query);
        let Some((&first, rest)) = rows.split_first() else { return };
        let (first, differs) = (first as usize, |same: &dyn Fn(usize) -> bool| {
            rest.iter().any(|&row| !same(row as usize))
        });
        let mut told = Vec::new();
        for ((attribute, of_items), column) in
            table.attributes.iter().zip(&lists.of_items).zip(&self.spec.slices)
        {
            if !of_items && differs(&|row| attribute.codes[row] == attribute.codes[first]) {
                told.push((column, "query_disagrees", "one group for all rows of a query"));
            }
        }
        if let Some(column) = &self.spec.weight
            && differs(&|row| table.weights[row].to_bits() == table.weights[first].to_bits())
        {
            told.push((column, "query_disagrees", "one weight for all rows of a query"));
        }
        if let (Some(column), Some(clusters)) = (&self.spec.cluster, table.names(Role::Cluster))
            && differs(&|row| clusters.codes[row] == clusters.codes[first])
        {
            told.push((column, "query_disagrees", "one cluster for all rows of a query"));
        }
        for (column, code, expected) in told {
            let message = format!("the rows of query `{}` differ in `{column}`", self.query(query));
            self.tell(code, message, column, expected);
        }
    }

    /// An item has one group of each attribute, in whichever list it stands.
    fn items(&mut self) {
        let lists = self.lists;
        let Some(items) = lists.table.names(Role::Item) else { return };
        for (at, attribute) in lists.table.attributes.iter().enumerate() {
            if !lists.of_items[at] {
                continue;
            }
            let mut known: Vec<Option<u16>> = vec![None; items.texts.len()];
            let mut told = BTreeSet::new();
            for (&item, &code) in items.codes.iter().zip(&attribute.codes) {
                let group = known[item as usize].get_or_insert(code);
                if *group == code || !told.insert(item) {
                    continue;
                }
                let [one, other] = [*group, code].map(|code| &attribute.groups[usize::from(code)]);
                let item = &items.texts[item as usize];
                let message =
                    format!("item `{item}` is `{one}` in one row and `{other}` in another");
                let column = self.spec.slices[at].clone();
                self.tell("item_disagrees", message, &column, "one group for all rows of an item");
            }
        }
    }
}

/// The slice of one group.
pub(super) fn slice_of_group(attribute: &str, group: &str) -> Slice {
    Slice::new([(attribute, group)]).expect("names are not empty, as the reader checked")
}
