//! Finds breakers in the Prometheus text format. Only the documented names are read; what else there is, and what of them
//! makes no sense, is passed over.

use std::{collections::BTreeMap, iter::Peekable, str::Chars};

use ha_dashboard::domain::{
    Millis,
    breaker::{self as names, BreakerCalls, BreakerState},
};

/// Most breakers of one replica; more are passed over.
const MOST: usize = 32;

/// The longest name of a dependency, in characters.
const LONGEST: usize = 100;

/// A breaker as a replica tells of it.
#[derive(Debug, Default, PartialEq)]
pub struct Told {
    /// Its state; every one that [`read`] gives has one.
    pub state: Option<BreakerState>,
    /// The share of failures among the last calls.
    pub failure_share: Option<f64>,
    /// Its calls.
    pub calls: BreakerCalls,
    /// How often it opened.
    pub opened: u64,
    /// When it changed last.
    pub last_change_ms: Option<Millis>,
}

/// The breakers by dependency.
pub fn read(text: &str) -> BTreeMap<String, Told> {
    let mut breakers = BTreeMap::<String, Told>::new();
    for sample in text.lines().filter_map(Sample::read) {
        let Some(dependency) = sample.label("dependency") else { continue };
        let is_new = !breakers.contains_key(dependency);
        if dependency.is_empty() || dependency.chars().count() > LONGEST || (is_new && breakers.len() == MOST) {
            continue;
        }
        sample.note(breakers.entry(dependency.to_owned()).or_default());
    }
    breakers.retain(|_, told| told.state.is_some());
    breakers
}

struct Sample<'a> {
    name: &'a str,
    labels: Vec<(String, String)>,
    value: f64,
}

impl<'a> Sample<'a> {
    /// Reads `name{label="value",…} value [time]`.
    fn read(line: &'a str) -> Option<Self> {
        let line = line.trim_start();
        let end = line.find(|c: char| c == '{' || c.is_ascii_whitespace())?;
        let (name, rest) = line.split_at(end);
        if ![names::STATE, names::CALLS, names::FAILURE_SHARE, names::CHANGES, names::LAST_CHANGE].contains(&name) {
            return None;
        }
        let mut chars = rest.chars().peekable();
        let labels = labels(&mut chars)?;
        let rest: String = chars.collect();
        let value = rest.split_ascii_whitespace().next()?.parse().ok().filter(|value: &f64| value.is_finite())?;
        Some(Self { name, labels, value })
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }

    fn note(&self, told: &mut Told) {
        let count = || (self.value >= 0.0).then_some(self.value as u64);
        let state = || self.label("state").and_then(BreakerState::from_name);
        match self.name {
            names::STATE if self.value == 1.0 => told.state = state().or(told.state),
            names::FAILURE_SHARE => told.failure_share = (0.0..=1.0).contains(&self.value).then_some(self.value),
            names::LAST_CHANGE if self.value > 0.0 => {
                told.last_change_ms = Some((self.value * 1000.0).round() as Millis)
            }
            names::CHANGES if state() == Some(BreakerState::Open) => told.opened = count().unwrap_or_default(),
            names::CALLS => {
                let calls = &mut told.calls;
                let counter = match self.label("outcome") {
                    Some("success") => &mut calls.success,
                    Some("failure") => &mut calls.failure,
                    Some("rejected") => &mut calls.rejected,
                    _ => return,
                };
                *counter = count().unwrap_or_default();
            }
            _ => {}
        }
    }
}

