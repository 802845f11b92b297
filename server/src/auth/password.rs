//! Password hashes: argon2id, off the threads that serve requests, and few at once.

use crate::error::{Error, Result};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Passwords that hash at once.
const AT_ONCE: usize = 2;
/// Attempts that may wait for their turn; more are told to come back.
const WAITING: usize = 64;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
}

impl Default for Cost {
    /// The least that OWASP advises: 19 MiB, two passes.
    fn default() -> Self {
        Self { memory_kib: Params::DEFAULT_M_COST, passes: Params::DEFAULT_T_COST }
    }
}

/// Where passwords are hashed and compared.
pub struct Hashing {
    cost: Cost,
    /// The hash of no password, for accounts that do not exist.
    nobody: String,
    places: Semaphore,
    waiting: AtomicUsize,
    done: AtomicU64,
}

impl Hashing {
    pub fn new(cost: Cost) -> Self {
        // A well-formed hash of zeros that nobody can find a password for, at the usual cost.
        let nobody = format!(
            "$argon2id$v=19$m={},t={},p=1$AAAAAAAAAAAAAAAAAAAAAA${}",
            cost.memory_kib,
            cost.passes,
            "A".repeat(43)
        );
        Self {
            cost,
            nobody,
            places: Semaphore::new(AT_ONCE),
            waiting: AtomicUsize::new(0),
            done: AtomicU64::new(0),
        }
    }

    /// The hash of a password under a new salt, as a PHC string.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait already.
    pub async fn hash(&self, password: String) -> Result<String> {
        let cost = self.cost;
        self.run(move || {
            let salt = SaltString::encode_b64(&crate::clock::random::<16>()).map_err(broken)?;
            let hash = argon2(cost)?.hash_password(password.as_bytes(), &salt).map_err(broken)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether a password has this hash. Without a hash the answer is no, after the same work: who
    /// has an account cannot be told by the time.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait already.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let cost = self.cost;
        self.run(move || {
            let hash = PasswordHash::new(&hash).map_err(broken)?;
            // The cost stands in the hash; a stored one keeps the cost that it was made at.
            match argon2(cost)?.verify_password(password.as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(argon2::password_hash::Error::Password) => Ok(false),
                Err(error) => Err(broken(error)),
            }
        })
        .await
    }

    /// How many hashes were computed since the start.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _place = {
            let _turn = Turn::take(&self.waiting)?;
            self.places.acquire().await.map_err(broken)?
        };
        self.done.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(work).await.map_err(broken)?
    }
}

/// A turn in the queue, given back also when whoever waits goes away.
struct Turn<'a>(&'a AtomicUsize);

impl<'a> Turn<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self> {
        if waiting.fetch_add(1, Ordering::SeqCst) >= WAITING {
            waiting.fetch_sub(1, Ordering::SeqCst);
            return Err(Error::Busy);
        }
        Ok(Self(waiting))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn argon2(cost: Cost) -> Result<Argon2<'static>> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(broken)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("password hash: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1 };

    #[tokio::test]
    async fn a_password_matches_its_own_hash_and_no_other() {
        let hashing = Hashing::new(CHEAP);
        let hash = hashing.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(hashing.verify("correct horse".to_owned(), Some(hash.clone())).await.unwrap());
        assert!(!hashing.verify("correct house".to_owned(), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_costs_a_hash_at_full_price_and_matches_nothing() {
        let hashing = Hashing::new(CHEAP);
        assert!(!hashing.verify(String::new(), None).await.unwrap());
        assert_eq!(hashing.done(), 1);
        assert!(hashing.nobody.contains("m=8,t=1"));
    }

    #[test]
    fn the_default_is_what_owasp_advises() {
        assert_eq!(Cost::default(), Cost { memory_kib: 19 * 1024, passes: 2 });
    }

    #[test]
    fn the_queue_is_bounded_and_gives_turns_back() {
        let waiting = AtomicUsize::new(0);
        let turns: Vec<_> = (0..WAITING).map(|_| Turn::take(&waiting).unwrap()).collect();
        assert!(matches!(Turn::take(&waiting), Err(Error::Busy)));
        drop(turns);
        assert!(Turn::take(&waiting).is_ok());
    }
}
