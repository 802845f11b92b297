//! How fast passwords may be tried: after some failures in a row each further attempt must wait,
//! twice as long each time. Accounts are delayed, never locked, so that nobody can lock another out.

use crate::clock::micros;
use crate::error::{Error, Result};
use crate::state::App;
use app::domain::Email;
use std::net::IpAddr;

/// What is throttled, and how many failures it has before it must wait.
#[derive(Clone, Debug)]
pub struct Subject {
    key: String,
    free: i64,
}

const SECOND: i64 = 1_000_000;
const LONGEST: i64 = 60;
/// Failures count as in a row when no more than this many microseconds pass without one.
pub const FORGOTTEN_AFTER: i64 = 3600 * SECOND;

impl Subject {
    /// An account, whether there is one or not.
    pub fn account(email: &Email) -> Self {
        Self { key: format!("account:{email}"), free: 5 }
    }

    /// An address. Many may share one, so it has more patience; an IPv6 host can have any address
    /// of its /64, so that counts as one.
    pub fn address(address: IpAddr) -> Self {
        let address = match address {
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_none() => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            other => other.to_canonical().to_string(),
        };
        Self { key: format!("address:{address}"), free: 100 }
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// Seconds that must pass after the last of so many failures.
    fn pause(&self, failures: i64) -> i64 {
        match failures - self.free {
            i64::MIN..0 => 0,
            doublings @ 0..6 => 1 << doublings,
            _ => LONGEST,
        }
    }
}

impl App {
    /// Counts an attempt as a failure before it is made, so that many at once gain nothing; a
    /// success takes it back.
    ///
    /// # Errors
    /// [`Error::TooMany`] when the subject has to wait.
    pub async fn charge(&self, subject: &Subject) -> Result<()> {
        // Each round that does not end here was won by another attempt on the same subject.
        for _ in 0..16 {
            let now = micros(self.clock.now());
            let known = self.store.failures(&subject.key).await?;
            let before = known.as_ref().filter(|known| now - known.last_at < FORGOTTEN_AFTER);
            if let Some(before) = before {
                let wait = before.last_at + subject.pause(before.failures) * SECOND - now;
                if wait > 0 {
                    let retry_after = u64::try_from((wait + SECOND - 1) / SECOND).unwrap_or(1);
                    return Err(Error::TooMany { retry_after });
                }
            }
            let failures = before.map_or(0, |before| before.failures) + 1;
            if self.store.note_failure(&subject.key, known.as_ref(), failures, now).await? {
                return Ok(());
            }
        }
        Err(Error::TooMany { retry_after: 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_a_minute() {
        let ann = Subject::account(&Email::new("ann@example.org").unwrap());
        let pauses: Vec<_> = (3..13).map(|failures| ann.pause(failures)).collect();
        assert_eq!(pauses, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn one_household_of_ipv6_counts_as_one_address() {
        let key = |text: &str| Subject::address(text.parse().unwrap()).key;
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:2"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
