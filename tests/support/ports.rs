//! Ports for servers that tests start.

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU16, Ordering::Relaxed},
};

/// Ports that nobody listens on, no two of them the same, none given twice by one process.
///
/// They lie below those that Linux gives to connections (`ip_local_port_range`, from 32768 on): one of these may become the
/// near end of somebody's connection before it is listened on.
pub fn free_ports<const N: usize>() -> [u16; N] {
    const FIRST: u16 = 16_000;
    const MANY: u16 = 16_000;
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Processes whose numbers are close begin far from each other.
    let mine = u16::try_from(process::id() % 199 * 80).unwrap_or_default();
    [(); N].map(|()| {
        for _ in 0..MANY {
            let port = FIRST + (mine + GIVEN.fetch_add(1, Relaxed) % MANY) % MANY;
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
        panic!("no port is free");
    })
}

/// One of [`free_ports`].
pub fn free_port() -> u16 {
    let [port] = free_ports();
    port
}
