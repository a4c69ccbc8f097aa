//! A threshold as the parts that a form offers one by one: metric, statistic, comparison, limit in a unit for people, and
//! the service it is about.

use super::{
    decimal,
    format::Numbers,
    threshold::{Aggregation, Comparison, Threshold},
};

/// The tag that names a request's service.
const SERVICE_TAG: &str = "service";

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitUnit {
    /// Milliseconds.
    Milliseconds,
    /// Percent, where k6 has a share of 1.
    Percent,
    /// So many each second.
    PerSecond,
    /// So many in all.
    Count,
}

/// A metric that a form offers, with what makes sense for it.
#[derive(Debug)]
pub struct Offer {
    /// k6's name.
    pub metric: &'static str,
    /// Its statistics in k6's words, what is suggested first.
    pub statistics: &'static [&'static str],
    /// Whether requests to one service can be told apart.
    pub by_service: bool,
    /// The comparison and the limit that are suggested.
    suggested: (Comparison, &'static str),
}

const TIMES: &[&str] = &["p(95)", "p(99)", "p(90)", "med", "avg", "max"];
const SHARE: &[&str] = &["rate"];
const COUNTS: &[&str] = &["count", "rate"];

/// Every metric that is offered, what people ask for most first.
pub const OFFERS: &[Offer] = &[
    Offer { metric: "http_req_duration", statistics: TIMES, by_service: true, suggested: (Comparison::Below, "500") },
    Offer { metric: "http_req_failed", statistics: SHARE, by_service: true, suggested: (Comparison::Below, "1") },
    Offer { metric: "checks", statistics: SHARE, by_service: false, suggested: (Comparison::AtLeast, "99") },
    Offer {
        metric: "http_reqs",
        statistics: &["rate", "count"],
        by_service: true,
        suggested: (Comparison::AtLeast, "10"),
    },
    Offer { metric: "dropped_iterations", statistics: COUNTS, by_service: false, suggested: (Comparison::AtMost, "0") },
    Offer {
        metric: "iteration_duration",
        statistics: TIMES,
        by_service: false,
        suggested: (Comparison::Below, "2000"),
    },
    Offer { metric: "iterations", statistics: COUNTS, by_service: false, suggested: (Comparison::AtLeast, "100") },
    Offer { metric: "http_req_waiting", statistics: TIMES, by_service: true, suggested: (Comparison::Below, "500") },
];

/// The comparisons that are offered.
pub const COMPARISONS: [Comparison; 4] =
    [Comparison::Below, Comparison::AtMost, Comparison::Above, Comparison::AtLeast];

/// A threshold in parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The metric, one of [`OFFERS`].
    pub metric: &'static str,
    /// The statistic in k6's words.
    pub statistic: String,
    /// How it must compare.
    pub comparison: Comparison,
    /// The limit as people write it, in [`Rule::unit`].
    pub limit: String,
    /// The service whose requests count; none: every request.
    pub service: Option<String>,
}

impl Offer {
    /// The offer for a metric.
    pub fn of(metric: &str) -> Option<&'static Self> {
        OFFERS.iter().find(|offer| offer.metric == metric)
    }

    /// A rule to begin with.
    pub fn rule(&self) -> Rule {
        let (comparison, limit) = self.suggested;
        Rule {
            metric: self.metric,
            statistic: self.statistics.first().copied().unwrap_or_default().to_owned(),
            comparison,
            limit: limit.to_owned(),
            service: None,
        }
    }

    /// What limits of a statistic count.
    pub fn unit(&self, statistic: &str) -> LimitUnit {
        match (self.statistics.len(), statistic) {
            (1, _) => LimitUnit::Percent,
            (_, "rate") => LimitUnit::PerSecond,
            (_, "count") => LimitUnit::Count,
            _ => LimitUnit::Milliseconds,
        }
    }
}

impl Rule {
    /// The parts of a threshold in k6's words; `None` where it is none, or where only words can say it.
    pub fn read(text: &str, numbers: Numbers) -> Option<Self> {
        let threshold: Threshold = text.parse().ok()?;
        let offer = Offer::of(&threshold.metric)?;
        let mut tags = threshold.tags.iter();
        let service = match (tags.next(), tags.next()) {
            (None, _) => None,
            (Some((name, service)), None) if name == SERVICE_TAG && offer.by_service => Some(service.clone()),
            _ => return None,
        };
        let statistic = threshold.aggregation.to_string();
        let limit = match offer.unit(&statistic) {
            LimitUnit::Percent => clean(threshold.limit * 100.0),
            _ => threshold.limit,
        };
        let limit = decimal::shortest(limit).replace('.', numbers.decimal().encode_utf8(&mut [0; 4]));
        let rule = Self { metric: offer.metric, statistic, comparison: threshold.comparison, limit, service };
        // What can't be written exactly is better seen as it stands.
        (rule.text(numbers).parse() == Ok(threshold)).then_some(rule)
    }

    /// The rule in k6's words. A limit that is not a number stays as it is, for the validation to refuse.
    pub fn text(&self, numbers: Numbers) -> String {
        let tags = self.service.as_ref().map(|service| format!("{{{SERVICE_TAG}:{service}}}")).unwrap_or_default();
        let limit = match number(&self.limit, numbers) {
            Some(percent) if self.unit() == LimitUnit::Percent => decimal::shortest(clean(percent / 100.0)),
            Some(limit) => decimal::shortest(limit),
            // What separates thresholds must not.
            None => self.limit.trim().replace([',', ';', '\n'], " "),
        };
        format!("{}{tags}:{}{}{limit}", self.metric, self.statistic, self.comparison.sign())
    }

    /// What the limit counts.
    pub fn unit(&self) -> LimitUnit {
        Offer::of(self.metric).map_or(LimitUnit::Count, |offer| offer.unit(&self.statistic))
    }

