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
///
/// # Errors
/// When the cursor names no item, or the limit is out of range.
pub fn paged<'a, T: 'a>(
    items: impl Iterator<Item = &'a T>,
    cursor: &Cursor,
    key: impl Fn(&T) -> String,
    json: impl Fn(&T) -> Value,
) -> Result<Value> {
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
    Ok(json!({
        "items": page.iter().map(|item| json(item)).collect::<Vec<_>>(),
        "next_cursor": page.last().filter(|_| more).map(|item| key(item)),
        "total": items.len(),
    }))
}
