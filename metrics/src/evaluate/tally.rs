//! Counts rows as they come, on all cores; nothing of a row is kept.
//!
//! Rows are counted per combination of all attributes while few combinations occur, and from then
//! on per slice. Each thread counts for itself; sums are exact, so who counted what does not show.

use super::aggregate::{MOST_SLICES, SliceCounts, too_many_combinations, too_many_slices};
use super::sums::Sums;
use crate::auc::{BINS, Grid};
use crate::counts::Counts;
use crate::read::{Cases, Draft, Gather, MOST_GROUPS, Request, too_many_groups};
use crate::scores::Calibration;
use crate::{Problem, Slice, Spec};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// Up to so many combinations of all attributes, rows are counted per combination.
const MOST_JOINT_CELLS: usize = 4_096;
/// Up to so many possible combinations, one is found by its number alone, not in a hash table.
const MOST_NUMBERED: usize = 1 << 16;
/// Rows after which it is looked whether combinations have become too many.
const CHUNK: usize = 4_096;

pub(super) struct Tally<'a> {
    request: &'a Request<'a>,
    spec: &'a Spec,
    families: &'a [Vec<usize>],
    /// What brings weights into 0..1.
    scale: f64,
    idle: Mutex<Vec<Counter>>,
}

impl<'a> Tally<'a> {
    /// No rows yet. `scale` brings every weight into 0..1.
    pub fn new(
        request: &'a Request<'a>,
        spec: &'a Spec,
        families: &'a [Vec<usize>],
        scale: f64,
    ) -> Self {
        Self { request, spec, families, scale, idle: Mutex::default() }
    }

    /// The counts of each slice that has rows.
    ///
    /// # Errors
    /// When there are too many slices.
    pub fn finish(self) -> Result<Vec<SliceCounts>, Problem> {
        let counters = self.idle.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut sums: BTreeMap<(usize, Slice), Sums> = BTreeMap::new();
        for counter in &counters {
            counter.add_up(self.families, self.spec, &mut sums)?;
        }
        let slices = sums.into_iter().map(|((_, slice), sums)| sums.finish(slice));
        Ok(slices.collect())
    }
}

impl Gather for Tally<'_> {
    type Part = Result<(), Problem>;

    fn digest(&self, draft: Draft) -> Self::Part {
        let cases = Cases::of(draft, self.request, self.spec.threshold);
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle().pop();
        let mut counter = waiting.unwrap_or_else(|| Counter::new(self.request, self.spec));
        let counted = counter.add(&cases, self.families, self.scale);
        idle().push(counter);
        counted
    }

    fn add(&mut self, part: Self::Part) -> Result<(), Problem> {
        part
    }
}

/// What one thread has counted.
struct Counter {
    attributes: Vec<Names>,
    tables: Tables,
}

enum Tables {
    /// By the combination of all attributes.
    Joint(Box<Table>),
    /// By the combination of each family's.
    Families(Vec<Table>),
}

/// The groups of an attribute, numbered in the order in which they were met.
struct Names {
    name: String,
    groups: Vec<String>,
}

impl Counter {
    fn new(request: &Request, spec: &Spec) -> Self {
        let attributes: Vec<Names> =
            spec.slices.iter().map(|name| Names { name: name.clone(), groups: vec![] }).collect();
        let all = (0..attributes.len()).collect();
        let (scored, weighted) = (spec.score.is_some(), request.weighted());
        let blank = Sums {
            counts: Counts::default(),
            grid: scored.then(|| Grid::new(BINS, weighted)),
            calibration: Calibration::new(if scored { spec.calibration_bins } else { 0 }),
        };
        Self { attributes, tables: Tables::Joint(Box::new(Table::new(all, blank, weighted))) }
    }

