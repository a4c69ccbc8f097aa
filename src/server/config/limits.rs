//! What presenters may ask for, where it is less than what everybody may: the table `[limits.presenter]`.

use std::time::Duration;

use ha_dashboard::domain::validate::Limits;
use toml::Value;

use super::{
    Allowance, ConfigError,
    parse::{duration, whole},
};

/// Reads the tables below `[limits]`, of which there is one. What it does not name is as for everybody, who have `all`.
pub fn presenter(value: &Value, file: &str, all: Allowance, errors: &mut Vec<ConfigError>) -> Allowance {
    let mut refuse = |key: &str, value: &Value, allowed: String| {
        let place = format!("{key} in {file}");
        errors.push(ConfigError { place, value: value.to_string(), allowed });
    };
    let mut allowance = all;
    let Some(roles) = value.as_table() else {
        refuse("limits", value, "the table [limits.presenter]".into());
        return allowance;
    };
    for (role, value) in roles {
        let Some(table) = value.as_table().filter(|_| role == "presenter") else {
            refuse(&format!("limits.{role}"), value, "the table [limits.presenter]".into());
            continue;
        };
        for (key, value) in table {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let Limits { max_vus, max_rate, max_duration_s } = all.limits;
            let most = all.runs_per_day.unwrap_or(Allowance::MOST_RUNS);
            let (read, allowed) = match key.as_str() {
                "max_vus" => (whole(&text, 1, max_vus).map(|vus| allowance.limits.max_vus = vus), whole_to(max_vus)),
                "max_rate" => {
                    (whole(&text, 1, max_rate).map(|rate| allowance.limits.max_rate = rate), whole_to(max_rate))
                }
                "max_duration" => {
                    let longest_ms = Duration::from_secs(max_duration_s.into()).as_millis() as u64;
                    let read = duration(&text, 10_000, longest_ms);
                    let read = read.map(|time| allowance.limits.max_duration_s = time.as_secs() as u32);
                    (read, format!("a duration from 10s to {max_duration_s}s"))
                }
                "max_runs_per_day" => {
                    (whole(&text, 1, most).map(|runs| allowance.runs_per_day = Some(runs)), whole_to(most))
                }
                _ => (None, "only max_vus, max_rate, max_duration and max_runs_per_day".into()),
            };
            if read.is_none() {
                refuse(&format!("limits.presenter.{key}"), value, allowed);
            }
        }
    }
    allowance
}

fn whole_to(most: u32) -> String {
    format!("a whole number from 1 to {most}, which is what everybody may")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ALL: Allowance =
        Allowance { limits: Limits { max_vus: 200, max_rate: 1_000, max_duration_s: 3_600 }, runs_per_day: None };

    fn read(text: &str) -> (Allowance, Vec<ConfigError>) {
        let mut errors = Vec::new();
        let table = text.parse::<toml::Table>().unwrap();
        (presenter(&table["limits"], "ha-dashboard.toml", ALL, &mut errors), errors)
    }

    #[test]
    fn presenters_may_be_given_less() {
        let (allowance, errors) = read("[limits.presenter]\nmax_vus = 50\nmax_duration = '10m'\nmax_runs_per_day = 20");
        let limits = Limits { max_vus: 50, max_rate: 1_000, max_duration_s: 600 };
        assert_eq!((allowance, errors.len()), (Allowance { limits, runs_per_day: Some(20) }, 0));
    }

    #[test]
    fn more_than_everybody_may_and_what_is_unknown_is_refused_with_its_place() {
        for (text, place, allowed) in [
            ("[limits.presenter]\nmax_vus = 201", "limits.presenter.max_vus in ha-dashboard.toml", "from 1 to 200"),
            ("[limits.presenter]\nmax_rate = 0", "limits.presenter.max_rate", "from 1 to 1000"),
            ("[limits.presenter]\nmax_duration = '2h'", "limits.presenter.max_duration", "to 3600s"),
            ("[limits.presenter]\nmax_vu = 3", "limits.presenter.max_vu", "only max_vus"),
            ("[limits.viewer]\nmax_vus = 3", "limits.viewer", "[limits.presenter]"),
            ("[limits]\npresenter = 3", "limits.presenter", "[limits.presenter]"),
            ("limits = 3", "limits in", "[limits.presenter]"),
        ] {
            let (allowance, errors) = read(text);
            assert_eq!((allowance, errors.len()), (ALL, 1), "{text}");
            assert!(errors[0].place.starts_with(place) && errors[0].allowed.contains(allowed), "{}", errors[0]);
        }
    }
}
