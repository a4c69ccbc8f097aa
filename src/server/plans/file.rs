//! Plans as files: YAML with the names of the form's fields. JSON is YAML, too.

use std::fmt::Write;

use ha_dashboard::domain::validate::{Draft, Field};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most bytes of a file.
pub const LARGEST: usize = 64 * 1024;

/// Why a text is no plan. What its words mean is left to the draft's validation.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanFileError {
    /// It is too large.
    #[error("it has more than {LARGEST} bytes")]
    TooLarge,
    /// It is no YAML, or has keys that no plan has; with line and column where they are known.
    #[error("{0}")]
    Unreadable(String),
}

/// A plan as it is written, with the names of the form's fields.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanText {
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// A script's file name.
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    /// A service's name, `all-services` or `all-but-dashboard`.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// A pattern's name, for example `spike`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    /// `vus` or `arrival-rate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Peak VUs, or iterations per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak: Option<String>,
    /// The whole test, ramps included: seconds, or a text like `5m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<String>,
    /// First ramp up and last ramp down, like `duration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ramp: Option<String>,
    /// Open model: VUs made before the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pre_allocated_vus: Option<String>,
    /// Open model: most VUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_vus: Option<String>,
    /// Rules in k6's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    thresholds: Option<Lines>,
    /// How long a request may take, like `duration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_timeout: Option<String>,
    /// What stops it by itself when it lasts, for example `failed > 20 % for 10 s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    stop_when: Option<Lines>,
    /// By how much it may be worse than the baseline of its target, for example `p95 not worse than baseline by more than 10 %`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    regression: Option<Lines>,
    /// A scenario's file name.
    #[serde(skip_serializing_if = "Option::is_none")]
    scenario: Option<String>,
}

impl PlanText {
    /// Puts a plan into its words; what is empty is left out.
    pub fn new(name: &str, draft: &Draft) -> Self {
        let text = |text: &str| (!text.trim().is_empty()).then(|| text.to_owned());
        let list = |value: &str| text(value).map(|value| Lines::List(lines(&value).map(str::to_owned).collect()));
        Self {
            name: text(name),
            script: text(&draft.script),
            target: text(&draft.target),
            pattern: text(&draft.pattern),
            model: text(&draft.model),
            peak: text(&draft.peak),
            duration: text(&draft.duration),
            ramp: text(&draft.ramp),
            pre_allocated_vus: text(&draft.pre_allocated_vus),
            max_vus: text(&draft.max_vus),
            thresholds: list(&draft.thresholds),
            request_timeout: text(&draft.request_timeout),
            stop_when: list(&draft.stop_when),
            regression: list(&draft.regression),
            scenario: text(&draft.scenario),
        }
    }
}

/// A list, or a text of several lines.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Lines {
    List(Vec<String>),
    Text(String),
}

impl From<Lines> for String {
    fn from(lines: Lines) -> Self {
        match lines {
            Lines::List(lines) => lines.join("\n"),
            Lines::Text(text) => text,
        }
    }
}

/// The lines of a text that say something.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Reads a plan: what people call it, and what it asks for; what the file does not say is empty.
///
/// # Errors
/// [`PlanFileError`].
pub fn read(text: &str) -> Result<(String, Draft), PlanFileError> {
    if text.len() > LARGEST {
        return Err(PlanFileError::TooLarge);
    }
    let options = serde_saphyr::options! { with_snippet: false };
    let read = serde_saphyr::from_str_with_options::<Option<PlanText>>(text, options);
    let plan = read.map_err(|error| PlanFileError::Unreadable(error.to_string()))?.unwrap_or_default();
    let draft = Draft {
        script: plan.script.unwrap_or_default(),
        target: plan.target.unwrap_or_default(),
        pattern: plan.pattern.unwrap_or_default(),
        model: plan.model.unwrap_or_default(),
        peak: plan.peak.unwrap_or_default(),
        duration: plan.duration.unwrap_or_default(),
        ramp: plan.ramp.unwrap_or_default(),
        pre_allocated_vus: plan.pre_allocated_vus.unwrap_or_default(),
        max_vus: plan.max_vus.unwrap_or_default(),
        thresholds: plan.thresholds.map(String::from).unwrap_or_default(),
        request_timeout: plan.request_timeout.unwrap_or_default(),
        stop_when: plan.stop_when.map(String::from).unwrap_or_default(),
        regression: plan.regression.map(String::from).unwrap_or_default(),
        scenario: plan.scenario.unwrap_or_default(),
        scenario_text: String::new(),
    };
    Ok((plan.name.unwrap_or_default(), draft))
}

