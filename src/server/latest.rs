//! A value that many ask for at the same time.

use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
};

use tokio::sync::Mutex;

/// Makes one value for all who asked while the one before was made. Nobody gets one that was begun before they asked.
#[derive(Debug)]
pub struct Latest<T> {
    asked: AtomicU64,
    last: Mutex<Option<Made<T>>>,
}

#[derive(Debug)]
struct Made<T> {
    /// How many had asked when it was begun.
    asked: u64,
    value: T,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { asked: AtomicU64::new(0), last: Mutex::new(None) }
    }
}

impl<T: Clone> Latest<T> {
    /// The value as it is now.
    pub async fn get<F: Future<Output = T>>(&self, make: impl FnOnce() -> F) -> T {
        let before = self.asked.fetch_add(1, Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if let Some(made) = last.as_ref().filter(|made| made.asked > before) {
            return made.value.clone();
        }
        let asked = self.asked.load(Ordering::SeqCst);
        let value = make().await;
        *last = Some(Made { asked, value: value.clone() });
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_asks_while_one_is_made_shares_the_next() {
        let (latest, begun) = (Latest::default(), AtomicU64::new(0));
        let make = || async {
            let number = begun.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            number
        };
        let (first, others) = tokio::join!(latest.get(make), async {
            assert_eq!(begun.load(Ordering::SeqCst), 1, "the first is under way");
            futures::future::join_all((0..50).map(|_| latest.get(make))).await
        });
        assert_eq!((first, others), (0, vec![1; 50]));
        assert_eq!(latest.get(make).await, 2, "nobody gets what was there before");
    }
}