/// Labels in braces, if there are any; `None`: broken.
fn labels(chars: &mut Peekable<Chars<'_>>) -> Option<Vec<(String, String)>> {
    let mut labels = Vec::new();
    if chars.next_if_eq(&'{').is_none() {
        return Some(labels);
    }
    loop {
        while chars.next_if(|c| *c == ',' || c.is_ascii_whitespace()).is_some() {}
        if chars.next_if_eq(&'}').is_some() {
            return Some(labels);
        }
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
        }
        while chars.next_if(char::is_ascii_whitespace).is_some() {}
        (chars.next()? == '=').then_some(())?;
        while chars.next_if(char::is_ascii_whitespace).is_some() {}
        (chars.next()? == '"').then_some(())?;
        let mut value = String::new();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => value.push(match chars.next()? {
                    'n' => '\n',
                    other => other,
                }),
                c => value.push(c),
            }
        }
        labels.push((name, value));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::server::exposition::Exposition;

    #[test]
    fn what_is_documented_is_read() {
        let text = r#"
# HELP circuit_breaker_state 1 for the state.
# TYPE circuit_breaker_state gauge
circuit_breaker_state{dependency="a",state="closed"} 0
circuit_breaker_state{ state = "open" , dependency = "a", more="}\"\\", } 1 1795680744505
circuit_breaker_state{dependency="a",state="half_open"} 0
circuit_breaker_state{dependency="b",state="closed"} 1
circuit_breaker_calls_total{dependency="a",outcome="success"} 12
circuit_breaker_calls_total{dependency="a",outcome="failure"} 1.5e1
circuit_breaker_calls_total{dependency="a",outcome="rejected"} 7
circuit_breaker_calls_total{dependency="a",outcome="odd"} 9
circuit_breaker_failure_share{dependency="a"} 0.625
circuit_breaker_changes_total{dependency="a",state="open"} 3
circuit_breaker_changes_total{dependency="a",state="closed"} 2
circuit_breaker_last_change_timestamp_seconds{dependency="a"} 1795680744.505
http_requests_total{dependency="a"} 5
"#;
        let a = Told {
            state: Some(BreakerState::Open),
            failure_share: Some(0.625),
            calls: BreakerCalls { success: 12, failure: 15, rejected: 7 },
            opened: 3,
            last_change_ms: Some(1_795_680_744_505),
        };
        let b = Told { state: Some(BreakerState::Closed), ..Told::default() };
        assert_eq!(read(text), BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]));
    }

    #[test]
    fn what_makes_no_sense_is_passed_over() {
        for text in [
            "circuit_breaker_state 1",
            r#"circuit_breaker_state{dependency="a"} 1"#,
            r#"circuit_breaker_state{dependency="a",state="ajar"} 1"#,
            r#"circuit_breaker_state{dependency="a",state="open"}"#,
            r#"circuit_breaker_state{dependency="a",state="open"} NaN"#,
            r#"circuit_breaker_state{dependency="a",state="open"} 0"#,
            r#"circuit_breaker_state{dependency="",state="open"} 1"#,
            r#"circuit_breaker_state{dependency="a,state="open"} 1"#,
            r#"circuit_breaker_state{dependency="a",state="open" 1"#,
            r#"circuit_breaker_state{dependency='a',state='open'} 1"#,
            r#"circuit_breaker_calls_total{dependency="a",outcome="success"} 12"#,
            r#"circuit_breaker_stateful{dependency="a",state="open"} 1"#,
        ] {
            assert_eq!(read(text), BTreeMap::new(), "{text}");
        }
        let open =
            |dependency: &str| format!("circuit_breaker_state{{dependency=\"{dependency}\",state=\"open\"}} 1\n");
        assert_eq!(read(&open(&"x".repeat(101))).len(), 0);
        assert_eq!(read(&(0..100).map(|number| open(&number.to_string())).collect::<String>()).len(), MOST);
    }

    proptest! {
        #[test]
        fn any_name_comes_through_our_own_format(name in "([a-z\"\\\\\n{},= ä]){1,12}") {
            let mut text = Exposition::default();
            text.gauge(names::STATE, "S.", &[("dependency", &name), ("state", "open")], 1.0);
            prop_assert_eq!(read(&text.finish()).into_keys().collect::<Vec<_>>(), vec![name]);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(circuit_breaker_state|[{}\"\\\\=,a1 \n]){0,20}") {
            let _ = read(&text);
        }
    }
}
