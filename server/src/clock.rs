//! Where time, ids and randomness come from, so that a test can hold them still.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The time of the machine, or one that a test sets.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    System,
    /// Microseconds since 1970.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    pub fn fixed(at: OffsetDateTime) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(micros(at))))
    }

    /// Now, in UTC, cut to microseconds because the databases keep no more.
    pub fn now(&self) -> OffsetDateTime {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the one place")]
            Self::System => from_micros(micros(OffsetDateTime::now_utc())),
            Self::Fixed(at) => from_micros(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed clock; the machine's cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Self::Fixed(at) = self {
            let by = i64::try_from(by.whole_microseconds()).expect("tests move in small steps");
            at.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// A new UUIDv7: sorts by time of making.
    pub fn id(&self) -> Uuid {
        let millis = u64::try_from(micros(self.now()) / 1000).unwrap_or_default();
        let random: [u8; 10] = random();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// Microseconds since 1970: how the databases keep a time.
pub fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).expect("years up to 9999 fit")
}

/// The time that is this many microseconds after 1970.
pub fn from_micros(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The beginning, in UTC, of a day written as `2026-11-30`.
pub fn day(text: &str) -> Option<OffsetDateTime> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    time::Date::parse(text.trim(), &format).ok().map(|day| day.midnight().assume_utc())
}

/// Bytes from the operating system's generator.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    bytes
}
