//! The words of what others are told.

use crate::{
    domain::{format, frame::Unit, prefs::Lang, run::Totals},
    ui::show,
};

/// All of them. A language that misses one does not compile.
pub struct NoticeWords {
    /// What a run is called.
    pub started: fn(&str) -> String,
    /// What a run is called, and the word for its verdict.
    pub finished: fn(&str, &str) -> String,
    /// Whom a fault hit, and what was done.
    pub fault_over: fn(&str, &str) -> String,
    pub no_cost: &'static str,
    /// The target's name.
    pub test: fn(&str) -> String,
    pub more: &'static str,
    /// Requests, failed share, 95th percentile.
    pub figures: fn(&str, &str, &str) -> String,
}

/// The words of a language.
pub fn words(lang: Lang) -> &'static NoticeWords {
    match lang {
        Lang::En => &EN,
        Lang::De => &DE,
    }
}

/// The figures of a whole run in a line.
pub fn figures(totals: &Totals, lang: Lang) -> String {
    let n = show::numbers(lang);
    let value = |unit, value| format::value_or_none(unit, value, n);
    (words(lang).figures)(
        &value(Unit::Count, totals.requests),
        &value(Unit::Share, totals.failed_share),
        &value(Unit::Seconds, totals.p95_s),
    )
}

static EN: NoticeWords = NoticeWords {
    started: |run| format!("Load test started: {run}"),
    finished: |run, verdict| format!("Load test over: {verdict}. {run}"),
    fault_over: |whom, what| format!("Fault over: {what}, {whom}"),
    no_cost: "What it cost is not known",
    test: |hook| format!("This is a test of the webhook {hook}. Messages arrive."),
    more: "Show in the dashboard",
    figures: |requests, failed, p95| format!("Requests: {requests}, failed: {failed}, p95: {p95}"),
};

static DE: NoticeWords = NoticeWords {
    started: |run| format!("Lasttest gestartet: {run}"),
    finished: |run, verdict| format!("Lasttest beendet: {verdict}. {run}"),
    fault_over: |whom, what| format!("Störung vorbei: {what}, {whom}"),
    no_cost: "Was sie gekostet hat, ist nicht bekannt",
    test: |hook| format!("Dies ist ein Test des Webhooks {hook}. Nachrichten kommen an."),
    more: "Im Dashboard ansehen",
    figures: |requests, failed, p95| format!("Anfragen: {requests}, fehlgeschlagen: {failed}, p95: {p95}"),
};
