//! HAProxy's configuration as a gateway: each service at its known address, each replica behind a door of its own.
//!
//! A request goes from its caller to the service's address, on to the door of a replica, and through it to the replica. The
//! gateway's checks take the same way, so it notices what callers would. Only a request that never reached its replica is
//! sent to another one, which is safe whatever it does: a door that finds nobody says so with the status 425, for the
//! gateway alone. What was under way when a replica died is lost, and its caller is told: with a connection for each request
//! between gateway and door, as HAProxy closes a used one without a word where its server breaks off.

use std::{collections::BTreeMap, fmt::Write, net::IpAddr};

use ha_dashboard::domain::service::Replica;

use super::Door;
use crate::server::services::Member;

/// The configuration's file.
pub const CONFIGURATION_FILE: &str = "haproxy.cfg";

/// What happens at doors, beside it.
pub const LUA_FILE: &str = "door.lua";

/// What is set at doors, beside it: the gateway reads it at its start, and keeps what is set later in its memory.
pub const MAP_FILE: &str = "doors.map";

/// The status with which a door tells the gateway that nobody is behind it.
pub const NOBODY: u16 = 425;

const LUA: &str = include_str!("door.lua");

/// What sections of services are called, before the service's name.
const SERVICE: &str = "service:";

/// How often a door is checked, and how many answers in a row change what the gateway thinks of it. After `fall` bad ones it
/// is down: within 1.25 s where it answers badly, and 1.75 s where it does not answer. It is up again within
/// 0.5 s where it answers again, and within 1 s where a check was still waiting for an answer.
const CHECKS: &str = "check inter 500ms fastinter 250ms downinter 250ms fall 2 rise 2 on-marked-down shutdown-sessions";

const HEAD: &str = "\
# A gateway with a door for each replica; written by `ha-dashboard gateway`.

global
    # Files are found beside this one.
    default-path config
.if version_atleast(3.1-dev0)
    tune.lua.bool-sample-conversion normal
.endif
    lua-load door.lua
    nbthread 1
    maxconn 4000
    # A second gateway on the same ports is refused instead of getting every other request.
    noreuseport
";

const DEFAULTS: &str = "
defaults
    mode http
    timeout connect 500ms
    timeout check 500ms
    timeout client 15s
    timeout server 10s
    timeout http-request 10s
";

const RESOLVERS: &str = "
resolvers names
    parse-resolv-conf
    timeout resolve 500ms
    timeout retry 500ms
    hold valid 1s
";

/// Why a stack can't have such a gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is nothing to stand before.
    #[error("no service has replicas; name them in tables [[service.replica]] of ha-dashboard.toml")]
    NoReplicas,
    /// An address that the gateway can't take over or reach.
    #[error(
        "{what}: {url:?} can't be at the gateway; allowed: an http address with a name of a-z, 0-9, -, _ and . or an IP address"
    )]
    Address {
        /// Whose.
        what: String,
        /// The address.
        url: String,
    },
    /// The admin socket's address holds signs that mean something else in the configuration.
    #[error("gateway: {0:?} is no address for an admin socket; allowed: signs other than quotes, blanks, \\, $ and #")]
    Socket(String),
    /// Two of them want to listen at the same place.
    #[error("{first} and {second} would both listen on port {port}; give each its own")]
    Taken {
        /// Who came first.
        first: String,
        /// Who came then.
        second: String,
        /// The port.
        port: u16,
    },
}

/// The service whose section in the configuration has a name; `None`: it is no service's.
pub fn service_of(section: &str) -> Option<&str> {
    section.strip_prefix(SERVICE)
}

/// Whether a gateway stands before a service: it has replicas that are somewhere else than its own address.
pub fn stands_before(member: &Member) -> bool {
    member.replicas.iter().any(|replica| replica.url != member.service.url)
}

