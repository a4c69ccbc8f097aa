//! Turns what the domain says into words and numbers of the reader's language.

pub mod cost;
pub mod guide;
pub mod scenario;

use super::text::Text;
/// A length of time, as the form reads it too: `90 s`, `2 min 30 s`, `1 h 30 min`.
pub use crate::domain::duration::text as duration;
use crate::{
    api::error::ApiError,
    domain::{
        Millis,
        agenda::Outcome,
        breaker::BreakerState,
        burst::BurstEnd,
        compare::{Difference, Figure, Turn},
        condition::Condition,
        criterion::{Criterion, Measure, Watched},
        decimal,
        event::EventKind,
        fault::{Effect, FaultKind},
        format::{self, NO_DATA, Numbers},
        frame::Unit,
        plan::{ALL_BUT_DASHBOARD, ALL_SERVICES, Model, Pattern, Peak, Plan, Shape},
        prefs::Lang,
        regression::{Judged, Regression, Ruling, Slack},
        run::{Run, RunState, Verdict},
        service::{Health, ProcessState},
        share::ShareRefusal,
        threshold::{Aggregation, Comparison, Crossing, MetricKind, Observed, Threshold},
        timeline::Entry,
        validate::{FieldError, Problem, Rules},
    },
};

/// How a language writes numbers.
pub fn numbers(lang: Lang) -> Numbers {
    match lang {
        Lang::En => Numbers::En,
        Lang::De => Numbers::De,
    }
}

/// A value, apart from its unit, so that the unit can be set smaller. Rates lose their `/s`, which their name says.
pub fn parts(unit: Unit, value: Option<f64>, lang: Lang) -> (String, String) {
    let text = format::value_or_none(unit, value, numbers(lang));
    let end = text
        .char_indices()
        .find(|(_, c)| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '<' | '-' | '–')))
        .map_or(text.len(), |(at, _)| at);
    let (number, unit_text) = text.split_at(end);
    let unit_text = if unit == Unit::PerSecond { "" } else { unit_text.trim() };
    (number.to_owned(), unit_text.to_owned())
}

/// A raw value for `data-value`: empty for none.
pub fn raw(value: Option<f64>) -> String {
    value.map(decimal::shortest).unwrap_or_default()
}

/// A CPU use in percent of one core.
pub fn cpu(value: Option<f64>, lang: Lang) -> String {
    format::value_or_none(Unit::Share, value, numbers(lang))
}

/// The name of the state of a run; `None`: there is no run.
pub fn state(run: Option<&Run>, text: &'static Text) -> (&'static str, &'static str) {
    state_name(run.map(|run| &run.state), text)
}

/// The name of a state.
pub fn state_name(state: Option<&RunState>, text: &'static Text) -> (&'static str, &'static str) {
    match state {
        None => ("idle", text.state_idle),
        Some(RunState::Starting) => ("starting", text.state_starting),
        Some(RunState::Running) => ("running", text.state_running),
        Some(RunState::Stopping) => ("stopping", text.state_stopping),
        Some(RunState::Finished(_)) => ("finished", text.state_finished),
    }
}

/// A verdict's name in `data-verdict`, and its word.
pub fn verdict(verdict: &Verdict, text: &'static Text) -> (&'static str, &'static str) {
    let word = match verdict {
        Verdict::Passed => text.passed,
        Verdict::Failed => text.failed,
        Verdict::Stopped => text.stopped,
        Verdict::Aborted => text.aborted,
        Verdict::Cancelled => text.cancelled,
        Verdict::Crashed { .. } => text.crashed,
        Verdict::TimedOut => text.timed_out,
    };
    (verdict.name(), word)
}

/// How good a verdict is: `ok`, `warn` or `bad`.
pub fn tone(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "ok",
        Verdict::Stopped | Verdict::Cancelled => "warn",
        Verdict::Failed | Verdict::Aborted | Verdict::Crashed { .. } | Verdict::TimedOut => "bad",
    }
}

