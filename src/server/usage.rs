//! CPU and memory of services, k6, the store, the dashboard and the host, from `/proc`.
//!
//! What can't be read is absent, never 0.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use ha_dashboard::domain::frame::{Dimension, Metric, SeriesKey};
use procfs::{
    Current, CurrentSI,
    net::TcpState,
    process::{FDTarget, Process},
};

/// How long the processes behind the ports are taken for granted; a dead one is looked for at once.
const RESOLVE_EVERY: Duration = Duration::from_secs(5);

/// Reads the use of the machine; one value at a time may run.
#[derive(Debug, Default)]
pub struct Usage {
    /// Names and ports on loopback.
    ports: Vec<(String, u16)>,
    owners: BTreeMap<u16, Owner>,
    resolved: Option<Instant>,
    /// CPU ticks by process at the last look.
    before: BTreeMap<ProcessId, u64>,
    host_before: Option<u64>,
    looked: Option<Instant>,
}

/// Number and start time.
type ProcessId = (i32, u64);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Owner {
    sockets: BTreeSet<u64>,
    pids: Vec<i32>,
}

/// The port of an address on this machine.
pub fn loopback_port(url: &str) -> Option<u16> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?;
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    local.then(|| url.port_or_known_default()).flatten()
}

impl Usage {
    /// Sets whose use is measured, by the port that they listen on.
    pub fn set_ports(&mut self, ports: Vec<(String, u16)>) {
        if self.ports != ports {
            self.ports = ports;
            self.resolved = None;
        }
    }

    /// CPU since the last look and memory now. Blocks for a few milliseconds.
    pub fn look(&mut self, k6: &[u32]) -> BTreeMap<SeriesKey, f64> {
        self.resolve();
        let now = Instant::now();
        let elapsed = self.looked.replace(now).map(|before| now.duration_since(before).as_secs_f64());
        let mut values = BTreeMap::new();
        let mut put = |metric, name: &str, value: Option<f64>| {
            if let Some(value) = value {
                values.insert(SeriesKey::part(metric, Dimension::Process, name), value);
            }
        };
        let cores = |ticks: u64| {
            let per_second = procfs::ticks_per_second() as f64;
            elapsed.filter(|elapsed| *elapsed > 0.05).map(|elapsed| ticks as f64 / per_second / elapsed)
        };

        let me: Vec<_> = i32::try_from(std::process::id()).into_iter().collect();
        let k6 = k6.iter().filter_map(|pid| i32::try_from(*pid).ok()).collect();
        let mut groups = vec![("dashboard".to_owned(), me), ("k6".to_owned(), k6)];
        let owner = |port: &u16| self.owners.get(port).map(|owner| owner.pids.clone()).unwrap_or_default();
        for (name, port) in &self.ports {
            // A service's replicas are measured together.
            match groups.iter_mut().find(|(known, _)| known == name) {
                Some((_, pids)) => pids.extend(owner(port)),
                None => groups.push((name.clone(), owner(port))),
            }
        }
        for (_, pids) in &mut groups {
            pids.sort_unstable();
            pids.dedup();
        }
        let mut seen = BTreeMap::new();
        for (name, pids) in &groups {
            let (mut ticks, mut bytes) = (None, None);
            for stat in pids.iter().filter_map(|pid| Process::new(*pid).ok()?.stat().ok()) {
                let id = (stat.pid, stat.starttime);
                let total = stat.utime + stat.stime;
                seen.insert(id, total);
                if let Some(before) = self.before.get(&id) {
                    *ticks.get_or_insert(0) += total.saturating_sub(*before);
                }
                if stat.state != 'Z' {
                    *bytes.get_or_insert(0) += stat.rss * procfs::page_size();
                }
            }
            put(Metric::Cpu, name, ticks.and_then(cores));
            put(Metric::Memory, name, bytes.map(|bytes| bytes as f64));
        }
        self.before = seen;

        let host = procfs::KernelStats::current().ok().map(|stats| {
            let cpu = stats.total;
            let more = [cpu.irq, cpu.softirq, cpu.steal].into_iter().flatten().sum::<u64>();
            cpu.user + cpu.nice + cpu.system + more
        });
        let used = host.zip(self.host_before).map(|(now, before)| now.saturating_sub(before));
        put(Metric::Cpu, "host", used.and_then(cores));
        self.host_before = host;
        let memory = procfs::Meminfo::current().ok();
        let used = memory.and_then(|memory| memory.mem_total.checked_sub(memory.mem_available?));
        put(Metric::Memory, "host", used.map(|bytes| bytes as f64));
        values
    }