/// Writes a plan so that [`read`] reads the same; what is empty is left out.
pub fn write(name: &str, draft: &Draft) -> String {
    let mut text = format!("name: {}\n", scalar(name));
    let mut draft = draft.clone();
    for field in Field::ALL {
        let value = draft.slot(field).trim();
        // Writing into a text does not fail.
        let _ = match field {
            _ if value.is_empty() => continue,
            Field::Thresholds | Field::StopWhen | Field::Regression => {
                write!(
                    text,
                    "{}:\n{}",
                    field.name(),
                    lines(value).map(|line| format!("  - {}\n", scalar(line))).collect::<String>()
                )
            }
            field => writeln!(text, "{}: {}", field.name(), scalar(value)),
        };
    }
    text
}

/// A text as YAML: as it is where that can mean nothing else, else in quotes, as JSON has it.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" ._/-".contains(&byte))
        && !text.ends_with(' ')
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            script: "api-load-test.js".into(),
            target: "all-but-dashboard".into(),
            pattern: "spike".into(),
            model: "arrival-rate".into(),
            peak: "50".into(),
            duration: "1:30".into(),
            ramp: "10 s".into(),
            pre_allocated_vus: "5".into(),
            max_vus: "20".into(),
            thresholds: "http_req_duration{service:shop}:p(95)<500\nhttp_req_failed:rate<0.01".into(),
            request_timeout: "3 s".into(),
            stop_when: "failed > 20 % for 10 s\np95 > 2 s for 15 s".into(),
            regression: "p95 10 %\nfailed 0.5 points".into(),
            scenario: "failover.yaml".into(),
            scenario_text: String::new(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let draft = draft();
        for name in
            ["Evening peak", "null", "- x: \"y\" # z", "é\u{202e}\u{2028}\u{85}\t'", "1e5", "0x1f", "~", "{a}", "@x"]
        {
            let text = write(name, &draft);
            assert_eq!(read(&text).unwrap_or_else(|error| panic!("{error}: {text}")), (name.into(), draft.clone()));
        }
        let text = write("one", &draft);
        assert!(text.starts_with("name: one\nscript: api-load-test.js\ntarget: all-but-dashboard\n"), "{text}");
        assert!(text.contains("duration: \"1:30\"\nramp: 10 s\n"), "{text}");
        assert!(text.contains("thresholds:\n  - \"http_req_duration{service:shop}:p(95)<500\"\n  - "), "{text}");
        let little = Draft { script: "a.js".into(), ..Draft::default() };
        assert_eq!(write("one", &little), "name: one\nscript: a.js\n");
    }

    #[test]
    fn a_file_may_say_little_and_numbers_as_numbers() {
        let (name, draft) = read("peak: 50\nduration: 90\nramp:\nthresholds: |\n  a:p(95)<5\n  b:rate<1\n").unwrap();
        assert_eq!(
            (name.as_str(), draft.peak.as_str(), draft.duration.as_str(), draft.ramp.as_str()),
            ("", "50", "90", "")
        );
        assert_eq!(draft.thresholds.trim(), "a:p(95)<5\nb:rate<1");
        assert_eq!(read("").unwrap(), Default::default());
        let (name, draft) = read(r#"{"name": "from JSON", "peak": 5, "thresholds": ["checks:rate>0.9"]}"#).unwrap();
        assert_eq!(
            (name.as_str(), draft.peak.as_str(), draft.thresholds.as_str()),
            ("from JSON", "5", "checks:rate>0.9")
        );
    }

    #[test]
    fn what_is_no_plan_is_told_with_its_place() {
        for (text, words) in [
            ("peak: 5\nvus: 7\n", ["vus", "line 2"]),
            ("peak: 5\npeak: 7\n", ["peak", "line 2"]),
            ("peak: [5]\n", ["line 1", ""]),
            ("peak: 5\n\t- x\n", ["line", "column"]),
            ("- 5\n", ["", ""]),
            ("thresholds: {a: b}\n", ["", ""]),
        ] {
            let told = read(text).unwrap_err().to_string();
            assert!(words.iter().all(|word| told.contains(word)) && !told.contains('\n'), "{text}: {told}");
        }
        assert_eq!(read(&"#".repeat(LARGEST + 1)), Err(PlanFileError::TooLarge));
        let bomb = "a: &a [x, x]\nb: &b [*a, *a, *a, *a]\nname: *b\n";
        assert!(read(bomb).is_err());
    }
}
