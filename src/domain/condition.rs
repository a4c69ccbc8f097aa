//! How a service is for those who use it: what its probe says, together with what its users get.

use super::{
    frame::{Dimension, Frame, Metric},
    run::Totals,
    service::Health,
    threshold::{Aggregation, Comparison, Observed, Threshold},
};

/// How a service is, the worse the larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// It answers its probe, and its users get what they ask for, as far as anybody asks.
    Up,
    /// Nothing was heard of it yet.
    Unknown,
    /// Requests fail, as few as a threshold allows.
    SomeFail,
    /// It answers its probe with another status than 2xx.
    Degraded,
    /// Its users wait longer than a threshold allows.
    Slow,
    /// More requests fail than a threshold allows, or, where none watches, than one in a hundred.
    Failing,
    /// It does not answer its probe.
    Down,
}

/// What the users of a service got; `None`: nobody asked.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Experience {
    /// Requests per second.
    pub rate: Option<f64>,
    /// Share of requests that failed, 0–1.
    pub failed: Option<f64>,
    /// 95th percentile of request durations, in seconds.
    pub p95_s: Option<f64>,
}

/// From this share on, failing requests show.
const SOME: f64 = 0.01;

impl Experience {
    /// What a frame tells of a service.
    pub fn of(frame: &Frame, service: &str) -> Self {
        let get = |metric| frame.get_part(metric, Dimension::Service, service);
        Self { rate: get(Metric::RequestRate), failed: get(Metric::FailedShare), p95_s: get(Metric::P95) }
    }

    /// What a whole run tells of a service.
    pub fn of_run(totals: &Totals, service: &str) -> Self {
        let told = totals.services.iter().find(|told| told.name == service);
        told.map_or_else(Self::default, |told| Self {
            rate: told.request_rate,
            failed: told.failed_share,
            p95_s: told.p95_s,
        })
    }
}

impl Condition {
    /// How `service` is, measured by the thresholds of the run at work that speak of it.
    pub fn of(service: &str, health: &Health, experience: Experience, thresholds: &[Observed]) -> Self {
        let probed = match health {
            Health::Unknown => Self::Unknown,
            Health::Up { .. } => Self::Up,
            Health::Degraded { .. } => Self::Degraded,
            Health::Down { .. } => Self::Down,
        };
        let rules = || thresholds.iter().map(|observed| &observed.threshold);
        probed.max(failing(service, experience.failed, rules())).max(slow(service, experience.p95_s, rules()))
    }

    /// Its name in `data-condition`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Unknown => "unknown",
            Self::SomeFail => "some-fail",
            Self::Degraded => "degraded",
            Self::Slow => "slow",
            Self::Failing => "failing",
            Self::Down => "down",
        }
    }

    /// How good it is: `ok`, `warn` or `bad`; empty where nothing is known.
    pub fn tone(self) -> &'static str {
        match self {
            Self::Up => "ok",
            Self::Unknown => "",
            Self::SomeFail | Self::Degraded => "warn",
            Self::Slow | Self::Failing | Self::Down => "bad",
        }
    }
}

fn failing<'a>(service: &str, failed: Option<f64>, rules: impl Iterator<Item = &'a Threshold>) -> Condition {
    let Some(failed) = failed else { return Condition::Up };
    let watching = watching(service, rules, "http_req_failed", Aggregation::Rate);
    let holds = if watching.is_empty() { failed < SOME } else { watching.iter().all(|rule| rule.holds(failed)) };
    match holds {
        false => Condition::Failing,
        true if failed >= SOME => Condition::SomeFail,
        true => Condition::Up,
    }
}

fn slow<'a>(service: &str, p95_s: Option<f64>, rules: impl Iterator<Item = &'a Threshold>) -> Condition {
    let Some(p95_s) = p95_s else { return Condition::Up };
    let watching = watching(service, rules, "http_req_duration", Aggregation::Percentile(95.0));
    if watching.iter().all(|rule| rule.holds(p95_s * 1e3)) { Condition::Up } else { Condition::Slow }
}

/// The limits that a service is measured by: its own, which may be wider than that of all, or else that of all.
fn watching<'a>(
    service: &str,
    rules: impl Iterator<Item = &'a Threshold>,
    metric: &str,
    aggregation: Aggregation,
) -> Vec<&'a Threshold> {
    let limits = rules.filter(|rule| rule.metric == metric && rule.aggregation == aggregation && is_upper_limit(rule));
    let (own, common): (Vec<_>, Vec<_>) =
        limits.filter(|rule| concerns(rule, service)).partition(|rule| !rule.tags.is_empty());
    if own.is_empty() { common } else { own }
}

