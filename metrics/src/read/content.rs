//! What a file is, told by its content: its format, and what packs it.

use super::{parquet, unreadable};
use crate::Problem;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

/// Compressed Parquet is unpacked into memory, up to so many bytes,
const MOST_UNPACKED: u64 = 512 << 20;
/// and up to so many times its size: a writer leaves little to be packed.
const MOST_UNPACKED_FOLD: u64 = 64;

/// A file that was opened and, where it is compressed, is being unpacked.
pub(super) struct Input {
    head: Vec<u8>,
    compression: Option<&'static str>,
    pub content: Content,
}

pub(super) enum Content {
    /// From its first byte on.
    Text(Box<dyn Read + Send>),
    /// A file with so many bytes.
    Parquet(u64),
    /// What a compressed file holds from its first byte on, and how many bytes pack it.
    PackedParquet(Box<dyn Read + Send>, u64),
}

impl Input {
    pub fn open(path: &Path) -> Result<Self, Vec<Problem>> {
        let broken = |error: io::Error| vec![unreadable(&error)];
        let mut file = File::open(path).map_err(broken)?;
        let size = file.metadata().map_err(broken)?.len();
        let head = head(&mut file).map_err(broken)?;
        file.rewind().map_err(broken)?;
        let (compression, mut decoder): (_, Box<dyn Read + Send>) = match Packing::of(&head) {
            Packing::None if head.starts_with(PARQUET) => {
                let content = Content::Parquet(size);
                return Ok(Self { head, compression: None, content });
            }
            Packing::None => {
                let content = Content::Text(Box::new(file));
                return Ok(Self { head, compression: None, content });
            }
            Packing::Gzip => {
                ("gzip", Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file))))
            }
            Packing::Zstd => ("zstd", Box::new(zstd::Decoder::new(file).map_err(broken)?)),
        };
        let head = self::head(&mut decoder)
            .map_err(|error| vec![broken_compression(compression, &error)])?;
        let whole = Box::new(io::Cursor::new(head.clone()).chain(decoder));
        let content = if head.starts_with(PARQUET) {
            Content::PackedParquet(whole, size)
        } else {
            Content::Text(whole)
        };
        Ok(Self { head, compression: Some(compression), content })
    }

    pub fn format(&self) -> Result<Format, Vec<Problem>> {
        let Some(compression) = self.compression else {
            return Format::of(&self.head);
        };
        let refuse = |what: &str, expected: &str| {
            let message = format!("it is {compression} of {what}");
            Err(vec![Problem::new("wrong_content", message).expected(expected)])
        };
        if !matches!(Packing::of(&self.head), Packing::None) {
            return refuse("a compressed file", "a file compressed once");
        }
        Format::of(&self.head).or_else(|problems| match problems.first() {
            Some(problem) if problem.code == "empty_file" => refuse("nothing", "rows"),
            Some(problem) => {
                let what = problem.message.strip_prefix("the file is ").unwrap_or("something else");
                refuse(what, EXPECTED)
            }
            None => Err(problems),
        })
    }

    pub fn name(&self, format: Format) -> String {
        let name = match format {
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
        };
        self.compression.map_or_else(|| name.to_owned(), |how| format!("{name}, {how}"))
    }
}

impl Content {
    /// Parquet is read from its end, so what is packed has to be unpacked first, into memory.
    pub fn source(self, path: &Path) -> Result<parquet::Source, Vec<Problem>> {
        match self {
            Self::Parquet(size) => Ok(parquet::Source::File(path.to_owned(), size)),
            Self::PackedParquet(decoder, size) => unpack(decoder, size),
            // No other format comes here.
            Self::Text(_) => Err(vec![Problem::new("wrong_format", "the file is not Parquet")]),
        }
    }
}

fn unpack(decoder: Box<dyn Read + Send>, packed: u64) -> Result<parquet::Source, Vec<Problem>> {
    let most = (packed.saturating_mul(MOST_UNPACKED_FOLD)).clamp(1 << 20, MOST_UNPACKED);
    let mut bytes = Vec::new();
    decoder
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| vec![broken_compression("compressed", &error)])?;
    if bytes.len() as u64 > most {
        let message = format!("the file unpacks to more than {most} bytes of Parquet");
        return Err(vec![
            Problem::new("unpacks_too_far", message)
                .expected("the Parquet file itself; it is compressed inside"),
        ]);
    }
    Ok(parquet::Source::Memory(bytes.into()))
}

fn broken_compression(compression: &str, error: &io::Error) -> Problem {
    Problem::new("broken_compression", format!("the {compression} data is broken: {error}"))
        .expected("a complete file")
}

fn head(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.by_ref().take(8_192).read_to_end(&mut head)?;
    Ok(head)
}

enum Packing {
    None,
    Gzip,
    Zstd,
}

impl Packing {
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// How every Parquet file begins.
const PARQUET: &[u8] = b"PAR1";
const EXPECTED: &str = "CSV, Parquet or NDJSON";

#[derive(Clone, Copy)]
pub(super) enum Format {
    Parquet,
    Csv,
    Ndjson,
}

impl Format {
    fn of(head: &[u8]) -> Result<Self, Vec<Problem>> {
        let refuse = |what: &str, expected: &str| {
            let message = format!("the file is {what}");
            Err(vec![Problem::new("wrong_format", message).expected(expected)])
        };
        let known_other: [(&[u8], &str); 9] = [
            (b"PK\x03\x04", "a ZIP archive (a spreadsheet, perhaps)"),
            (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
            (b"%PDF", "a PDF"),
            (b"SQLite format 3", "an SQLite database"),
            (b"ARROW1", "an Arrow IPC file"),
            (b"ORC", "an ORC file"),
            (b"\xff\xfe", "text in UTF-16; save it as UTF-8"),
            (b"\xfe\xff", "text in UTF-16; save it as UTF-8"),
            (b"\x89PNG", "an image"),
        ];
        if head.is_empty() {
            let problem = Problem::new("empty_file", "the file is empty");
            return Err(vec![problem.expected("a header and rows")]);
        }
        if head.starts_with(PARQUET) {
            return Ok(Self::Parquet);
        }
        if let Some((_, what)) = known_other.iter().find(|(magic, _)| head.starts_with(magic)) {
            return refuse(what, EXPECTED);
        }
        if head.contains(&0) || cut_utf8(head).is_err() {
            return refuse("neither text nor Parquet", EXPECTED);
        }
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        match text {
            [b'{', ..] => Ok(Self::Ndjson),
            [b'[', rest @ ..] if rest.trim_ascii_start().starts_with(b"{") => {
                refuse("a JSON array", "NDJSON: one JSON object per line, without brackets around")
            }
            _ => Ok(Self::Csv),
        }
    }
}

/// Text whose last character may be cut.
fn cut_utf8(bytes: &[u8]) -> Result<(), ()> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(()),
        // `error_len` is `None` when the input ends within a character.
        Err(error) if error.error_len().is_none() => Ok(()),
        Err(_) => Err(()),
    }
}
