//! What a report says of a whole run beside its figures: what happened in words, how long requests took, how k6 itself fared,
//! and what nobody can tell.

use std::fmt::Write;

use html_escape::{encode_double_quoted_attribute, encode_text};

use super::words::{Crossed, Words};
use crate::{
    domain::{
        Millis,
        criterion::Watched,
        detail::Detail,
        format::{self, clock},
        frame::{Dimension, Unit},
        histogram::Bin,
        picture::RunPicture,
        prefs::Lang,
        regression::{Judged, Ruling},
        run::{Run, Totals},
        story::{self, After, Finding, Generator},
        threshold::{Comparison, Threshold},
        timeline,
    },
    ui::show,
};

/// Marks below the picture of durations.
const MARKS: usize = 4;

/// What happened, a sentence each.
pub fn sentences(picture: &RunPicture, lang: Lang) -> Vec<String> {
    let origin_ms = timeline::origin_ms(&picture.run);
    story::findings(picture).iter().map(|finding| sentence(finding, origin_ms, lang)).collect()
}

fn sentence(finding: &Finding, origin_ms: Millis, lang: Lang) -> String {
    let (words, numbers) = (Words::of(lang), show::numbers(lang));
    let time = |at_ms: Millis| clock(at_ms.saturating_sub(origin_ms) as f64 / 1e3);
    let count = |value| format::value(Unit::Count, value, numbers);
    let after = |after: &Option<After>| match after {
        Some(After::Fault { kind, whom }) => (words.after_fault)(*kind, whom),
        Some(After::Down { whom }) => (words.after_down)(whom),
        None => String::new(),
    };
    match finding {
        Finding::Crossed { threshold, when, to_end, more, after: cause, failed_share, held } => {
            let (from, to) = (time(when.from_ms), time(when.to_ms));
            let failed = failed_share.map(|share| format::percent(share, numbers));
            (words.crossed)(&Crossed {
                what: &limited(threshold, words),
                above: matches!(threshold.comparison, Comparison::Below | Comparison::AtMost),
                limit: &show::limit(threshold, lang),
                from: &from,
                to: (!to_end).then_some(&to),
                seconds: &format::value(Unit::Seconds, (when.to_ms - when.from_ms) as f64 / 1e3, numbers),
                more: *more,
                after: &after(cause),
                failed: failed.as_deref(),
                held: *held,
            })
        }
        Finding::Broken { seen } => {
            let value = show::threshold_value(&seen.threshold, seen.value, lang);
            (words.broken)(&seen.threshold.to_string(), &show::limit(&seen.threshold, lang), &value)
        }
        Finding::Failed { requests, share, first } => {
            let first = first.as_ref().map(|(at_ms, cause)| (time(*at_ms), after(cause)));
            let first = first.as_ref().map(|(at, after)| (at.as_str(), after.as_str()));
            (words.failed)(&count(*requests), &format::percent(*share, numbers), first)
        }
        Finding::AllHeld { rules } => (words.all_held)(*rules),
        Finding::RestHeld => words.rest_held.into(),
        Finding::NoRules => words.no_rules.into(),
        Finding::NoneFailed => words.none_failed.into(),
        Finding::Dropped { iterations } => (words.dropped)(&count(*iterations)),
    }
}

/// What a threshold limits.
fn limited(threshold: &Threshold, words: &Words) -> String {
    let Some(series) = story::series(threshold) else { return threshold.selector().to_string() };
    let service = series.part.as_ref().filter(|(dimension, _)| *dimension == Dimension::Service);
    (words.metric)(series.metric, service.map(|(_, name)| name.as_str()))
}

/// The run in words.
pub fn story(picture: &RunPicture, lang: Lang) -> String {
    let sentences = sentences(picture, lang);
    let items = sentences.iter().map(|sentence| format!("<li>{}</li>", encode_text(sentence))).collect::<String>();
    section("story", Words::of(lang).story, &format!("<ul class=\"story\">{items}</ul>"))
}

/// How long requests took, a bar for each step.
pub fn durations(detail: &Detail, totals: Option<&Totals>, lang: Lang) -> String {
    let (words, numbers) = (Words::of(lang), show::numbers(lang));
    let bins = &detail.durations;
    let most = bins.iter().map(|bin| bin.count).fold(0.0, f64::max);
    let all: f64 = bins.iter().map(|bin| bin.count).sum();
    if most <= 0.0 {
        return String::new();
    }
    let seconds = |value| format::value(Unit::Seconds, value, numbers);
    let bar = |bin: &Bin| {
        // A step with a single request can be seen, too.
        let height = if bin.count > 0.0 { (bin.count / most * 100.0).max(1.0) } else { 0.0 };
        let (count, share) =
            (format::value(Unit::Count, bin.count, numbers), format::percent(bin.count / all, numbers));
        let title = (words.bin)(&seconds(bin.from), &seconds(bin.to), &count, &share);
        format!(
            "<svg viewBox=\"0 0 1 100\" preserveAspectRatio=\"none\"><title>{}</title>\
             <rect x=\"0.05\" y=\"{:.1}\" width=\"0.9\" height=\"{height:.1}\" /></svg>",
            encode_text(&title),
            100.0 - height
        )
    };
    let mut marks = String::new();
    let steps = MARKS.min(bins.len());
    for mark in 0..=steps {
        let edge = match bins.get(mark * bins.len() / steps) {
            Some(bin) => bin.from,
            None => bins.last().map_or(0.0, |bin| bin.to),
        };
        // Writing to a text never fails.
        let _ = write!(marks, "<span>{}</span>", seconds(edge));
    }
    let percentile = |name, value: Option<f64>| value.map(|value| format!("{name} {}", seconds(value)));
    let told = totals.map(|totals| [("p50", totals.p50_s), ("p95", totals.p95_s), ("p99", totals.p99_s)]);
    let told =
        told.into_iter().flatten().filter_map(|(name, value)| percentile(name, value)).collect::<Vec<_>>().join(", ");
    let figure = format!(
        "<p class=\"muted\">{}</p><figure class=\"bins\"><div class=\"bars\" role=\"img\" aria-label=\"{}: {}\">{}</div>\
         <div class=\"marks\" aria-hidden=\"true\">{marks}</div></figure><p class=\"muted\">{}</p>",
        words.durations_hint,
        words.durations,
        encode_double_quoted_attribute(&told),
        bins.iter().map(bar).collect::<String>(),
        encode_text(&told)
    );
    section("durations", words.durations, &figure)
}