/// Why a run ended as it did: a sentence, and points below it.
pub fn reason(run: &Run, outcome: &Verdict, lang: Lang) -> (String, Vec<String>) {
    let text = lang.text();
    let total = duration(run.duration_s());
    match outcome {
        Verdict::Passed if run.thresholds.is_empty() => (text.passed_no_thresholds.into(), against(run, lang)),
        Verdict::Passed => {
            let times =
                |seen: &Observed| Some((text.crossed)(&rule(&seen.threshold, lang), &crossings(run, seen, lang)?));
            let points = run.thresholds.iter().filter_map(times).collect::<Vec<_>>();
            let sentence = if points.is_empty() { text.passed_reason } else { text.passed_in_the_end };
            (sentence.into(), points.into_iter().chain(against(run, lang)).collect())
        }
        Verdict::Failed => {
            let failed: Vec<_> = run.thresholds.iter().filter(|seen| holds(seen) == Some(false)).collect();
            if failed.is_empty() && run.is_worse() {
                return (text.failed_worse.into(), against(run, lang));
            }
            if failed.is_empty() {
                return (text.failed_unknown.into(), against(run, lang));
            }
            let points = failed.iter().map(|seen| {
                let (value, limit) = (threshold_value(&seen.threshold, seen.value, lang), limit(&seen.threshold, lang));
                let observed = (text.observed_vs_limit)(&seen.threshold.to_string(), &value, &limit);
                let times = crossings(run, seen, lang).map(|times| format!(", {}", (text.crossed_then)(&times)));
                observed + &times.unwrap_or_default()
            });
            ((text.failed_reason)(failed.len(), run.thresholds.len()), points.chain(against(run, lang)).collect())
        }
        Verdict::Stopped => {
            let elapsed = run.elapsed_s(run.ended_ms.unwrap_or(run.created_ms)) as u32;
            ((text.stopped_reason)(&duration(elapsed), &total), vec![])
        }
        Verdict::Aborted => {
            let elapsed = run.elapsed_s(run.ended_ms.unwrap_or(run.created_ms)) as u32;
            let point = |met: &Watched| criterion_met(&met.criterion, met.value, lang);
            ((text.aborted_reason)(&duration(elapsed), &total), run.met().map(point).into_iter().collect())
        }
        Verdict::Cancelled => (text.cancelled_reason.into(), vec![]),
        Verdict::Crashed { exit_code, message } => {
            let points = if message.is_empty() { vec![] } else { vec![message.clone()] };
            ((text.crashed_reason)(*exit_code), points)
        }
        Verdict::TimedOut => ((text.timed_out_reason)(&total), vec![]),
    }
}

/// Whether a threshold holds: k6's own word where it has spoken.
pub fn holds(seen: &Observed) -> Option<bool> {
    seen.k6_ok.or(seen.ok)
}

/// The regression thresholds that were broken, and those that nobody can judge.
fn against(run: &Run, lang: Lang) -> Vec<String> {
    let told = run.regressions.iter().filter(|judged| judged.outcome != Ruling::Held);
    told.map(|judged| format!("{}: {}", regression(&judged.limit, lang), self::judged(judged, lang))).collect()
}

/// A regression threshold in words: `p95 latency not worse than the baseline by more than 10 %`.
pub fn regression(limit: &Regression, lang: Lang) -> String {
    let text = lang.text();
    let (Slack::Share(share) | Slack::Points(share)) = limit.by;
    let amount = format::value(Unit::Share, share, numbers(lang));
    let amount = match limit.by {
        Slack::Share(_) => amount,
        Slack::Points(_) => (text.points)(amount.trim_end_matches(['%', '\u{a0}', ' '])),
    };
    (text.regression_limit)((text.figure_of_run)(limit.of), &amount)
}

/// What a regression threshold was judged by, or why it was not.
pub fn judged(judged: &Judged, lang: Lang) -> String {
    let text = lang.text();
    let value = |value| format::value_or_none(judged.limit.of.unit(), value, numbers(lang));
    match judged.outcome {
        Ruling::Held | Ruling::Broken => (text.regression_values)(&value(judged.value), &value(judged.baseline)),
        untold => (text.regression_untold)(untold).into(),
    }
}

/// A stop criterion in short: `p95 latency > 2 s for 15 s`.
pub fn criterion(criterion: &Criterion, lang: Lang) -> String {
    let text = lang.text();
    if criterion.of == Measure::Unwatched {
        return (text.criterion_unwatched)(&duration(criterion.for_s));
    }
    let name = criterion.of.metric().map_or(text.criterion_cpu, |metric| (text.metric)(metric).name);
    (text.criterion)(name, &measured(criterion.of, Some(criterion.over), lang), &duration(criterion.for_s))
}

