//! Looks at the page headers of a Parquet column before any page is decompressed.
//!
//! A page header states how large the page becomes, and the decoder reserves that much before it
//! reads a byte: thirty bytes of file can ask for 2 GiB. So the headers are walked first. They are
//! Thrift structs in the compact protocol, of which only the first three fields matter here.

use parquet::errors::{ParquetError, Result};
use parquet::file::reader::ChunkReader;
use std::io::Read;

/// No writer makes larger pages; most stop at 1 MiB.
const LARGEST_PAGE: u64 = 64 << 20;
/// Statistics in a page header can be long, but not this long.
const LONGEST_HEADER: u64 = 1 << 20;

/// Checks the pages in `length` bytes from `start`.
///
/// # Errors
/// In words, when a page header cannot be, or asks for too much.
pub(super) fn check(file: &impl ChunkReader, start: u64, length: u64) -> Result<()> {
    let end = start.saturating_add(length);
    let mut at = start;
    while at < end {
        let Some((header, header_length)) = read_header(file, at, end)? else {
            return refuse("a page header is broken");
        };
        let (Ok(compressed), Ok(uncompressed)) =
            (u64::try_from(header.compressed), u64::try_from(header.uncompressed))
        else {
            return refuse("a page header claims a negative size");
        };
        if uncompressed > LARGEST_PAGE {
            return refuse(&format!(
                "a page header claims {uncompressed} bytes; at most {LARGEST_PAGE} are read"
            ));
        }
        at = at.saturating_add(header_length).saturating_add(compressed);
        if at > end {
            return refuse("a page header claims more bytes than the column has");
        }
    }
    Ok(())
}

fn refuse(why: &str) -> Result<()> {
    Err(ParquetError::General(why.to_owned()))
}

#[derive(Debug, Default, PartialEq)]
struct Header {
    uncompressed: i64,
    compressed: i64,
}

fn read_header(file: &impl ChunkReader, at: u64, end: u64) -> Result<Option<(Header, u64)>> {
    let mut longest = 512;
    loop {
        let mut bytes = Vec::new();
        file.get_read(at)?.take(longest.min(end - at)).read_to_end(&mut bytes)?;
        let mut thrift = Thrift { bytes: &bytes, at: 0 };
        if let Some(header) = thrift.header() {
            return Ok(Some((header, thrift.at as u64)));
        }
        if longest >= LONGEST_HEADER || (bytes.len() as u64) < longest {
            return Ok(None);
        }
        longest *= 16;
    }
}

/// The byte that ends a struct.
const END: u8 = 0;

/// A reader of Thrift's compact protocol; `None` when the bytes end or make no sense.
struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Thrift<'_> {
    fn header(&mut self) -> Option<Header> {
        let mut header = Header::default();
        let mut field = 0;
        loop {
            let kind = self.field(&mut field)?;
            match (field, kind) {
                (_, END) => return Some(header),
                (2, 5) => header.uncompressed = self.zigzag()?,
                (3, 5) => header.compressed = self.zigzag()?,
                _ => self.skip(kind, 0)?,
            }
        }
    }

    /// The type of the next field, whose number is put in `field`; [`END`] at the end.
    fn field(&mut self, field: &mut i64) -> Option<u8> {
        let byte = self.byte()?;
        if byte == END {
            return Some(END);
        }
        *field = match byte >> 4 {
            0 => self.zigzag()?,
            step => field.checked_add(i64::from(step))?,
        };
        Some(byte & 15)
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        if depth > 16 {
            return None;
        }
        match kind {
            // True and false are told by the type alone.
            1 | 2 => Some(()),
            3 => self.advance(1),
            4..=6 => self.varint().map(|_| ()),
            7 => self.advance(8),
            8 => {
                let length = self.varint()?;
                self.advance(usize::try_from(length).ok()?)
            }
            9 | 10 => {
                let byte = self.byte()?;
                let size = match byte >> 4 {
                    15 => self.varint()?,
                    size => u64::from(size),
                };
                for _ in 0..size {
                    // In a list, a truth value takes a byte.
                    let kind = if matches!(byte & 15, 1 | 2) { 3 } else { byte & 15 };
                    self.skip(kind, depth + 1)?;
                }
                Some(())
            }
            12 => {
                let mut field = 0;
                loop {
                    match self.field(&mut field)? {
                        END => return Some(()),
                        kind => self.skip(kind, depth + 1)?,
                    }
                }
            }
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn advance(&mut self, by: usize) -> Option<()> {
        self.at = self.at.checked_add(by).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    #[expect(clippy::cast_possible_wrap, reason = "zigzag puts the sign in the lowest bit")]
    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    /// A page header: type 0, the two sizes, and a nested struct with a binary to skip.
    fn header(uncompressed: &[u8], compressed: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x15, 0x00, 0x15];
        bytes.extend(uncompressed);
        bytes.push(0x15);
        bytes.extend(compressed);
        bytes.extend([0x2c, 0x15, 0x02, 0x18, 0x03, b'a', b'b', b'c', 0x00, 0x00]);
        bytes
    }

    #[test]
    fn a_page_that_fits_is_walked_over() {
        let mut bytes = header(&[20], &[8]);
        bytes.extend([1, 2, 3, 4]);
        bytes.extend(bytes.clone());
        let length = bytes.len() as u64;
        check(&Bytes::from(bytes), 0, length).unwrap();
    }

    #[test]
    fn a_page_that_claims_2_gib_is_refused() {
        // zigzag(2^31 - 1)
        let mut bytes = header(&[0xfe, 0xff, 0xff, 0xff, 0x0f], &[8]);
        bytes.extend([1, 2, 3, 4]);
        let length = bytes.len() as u64;
        let ParquetError::General(refused) = check(&Bytes::from(bytes), 0, length).unwrap_err()
        else {
            panic!("it is refused in words")
        };
        assert_eq!(refused, "a page header claims 2147483647 bytes; at most 67108864 are read");
    }

    #[test]
    fn sizes_below_zero_or_beyond_the_column_and_broken_headers_are_refused() {
        let refused = |bytes: Vec<u8>| {
            let length = bytes.len() as u64;
            match check(&Bytes::from(bytes), 0, length).unwrap_err() {
                ParquetError::General(why) => why,
                other => other.to_string(),
            }
        };
        assert_eq!(refused(header(&[1], &[8])), "a page header claims a negative size");
        assert_eq!(
            refused(header(&[8], &[80])),
            "a page header claims more bytes than the column has"
        );
        assert_eq!(refused(vec![0x15, 0x80]), "a page header is broken");
        assert_eq!(refused(vec![0x1b; 40]), "a page header is broken");
    }
}
