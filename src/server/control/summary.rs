//! k6's summary of a run, in both forms that it is written in: what `handleSummary` is handed, and `--summary-export`.

use std::collections::BTreeMap;

use ha_dashboard::domain::{
    detail::Check,
    format::cut,
    run::rounded,
    threshold::{Selector, Threshold},
};
use serde_json::{Map, Value};

/// Checks that are kept, and the longest name of one.
const CHECKS: usize = 200;
const NAME: usize = 200;

/// A summary.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    metrics: Vec<Metric>,
    checks: Vec<Check>,
}

/// A metric, or a part of one that a threshold made.
#[derive(Debug, Clone, PartialEq)]
struct Metric {
    selector: Selector,
    /// By k6's names, for example `p(95)`; empty: no sample came.
    values: BTreeMap<String, f64>,
    /// Whether each of its thresholds held, by k6's own word; `None`: several k6 judged their own parts only.
    rules: Vec<(Threshold, Option<bool>)>,
}

impl Summary {
    /// Reads either form; `None`: it is neither.
    pub fn read(json: &Value) -> Option<Self> {
        let metrics = json.get("metrics")?.as_object()?;
        let mut checks = Vec::new();
        json.get("root_group").into_iter().for_each(|root| read_checks(root, "", &mut checks));
        Some(Self { metrics: metrics.iter().filter_map(|(name, about)| Metric::read(name, about)).collect(), checks })
    }

    /// What the summaries of several k6 come to that sent a run's load, each all the time or for a part of it. What can't be
    /// known from them is left out: the percentiles of parts say nothing of that of the whole.
    pub fn fold(mut parts: Vec<Self>) -> Option<Self> {
        if parts.len() < 2 {
            return parts.pop();
        }
        let mut checks = Vec::new();
        parts.iter().flat_map(|part| &part.checks).for_each(|check| count(check.clone(), &mut checks));
        let seconds = parts.iter().filter_map(Self::seconds).max_by(f64::total_cmp);
        let mut metrics = Vec::<Vec<Metric>>::new();
        for metric in parts.into_iter().flat_map(|part| part.metrics) {
            match metrics.iter_mut().find(|known| known.iter().all(|known| known.selector == metric.selector)) {
                Some(known) => known.push(metric),
                None => metrics.push(vec![metric]),
            }
        }
        Some(Self { metrics: metrics.into_iter().filter_map(|parts| Metric::fold(parts, seconds)).collect(), checks })
    }

    /// How long k6 ran: what it divides its counts by. `None`: it counted nothing.
    fn seconds(&self) -> Option<f64> {
        let of = |metric: &Metric| {
            let get = |name| metric.values.get(name).copied().filter(|value| *value > 0.0);
            let is_counter = !metric.values.contains_key("passes");
            is_counter.then_some(get("count")? / get("rate")?)
        };
        self.metrics.iter().filter_map(of).max_by(f64::total_cmp)
    }

    /// A value of a whole metric in k6's unit, to a millionth.
    pub fn value(&self, metric: &str, aggregation: &str) -> Option<f64> {
        self.metrics.iter().find(|m| m.selector.metric == metric && m.selector.tags.is_empty())?.value(aggregation)
    }

    /// The script's checks, counted.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// What a threshold's metric came to, in k6's unit.
    pub fn observed(&self, threshold: &Threshold) -> Option<f64> {
        let aggregation = threshold.aggregation.to_string();
        self.of(threshold).find_map(|metric| metric.value(&aggregation))
    }

    /// Whether a threshold held, by k6's own word.
    pub fn held(&self, threshold: &Threshold) -> Option<bool> {
        let rules = self.metrics.iter().flat_map(|metric| &metric.rules);
        rules.filter(|(rule, _)| rule == threshold).find_map(|(_, held)| *held)
    }

    /// Every threshold that k6 judged.
    pub fn rules(&self) -> impl Iterator<Item = &Threshold> {
        self.metrics.iter().flat_map(|metric| metric.rules.iter().map(|(rule, _)| rule))
    }

