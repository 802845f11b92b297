//! Lists in pages: `?limit=&cursor=` in, `items`, `next_cursor` and `total` out.

use crate::error::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};

const LIMIT: usize = 100;
const MOST: usize = 1000;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cursor {
    pub limit: Option<usize>,
    /// The key of the last item that was seen.
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

/// One page of a list that is at hand whole.
pub struct Page<'a, T> {
    pub items: Vec<&'a T>,
    next_cursor: Option<String>,
    total: usize,
}

impl<T> Page<'_, T> {
    /// The page as JSON, its items written by the caller.
    pub fn json(self, items: Vec<Value>) -> Value {
        json!({ "items": items, "next_cursor": self.next_cursor, "total": self.total })
    }
}

/// Cuts the page that a cursor asks for out of a list.
///
/// # Errors
/// When the cursor names no item, or the limit is out of range.
pub fn cut<'a, T: 'a>(
    items: impl Iterator<Item = &'a T>,
    cursor: &Cursor,
    key: impl Fn(&T) -> String,
) -> Result<Page<'a, T>> {
    let limit = cursor.limit()?;
    let items: Vec<&T> = items.collect();
    let start = match &cursor.cursor {
        None => 0,
        Some(last) => {
            let place = items.iter().position(|item| key(item) == *last);
            1 + place.ok_or_else(|| Error::BadRequest("the cursor names no item".to_owned()))?
        }
    };
    let page: Vec<&T> = items.iter().copied().skip(start).take(limit).collect();
    let more = start + page.len() < items.len();
    let next_cursor = page.last().filter(|_| more).map(|item| key(item));
    Ok(Page { items: page, next_cursor, total: items.len() })
}

/// One page of a list, each item written as JSON.
///
/// # Errors
/// As [`cut`].
pub fn paged<'a, T: 'a>(
    items: impl Iterator<Item = &'a T>,
    cursor: &Cursor,
    key: impl Fn(&T) -> String,
    json: impl Fn(&T) -> Value,
) -> Result<Value> {
    let page = cut(items, cursor, key)?;
    let items = page.items.iter().map(|item| json(item)).collect();
    Ok(page.json(items))
}