/// A stop criterion that was met, with the value that it looked at, where it looks at one.
fn criterion_met(met: &Criterion, value: Option<f64>, lang: Lang) -> String {
    let told = criterion(met, lang);
    match met.of {
        Measure::Unwatched => told,
        of => (lang.text().criterion_met)(&told, &measured(of, value, lang)),
    }
}

/// A value that a stop criterion looks at.
pub fn measured(of: Measure, value: Option<f64>, lang: Lang) -> String {
    let unit = if of.is_share() { Unit::Share } else { Unit::Seconds };
    format::value_or_none(unit, value, numbers(lang))
}

/// A comparison as people write it.
pub fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Below => "<",
        Comparison::AtMost => "≤",
        Comparison::Above => ">",
        Comparison::AtLeast => "≥",
        Comparison::Equal => "=",
        Comparison::NotEqual => "≠",
    }
}

/// A threshold in short: `p95 latency < 200 ms`; in k6's words where it is of a part, or of nothing that is shown.
pub fn rule(threshold: &Threshold, lang: Lang) -> String {
    match threshold.shown_as() {
        Some(metric) => {
            let name = (lang.text().metric)(metric).name;
            format!("{name} {} {}", sign(threshold.comparison), limit(threshold, lang))
        }
        None => threshold.to_string(),
    }
}

/// Crossings that are told with their times; more are counted.
const CROSSINGS: usize = 3;

/// When a threshold did not hold, on the run's clock; `None`: never, as far as is known.
pub fn crossings(run: &Run, seen: &Observed, lang: Lang) -> Option<String> {
    let text = lang.text();
    let started_ms = run.started_ms.filter(|_| !seen.crossings.is_empty())?;
    let at = |at_ms: Millis| at_ms.saturating_sub(started_ms) as f64 / 1e3;
    let clock = |at_ms| format::clock(at(at_ms));
    let spell = |Crossing { from_ms, to_ms }: &Crossing| (text.spell)(&clock(*from_ms), to_ms.map(clock).as_deref());
    let mut spells = seen.crossings.iter().take(CROSSINGS).map(spell).collect::<Vec<_>>();
    if let Some(more) = seen.crossings.len().checked_sub(CROSSINGS).filter(|more| *more > 0) {
        spells.push((text.spells_more)(more));
    }
    Some(spells.join(", "))
}

/// A threshold's limit in its unit.
pub fn limit(threshold: &Threshold, lang: Lang) -> String {
    threshold_value(threshold, Some(threshold.limit), lang)
}

/// A value in a threshold's unit.
pub fn threshold_value(threshold: &Threshold, value: Option<f64>, lang: Lang) -> String {
    let Some(value) = value else { return NO_DATA.into() };
    let n = numbers(lang);
    match (threshold.kind(), threshold.aggregation) {
        (Some(MetricKind::Trend), _) if threshold.is_time() => format::milliseconds(value, n),
        (Some(MetricKind::Rate), _) => format::percent(value, n),
        (Some(MetricKind::Counter), Aggregation::Rate) => format::value(Unit::PerSecond, value, n),
        _ => format::value(Unit::Count, value, n),
    }
}

/// A target's name.
pub fn target(name: &str, text: &'static Text) -> String {
    match name {
        ALL_BUT_DASHBOARD | ALL_SERVICES => text.all_services.into(),
        name => name.into(),
    }
}

/// A target to choose, which tells all services from all but the dashboard.
pub fn target_choice(name: &str, rules: &Rules, text: &'static Text) -> String {
    match name {
        ALL_SERVICES if rules.has_dashboard() => text.all_and_dashboard.into(),
        name => target(name, text),
    }
}

/// A plan's peak with its unit.
pub fn peak(plan: &Plan, lang: Lang) -> String {
    match plan.shape {
        Shape::Pattern { peak, .. } => load(peak, lang),
        Shape::Own { max_vus, .. } => load(Peak::Vus { vus: max_vus }, lang),
    }
}

/// A load with its unit.
pub fn load(peak: Peak, lang: Lang) -> String {
    let unit = match peak.model() {
        Model::Vus => lang.text().vus_unit,
        Model::ArrivalRate => lang.text().rate_unit,
    };
    format!("{} {unit}", format::value(Unit::Count, f64::from(peak.value()), numbers(lang)))
}