    fn of<'a>(&'a self, threshold: &'a Threshold) -> impl Iterator<Item = &'a Metric> {
        let named =
            |metric: &&Metric| (&metric.selector.metric, &metric.selector.tags) == (&threshold.metric, &threshold.tags);
        self.metrics.iter().filter(named)
    }
}

/// The checks of a group and those within it, in lists or by their names.
fn read_checks(group: &Value, path: &str, checks: &mut Vec<Check>) {
    let all = |name: &str| match group.get(name) {
        Some(Value::Array(all)) => all.iter().collect::<Vec<_>>(),
        Some(Value::Object(all)) => all.values().collect(),
        _ => Vec::new(),
    };
    let named = |about: &Value| Some(format!("{path}{}", about.get("name")?.as_str()?));
    let number = |about: &Value, name: &str| about.get(name).and_then(Value::as_f64);
    for about in all("checks") {
        if let (Some(name), Some(passes), Some(fails)) = (named(about), number(about, "passes"), number(about, "fails"))
        {
            count(Check { name: cut(&name, NAME), passes, fails }, checks);
        }
    }
    for group in all("groups") {
        if let Some(name) = named(group) {
            read_checks(group, &format!("{name} › "), checks);
        }
    }
}

fn count(check: Check, checks: &mut Vec<Check>) {
    if let Some(known) = checks.iter_mut().find(|known| known.name == check.name) {
        known.passes += check.passes;
        known.fails += check.fails;
    } else if checks.len() < CHECKS {
        checks.push(check);
    }
}

impl Metric {
    fn read(name: &str, about: &Value) -> Option<Self> {
        let selector = name.parse::<Selector>().ok()?;
        let about = about.as_object()?;
        let flat = !about.contains_key("values");
        let numbers = if flat { about } else { about.get("values")?.as_object()? };
        let rule = |(rule, said): (&String, &Value)| {
            // Scripts write the same rule in different ways.
            let rule = Threshold::of_script(&format!("{selector}:{rule}")).ok()?;
            let held = match said {
                // The export says whether the rule was crossed.
                Value::Bool(crossed) => !crossed,
                said => said.get("ok")?.as_bool()?,
            };
            Some((rule, Some(held)))
        };
        let rules = about.get("thresholds").and_then(Value::as_object).into_iter().flatten().filter_map(rule).collect();
        Some(Self { values: values(numbers, flat), rules, selector })
    }

    /// The same metric as several k6 saw it, the longest of them for so many `seconds`.
    fn fold(mut parts: Vec<Self>, seconds: Option<f64>) -> Option<Self> {
        let first = parts.pop()?;
        parts.push(first.clone());
        let seen = parts.iter().filter(|part| !part.values.is_empty()).map(|part| &part.values).collect::<Vec<_>>();
        let values = match &seen[..] {
            // A rate by time is another over a longer one.
            [only] if !(only.contains_key("count") && only.contains_key("rate")) => (*only).clone(),
            seen => fold_values(seen, seconds),
        };
        let rules = first.rules.iter().map(|(rule, _)| {
            let said = parts.iter().flat_map(|part| &part.rules).filter(|(other, _)| other == rule);
            // What holds for every part holds for the whole, unless it is a sum.
            let all_held = said.map(|(_, held)| *held).all(|held| held == Some(true));
            let known = values.get(&rule.aggregation.to_string()).map(|value| rule.holds(*value));
            (rule.clone(), known.or_else(|| all_held.then_some(true)))
        });
        Some(Self { rules: rules.collect(), selector: first.selector, values })
    }

    fn value(&self, aggregation: &str) -> Option<f64> {
        self.values.get(aggregation).copied().map(rounded)
    }
}

