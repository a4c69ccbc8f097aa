//! Passwords: kept as Argon2id hashes (RFC 9106, OWASP's parameters: 19 MiB, two passes).

use std::sync::{Arc, LazyLock};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use ha_dashboard::api::error::ApiError;
use tokio::sync::Semaphore;

/// At most so many at once: each takes 19 MiB and a processor for some hundredths of a second.
const AT_ONCE: usize = 2;

/// A hash that no password has, so that an unknown name takes as long as a wrong password.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let password = format!("{:032x}", rand::random::<u128>());
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).unwrap_or_default()
});

/// Hashes and verifies passwords, a few at once.
#[derive(Debug, Clone)]
pub struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Passwords {
    /// A password's hash as a PHC string, with a salt of its own.
    ///
    /// # Errors
    /// [`ApiError::Internal`] where the system has no random numbers.
    pub async fn hash(&self, password: String) -> Result<String, ApiError> {
        let hashed =
            self.work(move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()));
        hashed.await?.map_err(|_| ApiError::Internal { what: "the password can't be hashed".into() })
    }

    /// Whether a password is the one that `hash` was made of; `None`: there is none to hold it against, which takes as long.
    ///
    /// # Errors
    /// [`ApiError::Internal`] where no work is taken on.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, ApiError> {
        self.work(move || {
            let is_known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.clone());
            let is_right = PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
            is_known && is_right
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
        let over = || ApiError::Internal { what: "no more passwords are looked at".into() };
        let _turn = self.0.acquire().await.map_err(|_| over())?;
        tokio::task::spawn_blocking(work).await.map_err(|_| over())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_is_right() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("correct horse battery".into()).await.unwrap(), "each has its own salt");
        let is_right = async |password: &str, hash: Option<&String>| {
            passwords.verify(password.into(), hash.cloned()).await.unwrap()
        };
        assert!(is_right("correct horse battery", Some(&hash)).await);
        for wrong in ["correct horse batter", "correct horse battery ", "Correct horse battery", ""] {
            assert!(!is_right(wrong, Some(&hash)).await, "{wrong:?}");
        }
        assert!(!is_right("correct horse battery", None).await);
        assert!(!is_right("x", Some(&"not a hash".to_owned())).await);
    }
}