    fn add(&mut self, cases: &Cases, families: &[Vec<usize>], scale: f64) -> Result<(), Problem> {
        let mut codes: Vec<Vec<u32>> = Vec::with_capacity(self.attributes.len());
        for (attribute, groups) in self.attributes.iter_mut().zip(&cases.groups) {
            codes.push(groups.names.iter().map(|name| attribute.code(name)).collect());
            if attribute.groups.len() > MOST_GROUPS {
                return Err(too_many_groups(&attribute.name));
            }
        }
        let sizes: Vec<usize> =
            self.attributes.iter().map(|attribute| attribute.groups.len()).collect();
        for begin in (0..cases.cells.len()).step_by(CHUNK) {
            let rows = begin..(begin + CHUNK).min(cases.cells.len());
            if let Tables::Joint(table) = &mut self.tables
                && (table.slots.len() > MOST_JOINT_CELLS || !table.make_room(&sizes))
            {
                let split = families.iter().map(|family| table.project(family));
                self.tables = Tables::Families(split.collect());
            }
            match &mut self.tables {
                Tables::Joint(table) => table.add(cases, rows, &codes, scale),
                Tables::Families(tables) => {
                    for table in tables.iter_mut() {
                        if !table.make_room(&sizes) {
                            let names = table.attributes.iter().map(|&i| &self.attributes[i].name);
                            return Err(too_many_combinations(names));
                        }
                        table.add(cases, rows.clone(), &codes, scale);
                    }
                    if tables.iter().map(|table| table.slots.len()).sum::<usize>() > MOST_SLICES {
                        return Err(too_many_slices());
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds what was counted to the sums of each slice.
    fn add_up(
        &self,
        families: &[Vec<usize>],
        spec: &Spec,
        sums: &mut BTreeMap<(usize, Slice), Sums>,
    ) -> Result<(), Problem> {
        for (place, family) in families.iter().enumerate() {
            let own;
            let table = match &self.tables {
                Tables::Families(tables) => &tables[place],
                Tables::Joint(table) => {
                    own = table.project(family);
                    &own
                }
            };
            for (codes, counted) in table.slots.iter().zip(&table.counted) {
                let pairs = table.attributes.iter().zip(codes).map(|(&attribute, &code)| {
                    let groups = &self.attributes[attribute].groups;
                    (spec.slices[attribute].as_str(), groups[code as usize].as_str())
                });
                let slice = Slice::new(pairs)
                    .expect("names are not empty and attributes differ, as the reader checked");
                match sums.entry((family.len(), slice)) {
                    std::collections::btree_map::Entry::Vacant(entry) => {
                        entry.insert(counted.clone());
                    }
                    std::collections::btree_map::Entry::Occupied(mut entry) => {
                        entry.get_mut().merge(counted);
                    }
                }
            }
            if sums.len() > MOST_SLICES {
                return Err(too_many_slices());
            }
        }
        Ok(())
    }
}

impl Names {
    fn code(&mut self, name: &str) -> u32 {
        let known = self.groups.iter().position(|group| group == name);
        let place = known.unwrap_or_else(|| {
            self.groups.push(name.to_owned());
            self.groups.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }
}

/// Counts by the combination of some attributes.
struct Table {
    attributes: Vec<usize>,
    /// Room for groups, per attribute, in the numbers of combinations.
    room: Vec<usize>,
    /// The place of a combination by its number, while there is room for all,
    numbered: Vec<u32>,
    /// and else here.
    hashed: HashMap<u64, u32>,
    /// The codes of each combination that was met.
    slots: Vec<Vec<u32>>,
    counted: Vec<Sums>,
    blank: Sums,
    weighted: bool,
    places: Vec<u32>,
}

const UNMET: u32 = u32::MAX;

impl Table {
    fn new(attributes: Vec<usize>, blank: Sums, weighted: bool) -> Self {
        Self {
            room: vec![1; attributes.len()],
            attributes,
            numbered: vec![UNMET],
            hashed: HashMap::new(),
            slots: Vec::new(),
            counted: Vec::new(),
            blank,
            weighted,
            places: Vec::new(),
        }
    }

    fn add(&mut self, cases: &Cases, rows: std::ops::Range<usize>, codes: &[Vec<u32>], scale: f64) {
        self.find_places(cases, &rows, codes);
        let cells = &cases.cells[rows.clone()];
        if self.blank.grid.is_none() && !self.weighted {
            for (&cell, &place) in cells.iter().zip(&self.places) {
                self.counted[place as usize].counts.add_row(cell);
            }
            return;
        }
        for ((&cell, &place), row) in cells.iter().zip(&self.places).zip(rows) {
            let Sums { counts, grid, calibration } = &mut self.counted[place as usize];
            counts.add_row(cell);
            let weight = cases.weights.get(row).map_or(1.0, |weight| weight * scale);
            if self.weighted {
                counts.add_weight(cell, weight);
            }
            if let (Some(grid), Some(&score)) = (grid, cases.scores.get(row)) {
                counts.add_score(cell, score, weight);
                grid.add(score, cell & 1 == 1, weight);
                calibration.add(score, cell & 1 == 1, weight);
            }
        }
    }

    /// Finds the place of each row's combination; makes one for a combination that is new.
    #[expect(clippy::cast_possible_truncation, reason = "numbers below 2^16, and fewer slots")]
    fn find_places(&mut self, cases: &Cases, rows: &std::ops::Range<usize>, codes: &[Vec<u32>]) {
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        places.resize(rows.len(), 0);
        if self.numbered.is_empty() {
            for (place, row) in places.iter_mut().zip(rows.clone()) {
                let number =
                    self.attributes.iter().zip(&self.room).fold(0, |number, (&i, &room)| {
                        let code = codes[i][usize::from(cases.groups[i].codes[row])];
                        number * room as u64 + u64::from(code)
                    });
                let known = self.hashed.get(&number).copied();
                *place = known.unwrap_or_else(|| self.meet(number));
            }
        } else {
            for (&attribute, &room) in self.attributes.iter().zip(&self.room) {
                let (own, room) = (&codes[attribute], room as u32);
                let theirs = &cases.groups[attribute].codes[rows.clone()];
                for (number, &code) in places.iter_mut().zip(theirs) {
                    *number = *number * room + own[usize::from(code)];
                }
            }
            for place in &mut places {
                let number = *place;
                *place = self.numbered[number as usize];
                if *place == UNMET {
                    *place = self.meet(u64::from(number));
                }
            }
        }
        self.places = places;
    }

    /// Makes a place for the combination with this number.
    #[expect(clippy::cast_possible_truncation, reason = "codes are below 2^16, and fewer slots")]
    fn meet(&mut self, number: u64) -> u32 {
        let mut rest = number;
        let mut codes: Vec<u32> = self
            .room
            .iter()
            .rev()
            .map(|&room| {
                let code = rest % room as u64;
                rest /= room as u64;
                code as u32
            })
            .collect();
        codes.reverse();
        let place = self.slots.len() as u32;
        self.slots.push(codes);
        self.counted.push(self.blank.clone());
        self.note(number, place);
        place
    }

    fn note(&mut self, number: u64, place: u32) {
        if self.numbered.is_empty() {
            self.hashed.insert(number, place);
        } else if let Some(noted) =
            usize::try_from(number).ok().and_then(|number| self.numbered.get_mut(number))
        {
            *noted = place;
        }
    }

    /// Numbers combinations anew where an attribute has more groups than there was room for;
    /// `false` when there are no numbers for so many.
    fn make_room(&mut self, sizes: &[usize]) -> bool {
        let sizes = self.attributes.iter().map(|&attribute| sizes[attribute].max(1));
        if sizes.clone().zip(&self.room).all(|(size, room)| size <= *room) {
            return true;
        }
        let room: Vec<usize> =
            sizes.zip(&self.room).map(|(size, room)| size.next_power_of_two().max(*room)).collect();
        let possible =
            room.iter().try_fold(1_u64, |product, &room| product.checked_mul(room as u64));
        let Some(possible) = possible else { return false };
        self.room = room;
        let numbered = usize::try_from(possible).ok().filter(|possible| *possible <= MOST_NUMBERED);
        self.numbered = vec![UNMET; numbered.unwrap_or(0)];
        self.hashed.clear();
        for place in 0..self.slots.len() {
            let number = self.number(&self.slots[place]);
            self.note(number, u32::try_from(place).unwrap_or(UNMET));
        }
        true
    }

    fn number(&self, codes: &[u32]) -> u64 {
        codes
            .iter()
            .zip(&self.room)
            .fold(0, |number, (&code, &room)| number * room as u64 + u64::from(code))
    }

    /// The same rows by the combination of fewer attributes.
    fn project(&self, family: &[usize]) -> Self {
        let mut projected = Self::new(family.to_vec(), self.blank.clone(), self.weighted);
        let positions: Vec<usize> = family
            .iter()
            .filter_map(|attribute| self.attributes.iter().position(|own| own == attribute))
            .collect();
        // What there was numbers for among more attributes has them among fewer.
        projected.room = positions.iter().map(|&position| self.room[position]).collect();
        projected.numbered = Vec::new();
        for (codes, counted) in self.slots.iter().zip(&self.counted) {
            let codes: Vec<u32> = positions.iter().map(|&position| codes[position]).collect();
            let number = projected.number(&codes);
            match projected.hashed.get(&number).copied() {
                Some(place) => projected.counted[place as usize].merge(counted),
                None => {
                    let place = projected.meet(number);
                    projected.counted[place as usize] = counted.clone();
                }
            }
        }
        projected
    }
}
