//! What engines write differently.

use crate::Problem;
use std::fmt::{self, Write};
use std::str::FromStr;

/// An engine's SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Apache Spark, from 3.
    Spark,
    /// Google BigQuery.
    BigQuery,
    /// PostgreSQL, from 13.
    Postgres,
    /// DuckDB.
    DuckDb,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Spark, Self::BigQuery, Self::Postgres, Self::DuckDb];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spark => "spark",
            Self::BigQuery => "bigquery",
            Self::Postgres => "postgres",
            Self::DuckDb => "duckdb",
        }
    }

    /// What keeps a name from being written.
    pub(super) fn refuse(self, name: &str) -> Option<Problem> {
        /// PostgreSQL cuts longer names off without a word.
        const LONGEST_IN_POSTGRES: usize = 63;
        let bad = |message: String, expected: &str| {
            Some(Problem::new("bad_name", message).expected(expected))
        };
        if name.is_empty() {
            return bad("a name is empty".to_owned(), "a name");
        }
        if name.contains(char::is_control) {
            let message = format!("the name `{}` holds a control character", name.escape_debug());
            return bad(message, "a name of letters");
        }
        if self == Self::Postgres && name.len() > LONGEST_IN_POSTGRES {
            let message = format!("the name `{name}` has {} bytes", name.len());
            return bad(message, "at most 63, as PostgreSQL has it");
        }
        if self == Self::BigQuery && name.contains(['`', '\\', '"', '$', '*', '?', '(', ')']) {
            let message = format!("the name `{name}` holds what BigQuery allows in no name");
            return bad(message, "a name of letters, digits, spaces, `_`, `-` and the like");
        }
        None
    }

    /// A name as such, whatever it holds.
    pub(super) fn identifier(self, name: &str) -> String {
        match self {
            Self::Postgres | Self::DuckDb => format!("\"{}\"", name.replace('"', "\"\"")),
            Self::Spark | Self::BigQuery => format!("`{}`", name.replace('`', "``")),
        }
    }

    /// A table, its name in parts.
    pub(super) fn table(self, name: &str) -> String {
        name.split('.').map(|part| self.identifier(part)).collect::<Vec<_>>().join(".")
    }

    /// A text as such, whatever it holds: by its bytes where quotes could be read in two ways.
    pub(super) fn literal(self, text: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || " _-.,:;<>=+/()".contains(c);
        if text.chars().all(plain) {
            return format!("'{text}'");
        }
        let hex = text.bytes().fold(String::new(), |mut hex, byte| {
            // Writing to memory cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        match self {
            Self::Spark => format!("cast(unhex('{hex}') as string)"),
            Self::BigQuery => format!("safe_convert_bytes_to_string(from_hex('{hex}'))"),
            Self::Postgres => format!("convert_from(decode('{hex}', 'hex'), 'UTF8')"),
            Self::DuckDb => format!("decode(unhex('{hex}'))"),
        }
    }

    /// A number as a double, to the last bit.
    pub(super) fn number(self, number: f64) -> String {
        format!("cast('{number:e}' as {})", self.double())
    }

    pub(super) fn double(self) -> &'static str {
        match self {
            Self::Spark | Self::DuckDb => "double",
            Self::BigQuery => "float64",
            Self::Postgres => "double precision",
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Spark | Self::BigQuery => "string",
            Self::Postgres => "text",
            Self::DuckDb => "varchar",
        }
    }

    /// As text, without what is white at its ends.
    pub(super) fn trimmed(self, expression: &str) -> String {
        /// What Unicode calls white space.
        const WHITE: &str = "\t\n\u{b}\u{c}\r \u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\
            \u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\
            \u{205f}\u{3000}";
        let (white, text) = (self.literal(WHITE), format!("cast({expression} as {})", self.text()));
        match self {
            Self::Postgres => format!("btrim({text}, {white})"),
            Self::Spark => format!("trim(both {white} from {text})"),
            Self::DuckDb | Self::BigQuery => format!("trim({text}, {white})"),
        }
    }

    /// Text whose letters are composed as in the spec; Spark has no word for it.
    pub(super) fn composed(self, text: &str) -> String {
        match self {
            Self::Spark => text.to_owned(),
            Self::DuckDb => format!("nfc_normalize({text})"),
            Self::Postgres | Self::BigQuery => format!("normalize({text}, NFC)"),
        }
    }

    /// A number as an integer of 64 bits.
    pub(super) fn integer(self, number: &str) -> String {
        let integer = if self == Self::BigQuery { "int64" } else { "bigint" };
        format!("cast({number} as {integer})")
    }

    /// The next whole number below a double that fits 64 bits.
    pub(super) fn floor(self, double: &str) -> String {
        self.integer(&format!("floor({double})"))
    }

    /// The sum of 64-bit integers, which needs more than 64 bits.
    pub(super) fn total(self, units: &str) -> String {
        match self {
            Self::Spark => format!("coalesce(sum(cast({units} as decimal(28, 0))), 0)"),
            Self::BigQuery => format!("coalesce(sum(cast({units} as bignumeric)), 0)"),
            Self::Postgres | Self::DuckDb => format!("coalesce(sum({units}), 0)"),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|dialect| dialect.as_str() == text);
        known.ok_or_else(|| format!("expected one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}
