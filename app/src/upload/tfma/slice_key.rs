//! Slices of TFMA: pairs in JSON, or keys whose texts are base64 of bytes.

use crate::upload::problems::Problems;
use crate::upload::spot::Spot;
use metrics::{Problem, Slice};

/// The slice of an item of the list.
pub(super) fn of(item: &Spot, problems: &mut Problems) -> Option<Slice> {
    let (at, pairs) = if item.get("metricKeysAndValues").is_some() {
        let keys = item.find(&["sliceKey", "singleSliceKeys"]);
        (item.clone(), keys.iter().flat_map(Spot::items).map(|key| proto(&key)).collect())
    } else {
        let Some(key) = item.items().next() else {
            item.expected("a pair: the slice, and its metrics", problems);
            return None;
        };
        let pairs: Option<Vec<_>> = key.items().map(|pair| listed(&pair)).collect();
        (key, pairs)
    };
    let slice = pairs.and_then(|pairs: Vec<(String, String)>| Slice::new(pairs).ok());
    if slice.is_none() {
        let problem = Problem::new("bad_slice", "the slice is not pairs of column and value");
        problems
            .add_at(at.place(), problem.expected("`[[\"gender\", \"female\"]]`, `[]` for overall"));
    }
    slice
}

/// `["gender", "female"]`.
fn listed(pair: &Spot) -> Option<(String, String)> {
    let mut parts = pair.items();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(column), Some(value), None) => Some((column.name()?, value.name()?)),
        _ => None,
    }
}

/// `{"column": "gender", "bytesValue": "ZmVtYWxl"}`.
fn proto(key: &Spot) -> Option<(String, String)> {
    let column = key.get("column")?.name()?;
    let value = match key.get("bytesValue").and_then(|bytes| bytes.text()) {
        Some(bytes) => base64(bytes)?,
        None => key.get("int64Value").or_else(|| key.get("floatValue"))?.name()?,
    };
    Some((column, value))
}

/// The text that base64 is of; `None` where it is none.
fn base64(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(six)) & 0xfff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_read_with_and_without_padding() {
        for (written, text) in [("ZmVtYWxl", "female"), ("Zg==", "f"), ("Zm8", "fo"), ("w6k=", "é")]
        {
            assert_eq!(base64(written).as_deref(), Some(text));
        }
        assert_eq!(base64("//8="), None, "no text");
        assert_eq!(base64("a b"), None);
    }
}
