//! Who could stop a test: how many of them follow the live stream.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use ha_dashboard::{api::caller::Caller, domain::access::Call};
use tokio::sync::watch;

/// How many there are. Copies are handles on the same number.
#[derive(Debug, Clone)]
pub struct Audience(Arc<watch::Sender<usize>>);

impl Default for Audience {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Audience {
    /// Counts a caller as long as they follow a stream, where they may stop a test.
    pub fn seat(&self, caller: &Caller, stream: BoxStream<'static, Bytes>) -> BoxStream<'static, Bytes> {
        if !caller.may(Call::Stop) {
            return stream;
        }
        let seat = self.enter();
        let seated = stream.inspect(move |_| {
            // Left when the stream is dropped.
            let _seat = &seat;
        });
        seated.boxed()
    }

    fn enter(&self) -> Seat {
        self.0.send_modify(|count| *count += 1);
        Seat(self.clone())
    }

    /// Follows the number.
    pub fn watch(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }
}

/// One of them.
struct Seat(Audience);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use ha_dashboard::domain::access::Role;

    use super::*;

    #[test]
    fn who_could_stop_a_test_counts_as_long_as_they_follow() {
        let audience = Audience::default();
        let seat = |role| {
            let caller = Caller { role, ..Caller::default() };
            audience.seat(&caller, futures::stream::pending().boxed())
        };
        let count = || *audience.watch().borrow();
        let viewer = seat(Role::Viewer);
        assert_eq!(count(), 0);
        let (presenter, admin) = (seat(Role::Presenter), seat(Role::Admin));
        assert_eq!(count(), 2);
        drop((viewer, presenter));
        assert_eq!(count(), 1);
        drop(admin);
        assert_eq!(count(), 0);
    }
}