fn is_upper_limit(rule: &Threshold) -> bool {
    matches!(rule.comparison, Comparison::Below | Comparison::AtMost)
}

/// Whether a rule speaks of all of a service's requests, alone or with those of the others.
fn concerns(rule: &Threshold, service: &str) -> bool {
    rule.tags.iter().all(|(name, value)| name == "service" && value == service)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn condition(health: &Health, failed: Option<f64>, p95_s: Option<f64>, rules: &[&str]) -> Condition {
        let observed = rules.iter().map(|rule| Observed::new(rule.parse().unwrap())).collect::<Vec<_>>();
        Condition::of("shop", health, Experience { failed, p95_s, rate: None }, &observed)
    }

    const UP: Health = Health::Up { latency_ms: 1.0 };

    #[test]
    fn who_fails_its_users_is_not_up() {
        use Condition::*;
        for (failed, rules, expected) in [
            (None, &[][..], Up),
            (Some(0.0), &[], Up),
            (Some(0.009), &[], Up),
            (Some(0.01), &[], Failing),
            (Some(0.265), &[], Failing),
            (Some(0.265), &["http_req_failed:rate<0.3"], SomeFail),
            (Some(0.265), &["http_req_failed:rate<0.1"], Failing),
            (Some(0.005), &["http_req_failed:rate<0.001"], Failing),
            (Some(0.0), &["http_req_failed:rate<=0"], Up),
            // The service's own limit counts before that of all; those of others, and of a part of it, do not.
            (Some(0.2), &["http_req_failed:rate<0.01", "http_req_failed{service:shop}:rate<0.5"], SomeFail),
            (Some(0.2), &["http_req_failed:rate<0.5", "http_req_failed{service:shop}:rate<0.01"], Failing),
            (Some(0.005), &["http_req_failed{service:other}:rate<0.001"], Up),
            (Some(0.005), &["http_req_failed{service:shop,name:x}:rate<0.001"], Up),
            // What asks for failures is no limit.
            (Some(0.0), &["http_req_failed:rate>0.5"], Up),
        ] {
            assert_eq!(condition(&UP, failed, None, rules), expected, "{failed:?} {rules:?}");
        }
    }

    #[test]
    fn who_lets_its_users_wait_is_not_up() {
        let own = "http_req_duration{service:shop}:p(95)<200";
        for (p95_s, rule, expected) in [
            (None, own, Condition::Up),
            (Some(0.19), own, Condition::Up),
            (Some(0.21), own, Condition::Slow),
            (Some(0.21), "http_req_duration{service:other}:p(95)<200", Condition::Up),
            // Who is over the limit of all is who brings them over it.
            (Some(0.21), "http_req_duration:p(95)<200", Condition::Slow),
            (Some(0.19), "http_req_duration:p(95)<200", Condition::Up),
            (Some(0.21), "http_req_duration{service:shop}:p(99)<200", Condition::Up),
        ] {
            assert_eq!(condition(&UP, Some(0.0), p95_s, &[rule]), expected, "{p95_s:?} {rule}");
        }
    }

    #[test]
    fn the_worse_of_probe_and_users_counts() {
        let down = Health::Down { reason: String::new(), why: Default::default() };
        let degraded = Health::Degraded { status: 503 };
        for (health, failed, expected) in [
            (&Health::Unknown, None, Condition::Unknown),
            (&Health::Unknown, Some(0.5), Condition::Failing),
            (&degraded, Some(0.0), Condition::Degraded),
            (&degraded, Some(0.5), Condition::Failing),
            (&down, None, Condition::Down),
            (&down, Some(1.0), Condition::Down),
        ] {
            assert_eq!(condition(health, failed, None, &[]), expected, "{health:?} {failed:?}");
        }
    }

    #[test]
    fn only_who_is_fine_is_green() {
        use Condition::*;
        let green = [Up, Unknown, SomeFail, Degraded, Slow, Failing, Down].map(|condition| condition.tone() == "ok");
        assert_eq!(green, [true, false, false, false, false, false, false]);
    }
}
