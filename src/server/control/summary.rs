//! k6's summary of a run, in both forms that it is written in: what `handleSummary` is handed, and `--summary-export`.

use std::collections::BTreeMap;

use ha_dashboard::domain::{
    run::rounded,
    threshold::{Selector, Threshold},
};
use serde_json::{Map, Value};

/// A summary.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    metrics: Vec<Metric>,
}

/// A metric, or a part of one that a threshold made.
#[derive(Debug, Clone, PartialEq)]
struct Metric {
    selector: Selector,
    /// By k6's names, for example `p(95)`; empty: no sample came.
    values: BTreeMap<String, f64>,
    /// Whether each of its thresholds held, by k6's own word.
    rules: Vec<(Threshold, bool)>,
}

impl Summary {
    /// Reads either form; `None`: it is neither.
    pub fn read(json: &Value) -> Option<Self> {
        let metrics = json.get("metrics")?.as_object()?;
        Some(Self { metrics: metrics.iter().filter_map(|(name, about)| Metric::read(name, about)).collect() })
    }

    /// A value of a whole metric in k6's unit, to a millionth.
    pub fn value(&self, metric: &str, aggregation: &str) -> Option<f64> {
        self.metrics.iter().find(|m| m.selector.metric == metric && m.selector.tags.is_empty())?.value(aggregation)
    }

    /// What a threshold's metric came to, in k6's unit.
    pub fn observed(&self, threshold: &Threshold) -> Option<f64> {
        let aggregation = threshold.aggregation.to_string();
        self.of(threshold).find_map(|metric| metric.value(&aggregation))
    }

    /// Whether a threshold held, by k6's own word.
    pub fn held(&self, threshold: &Threshold) -> Option<bool> {
        self.rules().find(|(rule, _)| *rule == threshold).map(|(_, held)| held)
    }

    /// Every threshold that k6 judged, and whether it held.
    pub fn rules(&self) -> impl Iterator<Item = (&Threshold, bool)> {
        self.metrics.iter().flat_map(|metric| metric.rules.iter().map(|(rule, held)| (rule, *held)))
    }

    fn of<'a>(&'a self, threshold: &'a Threshold) -> impl Iterator<Item = &'a Metric> {
        let named =
            |metric: &&Metric| (&metric.selector.metric, &metric.selector.tags) == (&threshold.metric, &threshold.tags);
        self.metrics.iter().filter(named)
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
            Some((rule, held))
        };
        let rules = about.get("thresholds").and_then(Value::as_object).into_iter().flatten().filter_map(rule).collect();
        Some(Self { values: values(numbers, flat), rules, selector })
    }

    fn value(&self, aggregation: &str) -> Option<f64> {
        self.values.get(aggregation).copied().map(rounded)
    }
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
    fn what_is_no_summary_is_none() {
        for text in ["null", "[]", "{}", r#"{"metrics": []}"#] {
            assert_eq!(Summary::read(&serde_json::from_str(text).unwrap()), None, "{text}");
        }
        let odd = json!({"metrics": {"a b": {"avg": 1}, "ok": 5, "fine": {"avg": "x", "thresholds": {"avg<": true}}}});
        assert_eq!(Summary::read(&odd).unwrap().rules().count(), 0);
    }
}
