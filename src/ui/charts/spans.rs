//! The faults that were set, as stretches of a time axis.

use crate::{
    domain::{
        Millis,
        fault::{Fault, FaultId},
        live::Snapshot,
        prefs::Lang,
    },
    ui::show,
};

/// The time of a fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The fault.
    pub fault: FaultId,
    /// From when, in seconds since the start.
    pub from_s: f64,
    /// Until when; of a fault that is on: when it ends by itself.
    pub to_s: f64,
    /// The kind of fault, and those of others whose names would stand in its place; empty where the span is too short for it,
    /// and where its name stands with another one.
    pub name: String,
    /// What is done to whom.
    pub words: String,
}

/// A span of this share of the time axis has room for the name of its fault.
const NAMED: f64 = 0.1;

/// The share of the time axis that a letter of a name takes: between that of a wide panel and that of a narrow one.
const LETTER: f64 = 0.02;

/// Most names that stand together.
const TOGETHER: usize = 3;

/// The faults that were set before an end, as far as the time axis goes, oldest first.
pub fn spans(snapshot: &Snapshot, ended_ms: Option<Millis>, origin_ms: Millis, length_s: f64, lang: Lang) -> Vec<Span> {
    let (text, ended_ms) = (lang.text(), ended_ms.unwrap_or(Millis::MAX));
    let seconds = |at_ms: Millis| (at_ms.saturating_sub(origin_ms) as f64 / 1e3).min(length_s);
    let span = |fault: &Fault| {
        let set_ms = fault.set_at_ms.filter(|set_ms| *set_ms < ended_ms)?;
        let to_ms = fault.restored_at_ms.unwrap_or(fault.until_ms);
        let (from_s, to_s) = (seconds(set_ms), seconds(to_ms.min(ended_ms)));
        let kind = (text.fault_kind)(fault.request.kind);
        let name = if to_s - from_s >= length_s * NAMED { kind.to_owned() } else { String::new() };
        let words = format!("{kind}: {}", show::hit(&fault.request.service, &fault.replicas, text));
        (to_ms > origin_ms && from_s < to_s).then(|| Span { fault: fault.id.clone(), from_s, to_s, name, words })
    };
    let mut spans = snapshot.status.faults.iter().rev().filter_map(span).collect::<Vec<_>>();
    join_names(&mut spans, length_s * LETTER);
    spans
}

/// Lets names that would be written over each other stand together, at the first of their spans. Each stands in the middle of
/// its span and takes `letter_s` a letter.
fn join_names(spans: &mut [Span], letter_s: f64) {
    let middle = |span: &Span| f64::midpoint(span.from_s, span.to_s);
    let half = |name: &str| name.chars().count() as f64 * letter_s / 2.0;
    let mut named = (0..spans.len()).filter(|i| !spans[*i].name.is_empty()).collect::<Vec<_>>();
    named.sort_by(|a, b| middle(&spans[*a]).total_cmp(&middle(&spans[*b])));
    let mut last = None;
    for i in named {
        let name = std::mem::take(&mut spans[i].name);
        let begin_s = middle(&spans[i]) - half(&name);
        match last.filter(|last: &usize| middle(&spans[*last]) + half(&spans[*last].name) > begin_s) {
            Some(last) => add(&mut spans[last].name, &name),
            None => {
                spans[i].name = name;
                last = Some(i);
            }
        }
    }
}

/// Adds a name to others, once.
fn add(names: &mut String, name: &str) {
    let there = names.split(", ").collect::<Vec<_>>();
    if there.contains(&name) || there.len() > TOGETHER {
        return;
    }
    let more = if there.len() == TOGETHER { "…" } else { name };
    *names = format!("{names}, {more}");
}