/// A plan's pattern.
pub fn pattern(plan: &Plan, text: &'static Text) -> &'static str {
    match plan.shape {
        Shape::Pattern { pattern, .. } => (text.pattern_text)(pattern).name,
        Shape::Own { .. } => text.script_own,
    }
}

/// A plan in a line: `Spike, 40 VUs, 60 s, all services`.
pub fn plan_line(plan: &Plan, lang: Lang) -> String {
    let text = lang.text();
    let (time, whom) = (duration(plan.shape.duration_s()), target(&plan.target, text));
    format!("{}, {}, {time}, {whom}", pattern(plan, text), peak(plan, lang))
}

/// A plan's pattern as it is named on the wire, in every language; `own` for a script's own options.
pub fn pattern_name(plan: &Plan) -> &'static str {
    match plan.shape {
        Shape::Pattern { pattern, .. } => pattern.name(),
        Shape::Own { .. } => "own",
    }
}

/// A health's name in `data-health`, its word, and more about it.
pub fn health(health: &Health, lang: Lang) -> (&'static str, &'static str, String) {
    let text = lang.text();
    match health {
        Health::Unknown => ("unknown", text.health_unknown, String::new()),
        Health::Up { latency_ms } => {
            ("up", text.health_up, (text.answered_in)(&format::milliseconds(*latency_ms, numbers(lang))))
        }
        Health::Degraded { status } => ("degraded", text.health_degraded, (text.answered_status)(*status)),
        Health::Down { reason, why } => {
            let said = (text.silence)(*why);
            ("down", text.health_down, if said.is_empty() { reason.clone() } else { said.to_owned() })
        }
    }
}

/// How good a health is: `ok`, `warn`, `bad` or empty.
pub fn health_tone(health: &Health) -> &'static str {
    match health {
        Health::Unknown => "",
        Health::Up { .. } => "ok",
        Health::Degraded { .. } => "warn",
        Health::Down { .. } => "bad",
    }
}

/// A health in a line: of one that is up no more than that.
fn health_said(now: &Health, lang: Lang) -> String {
    let (id, word, more) = health(now, lang);
    if id == "up" || more.is_empty() { word.to_owned() } else { format!("{word} ({more})") }
}

