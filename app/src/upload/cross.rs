//! Intersections that a tool wrote into one name, such as `race_x_sex` with the group
//! `White_Male`: no separator is safe in a name, so they are taken apart only where the parts stand
//! alone in the same file and there is one way to do it.

use super::name::MAX_NAME;
use metrics::Slice;
use std::collections::{BTreeMap, BTreeSet};

/// Attributes that one name may join.
const MOST: usize = 4;

/// The attributes and groups that stand alone in a file.
#[derive(Default)]
pub(super) struct Alone {
    attributes: BTreeSet<String>,
    groups: BTreeMap<String, BTreeSet<String>>,
}

/// What a joined name is.
#[derive(Debug, PartialEq)]
pub(super) enum Crossed {
    /// Not a joined name: no two attributes of the file make it.
    No,
    /// These groups together.
    Is(Slice),
    /// It joins attributes, but its group can be read in no way, or in several.
    Unclear,
}

impl Alone {
    pub fn add(&mut self, attribute: &str, group: &str) {
        if !self.attributes.contains(attribute) {
            self.attributes.insert(attribute.to_owned());
        }
        self.groups.entry(attribute.to_owned()).or_default().insert(group.to_owned());
    }

    /// Takes an attribute and its group apart.
    pub fn take_apart(&self, attribute: &str, group: &str) -> Crossed {
        let ways = self.joined(attribute);
        if ways.is_empty() {
            return Crossed::No;
        }
        let mut slices = BTreeSet::new();
        for attributes in ways {
            let groups: Vec<_> =
                attributes.iter().filter_map(|name| self.groups.get(*name)).collect();
            for parts in ways_through(group, &groups) {
                slices.extend(Slice::new(attributes.iter().zip(parts)).ok());
            }
        }
        match slices.pop_first() {
            Some(slice) if slices.is_empty() => Crossed::Is(slice),
            _ => Crossed::Unclear,
        }
    }

    /// Every way to read a name as two or more attributes with separators between.
    fn joined(&self, name: &str) -> Vec<Vec<&str>> {
        (2..=MOST)
            .flat_map(|parts| ways_through(name, &vec![&self.attributes; parts]))
            .filter(|names| names.iter().collect::<BTreeSet<_>>().len() == names.len())
            .collect()
    }
}

/// Every way to read a text as one name of each set, in their order.
fn ways_through<'n>(text: &str, sets: &[&'n BTreeSet<String>]) -> Vec<Vec<&'n str>> {
    let Some((first, rest)) = sets.split_first() else { return Vec::new() };
    if rest.is_empty() {
        return first.get(text).map(|name| vec![name.as_str()]).into_iter().collect();
    }
    let mut all = Vec::new();
    let prefixes = text.char_indices().map(|(end, _)| end).take(MAX_NAME);
    for name in prefixes.filter_map(|end| first.get(&text[..end])) {
        let after = &text[name.len()..];
        for separator in separators(after) {
            for mut names in ways_through(&after[separator..], rest) {
                names.insert(0, name);
                all.push(names);
            }
        }
    }
    all
}

/// Lengths of what may be a separator at the start of a text.
fn separators(text: &str) -> impl Iterator<Item = usize> {
    const LONGEST: usize = 5;
    let is = |c: &char| {
        matches!(c, ' ' | '_' | '|' | '/' | ',' | ';' | ':' | '&' | '+' | '-' | 'x' | 'X' | '×')
    };
    text.chars().take(LONGEST).take_while(is).scan(0, |end, c| {
        *end += c.len_utf8();
        Some(*end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone() -> Alone {
        let mut alone = Alone::default();
        for race in ["White", "Asian-Pac-Islander", "a_b", "a"] {
            alone.add("race", race);
        }
        for sex in ["Male", "Female", "b_c", "c"] {
            alone.add("sex", sex);
        }
        alone
    }

    #[test]
    fn a_joined_name_is_taken_apart_where_its_parts_stand_alone() {
        let slice = Slice::new([("race", "White"), ("sex", "Male")]).expect("two pairs");
        for (attribute, group) in [
            ("race_x_sex", "White_Male"),
            ("race x sex", "White|Male"),
            ("race/sex", "White, Male"),
        ] {
            let crossed = alone().take_apart(attribute, group);
            assert_eq!(crossed, Crossed::Is(slice.clone()), "{attribute}");
        }
        let turned = Slice::new([("race", "Asian-Pac-Islander"), ("sex", "Female")]);
        assert_eq!(
            alone().take_apart("sex_race", "Female_Asian-Pac-Islander"),
            Crossed::Is(turned.expect("two pairs"))
        );
    }

    #[test]
    fn what_can_be_read_in_two_ways_or_none_is_left_alone() {
        assert_eq!(alone().take_apart("race_x_sex", "a_b_c"), Crossed::Unclear);
        assert_eq!(alone().take_apart("race_x_sex", "Green_Male"), Crossed::Unclear);
        assert_eq!(alone().take_apart("age_band", "25_34"), Crossed::No);
        assert_eq!(alone().take_apart("race", "White_Male"), Crossed::No);
    }
}