/// What of a metric's values can be told of the whole.
fn fold_values(parts: &[&BTreeMap<String, f64>], seconds: Option<f64>) -> BTreeMap<String, f64> {
    let all = |name: &str| parts.iter().map(|values| values.get(name).copied()).collect::<Option<Vec<_>>>();
    let sum = |name: &str| all(name).map(|values| values.iter().sum::<f64>());
    let weighted = |values: Vec<f64>, weights: Vec<f64>| {
        let sum = values.iter().zip(&weights).map(|(value, weight)| value * weight).sum::<f64>();
        sum / weights.iter().sum::<f64>()
    };
    let (passes, fails, count) = (sum("passes"), sum("fails"), sum("count"));
    let rate = match (passes, fails) {
        (Some(passes), Some(fails)) => Some(passes / (passes + fails)),
        // That of a counter, per second.
        _ => sum("rate").and(count).map(|count| seconds.map_or(0.0, |seconds| count / seconds)),
    };
    let folded = [
        ("passes", passes),
        ("fails", fails),
        ("count", count),
        ("rate", rate),
        ("avg", all("avg").zip(all("count")).map(|(averages, counts)| weighted(averages, counts))),
        ("min", all("min").and_then(|values| values.into_iter().min_by(f64::total_cmp))),
        ("max", all("max").and_then(|values| values.into_iter().max_by(f64::total_cmp))),
    ];
    folded.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The values of a metric; none where no sample came, which k6 writes as 0.
fn values(numbers: &Map<String, Value>, flat: bool) -> BTreeMap<String, f64> {
    let get = |name: &str| numbers.get(name).and_then(Value::as_f64);
    let no_sample = match (get("passes"), get("fails"), get("avg"), get("count")) {
        (Some(passes), Some(fails), ..) => passes + fails == 0.0,
        (.., Some(_), Some(count)) => count == 0.0,
        _ => false,
    };
    if no_sample {
        return BTreeMap::new();
    }
    let mut values =
        numbers.iter().filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect::<BTreeMap<_, _>>();
    // The export's name for a rate.
    if flat
        && get("passes").is_some()
        && let Some(rate) = values.remove("value")
    {
        values.insert("rate".into(), rate);
    }
    values
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The same run of k6 v1.1, as `handleSummary` is handed it and as `--summary-export` writes it.
    fn both() -> [Summary; 2] {
        let handed = json!({"metrics": {
            "http_req_duration": {"type": "trend", "contains": "time",
                "values": {"avg": 3.1, "med": 3.0, "p(95)": 5.0, "p(99.9)": 5.2, "count": 2},
                "thresholds": {"p(99.9)<1000": {"ok": true}, "p(95) < 5": {"ok": false}}},
            "http_req_duration{service:none}": {"type": "trend", "contains": "time",
                "values": {"avg": 0, "med": 0, "p(95)": 0, "count": 0}, "thresholds": {"p(95)<5": {"ok": true}}},
            "http_req_failed": {"type": "rate", "contains": "default", "values": {"rate": 0.5, "passes": 1, "fails": 1}},
            "http_req_failed{service:none}": {"type": "rate", "contains": "default",
                "values": {"rate": 0, "passes": 0, "fails": 0}, "thresholds": {"rate<0.1": {"ok": true}}},
            "http_reqs{ service : \"a b\" , name:x}": {"type": "counter", "contains": "default",
                "values": {"count": 0, "rate": 0}, "thresholds": {"count>3": {"ok": false}}},
            "my_gauge": {"type": "gauge", "contains": "default", "values": {"value": 3, "min": 1, "max": 3},
                "thresholds": {"value===3": {"ok": true}}},
        }});
        let exported = json!({"root_group": {}, "metrics": {
            "http_req_duration": {"avg": 3.1, "med": 3.0, "p(95)": 5.0, "p(99.9)": 5.2, "count": 2,
                "thresholds": {"p(99.9)<1000": false, "p(95) < 5": true}},
            "http_req_duration{service:none}": {"avg": 0, "med": 0, "p(95)": 0, "count": 0,
                "thresholds": {"p(95)<5": false}},
            "http_req_failed": {"value": 0.5, "passes": 1, "fails": 1},
            "http_req_failed{service:none}": {"value": 0, "passes": 0, "fails": 0, "thresholds": {"rate<0.1": false}},
            "http_reqs{ service : \"a b\" , name:x}": {"count": 0, "rate": 0, "thresholds": {"count>3": true}},
            "my_gauge": {"value": 3, "min": 1, "max": 3, "thresholds": {"value===3": false}},
        }});
        [handed, exported].map(|json| Summary::read(&json).unwrap())
    }

    #[test]
    fn both_forms_say_the_same() {
        let [handed, exported] = both();
        assert_eq!(handed, exported);
        let rule = |text: &str| text.parse::<Threshold>().unwrap();
        for (text, value, held) in [
            ("http_req_duration:p(99.9)<1000", Some(5.2), Some(true)),
            ("http_req_duration:p(95)<5", Some(5.0), Some(false)),
            ("http_req_duration{service:none}:p(95)<5", None, Some(true)),
            ("http_req_failed:rate<1", Some(0.5), None),
            ("http_req_failed{service:none}:rate<0.1", None, Some(true)),
            ("http_reqs{name:x,service:a b}:count>3", Some(0.0), Some(false)),
            ("http_reqs{name:x}:count>3", None, None),
            ("my_gauge:value==3", Some(3.0), Some(true)),
        ] {
            assert_eq!(handed.observed(&rule(text)), value, "{text}");
            assert_eq!(handed.held(&rule(text)), held, "{text}");
        }
        assert_eq!(handed.rules().count(), 6);
        assert_eq!((handed.value("http_req_failed", "rate"), handed.value("http_reqs", "count")), (Some(0.5), None));
    }

    #[test]
    fn summaries_of_parts_add_up_to_what_can_be_known_of_the_whole() {
        let part = |count: f64, avg: f64, max: f64, fails: f64, held: bool| {
            Summary::read(&json!({"metrics": {
                "http_req_duration": {"values": {"avg": avg, "min": 1, "max": max, "p(95)": avg, "count": count},
                    "thresholds": {"p(95)<500": {"ok": held}, "max<10": {"ok": held}}},
                "http_req_failed": {"values": {"rate": fails / count, "passes": fails, "fails": count - fails},
                    "thresholds": {"rate<0.2": {"ok": held}}},
                "http_reqs": {"values": {"count": count, "rate": count / 10.0}, "thresholds": {"count<12": {"ok": true}}},
                "vus": {"values": {"value": 2, "min": 1, "max": 2}, "thresholds": {"value<3": {"ok": true}}},
                "quiet": {"values": {"count": 0, "rate": 0}},
            }}))
            .unwrap()
        };
        let alone = part(10.0, 3.0, 5.0, 1.0, true);
        assert_eq!(Summary::fold(vec![alone.clone()]), Some(alone.clone()));
        assert_eq!(Summary::fold(vec![]), None);
        let whole = Summary::fold(vec![alone.clone(), part(30.0, 7.0, 20.0, 9.0, false)]).unwrap();
        for (metric, name, value) in [
            ("http_req_duration", "count", Some(40.0)),
            ("http_req_duration", "avg", Some(6.0)),
            ("http_req_duration", "max", Some(20.0)),
            ("http_req_duration", "p(95)", None),
            ("http_req_failed", "rate", Some(0.25)),
            ("http_reqs", "count", Some(40.0)),
            ("http_reqs", "rate", Some(4.0)),
            ("vus", "value", None),
            ("quiet", "count", Some(0.0)),
        ] {
            assert_eq!(whole.value(metric, name), value, "{metric} {name}");
        }
        let held = |summary: &Summary, rule: &str| summary.held(&rule.parse().unwrap());
        for (rule, expected) in [
            ("http_req_duration:p(95)<500", None),
            ("http_req_duration:max<10", Some(false)),
            ("http_req_failed:rate<0.2", Some(false)),
            ("http_reqs:count<12", Some(false)),
            ("vus:value<3", Some(true)),
        ] {
            assert_eq!(held(&whole, rule), expected, "{rule}");
        }
        assert_eq!(whole.rules().count(), 5);
        let both_held = Summary::fold(vec![alone, part(30.0, 7.0, 9.0, 1.0, true)]).unwrap();
        assert_eq!(held(&both_held, "http_req_duration:p(95)<500"), Some(true));
        // One for a part of the time: its rate is none of the whole.
        let short = Summary::read(&json!({"metrics": {"http_reqs": {"values": {"count": 30, "rate": 15}}}})).unwrap();
        let beside = Summary::fold(vec![short.clone(), part(10.0, 3.0, 5.0, 1.0, true)]).unwrap();
        assert_eq!((beside.value("http_reqs", "count"), beside.value("http_reqs", "rate")), (Some(40.0), Some(4.0)));
        let other = Summary::read(&json!({"metrics": {"iterations": {"values": {"count": 10, "rate": 1}}}})).unwrap();
        let alone = Summary::fold(vec![short, other]).unwrap();
        assert_eq!(alone.value("http_reqs", "rate"), Some(3.0), "over the time of the longest");
        // Where only one part saw a metric, it has seen all of it.
        let other =
            Summary::read(&json!({"metrics": {"http_req_duration": {"values": {"p(95)": 0, "count": 0, "avg": 0}}}}));
        let one = Summary::fold(vec![part(10.0, 3.0, 5.0, 1.0, true), other.unwrap()]).unwrap();
        assert_eq!(one.value("http_req_duration", "p(95)"), Some(3.0));
    }

    #[test]
    fn checks_are_counted_in_both_forms_and_over_all_parts() {
        let check =
            |name: &str, passes, fails| json!({"name": name, "path": "", "id": "", "passes": passes, "fails": fails});
        let list = json!({"metrics": {}, "root_group": {"name": "", "checks": [check("status is 200", 7, 1)], "groups": [
            {"name": "shop", "checks": [check("in stock", 2, 0)], "groups": []}]}});
        let named = json!({"metrics": {}, "root_group": {"name": "", "checks": {"status is 200": check("status is 200", 7, 1)},
            "groups": {"shop": {"name": "shop", "checks": {"in stock": check("in stock", 2, 0)}, "groups": {}}}}});
        let [one, other] = [list, named].map(|json| Summary::read(&json).unwrap());
        assert_eq!(one, other);
        let told = |summary: &Summary| {
            let told = summary.checks().iter().map(|check| (check.name.clone(), check.passes, check.fails));
            told.collect::<Vec<_>>()
        };
        assert_eq!(told(&one), [("status is 200".to_owned(), 7.0, 1.0), ("shop › in stock".to_owned(), 2.0, 0.0)]);
        let both = Summary::fold(vec![one, other]).unwrap();
        assert_eq!(told(&both), [("status is 200".to_owned(), 14.0, 2.0), ("shop › in stock".to_owned(), 4.0, 0.0)]);
        let many = (0..CHECKS + 5).map(|number| check(&number.to_string(), 1, 0)).collect::<Vec<_>>();
        let many = json!({"metrics": {}, "root_group": {"checks": many, "groups": "odd"}});
        assert_eq!(Summary::read(&many).unwrap().checks().len(), CHECKS);
    }

    #[test]
    fn what_is_no_summary_is_none() {
        for text in ["null", "[]", "{}", r#"{"metrics": []}"#] {
            assert_eq!(Summary::read(&serde_json::from_str(text).unwrap()), None, "{text}");
        }
        let odd = json!({"metrics": {"a b": {"avg": 1}, "ok": 5, "fine": {"avg": "x", "thresholds": {"avg<": true}}}});
        assert_eq!(Summary::read(&odd).unwrap().rules().count(), 0);
    }
}