/// The word for a service's condition.
pub fn condition(condition: Condition, text: &'static Text) -> &'static str {
    match condition {
        Condition::Up => text.health_up,
        Condition::Unknown => text.health_unknown,
        Condition::SomeFail => text.some_fail,
        Condition::Degraded => text.health_degraded,
        Condition::Slow => text.slow,
        Condition::Failing => text.failing,
        Condition::Down => text.health_down,
    }
}

/// How good an event is: `ok`, `bad`, `warn` or empty, and what it says.
pub fn event(kind: &EventKind, lang: Lang) -> (&'static str, String) {
    let text = lang.text();
    match kind {
        EventKind::RunStarted { .. } => ("accent", text.event_run_started.into()),
        EventKind::StopRequested { .. } => ("warn", text.event_stop_requested.into()),
        EventKind::EmergencyStop { .. } => ("bad", text.event_emergency_stop.into()),
        EventKind::CriterionMet { criterion: met, value, .. } => {
            let told = met.parse::<Criterion>().map_or_else(|_| met.clone(), |met| criterion_met(&met, *value, lang));
            ("bad", (text.event_criterion_met)(&told))
        }
        EventKind::RunEnded { verdict: ended, .. } => (tone(ended), (text.event_run_ended)(verdict(ended, text).1)),
        EventKind::RunAdopted { .. } => ("accent", text.event_run_adopted.into()),
        EventKind::LoadAdded { peak, target: to, for_s, .. } => {
            ("accent", (text.event_load_added)(&load(*peak, lang), &target(to, text), &duration(*for_s)))
        }
        EventKind::LoadRemoved { peak, end, message, .. } => {
            let tone = if *end == BurstEnd::Crashed { "bad" } else { "" };
            (tone, (text.event_load_removed)(&load(*peak, lang), *end, message))
        }
        EventKind::Threshold { threshold, ok: true } => ("ok", (text.event_threshold_ok)(threshold)),
        EventKind::Threshold { threshold, ok: false } => ("bad", (text.event_threshold_bad)(threshold)),
        EventKind::ThresholdDecided { threshold, value, ok } => {
            let exact = threshold.parse().ok().map(|rule| threshold_value(&rule, *value, lang)).unwrap_or_default();
            (if *ok { "ok" } else { "bad" }, (text.event_threshold_decided)(threshold, &exact, *ok))
        }
        EventKind::Health { service, health: now } => {
            (health_tone(now), (text.event_health)(service, &health_said(now, lang)))
        }
        EventKind::ReplicaHealth { replica, health: now, .. } => {
            (health_tone(now), (text.event_replica)(replica, &health_said(now, lang)))
        }
        EventKind::GatewayServer { replica, up, .. } => {
            (if *up { "ok" } else { "bad" }, (text.event_gateway)(replica, *up))
        }
        EventKind::Process { replica, state, code, .. } => {
            let tone = match state {
                ProcessState::Running => "ok",
                ProcessState::Starting => "",
                ProcessState::Frozen | ProcessState::Held => "warn",
                ProcessState::Ended => "bad",
            };
            (tone, (text.event_process)(replica, &(text.process_state)(*state, *code)))
        }
        EventKind::Breaker { replica, dependency, state, .. } => {
            let (tone, word) = breaker(Some(*state), text);
            (tone, (text.event_breaker)(replica, dependency, word))
        }
        EventKind::MetricsDelayed { seconds, reason } => ("warn", (text.event_delayed)(*seconds, !reason.is_empty())),
        EventKind::PlanDue { plan, outcome } => {
            let tone = match outcome {
                Outcome::Started { .. } => "accent",
                Outcome::Skipped { .. } | Outcome::Missed { .. } => "warn",
                Outcome::Failed { .. } => "bad",
            };
            (tone, (text.event_plan_due)(plan, outcome))
        }
        EventKind::MetricsBack => ("ok", text.event_back.into()),
        EventKind::FaultSet { kind, service, replicas, intensity, for_s, .. } => {
            let name = (text.fault_kind)(*kind);
            let what = match intensity {
                Some(intensity) => format!("{name} ({})", (text.fault_effect)(&Effect::of(*kind, *intensity))),
                None => name.to_owned(),
            };
            let time = for_s.map(duration);
            ("warn", (text.event_fault_set)(&hit(service, replicas, text), &what, time.as_deref()))
        }
        EventKind::FaultRestored { kind, service, replicas, why, .. } => {
            let (whom, what) = (hit(service, replicas, text), (text.fault_kind)(*kind));
            ("ok", (text.event_fault_restored)(&whom, what, (text.fault_end)(*why)))
        }
        EventKind::FaultFailed { kind, service, replicas, reason, .. } => {
            let (whom, what) = (hit(service, replicas, text), (text.fault_kind)(*kind));
            ("bad", (text.event_fault_failed)(&whom, what, reason))
        }
    }
}

/// How good a circuit breaker's state is, and its word; `None`: nobody knows.
pub fn breaker(state: Option<BreakerState>, text: &'static Text) -> (&'static str, &'static str) {
    match state {
        None => ("", NO_DATA),
        Some(BreakerState::Closed) => ("ok", text.breaker_closed),
        Some(BreakerState::HalfOpen) => ("warn", text.breaker_half_open),
        Some(BreakerState::Open) => ("bad", text.breaker_open),
    }
}

/// Whom a fault hits: one replica, or so many of a service.
pub fn hit(service: &str, replicas: &[String], text: &'static Text) -> String {
    match replicas {
        [replica] => replica.clone(),
        replicas => (text.fault_replicas)(service, replicas.len()),
    }
}

/// How good a line of the timeline is, and what it says; `origin_ms` is when the run's clock began.
pub fn entry(entry: &Entry, origin_ms: Millis, lang: Lang) -> (&'static str, String) {
    let (tone, words) = event(&entry.event.kind, lang);
    if entry.changes < 2 {
        return (tone, words);
    }
    let since = format::clock(entry.since_ms.saturating_sub(origin_ms) as f64 / 1e3);
    (tone, (lang.text().event_changes)(&words, entry.changes, &since))
}

/// What is wrong with a field, and what is allowed.
pub fn field_error<F>(error: &FieldError<F>, text: &'static Text) -> String {
    // Names of patterns, models and faults are what the form shows, not what the wire says.
    let names = |allowed: &[String]| {
        let name = |id: &String| match id.as_str() {
            "vus" => text.model_vus.to_owned(),
            "arrival-rate" => text.model_rate.to_owned(),
            id => match (Pattern::from_name(id), FaultKind::from_name(id)) {
                (Some(pattern), _) => (text.pattern_text)(pattern).name.to_owned(),
                (None, Some(kind)) => (text.fault_kind)(kind).to_owned(),
                (None, None) => target(id, text),
            },
        };
        allowed.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    match &error.problem {
        Problem::Missing => text.problem_missing.into(),
        Problem::NotInRange { min, max } => (text.problem_range)(*min, *max),
        Problem::NotADuration { min_s, max_s } => (text.problem_duration)(&duration(*min_s), &duration(*max_s)),
        Problem::NotOneOf { allowed } => (text.problem_one_of)(&names(allowed)),
        Problem::ModelNotForPattern { allowed } => (text.problem_model)(&names(allowed)),
        Problem::NotAThreshold { hint, line, fault } => {
            let why = fault.as_ref().map_or_else(|| hint.clone(), |fault| (text.problem_threshold)(fault));
            match line {
                Some(line) => (text.problem_in_line)(*line, &error.value, &why),
                None => format!("{}: {why}", error.value),
            }
        }
        Problem::NotAHypothesis => text.problem_hypothesis.into(),
        Problem::NotAGuard => text.problem_guard.into(),
        Problem::NotACriterion => format!("{}: {}", error.value, text.problem_criterion),
        Problem::NotARegression => format!("{}: {}", error.value, text.problem_regression),
        Problem::AfterLoad { at_s, load_s } => (text.problem_after_load)(&duration(*at_s), &duration(*load_s)),
        Problem::EitherOr => text.problem_either_or.into(),
        Problem::PastSum { of, planned, max } => (text.problem_past_sum)(*of, *planned, *max),
        Problem::OfWholeService => text.problem_whole_service.into(),
        Problem::TooLong { most } => (text.problem_too_long)(*most),
        Problem::TooShort { least } => (text.problem_too_short)(*least),
        Problem::TooMany { most } => (text.problem_too_many)(*most),
        Problem::Hidden => text.problem_hidden.into(),
        Problem::NotATag { most } => (text.problem_tag)(&error.value, *most),
        Problem::BrokenScript { message } => (text.problem_broken)(message),
        Problem::NotAScriptName { most } => (text.problem_script_name)(*most),
        Problem::NotUtf8 => text.problem_utf8.into(),
        Problem::TooLarge { most_bytes } => (text.problem_too_large)(*most_bytes),
        Problem::OwnOptionsTooLarge { hint, excess } => {
            excess.as_ref().map_or_else(|| hint.clone(), |excess| (text.problem_own)(excess))
        }
    }
}

/// What a difference means, in `data-turn`.
pub fn turn(turn: Turn) -> &'static str {
    match turn {
        Turn::Better => "better",
        Turn::Worse => "worse",
        Turn::Same => "same",
        Turn::Other => "other",
    }
}

/// A difference with its direction, size and meaning: `▲ 12 %, worse`.
pub fn difference(difference: &Difference, figure: Figure, lang: Lang) -> String {
    let text = lang.text();
    let word = match difference.turn {
        Turn::Better => text.turn_better,
        Turn::Worse => text.turn_worse,
        Turn::Same => return text.turn_same.into(),
        Turn::Other => "",
    };
    let arrow = if difference.by > 0.0 { '▲' } else { '▼' };
    let size = match difference.share {
        // Ten times as much is no longer told in percent.
        Some(share) if share.abs() < 10.0 => format::value(Unit::Share, share.abs(), numbers(lang)),
        _ => format::value(figure.unit(), difference.by.abs(), numbers(lang)),
    };
    if word.is_empty() { format!("{arrow} {size}") } else { format!("{arrow} {size}, {word}") }
}

/// What is wrong with fields, a line each.
fn fields<F>(errors: &[FieldError<F>], text: &'static Text) -> String {
    errors.iter().map(|error| field_error(error, text)).collect::<Vec<_>>().join("\n")
}

/// What went wrong with Start or Stop.
pub fn api_error(error: &ApiError, text: &'static Text) -> String {
    match error {
        ApiError::Invalid { .. } | ApiError::InvalidFault { .. } => text.error_invalid.into(),
        ApiError::InvalidLabels { errors } => fields(errors, text),
        ApiError::InvalidSearch { errors } => fields(errors, text),
        ApiError::InvalidScenario { errors } => {
            errors.iter().map(|error| scenario::error(error, text)).collect::<Vec<_>>().join("\n")
        }
        ApiError::InvalidLoad { errors } => fields(errors, text),
        ApiError::InvalidAccess { errors } => fields(errors, text),
        ApiError::AccessRefused { .. } => text.error_invalid.into(),
        ApiError::InvalidUpload { errors } => fields(errors, text),
        ApiError::UploadRefused { refusal } => (text.upload_refused)(refusal),
        ApiError::LoginNeeded { .. } => text.login_needed.into(),
        ApiError::Forbidden { .. } => text.forbidden.into(),
        ApiError::LoadRefused { refusal } => (text.load_refused)(*refusal).into(),
        ApiError::FaultRefused { refusal } => (text.fault_refused)(refusal),
        ApiError::ShareRefused { refusal: ShareRefusal::TooMany } => text.share_too_many.into(),
        ApiError::PlanRefused { .. } | ApiError::AgendaRefused { .. } | ApiError::ShareRefused { .. } => {
            text.error_invalid.into()
        }
        ApiError::Incomparable { why } => (text.incomparable)(why),
        ApiError::IsBaseline { .. } => text.is_baseline.into(),
        ApiError::FaultOver { .. } => text.fault_over.into(),
        ApiError::AlreadyRunning { .. } => text.error_already_running.into(),
        ApiError::NotOver { .. } => text.error_not_over.into(),
        ApiError::NotRunning => text.error_not_running.into(),
        ApiError::Halted => text.error_halted.into(),
        ApiError::TooOften { wait_s } => (text.error_too_often)(*wait_s),
        ApiError::EnoughForToday { .. } => text.enough_for_today.into(),
        ApiError::NotFound { what } => (text.error_not_found)(what),
        ApiError::Unavailable { what } => (text.error_unavailable)(what),
        ApiError::BadRequest { what } => (text.error_bad_request)(what),
        ApiError::Internal { what } => (text.error_internal)(what),
        ApiError::Transport { .. } => text.error_transport.into(),
    }
}

/// What went wrong, from the code that a plain form's redirect brings back.
pub fn error_code(code: &str, text: &'static Text) -> String {
    match code {
        "invalid" => text.error_invalid.into(),
        "invalid_scenario" => text.error_scenario.into(),
        "load_refused" => text.load_moot.into(),
        "already_running" => text.error_already_running.into(),
        "halted" => text.error_halted.into(),
        "stop_incomplete" => text.stop_incomplete.into(),
        "too_often" => text.too_often.into(),
        "enough_for_today" => text.enough_for_today.into(),
        "not_running" => text.error_not_running.into(),
        "not_over" => text.error_not_over.into(),
        "is_baseline" => text.is_baseline.into(),
        "login_needed" => text.login_needed.into(),
        "forbidden" => text.forbidden.into(),
        "last_replica" => text.fault_last_replica.into(),
        "fault_refused" | "fault_over" => text.fault_moot.into(),
        "unavailable" => text.engine_not_ready.into(),
        _ => text.error_transport.into(),
    }
}

/// Date and time in UTC: `2026-11-23 17:04:05`.
pub fn utc(at_ms: Millis) -> String {
    let seconds = at_ms / 1000;
    let (days, second) = ((seconds / 86_400) as i64, seconds % 86_400);
    // Howard Hinnant's civil_from_days, for days since 1970.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_set_apart_from_its_unit() {
        let apart = |unit, value| parts(unit, Some(value), Lang::En);
        assert_eq!(apart(Unit::Share, 0.5), ("50.0".into(), "%".into()));
        assert_eq!(apart(Unit::Seconds, 0.25), ("250".into(), "ms".into()));
        assert_eq!(apart(Unit::PerSecond, 250.0), ("250".into(), String::new()));
        assert_eq!(parts(Unit::Count, None, Lang::De), (NO_DATA.into(), String::new()));
    }

    #[test]
    fn dates_are_right_around_leap_days() {
        for (ms, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_400_000, "2000-02-29 00:00:00"),
            (1_709_251_199_000, "2024-02-29 23:59:59"),
            (1_709_251_200_000, "2024-03-01 00:00:00"),
            (1_798_761_599_999, "2026-12-31 23:59:59"),
        ] {
            assert_eq!(utc(ms), text);
        }
    }
}
