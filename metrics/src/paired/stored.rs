//! Rows as bytes, to be kept: a header in JSON, then column after column, all compressed with zstd.
//!
//! ```text
//! "evenhand.rows/1\n"  length of the header (u32)  header
//! ids (16 bytes each)  label + 2 × prediction (1)  scores (8, if any)  codes per attribute (2)
//! ```
//!
//! All numbers are little-endian.

use super::rows::{Column, Rows};
use serde::{Deserialize, Serialize};
use std::io::{self, Read};

const MAGIC: &[u8] = b"evenhand.rows/1\n";
/// A header longer than this describes no rows.
const LONGEST_HEADER: usize = 4 << 20;
const LEVEL: i32 = 3;

#[derive(Serialize, Deserialize)]
struct Header {
    rows: u64,
    scored: bool,
    clustered: bool,
    unidentified: u64,
    attributes: Vec<(String, Vec<String>)>,
    intersections: Vec<Vec<String>>,
}

impl Rows {
    /// The rows as compressed bytes.
    ///
    /// # Errors
    /// When they cannot be compressed.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let header = serde_json::to_vec(&Header {
            rows: self.len(),
            scored: !self.scores.is_empty(),
            clustered: self.clustered,
            unidentified: self.unidentified,
            attributes: self
                .attributes
                .iter()
                .map(|column| (column.name.clone(), column.groups.clone()))
                .collect(),
            intersections: self.intersections.clone(),
        })?;
        let length = u32::try_from(header.len()).map_err(io::Error::other)?;
        let mut bytes = Vec::from(MAGIC);
        bytes.extend(length.to_le_bytes());
        bytes.extend(header);
        bytes.extend(self.ids.iter().flat_map(|id| id.to_le_bytes()));
        bytes.extend(&self.cells);
        bytes.extend(self.scores.iter().flat_map(|score| score.to_le_bytes()));
        for column in &self.attributes {
            bytes.extend(column.codes.iter().flat_map(|code| code.to_le_bytes()));
        }
        zstd::encode_all(bytes.as_slice(), LEVEL)
    }

    /// The rows that [`Rows::to_bytes`] made these bytes of.
    ///
    /// # Errors
    /// When they are no such bytes, or hold more than `most` rows.
    pub fn from_bytes(bytes: &[u8], most: u64) -> io::Result<Self> {
        let mut input = zstd::Decoder::new(bytes)?;
        let mut start = [0; MAGIC.len() + 4];
        input.read_exact(&mut start)?;
        let (magic, length) = start.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(broken("they do not begin as rows do"));
        }
        let length = length.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        if length > LONGEST_HEADER {
            return Err(broken("their header is too long"));
        }
        let mut header = vec![0; length];
        input.read_exact(&mut header)?;
        let header: Header = serde_json::from_slice(&header)?;
        if header.rows > most {
            return Err(broken("they are too many"));
        }
        let rows = usize::try_from(header.rows).map_err(io::Error::other)?;
        let ids: Vec<u128> = column(&mut input, rows, u128::from_le_bytes)?;
        let cells: Vec<u8> = column(&mut input, rows, u8::from_le_bytes)?;
        let scores: Vec<f64> =
            column(&mut input, if header.scored { rows } else { 0 }, f64::from_le_bytes)?;
        let mut attributes = Vec::new();
        for (name, groups) in header.attributes {
            let codes: Vec<u16> = column(&mut input, rows, u16::from_le_bytes)?;
            let unnamed = name.is_empty() || groups.iter().any(String::is_empty);
            if unnamed || codes.iter().any(|&code| usize::from(code) >= groups.len()) {
                return Err(broken("a group has no name"));
            }
            attributes.push(Column { name, groups, codes });
        }
        if !ids.is_sorted_by(|a, b| a < b)
            || cells.iter().any(|&cell| cell > 3)
            || scores.iter().any(|score| !(0.0..=1.0).contains(score))
            || input.read(&mut [0])? > 0
        {
            return Err(broken("they contradict themselves"));
        }
        let Header { clustered, unidentified, intersections, .. } = header;
        Ok(Self { ids, cells, scores, attributes, intersections, clustered, unidentified })
    }
}

fn broken(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("these are no stored rows: {why}"))
}

/// Reads a column of numbers, `N` bytes each.
fn column<T, const N: usize>(
    input: &mut impl Read,
    rows: usize,
    number: impl Fn([u8; N]) -> T,
) -> io::Result<Vec<T>> {
    let mut bytes = Vec::new();
    input.take((rows * N) as u64).read_to_end(&mut bytes)?;
    let (chunks, rest) = bytes.as_chunks::<N>();
    if chunks.len() != rows || !rest.is_empty() {
        return Err(broken("they end early"));
    }
    Ok(chunks.iter().map(|&chunk| number(chunk)).collect())
}
