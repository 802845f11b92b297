//! When a request is worth another try, and how long to wait before it.

use reqwest::StatusCode;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// How often a request is sent at most.
pub const TRIES: u32 = 5;

/// Nobody waits longer than this without being asked.
const LONGEST: Duration = Duration::from_mins(2);

/// The wait before the second try; doubled before each further one.
const FIRST: Duration = Duration::from_millis(500);

/// Whether an answer means "not now" rather than "no".
pub fn is_worth(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE
    )
}

/// What a `Retry-After` asks for: seconds, or a date (RFC 9110, 10.2.3).
pub fn after(text: &str, now: OffsetDateTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some((at - now).try_into().unwrap_or_default())
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Wait(Duration),
    /// The server asks for more than anybody should sit through.
    TooLong(Duration),
}

/// The waits between tries, each double the one before, with some chance in them so that many
/// clients do not come back in step.
#[derive(Debug, Default)]
pub struct Delays {
    before: u32,
}

impl Delays {
    /// The next wait: what the server asked for, or our own.
    pub fn next(&mut self, asked: Option<Duration>) -> Patience {
        let [chance] = crate::clock::random::<1>();
        let own = FIRST * 2_u32.saturating_pow(self.before);
        let own = own + own * u32::from(chance) / 1024;
        self.before += 1;
        match asked {
            Some(asked) if asked > LONGEST => Patience::TooLong(asked),
            Some(asked) => Patience::Wait(asked),
            None => Patience::Wait(own.min(LONGEST)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_server_may_ask_for_seconds_or_for_a_time() {
        let now = datetime!(2026-11-01 09:00 UTC);
        assert_eq!(after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(after("Sun, 01 Nov 2026 09:00:30 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(after("Sun, 01 Nov 2026 08:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(after("soon", now), None);
    }

    #[test]
    fn waits_double_and_differ_by_a_quarter_at_most() {
        let mut delays = Delays::default();
        for least in [500, 1000, 2000, 4000] {
            let Patience::Wait(delay) = delays.next(None) else { panic!("never too long") };
            let millis = delay.as_millis();
            assert!((least..=least * 5 / 4).contains(&millis), "{millis} after {least}");
        }
    }

    #[test]
    fn a_server_that_asks_for_an_hour_is_not_waited_for() {
        let hour = Duration::from_hours(1);
        assert_eq!(Delays::default().next(Some(hour)), Patience::TooLong(hour));
    }
}
