//! Whether bytes are text at all, and if not, what they are instead.

use metrics::Problem;

pub(super) const BOM: char = '\u{feff}';

/// First bytes of files that people send by mistake: what it is, and what to do.
const MAGIC: [(&[u8], &str, &str); 18] = [
    (b"\x1f\x8b", "gzip", "the unpacked file"),
    (b"\x28\xb5\x2f\xfd", "zstd", "the unpacked file"),
    (b"\xfd7zXZ\0", "xz", "the unpacked file"),
    (b"BZh", "bzip2", "the unpacked file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "the unpacked file"),
    (
        b"PK\x03\x04",
        "a ZIP archive or an Excel workbook",
        "the unpacked file, or the sheet as CSV in UTF-8",
    ),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "the sheet saved as CSV in UTF-8"),
    (b"PAR1", "Parquet", "results; predictions in Parquet are sent with a spec"),
    (b"ARROW1", "an Arrow file", "a run document (JSON) or a long table (CSV)"),
    (b"SQLite format 3\0", "an SQLite database", "a run document (JSON) or a long table (CSV)"),
    (b"%PDF", "a PDF", "a run document (JSON) or a long table (CSV)"),
    (b"\x89PNG", "a PNG picture", "a run document (JSON) or a long table (CSV)"),
    (b"\x80\x04", "a Python pickle", "a run document (JSON) or a long table (CSV)"),
    (b"\xff\xfe", "text in UTF-16", "the file saved as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "the file saved as UTF-8"),
    (b"<!DOCTYPE", "an HTML page", "a run document (JSON) or a long table (CSV)"),
    (b"<!doctype", "an HTML page", "a run document (JSON) or a long table (CSV)"),
    (b"<html", "an HTML page", "a run document (JSON) or a long table (CSV)"),
];

/// The bytes as text, or the one problem that says what they are.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Problem> {
    for (magic, what, expected) in MAGIC {
        if bytes.starts_with(magic) {
            return Err(Problem::new("not_text", format!("this is {what}")).expected(expected));
        }
    }
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        return Err(Problem::new("nul", "there is a NUL byte, so this is no text file")
            .at_cell(Some(line_of(bytes, at)), None)
            .expected("text in UTF-8"));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        Problem::new("not_utf8", "there are bytes that are not UTF-8")
            .at_cell(Some(line_of(bytes, error.valid_up_to())), None)
            .expected("text in UTF-8; in a spreadsheet, save as `CSV UTF-8`")
    })
}

fn line_of(bytes: &[u8], at: usize) -> u64 {
    bytes[..at].split(|&byte| byte == b'\n').count() as u64
}