    /// The same about another metric. Statistic and comparison stay where they make sense for both.
    pub fn about(&self, offer: &Offer) -> Self {
        let suggested = offer.rule();
        let keeps = offer.statistics.contains(&self.statistic.as_str());
        let same = keeps && self.unit() == offer.unit(&self.statistic);
        Self {
            service: self.service.clone().filter(|_| offer.by_service),
            ..if same { Self { metric: offer.metric, ..self.clone() } } else { suggested }
        }
    }
}

/// Whether a statistic is a percentile, and which.
pub fn percentile(statistic: &str) -> Option<f64> {
    match Aggregation::parse(statistic) {
        Some(Aggregation::Percentile(percentile)) => Some(percentile),
        _ => None,
    }
}

/// Without what binary arithmetic leaves behind.
fn clean(value: f64) -> f64 {
    (value * 1e10).round() / 1e10
}

/// A number as people of a language write it, with or without groups of thousands and a percent sign.
fn number(text: &str, numbers: Numbers) -> Option<f64> {
    let text = text.trim().trim_end_matches('%').trim_end();
    let whole = text.split(numbers.decimal()).next().unwrap_or_default();
    let groups = || whole.split(numbers.group());
    let grouped = groups().count() > 1
        && !whole.starts_with('0')
        && groups().enumerate().all(|(at, group)| group.len() == 3 || at == 0 && (1..3).contains(&group.len()));
    let plain = if grouped { text.replace(numbers.group(), "") } else { text.to_owned() };
    decimal::parse(&plain.replace(',', ".")).filter(|number| number.is_finite())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::tests::any;

    #[test]
    fn limits_are_written_in_units_for_people() {
        for (text, numbers, limit, unit) in [
            ("http_req_duration:p(95)<500", Numbers::En, "500", LimitUnit::Milliseconds),
            ("http_req_duration{service:shop}:avg<1.5", Numbers::De, "1,5", LimitUnit::Milliseconds),
            ("http_req_failed:rate<0.01", Numbers::En, "1", LimitUnit::Percent),
            ("http_req_failed:rate<0.007", Numbers::De, "0,7", LimitUnit::Percent),
            ("checks:rate>=0.999", Numbers::En, "99.9", LimitUnit::Percent),
            ("http_reqs:rate>12.5", Numbers::En, "12.5", LimitUnit::PerSecond),
            ("dropped_iterations:count<=0", Numbers::En, "0", LimitUnit::Count),
        ] {
            let rule = Rule::read(text, numbers).unwrap();
            assert_eq!((rule.limit.as_str(), rule.unit(), rule.text(numbers).as_str()), (limit, unit, text));
        }
        for only_words in [
            "my_trend:avg<1",
            "http_req_duration{name:x}:avg<1",
            "http_req_duration{name:x,service:y}:avg<1",
            "checks{service:x}:rate>0.5",
            "http_req_failed:rate<0.000000000001",
            "http_req_duration:p(95)",
            "",
        ] {
            assert_eq!(Rule::read(only_words, Numbers::En), None, "{only_words}");
        }
    }

    #[test]
    fn limits_are_read_as_people_of_each_language_write_them() {
        for (typed, en, de) in [
            ("500", "500", "500"),
            (" 0.5 ", "0.5", "0.5"),
            ("0,5", "0.5", "0.5"),
            ("1,000", "1000", "1"),
            ("1.000", "1", "1000"),
            ("1.234.567,5", "1.234.567 5", "1234567.5"),
            ("1,234,567.5", "1234567.5", "1 234 567.5"),
            ("ten;1", "ten 1", "ten 1"),
            ("", "", ""),
        ] {
            let rule = Rule { limit: typed.into(), ..OFFERS[0].rule() };
            assert_eq!(rule.text(Numbers::En), format!("http_req_duration:p(95)<{en}"), "{typed:?}");
            assert_eq!(rule.text(Numbers::De), format!("http_req_duration:p(95)<{de}"), "{typed:?}");
        }
        let share = Rule { limit: "0,7 %".into(), ..OFFERS[1].rule() };
        assert_eq!(share.text(Numbers::De), "http_req_failed:rate<0.007");
    }

    #[test]
    fn what_is_offered_makes_sense() {
        for offer in OFFERS {
            for statistic in offer.statistics {
                for service in [None, Some("shop".to_owned()).filter(|_| offer.by_service)] {
                    let rule = Rule { statistic: (*statistic).into(), service, ..offer.rule() };
                    let text = rule.text(Numbers::En);
                    assert_eq!(Rule::read(&text, Numbers::En), Some(rule), "{text}");
                }
            }
        }
        let latency = Rule { service: Some("shop".into()), limit: "70".into(), ..OFFERS[0].rule() };
        let waiting = latency.about(Offer::of("http_req_waiting").unwrap());
        assert_eq!(waiting, Rule { metric: "http_req_waiting", ..latency.clone() });
        assert_eq!(latency.about(Offer::of("checks").unwrap()).text(Numbers::En), "checks:rate>=0.99");
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_back_as_the_same(threshold in any::threshold(), german in any::<bool>()) {
            let numbers = if german { Numbers::De } else { Numbers::En };
            if let Some(rule) = Rule::read(&threshold.to_string(), numbers) {
                prop_assert_eq!(rule.text(numbers).parse::<Threshold>().unwrap(), threshold);
            }
        }

        #[test]
        fn any_limit_is_one_entry(limit in any::text(), german in any::<bool>()) {
            let numbers = if german { Numbers::De } else { Numbers::En };
            let rule = Rule { limit, ..OFFERS[0].rule() };
            prop_assert_eq!(crate::domain::validate::entries(&rule.text(numbers)).count(), 1);
        }
    }
}
