//! The endpoints of several runs beside each other, by method and name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    compare::Figure,
    detail::{Detail, Endpoint},
};

/// What went to a method and name in a run, whatever the answers were.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema), schema(as = EndpointSum))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    /// Requests that ended.
    pub requests: f64,
    /// Requests per second; null where it is not known.
    pub rate: Option<f64>,
    /// Share of failed requests, 0–1; null without requests.
    pub failed_share: Option<f64>,
    /// Median duration of the answers whose status is compared, in seconds, to within a bucket (9 %), as all durations are; null
    /// where the run had none.
    pub p50_s: Option<f64>,
    /// Their 95th percentile, in seconds.
    pub p95_s: Option<f64>,
    /// Their 99th percentile, in seconds.
    pub p99_s: Option<f64>,
}

/// A method and name in each of several runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The HTTP method.
    pub method: String,
    /// The name that the script gives it.
    pub name: String,
    /// The status that most answers have in all runs together: durations are of those, as an error's tell nothing of an answer's.
    pub status: String,
    /// What went to it in each run, in their order; `None`: nothing did, or nobody counted.
    pub sums: Vec<Option<Sum>>,
}

/// What is compared of an endpoint, in the order in which it is shown.
pub const FIGURES: [Figure; 6] =
    [Figure::P95, Figure::P50, Figure::P99, Figure::FailedShare, Figure::RequestRate, Figure::Requests];

impl Figure {
    /// Its value for an endpoint in a run; `None`: it was not measured, or is not known of endpoints.
    pub fn of_endpoint(self, sum: &Sum) -> Option<f64> {
        match self {
            Self::Requests => Some(sum.requests),
            Self::RequestRate => sum.rate,
            Self::FailedShare => sum.failed_share,
            Self::P50 => sum.p50_s,
            Self::P95 => sum.p95_s,
            Self::P99 => sum.p99_s,
            _ => None,
        }
    }
}

impl Compared {
    /// The endpoints of the runs, those with most requests first; `None`: nobody counted a run's.
    pub fn of(details: &[Option<&Detail>]) -> Vec<Self> {
        let mut named: BTreeMap<(&str, &str), Vec<Vec<&Endpoint>>> = BTreeMap::new();
        for (place, detail) in details.iter().enumerate() {
            for endpoint in detail.iter().flat_map(|detail| &detail.endpoints) {
                let of_runs = named.entry((&endpoint.name, &endpoint.method)).or_default();
                of_runs.resize_with(details.len(), Vec::new);
                of_runs[place].push(endpoint);
            }
        }
        let compared = |((name, method), of_runs): ((&str, &str), Vec<Vec<&Endpoint>>)| {
            let status = most_frequent(of_runs.iter().flatten().copied());
            let sums = of_runs.iter().map(|one| Sum::of(one, &status)).collect();
            Self { method: method.into(), name: name.into(), status, sums }
        };
        let mut all = named.into_iter().map(compared).collect::<Vec<_>>();
        // Those of equal weight stay in the order of their names.
        all.sort_by(|a, b| b.requests().total_cmp(&a.requests()));
        all
    }

    /// Its requests in all runs together.
    fn requests(&self) -> f64 {
        self.sums.iter().flatten().map(|sum| sum.requests).sum()
    }
}

impl Sum {
    /// Of the answers of one run; `None`: there are none.
    fn of(answers: &[&Endpoint], status: &str) -> Option<Self> {
        let all = |of: fn(&Endpoint) -> f64| answers.iter().map(|answer| of(answer)).sum::<f64>();
        let (requests, failed) = (all(|answer| answer.whole.requests), all(|answer| answer.whole.failed));
        if requests <= 0.0 {
            return None;
        }
        let durations = answers.iter().find(|answer| answer.status == status).map(|answer| &answer.whole);
        Some(Self {
            requests,
            rate: answers.iter().map(|answer| answer.whole.rate).sum(),
            failed_share: Some(failed / requests),
            p50_s: durations.and_then(|durations| durations.p50_s),
            p95_s: durations.and_then(|durations| durations.p95_s),
            p99_s: durations.and_then(|durations| durations.p99_s),
        })
    }
}