/// The gateway's files, by name, for its admin socket at `admin` (`unix://…` or `tcp://…`).
///
/// # Errors
/// When the addresses don't fit.
pub fn files(members: &[Member], admin: &str) -> Result<[(&'static str, String); 3], Unfit> {
    let members: Vec<_> = members.iter().filter(|member| stands_before(member)).collect();
    if members.is_empty() {
        return Err(Unfit::NoReplicas);
    }
    let mut text = HEAD.to_owned();
    let _ = writeln!(text, "    stats socket {} mode 600 level admin", socket(admin)?);
    let replicas = || members.iter().flat_map(|member| &member.replicas);
    text.push_str(DEFAULTS);
    let mut places = Places::default();
    let mut sections = String::new();
    let mut by_name = false;
    for member in &members {
        let service = &member.service;
        let bind = places.listen(&format!("service {}", service.name), &service.url)?;
        let _ = write!(
            sections,
            "\nlisten {SERVICE}{name}\n    bind {bind}\n    balance roundrobin\n    option http-server-close\n    option httpchk\n    \
             http-check send meth GET uri {path} ver HTTP/1.1 hdr Host {name} hdr X-Gateway-Check yes\n    \
             http-check expect status 200-299\n    retries 2\n    retry-on conn-failure {NOBODY}\n    option redispatch 1\n    \
             http-after-response set-status 503 if {{ status {NOBODY} }}\n",
            name = service.name,
            path = service.health_path,
        );
        for replica in &member.replicas {
            let at = match &replica.door {
                Some(door) => Place::of(&door_of(replica), door)?.here(),
                None => Place::of(&replica.name, &replica.url)?.server(&mut by_name),
            };
            let _ = writeln!(sections, "    server {} {at} {CHECKS}", replica.name);
        }
    }
    for replica in replicas() {
        let Some(door) = &replica.door else { continue };
        let bind = places.listen(&door_of(replica), door)?;
        let name = &replica.name;
        let at = Place::of(&format!("replica {name}"), &replica.url)?.server(&mut by_name);
        let _ = write!(
            sections,
            "\nlisten door:{name}\n    bind {bind}\n    \
             http-request set-var(txn.door) str({name}),map({MAP_FILE})\n    http-request set-var(txn.checks) str(yes) if {{ req.hdr(X-Gateway-Check) -m found }}\n    http-request lua.door\n    \
             http-request silent-drop if {{ var(txn.fate) -m str vanish }}\n    \
             http-request return status 500 content-type text/plain string \"a fault is set at this door\" \
             if {{ var(txn.fate) -m str fail }}\n    \
             http-response set-var(txn.answered) int(1)\n    \
             http-after-response set-status {NOBODY} if {{ status 503 }} !{{ var(txn.answered) -m found }}\n    \
             retries 0\n    server {name} {at}\n",
        );
    }
    if by_name {
        text.push_str(RESOLVERS);
    }
    text.push_str(&sections);
    let map = replicas().filter(|replica| replica.door.is_some());
    let map = map.map(|replica| format!("{} {}\n", replica.name, Door::default().value())).collect();
    Ok([(CONFIGURATION_FILE, text), (LUA_FILE, LUA.to_owned()), (MAP_FILE, map)])
}

/// An address of the admin socket in HAProxy's words.
fn socket(admin: &str) -> Result<String, Unfit> {
    let plain = admin.bytes().all(|b| b.is_ascii_graphic() && !b"\"'\\$#".contains(&b));
    match admin.strip_prefix("unix://").map(|path| format!("unix@{path}")) {
        _ if !plain => Err(Unfit::Socket(admin.to_owned())),
        Some(path) => Ok(path),
        None => Ok(admin.trim_start_matches("tcp://").to_owned()),
    }
}

fn door_of(replica: &Replica) -> String {
    format!("the door of {}", replica.name)
}

/// A host and a port.
struct Place {
    host: String,
    port: u16,
}

impl Place {
    fn of(what: &str, url: &str) -> Result<Self, Unfit> {
        let unfit = || Unfit::Address { what: what.to_owned(), url: url.to_owned() };
        let parsed = reqwest::Url::parse(url).ok().filter(|url| url.scheme() == "http").ok_or_else(unfit)?;
        let host = parsed.host_str().ok_or_else(unfit)?;
        let host = if host == "localhost" { "127.0.0.1" } else { host };
        let named = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if !named && address(host).is_none() {
            return Err(unfit());
        }
        Ok(Self { host: host.to_owned(), port: parsed.port_or_known_default().ok_or_else(unfit)? })
    }

    /// Where to listen: at an address, or everywhere where there is but a name, which is another machine's word.
    fn bind(&self) -> String {
        let host = if address(&self.host).is_some() { self.host.as_str() } else { "" };
        format!("{host}:{}", self.port)
    }

    /// Where this gateway finds what itself listens on.
    fn here(&self) -> String {
        let host = if address(&self.host).is_some() { self.host.as_str() } else { "127.0.0.1" };
        format!("{host}:{}", self.port)
    }

    /// As a server, which may have its name only later.
    fn server(&self, by_name: &mut bool) -> String {
        let named = address(&self.host).is_none();
        *by_name |= named;
        let resolved = if named { " resolvers names init-addr last,libc,none" } else { "" };
        format!("{}:{}{resolved}", self.host, self.port)
    }
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// Who listens where.
#[derive(Default)]
struct Places(BTreeMap<u16, Vec<(String, String)>>);

impl Places {
    fn listen(&mut self, what: &str, url: &str) -> Result<String, Unfit> {
        let place = Place::of(what, url)?;
        let bind = place.bind();
        let others = self.0.entry(place.port).or_default();
        let clash =
            others.iter().find(|(_, other)| *other == bind || [&bind, other].iter().any(|one| one.starts_with(':')));
        if let Some((first, _)) = clash {
            return Err(Unfit::Taken { first: first.clone(), second: what.to_owned(), port: place.port });
        }
        others.push((what.to_owned(), bind.clone()));
        Ok(bind)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::service::Service;

    use super::*;
    use crate::server::{
        config::{Flags, Settings, Surroundings},
        services::Registry,
    };

    fn member(name: &str, url: &str, replicas: &[(&str, Option<&str>)]) -> Member {
        let replica = |(at, (url, door)): (usize, &(&str, Option<&str>))| Replica {
            name: format!("{name}-{}", at + 1),
            url: (*url).into(),
            door: door.map(str::to_owned),
            container: None,
        };
        Member { service: Service::new(name, url), replicas: replicas.iter().enumerate().map(replica).collect() }
    }

    fn configuration(members: &[Member]) -> Result<String, Unfit> {
        files(members, "unix:///run/admin.sock").map(|[(_, text), ..]| text)
    }

    #[test]
    fn addresses_stay_and_names_are_resolved() {
        let members = [
            member("here", "http://127.0.0.1:8080", &[("http://[::1]:9001", Some("http://127.0.0.1:9101"))]),
            member(
                "there",
                "http://there:8081",
                &[("http://there-1", Some("http://gateway:9102")), ("http://there-2:80", None)],
            ),
            member("alone", "http://127.0.0.1:8082", &[("http://127.0.0.1:8082", None)]),
        ];
        let [(_, text), _, (_, map)] = files(&members, "tcp://127.0.0.1:9999").unwrap();
        for line in [
            "stats socket 127.0.0.1:9999 mode 600 level admin",
            "bind 127.0.0.1:8080",
            "bind 127.0.0.1:9101",
            "server here-1 [::1]:9001",
            "bind :8081",
            "bind :9102",
            "server there-1 there-1:80 resolvers names init-addr last,libc,none",
        ] {
            assert!(text.lines().any(|found| found.trim() == line), "{line}\n{text}");
        }
        assert!(text.contains("server there-1 127.0.0.1:9102 check"), "the gateway finds its own doors: {text}");
        assert!(text.contains("server there-2 there-2:80 resolvers names init-addr last,libc,none check"), "{text}");
        assert!(!text.contains("alone"), "{text}");
        assert_eq!(map, "here-1 0:0:0:0:0\nthere-1 0:0:0:0:0\n");
    }

    #[test]
    fn the_compose_stack_has_what_would_be_written_for_it() {
        let stage = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("monitoring/stage");
        let flags = Flags([("config", stage.join("ha-dashboard.toml").display().to_string())].into());
        let config = Settings::load(&flags, &Surroundings::default()).unwrap().config;
        for (name, text) in files(Registry::new(&config).members(), &config.gateway).unwrap() {
            let there = std::fs::read_to_string(stage.join(name)).unwrap();
            assert_eq!(there, text, "{name}: see the first lines of ha-dashboard.toml there");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let at = |service: &str, replica: &str, door: &str| {
            configuration(&[member("a", service, &[(replica, Some(door))])]).unwrap_err().to_string()
        };
        assert!(at("https://a", "http://b", "http://c:1").contains("service a: \"https://a\""));
        assert!(at("http://a", "http://b'\"", "http://c:1").contains("replica a-1"));
        assert!(at("http://a", "http://b", "https://c").contains("the door of a-1"));
        assert!(at("http://a:80", "http://b", "http://127.0.0.1").contains("both listen on port 80"));
        assert!(at("http://127.0.0.1:8080", "http://b", "http://127.0.0.1:8080").contains("port 8080"));
        assert_eq!(configuration(&[member("a", "http://a", &[("http://a", None)])]), Err(Unfit::NoReplicas));
        let members = [member("a", "http://a", &[("http://b", None)])];
        assert_eq!(files(&members, "unix:///it's"), Err(Unfit::Socket("unix:///it's".into())));
    }
}
