//! The services under test: the short form `name=url,name=url`, and tables `[[service]]` in the file, which tell more of them.

use std::collections::{BTreeMap, BTreeSet};

use ha_dashboard::domain::{
    plan::{ALL_BUT_DASHBOARD, ALL_SERVICES},
    service::{HEALTH_PATH, Replica, Service, Slo},
};
use toml::{Table, Value};

use super::{ConfigError, parse::base_url};

/// Most services, and most replicas of one.
const MOST: usize = 64;

/// The longest name of a service or replica. Docker allows 63 characters for a host.
const LONGEST_NAME: usize = 63;

const NAMES: &str = "a-z, 0-9 and -, 63 at most, each name once";
const ADDRESSES: &str = "an http or https address without user, path, query";

/// Services in the configuration's order, and the replicas of those that have them apart, by the service's name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// The services.
    pub services: Vec<Service>,
    /// The replicas. A service that is not here is its own replica.
    pub replicas: BTreeMap<String, Vec<Replica>>,
}

/// The short form.
pub fn short(text: &str) -> Option<Vec<Service>> {
    let service = |pair: &str| {
        let (name, url) = pair.split_once('=')?;
        Some(Service::new(service_name(name.trim())?, base_url(url.trim(), false)?))
    };
    let services: Vec<_> =
        text.split(',').filter(|pair| !pair.trim().is_empty()).map(service).collect::<Option<_>>()?;
    let names: BTreeSet<_> = services.iter().map(|service| &service.name).collect();
    (!services.is_empty() && names.len() == services.len()).then_some(services)
}

fn service_name(text: &str) -> Option<String> {
    name(text).filter(|name| name != ALL_SERVICES && name != ALL_BUT_DASHBOARD)
}

fn name(text: &str) -> Option<String> {
    let fine = (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    fine.then(|| text.to_owned())
}

/// A path that goes into addresses, scripts and the gateway's configuration as it stands.
fn health_path(text: &str) -> Option<String> {
    let fine = text.starts_with('/')
        && text.len() <= 256
        && !text.contains("..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~?=&:@,+".contains(&b));
    fine.then(|| text.to_owned())
}

fn container(text: &str) -> Option<String> {
    let fine = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 128
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    fine.then(|| text.to_owned())
}

/// What the tables `[[service]]` in `file` say; what is refused is added to `errors`.
pub fn tables(value: &Value, file: &str, errors: &mut Vec<ConfigError>) -> Known {
    let mut known = Known::default();
    let mut reader = Reader { file, errors, names: BTreeSet::new(), replicas: BTreeSet::new() };
    let Some(tables) = reader.tables("service", value) else { return known };
    for (at, table) in tables.into_iter().enumerate() {
        reader.service(at + 1, table, &mut known);
    }
    for service in &known.services {
        for (at, name) in service.depends_on.iter().enumerate() {
            if *name == service.name || !reader.names.contains(name.as_str()) {
                let others: Vec<_> = reader.names.iter().filter(|other| **other != service.name).cloned().collect();
                let place = format!("service {}: depends_on, entry {}", service.name, at + 1);
                reader.refuse(&place, name, &format!("another service: {}", others.join(", ")));
            }
        }
    }
    known
}

struct Reader<'a> {
    file: &'a str,
    errors: &'a mut Vec<ConfigError>,
    names: BTreeSet<String>,
    replicas: BTreeSet<String>,
}