/// Of those that are as frequent, the first by name.
fn most_frequent<'a>(answers: impl Iterator<Item = &'a Endpoint>) -> String {
    let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
    for answer in answers {
        *counts.entry(&answer.status).or_default() += answer.whole.requests;
    }
    let most = counts.values().copied().fold(0.0, f64::max);
    counts.into_iter().find(|(_, count)| *count >= most).map(|(status, _)| status.to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::detail::Figures;

    fn endpoint(name: &str, status: &str, requests: f64, failed: f64, p95_s: f64) -> Endpoint {
        let whole = Figures { requests, failed, rate: Some(requests / 10.0), p95_s: Some(p95_s), ..Figures::default() };
        Endpoint { method: "GET".into(), name: name.into(), status: status.into(), whole, recent: None }
    }

    fn detail(endpoints: &[Endpoint]) -> Detail {
        Detail { endpoints: endpoints.to_vec(), ..Detail::default() }
    }

    #[test]
    fn endpoints_stand_beside_each_other_by_method_and_name() {
        let one = detail(&[endpoint("/a", "200", 90.0, 0.0, 0.1), endpoint("/a", "500", 10.0, 10.0, 0.001)]);
        let post = Endpoint { method: "POST".into(), ..endpoint("/a", "201", 5.0, 0.0, 0.3) };
        let two = detail(&[endpoint("/a", "200", 200.0, 0.0, 0.2), post, endpoint("/new", "200", 400.0, 4.0, 0.05)]);
        let compared = Compared::of(&[Some(&one), Some(&two), None]);
        let names = compared.iter().map(|it| (it.method.as_str(), it.name.as_str(), it.status.as_str()));
        let expected = [("GET", "/new", "200"), ("GET", "/a", "200"), ("POST", "/a", "201")];
        assert_eq!(names.collect::<Vec<_>>(), expected);
        for (place, present) in [(0, [false, true, false]), (1, [true, true, false]), (2, [false, true, false])] {
            let there = compared[place].sums.iter().map(Option::is_some).collect::<Vec<_>>();
            assert_eq!(there, present, "{place}");
        }
        let [Some(first), Some(second), None] = compared[1].sums[..] else { panic!("{compared:?}") };
        let figures = |sum: &Sum| FIGURES.map(|figure| figure.of_endpoint(sum));
        assert_eq!(figures(&first), [Some(0.1), None, None, Some(0.1), Some(10.0), Some(100.0)]);
        assert_eq!(figures(&second), [Some(0.2), None, None, Some(0.0), Some(20.0), Some(200.0)]);
    }

    #[test]
    fn durations_are_those_of_the_status_that_most_answers_have() {
        for (first, second, status, p95s) in [
            (("200", 10.0), ("500", 30.0), "500", [None, Some(0.5)]),
            (("200", 30.0), ("500", 10.0), "200", [Some(0.1), None]),
            (("500", 10.0), ("200", 10.0), "200", [None, Some(0.5)]),
        ] {
            let one = detail(&[endpoint("/", first.0, first.1, 0.0, 0.1)]);
            let two = detail(&[endpoint("/", second.0, second.1, 0.0, 0.5)]);
            let compared = Compared::of(&[Some(&one), Some(&two)]);
            let told = compared[0].sums.iter().map(|sum| sum.and_then(|sum| sum.p95_s)).collect::<Vec<_>>();
            assert_eq!((compared[0].status.as_str(), told.as_slice()), (status, &p95s[..]));
        }
    }

    #[test]
    fn what_nobody_counted_is_not_zero() {
        assert_eq!(Compared::of(&[None, None]), []);
        assert_eq!(Compared::of(&[Some(&Detail::default()), None]), []);
        let silent = detail(&[Endpoint { name: "/".into(), status: "200".into(), ..Endpoint::default() }]);
        let one = detail(&[Endpoint { method: String::new(), ..endpoint("/", "200", 1.0, 0.0, 0.1) }]);
        let compared = Compared::of(&[Some(&silent), Some(&one)]);
        assert_eq!(compared[0].sums[0], None, "no request ended");
        let unknown = Figures { requests: 1.0, ..Figures::default() };
        let one = detail(&[Endpoint { whole: unknown, ..endpoint("/", "200", 1.0, 0.0, 0.1) }]);
        assert_eq!(Compared::of(&[Some(&one)])[0].sums[0].map(|sum| sum.rate), Some(None));
    }
}