/// How k6 itself fared.
pub fn generator(picture: &RunPicture, lang: Lang) -> String {
    let words = Words::of(lang);
    let fared = story::generator(&picture.run, &picture.snapshot.history);
    let held_up = fared.held_up();
    let Generator { cpu_most, cpu_mean, host_most, busy_share, dropped, vus_most } = fared;
    let count = |value| format::value_or_none(Unit::Count, value, show::numbers(lang));
    let (tone, verdict) = match dropped {
        Some(0.0) => ("", words.generator_fine.to_owned()),
        Some(_) => ("notice warn", (words.generator_short)(&count(dropped))),
        None => ("muted", words.generator_unknown.to_owned()),
    };
    let cpu = format!("{} ({})", show::cpu(cpu_most, lang), show::cpu(cpu_mean, lang));
    let busy = held_up.then(|| {
        let share = format::value_or_none(Unit::Share, busy_share, show::numbers(lang));
        format!("<p class=\"notice warn\">{}</p>", (words.generator_busy)(&share))
    });
    let fact = |name: &str, value: &str| format!("<div><dt>{name}</dt><dd>{value}</dd></div>");
    let facts = [
        fact(words.generator_cpu, &cpu),
        fact(words.generator_host, &show::cpu(host_most, lang)),
        fact(words.generator_dropped, &count(dropped)),
        fact(words.generator_vus, &count(vus_most)),
    ];
    let busy = busy.unwrap_or_default();
    let body = format!("<p class=\"{tone}\">{verdict}</p>{busy}<dl class=\"facts wide\">{}</dl>", facts.concat());
    section("generator", words.generator, &body)
}

/// The stop criteria, and which of them was met; empty where there are none.
pub fn criteria(criteria: &[Watched], lang: Lang) -> String {
    let text = lang.text();
    let item = |watched: &Watched| {
        let (tone, word) = match watched.is_met() {
            true => ("bad", text.criterion_fired),
            false => ("", text.criterion_calm),
        };
        format!(
            "<li data-testid=\"criterion\" data-met=\"{}\">{} <span class=\"status\" data-tone=\"{tone}\">{word}</span></li>",
            watched.is_met(),
            encode_text(&show::criterion(&watched.criterion, lang))
        )
    };
    if criteria.is_empty() {
        return String::new();
    }
    format!(
        "<h3 class=\"stop-heading\">{}</h3><ul class=\"story\">{}</ul>",
        text.stop_when,
        criteria.iter().map(item).collect::<String>()
    )
}

/// The regression thresholds and what became of them; empty where there are none.
pub fn regressions(run: &Run, lang: Lang) -> String {
    let text = lang.text();
    let item = |judged: &Judged| {
        let (tone, word) = match judged.outcome {
            Ruling::Held => ("ok", text.threshold_ok),
            Ruling::Broken => ("bad", text.threshold_bad),
            _ => ("", ""),
        };
        format!(
            "<li data-testid=\"regression\" data-outcome=\"{}\">{}: {} <span class=\"status\" data-tone=\"{tone}\">{word}</span></li>",
            judged.outcome.name(),
            encode_text(&show::regression(&judged.limit, lang)),
            encode_text(&show::judged(judged, lang))
        )
    };
    if run.regressions.is_empty() {
        return String::new();
    }
    let items = run.regressions.iter().map(item).collect::<String>();
    format!("<h3 class=\"stop-heading\">{}</h3><ul class=\"story\">{items}</ul>", text.regression_heading)
}

/// What nobody can tell.
pub fn gaps(picture: &RunPicture, lang: Lang) -> String {
    let words = Words::of(lang);
    let gaps = story::gaps(picture);
    if gaps.is_empty() {
        return String::new();
    }
    let items = gaps.iter().map(|gap| format!("<li>{}</li>", (words.gap)(gap))).collect::<String>();
    section("gaps", words.gaps, &format!("<ul class=\"story\">{items}</ul>"))
}

fn section(id: &str, heading: &str, body: &str) -> String {
    format!("<section class=\"card\" data-testid=\"{id}\"><h2>{heading}</h2>{body}</section>")
}
