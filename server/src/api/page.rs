//! Lists in pages: `?limit=&cursor=` in, `items`, `next_cursor` and `total` out.
//!
//! A cursor is the key of the last item that was seen, so what is added or changed meanwhile moves
//! nothing.

use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const LIMIT: usize = 100;
const MOST: usize = 1000;

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cursor {
    /// How many items to give: 100 unless it says otherwise.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Cursor {
    /// How many items to give.
    ///
    /// # Errors
    /// When more are asked for than may be.
    pub fn limit(&self) -> Result<usize> {
        match self.limit.unwrap_or(LIMIT) {
            limit @ 1..=MOST => Ok(limit),
            _ => Err(Error::BadRequest(format!("limit is 1 to {MOST}"))),
        }
    }
}

/// One page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct List<T> {
    pub items: Vec<T>,
    /// The cursor of the next page; null on the last.
    pub next_cursor: Option<String>,
    /// How many items there are in all.
    pub total: usize,
}

impl<T> List<T> {
    /// The same page, its items written otherwise.
    pub fn map<U>(self, write: impl FnMut(T) -> U) -> List<U> {
        List {
            items: self.items.into_iter().map(write).collect(),
            next_cursor: self.next_cursor,
            total: self.total,
        }
    }
}

/// Cuts the page that a cursor asks for out of the wanted items of a whole list.
///
/// # Errors
/// When the cursor names no item, or the limit is out of range.
pub fn cut<'a, T>(
    items: &'a [T],
    wanted: impl Fn(&T) -> bool,
    cursor: &Cursor,
    key: impl Fn(&T) -> String,
) -> Result<List<&'a T>> {
    let limit = cursor.limit()?;
    // Looked for among all of them: what was wanted when its page was cut may not be any more.
    let start = match &cursor.cursor {
        None => 0,
        Some(last) => {
            let place = items.iter().position(|item| key(item) == *last);
            1 + place.ok_or_else(|| Error::BadRequest("the cursor names no item".to_owned()))?
        }
    };
    let total = items.iter().filter(|item| wanted(item)).count();
    let mut rest = items[start..].iter().filter(|item| wanted(item));
    let page: Vec<&T> = rest.by_ref().take(limit).collect();
    let more = rest.next().is_some();
    let next_cursor = page.last().filter(|_| more).map(|item| key(item));
    Ok(List { items: page, next_cursor, total })
}

/// As [`cut`], of all items.
///
/// # Errors
/// As [`cut`].
pub fn paged<'a, T>(
    items: &'a [T],
    cursor: &Cursor,
    key: impl Fn(&T) -> String,
) -> Result<List<&'a T>> {
    cut(items, |_| true, cursor, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(wanted: impl Fn(&u32) -> bool, cursor: Option<&str>) -> (Vec<u32>, Option<String>) {
        let all: Vec<u32> = (1..=9).collect();
        let cursor = Cursor { limit: Some(2), cursor: cursor.map(str::to_owned) };
        let page = cut(&all, wanted, &cursor, u32::to_string).unwrap();
        (page.items.into_iter().copied().collect(), page.next_cursor)
    }

    #[test]
    fn pages_go_on_after_the_cursor_and_end_without_one() {
        let even = |n: &u32| n.is_multiple_of(2);
        assert_eq!(page(even, None), (vec![2, 4], Some("4".to_owned())));
        assert_eq!(page(even, Some("4")), (vec![6, 8], None));
    }

    #[test]
    fn an_item_that_left_the_filter_meanwhile_is_still_a_cursor() {
        let even_but_four = |n: &u32| n.is_multiple_of(2) && *n != 4;
        assert_eq!(page(even_but_four, Some("4")), (vec![6, 8], None));
    }
}