impl Reader<'_> {
    fn refuse(&mut self, place: &str, value: impl ToString, allowed: &str) {
        let place = format!("{place} in {}", self.file);
        self.errors.push(ConfigError { place, value: value.to_string(), allowed: allowed.into() });
    }

    /// The tables of an array of them.
    fn tables<'v>(&mut self, place: &str, value: &'v Value) -> Option<Vec<&'v Table>> {
        let tables = value.as_array().and_then(|all| all.iter().map(Value::as_table).collect::<Option<Vec<_>>>());
        let tables = tables.filter(|tables| (1..=MOST).contains(&tables.len()));
        if tables.is_none() {
            let name = place.rsplit(' ').next().unwrap_or(place);
            self.refuse(place, value, &format!("1 to {MOST} tables [[{name}]]"));
        }
        tables
    }

    fn service(&mut self, number: usize, table: &Table, known: &mut Known) {
        let place = place("service", number, table);
        self.only(&place, table, &["name", "url", "health_path", "depends_on", "slo", "replica"]);
        let taken = self.names.clone();
        let fresh = |text: &str| service_name(text).filter(|name| !taken.contains(name));
        let name = self.text(&place, table, "name", NAMES, fresh);
        let url = self.text(&place, table, "url", ADDRESSES, |text| base_url(text, false));
        let path = self.optional(
            &place,
            table,
            "health_path",
            "a path that begins with /, of letters, digits and -._~?=&:@,+",
            health_path,
        );
        let depends_on = self.depends_on(&place, table);
        let slo = table.get("slo").and_then(|value| self.slo(&place, value));
        let replicas = table.get("replica").map(|value| self.replicas(&place, value));
        let (Some(name), Some(url)) = (name, url) else { return };
        self.names.insert(name.clone());
        if let Some(replicas) = replicas {
            known.replicas.insert(name.clone(), replicas);
        }
        let health_path = path.unwrap_or_else(|| HEALTH_PATH.into());
        known.services.push(Service { name, url, health_path, depends_on, slo });
    }

    fn depends_on(&mut self, place: &str, table: &Table) -> Vec<String> {
        let Some(value) = table.get("depends_on") else { return Vec::new() };
        let names = value.as_array().and_then(|names| names.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        if names.is_none() {
            self.refuse(&format!("{place}: depends_on"), value, "a list of services' names");
        }
        names.unwrap_or_default().into_iter().map(str::to_owned).collect()
    }

    fn slo(&mut self, place: &str, value: &Value) -> Option<Slo> {
        let place = format!("{place}: slo");
        let Some(table) = value.as_table() else {
            self.refuse(&place, value, "a table like { availability = 99.9, p95_ms = 300 }");
            return None;
        };
        self.only(&place, table, &["availability", "p95_ms"]);
        let number = |value: &Value| value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        let given = table.get("availability");
        let availability = given.and_then(number).filter(|share| *share > 0.0 && *share < 100.0);
        if availability.is_none() {
            let value = given.map(Value::to_string).unwrap_or_default();
            self.refuse(&format!("{place}, availability"), value, "a number above 0 and below 100, in %");
        }
        let p95_ms = table.get("p95_ms").and_then(|value| {
            let ms = value.as_integer().and_then(|ms| u32::try_from(ms).ok()).filter(|ms| (1..=600_000).contains(ms));
            if ms.is_none() {
                self.refuse(&format!("{place}, p95_ms"), value, "a whole number from 1 to 600000");
            }
            ms
        });
        Some(Slo { availability: availability?, p95_ms })
    }

    fn replicas(&mut self, place: &str, value: &Value) -> Vec<Replica> {
        let tables = self.tables(&format!("{place}: replica"), value).unwrap_or_default();
        let replicas = tables.into_iter().enumerate().map(|(at, table)| self.replica(place, at + 1, table));
        replicas.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn replica(&mut self, service: &str, number: usize, table: &Table) -> Option<Replica> {
        let place = format!("{service}, {}", self::place("replica", number, table));
        self.only(&place, table, &["name", "url", "door", "container"]);
        let taken = self.replicas.clone();
        let fresh = |text: &str| name(text).filter(|name| !taken.contains(name));
        let name = self.text(&place, table, "name", NAMES, fresh);
        let url = self.text(&place, table, "url", ADDRESSES, |text| base_url(text, false));
        let door = self.optional(&place, table, "door", ADDRESSES, |text| base_url(text, false));
        let container = self.optional(&place, table, "container", "a container's name", container);
        let name = name?;
        self.replicas.insert(name.clone());
        Some(Replica { name, url: url?, door, container })
    }

    /// Refuses keys that mean nothing.
    fn only(&mut self, place: &str, table: &Table, keys: &[&str]) {
        for (key, value) in table.iter().filter(|(key, _)| !keys.contains(&key.as_str())) {
            self.refuse(&format!("{place}: {key} (no such key)"), value, &format!("only {}", keys.join(", ")));
        }
    }

    fn text(
        &mut self,
        place: &str,
        table: &Table,
        key: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let found = self.optional(place, table, key, allowed, parse);
        if found.is_none() && !table.contains_key(key) {
            self.refuse(&format!("{place}: {key} (missing)"), "", allowed);
        }
        found
    }

    fn optional(
        &mut self,
        place: &str,
        table: &Table,
        key: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let value = table.get(key)?;
        let parsed = value.as_str().and_then(parse);
        if parsed.is_none() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.refuse(&format!("{place}: {key}"), value, allowed);
        }
        parsed
    }
}

