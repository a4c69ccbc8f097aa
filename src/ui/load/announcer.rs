//! Tells those who listen, rather than look, what changes.

use leptos::prelude::*;

use crate::{
    domain::{
        Millis,
        event::{Event, EventKind},
        prefs::Lang,
        run::{Run, RunId, RunState},
    },
    ui::{
        live::Live,
        show,
        text::{Text, use_lang, use_text},
    },
};

/// Crossings closer together than this are told as one: what has come of them by then.
const QUIET_MS: Millis = 10_000;

/// Says when the run's state changes, which thresholds are crossed or hold again, and what load is added or taken away.
#[component]
pub fn Announcer() -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let words = Memo::new(move |_| {
        live.run.with(|run| match run {
            None => String::new(),
            Some(run) => match &run.state {
                RunState::Finished(outcome) => {
                    let (sentence, points) = show::reason(run, outcome, lang);
                    format!("{}. {sentence} {}", show::verdict(outcome, text).1, points.join("; "))
                }
                _ => show::state(Some(run), text).1.into(),
            },
        })
    });
    let now = Memo::new(move |_| live.run.with(|run| run.as_ref().map(Crossed::of)));
    let said = RwSignal::new(String::new());
    Effect::new(move |told: Option<Told>| {
        let Some(now) = now.get() else { return Told::default() };
        // What was so when the page opened is on it.
        let Some(mut told) = told else { return Told { crossed: Some(now), at_ms: None } };
        match told.news(&now, live.now_ms.get_untracked()) {
            News::None => {}
            News::Later => live.now_ms.track(),
            News::Now { crossed, again } => said.set(sentence(&crossed, &again, text)),
        }
        told
    });
    let load = Memo::new(move |_| live.state.with(|state| changed_load(&state.snapshot.events, lang)));
    Effect::new(move |told: Option<Option<(Millis, String)>>| {
        let now = load.get();
        if let (Some(told), Some((_, sentence))) = (&told, &now)
            && *told != now
        {
            said.set(sentence.clone());
        }
        now
    });
    view! {
        <p class="visually-hidden" role="status">{words}</p>
        <p class="visually-hidden" aria-live="polite" data-testid="crossings">{said}</p>
    }
}

/// When load was added or taken away last, or all was stopped, and what is said of it.
fn changed_load(events: &[Event], lang: Lang) -> Option<(Millis, String)> {
    let is_load = |event: &&Event| {
        use EventKind::{EmergencyStop, LoadAdded, LoadRemoved};
        matches!(event.kind, EmergencyStop { .. } | LoadAdded { .. } | LoadRemoved { .. })
    };
    events.iter().rev().find(is_load).map(|event| (event.at_ms, show::event(&event.kind, lang).1))
}

/// The thresholds of a run at work that are crossed, in k6's words.
#[derive(Debug, Clone, PartialEq)]
struct Crossed {
    run: RunId,
    rules: Vec<String>,
}

impl Crossed {
    /// None once it is over: its verdict tells more.
    fn of(run: &Run) -> Self {
        let crossed = run.thresholds.iter().filter(|seen| run.state.is_active() && show::holds(seen) == Some(false));
        Self { run: run.id.clone(), rules: crossed.map(|seen| seen.threshold.to_string()).collect() }
    }
}

/// What was told last, and when.
#[derive(Debug, Default)]
struct Told {
    crossed: Option<Crossed>,
    at_ms: Option<Millis>,
}

/// What there is to tell.
#[derive(Debug, PartialEq)]
enum News {
    None,
    /// Something was told just now: look again in a while.
    Later,
    /// These are crossed now, and these hold again.
    Now {
        crossed: Vec<String>,
        again: Vec<String>,
    },
}

impl Told {
    fn news(&mut self, now: &Crossed, now_ms: Millis) -> News {
        let before = self.crossed.take().filter(|before| before.run == now.run);
        let before = before.unwrap_or_else(|| Crossed { run: now.run.clone(), rules: vec![] });
        let only = |these: &[String], those: &[String]| {
            these.iter().filter(|rule| !those.contains(rule)).cloned().collect::<Vec<_>>()
        };
        let (crossed, again) = (only(&now.rules, &before.rules), only(&before.rules, &now.rules));
        if crossed.is_empty() && again.is_empty() {
            self.crossed = Some(before);
            return News::None;
        }
        if self.at_ms.is_some_and(|at_ms| now_ms < at_ms + QUIET_MS) {
            self.crossed = Some(before);
            return News::Later;
        }
        (self.crossed, self.at_ms) = (Some(now.clone()), Some(now_ms));
        News::Now { crossed, again }
    }
}

fn sentence(crossed: &[String], again: &[String], text: &Text) -> String {
    let crossed = crossed.iter().map(|rule| (text.event_threshold_bad)(rule));
    let again = again.iter().map(|rule| (text.event_threshold_ok)(rule));
    crossed.chain(again).collect::<Vec<_>>().join(". ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{burst::BurstEnd, plan::Peak};

    #[test]
    fn the_newest_change_of_load_is_told() {
        let run = || "r-1".parse::<RunId>().unwrap();
        let peak = Peak::Vus { vus: 20 };
        let added = EventKind::LoadAdded { run: run(), instance: 2, peak, target: "shop".into(), for_s: 30 };
        let end = BurstEnd::Removed;
        let removed = EventKind::LoadRemoved { run: run(), instance: 2, peak, end, message: String::new() };
        let mut events = vec![Event { at_ms: 1, kind: EventKind::RunStarted { run: run() } }];
        assert_eq!(changed_load(&events, Lang::En), None);
        for (at_ms, kind) in [(2, added), (3, removed), (4, EventKind::EmergencyStop { run: Some(run()) })] {
            let said = show::event(&kind, Lang::En).1;
            events.push(Event { at_ms, kind });
            events.push(Event { at_ms, kind: EventKind::MetricsBack });
            assert_eq!(changed_load(&events, Lang::En), Some((at_ms, said)));
        }
    }

    #[test]
    fn crossings_are_told_once_and_flapping_is_folded() {
        let crossed = |run: &str, rules: &[&str]| Crossed {
            run: run.parse().unwrap(),
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        };
        let said = |crossed: &[&str], again: &[&str]| News::Now {
            crossed: crossed.iter().map(|rule| (*rule).to_owned()).collect(),
            again: again.iter().map(|rule| (*rule).to_owned()).collect(),
        };
        let mut told = Told::default();
        for (at_ms, now, news) in [
            (0, crossed("r-1", &[]), News::None),
            (1_000, crossed("r-1", &["a"]), said(&["a"], &[])),
            (1_250, crossed("r-1", &["a"]), News::None),
            (2_000, crossed("r-1", &[]), News::Later),
            (3_000, crossed("r-1", &["a"]), News::None),
            (4_000, crossed("r-1", &["b"]), News::Later),
            (11_000, crossed("r-1", &["b"]), said(&["b"], &["a"])),
            (60_000, crossed("r-1", &[]), said(&[], &["b"])),
            (80_000, crossed("r-2", &["b"]), said(&["b"], &[])),
            (99_000, crossed("r-3", &[]), News::None),
        ] {
            assert_eq!(told.news(&now, at_ms), news, "{at_ms}");
        }
        assert_eq!(
            sentence(&["b".into()], &["a".into()], Lang::En.text()),
            "Threshold crossed: b. Threshold holds again: a"
        );
    }
}