    /// Finds the processes that listen on the ports: the sockets first, which is cheap, and the processes that hold them
    /// only where the sockets changed.
    fn resolve(&mut self) {
        let alive =
            |owner: &Owner| owner.pids.iter().all(|pid| Process::new(*pid).is_ok_and(|process| process.is_alive()));
        let fresh = self.resolved.is_some_and(|resolved| resolved.elapsed() < RESOLVE_EVERY);
        if self.ports.is_empty() || (fresh && self.owners.values().all(alive)) {
            return;
        }
        self.resolved = Some(Instant::now());
        let mut sockets: BTreeMap<u16, BTreeSet<u64>> = BTreeMap::new();
        let entries = [procfs::net::tcp(), procfs::net::tcp6()].into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.state == TcpState::Listen) {
            let port = entry.local_address.port();
            if self.ports.iter().any(|(_, wanted)| *wanted == port) {
                sockets.entry(port).or_default().insert(entry.inode);
            }
        }
        let known = |port: &u16, inodes: &BTreeSet<u64>| {
            self.owners
                .get(port)
                .is_some_and(|owner| owner.sockets == *inodes && !owner.pids.is_empty() && alive(owner))
        };
        if sockets.len() == self.owners.len() && sockets.iter().all(|(port, inodes)| known(port, inodes)) {
            return;
        }
        let mut owners: BTreeMap<u16, Owner> =
            sockets.into_iter().map(|(port, sockets)| (port, Owner { sockets, pids: Vec::new() })).collect();
        for process in procfs::process::all_processes().into_iter().flatten().flatten() {
            let Ok(descriptors) = process.fd() else { continue };
            let held: BTreeSet<u64> = descriptors
                .flatten()
                .filter_map(|descriptor| match descriptor.target {
                    FDTarget::Socket(inode) => Some(inode),
                    _ => None,
                })
                .collect();
            for owner in owners.values_mut().filter(|owner| !owner.sockets.is_disjoint(&held)) {
                owner.pids.push(process.pid());
            }
        }
        self.owners = owners;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_on_this_machine_have_a_port_here() {
        assert_eq!(loopback_port("http://127.0.0.1:8080"), Some(8080));
        assert_eq!(loopback_port("http://[::1]:8081/x"), Some(8081));
        assert_eq!(loopback_port("http://localhost"), Some(80));
        assert_eq!(loopback_port("http://10.0.0.1:8080"), None);
        assert_eq!(loopback_port("nonsense"), None);
    }

    #[test]
    fn the_owner_of_a_port_is_measured_and_an_absent_one_is_absent() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let mut usage = Usage::default();
        usage.set_ports(vec![("shop".into(), port), ("gone".into(), 1)]);
        usage.look(&[]);
        let spin = Instant::now();
        while spin.elapsed() < Duration::from_millis(300) {
            std::hint::black_box(0);
        }
        let values = usage.look(&[u32::MAX]);
        let get = |key: &str| values.get(&SeriesKey::try_from(key.to_owned()).unwrap()).copied();
        let cpu = get("cpu{process=shop}").unwrap();
        assert!((0.1..64.0).contains(&cpu), "{cpu}");
        assert!(get("memory{process=shop}").unwrap() > 1e6);
        assert!(get("cpu{process=host}").unwrap() > 0.1);
        assert!(get("memory{process=host}").unwrap() > 1e6);
        assert!(get("cpu{process=dashboard}").is_some());
        for absent in ["cpu{process=gone}", "memory{process=gone}", "cpu{process=k6}", "memory{process=k6}"] {
            assert_eq!(get(absent), None, "{absent}");
        }
        // Two replicas in one process count once.
        let replica = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        usage
            .set_ports([&socket, &replica].map(|socket| ("shop".into(), socket.local_addr().unwrap().port())).to_vec());
        let values = usage.look(&[]);
        let bytes = |name: &str| values[&SeriesKey::part(Metric::Memory, Dimension::Process, name)];
        assert!(bytes("shop") < 1.5 * bytes("dashboard"), "{values:?}");
        drop((socket, replica));
        usage.resolved = None;
        assert!(!usage.look(&[]).keys().any(|key| key.to_string().contains("shop")));
    }
}