/// How people find a table again: by its name, or else by its number.
fn place(kind: &str, number: usize, table: &Table) -> String {
    match table.get("name").and_then(Value::as_str).and_then(name) {
        Some(name) => format!("{kind} {name}"),
        None => format!("{kind} number {number}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Known, Vec<String>) {
        let table = text.parse::<Table>().unwrap();
        let mut errors = Vec::new();
        let known = tables(&table["service"], "f.toml", &mut errors);
        (known, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn tables_tell_everything_of_a_service() {
        let text = r#"
            [[service]]
            name = "shop"
            url = "http://127.0.0.1:8080/"
            health_path = "/status?deep=1"
            depends_on = ["cart"]
            slo = { availability = 99.9, p95_ms = 300 }
            [[service.replica]]
            name = "shop-1"
            url = "http://127.0.0.1:9001"
            door = "http://127.0.0.1:9101"
            [[service.replica]]
            name = "shop-2"
            url = "http://shop-2:80"
            container = "stack_shop_2"
            [[service]]
            name = "cart"
            url = "http://cart:8080"
            slo = { availability = 99 }
        "#;
        let (known, errors) = read(text);
        assert_eq!(errors, Vec::<String>::new());
        let replica = |name: &str, url: &str, door: Option<&str>, container: Option<&str>| Replica {
            name: name.into(),
            url: url.into(),
            door: door.map(str::to_owned),
            container: container.map(str::to_owned),
        };
        assert_eq!(
            known.services,
            [
                Service {
                    health_path: "/status?deep=1".into(),
                    depends_on: vec!["cart".into()],
                    slo: Some(Slo { availability: 99.9, p95_ms: Some(300) }),
                    ..Service::new("shop", "http://127.0.0.1:8080")
                },
                Service {
                    slo: Some(Slo { availability: 99.0, p95_ms: None }),
                    ..Service::new("cart", "http://cart:8080")
                },
            ]
        );
        let replicas = vec![
            replica("shop-1", "http://127.0.0.1:9001", Some("http://127.0.0.1:9101"), None),
            replica("shop-2", "http://shop-2", None, Some("stack_shop_2")),
        ];
        assert_eq!(known.replicas, [("shop".to_owned(), replicas)].into());
    }

    #[test]
    fn every_refusal_names_its_place_the_value_and_what_is_allowed() {
        let service = |more: &str| format!("[[service]]\nname = 'a'\nurl = 'http://a'\n{more}");
        let replica = |lines: &str| service(&format!("[[service.replica]]\n{lines}"));
        for (text, place, value, allowed) in [
            ("service = 3".to_owned(), "service in f.toml", "3", "1 to 64 tables [[service]]"),
            ("[[service]]\nurl = 'http://a'".into(), "service number 1: name (missing)", "", "a-z, 0-9 and -"),
            ("[[service]]\nname = \"a\\n'b\"\nurl = 'http://a'".into(), "service number 1: name", "a\\n'b", "a-z"),
            ("[[service]]\nname = 'all-services'\nurl = 'http://a'".into(), "name in", "all-services", "a-z"),
            (service(&service("")), "service a: name in f.toml", "a", "each name once"),
            ("[[service]]\nname = 'a'".into(), "service a: url (missing)", "", "an http or https address"),
            ("[[service]]\nname = 'a'\nurl = 'http://a/b'".into(), "service a: url in", "http://a/b", "without user"),
            (service("colour = 'red'"), "service a: colour (no such key)", "red", "only name, url, health_path"),
            (service("health_path = 'health'"), "service a: health_path", "health", "begins with /"),
            (service("health_path = \"/a\\nb\""), "service a: health_path", "/a\\nb", "begins with /"),
            (service("health_path = 7"), "service a: health_path", "7", "begins with /"),
            (service("depends_on = 'b'"), "service a: depends_on", "b", "a list of services' names"),
            (service("depends_on = ['b']"), "service a: depends_on, entry 1", "b", "another service"),
            (service("depends_on = ['a']"), "service a: depends_on, entry 1", "a", "another service"),
            (service("slo = 99"), "service a: slo", "99", "a table like"),
            (service("slo = { availability = 100 }"), "service a: slo, availability", "100", "below 100"),
            (service("slo = { p95_ms = 5 }"), "service a: slo, availability", "", "below 100"),
            (service("slo = { availability = 99, p95_ms = 0 }"), "service a: slo, p95_ms", "0", "from 1 to"),
            (service("replica = []"), "service a: replica", "[]", "1 to 64 tables [[replica]]"),
            (replica("url = 'http://x'"), "service a, replica number 1: name (missing)", "", "a-z"),
            (replica("name = 'a-1'"), "service a, replica a-1: url (missing)", "", "an http or https address"),
            (replica("name = 'a-1'\nurl = 'x'"), "service a, replica a-1: url", "x", "an http or https address"),
            (replica("name = 'a-1'\nurl = 'http://x'\ndoor = 1"), "replica a-1: door", "1", "an http"),
            (replica("name = 'a-1'\nurl = 'http://x'\ncontainer = '-x'"), "container", "-x", "a container's name"),
            (
                replica("name = 'r'\nurl = 'http://x'\n[[service.replica]]\nname = 'r'\nurl = 'http://y'"),
                "service a, replica r: name in f.toml",
                "r",
                "each name once",
            ),
        ] {
            let (_, errors) = read(&text);
            let [error] = &errors[..] else { panic!("{text}: {errors:?}") };
            let value = format!("{value:?}").replace("\\\\", "\\");
            assert!(error.contains(place) && error.contains(allowed), "{text}: {error}");
            assert!(error.replace("\\\"", "").contains(value.trim_matches('"')), "{text}: {error}");
        }
        let many = (0..65).map(|n| format!("[[service]]\nname = 's{n}'\nurl = 'http://x:{}'\n", n + 1));
        let (_, errors) = read(&many.collect::<String>());
        assert!(errors[0].contains("1 to 64 tables"), "{errors:?}");
    }
}
