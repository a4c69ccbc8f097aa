//! Thresholds with what was observed.

use leptos::prelude::*;

use crate::{
    domain::{
        criterion::{Criterion, Measure, Watched},
        prefs::Lang,
        run::Run,
        threshold::Observed,
    },
    ui::{
        live::Live,
        show,
        text::{use_lang, use_text},
    },
};

/// The thresholds of the run to show; nothing before the first run.
#[component]
pub fn Thresholds() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    // All that the list shows of it: it is drawn anew only when that changes.
    let told = Memo::new(move |_| {
        live.run.with(|run| run.clone().map(|run| Run { totals: None, so_far: Vec::new(), stop_problem: None, ..run }))
    });
    move || {
        told.get().map(|run| {
            view! {
                <section class="card thresholds">
                    <h2>{text.threshold_heading}</h2>
                    <ThresholdList run />
                </section>
            }
        })
    }
}

/// A row each: the rule, the value over the whole test against the limit, whether it holds, and when it did not.
#[component]
fn ThresholdList(
    /// The run.
    run: Run,
) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let span = if run.state.is_active() { text.threshold_so_far } else { text.span_whole };
    let row = |seen: &Observed| {
        let rule = seen.threshold.to_string();
        let (state, word) = match show::holds(seen) {
            Some(true) => ("true", text.threshold_ok),
            Some(false) => ("false", text.threshold_bad),
            None if seen.is_close() => ("close", text.threshold_close),
            None => ("unknown", text.threshold_unknown),
        };
        let crossed = show::crossings(&run, seen, lang).map(|times| (text.crossed_then)(&times));
        let disagrees = match (seen.ok, seen.k6_ok) {
            (Some(ours), Some(k6)) if ours != k6 => Some((text.k6_disagrees)(k6)),
            _ => None,
        };
        view! {
            <li class="threshold" data-testid="threshold" data-threshold=rule.clone() data-ok=state>
                <code>{breakable(&rule)}</code>
                <span class="threshold-value tabular">
                    <span class="now">{show::threshold_value(&seen.threshold, seen.value, lang)}</span>
                    " "
                    <span class="muted threshold-span">
                        {span} ", " {(text.tile_limit)(show::sign(seen.threshold.comparison), &show::limit(&seen.threshold, lang))}
                    </span>
                </span>
                <span class="threshold-state">{word}</span>
                {disagrees.map(|words| view! { <span class="muted">{words}</span> }.into_any())}
                {crossed.map(|words| view! { <span class="muted tabular">{words}</span> }.into_any())}
            </li>
        }
        .into_any()
    };
    let none = run.thresholds.is_empty().then(|| view! { <p class="muted">{text.thresholds_none}</p> }.into_any());
    let rows = run.thresholds.iter().map(row).collect::<Vec<_>>();
    let criteria = run.criteria.iter().map(|watched| criterion(watched, lang)).collect::<Vec<_>>();
    let criteria = (!criteria.is_empty()).then(|| {
        view! {
            <h3 class="stop-heading">{text.stop_when}</h3>
            <ul class="threshold-list">{criteria}</ul>
        }
        .into_any()
    });
    view! {
        {none}
        <ul class="threshold-list">{rows}</ul>
        {criteria}
    }
    .into_any()
}

/// A stop criterion, the newest value, and for how long that has been over the limit.
fn criterion(watched: &Watched, lang: Lang) -> AnyView {
    let text = lang.text();
    let Criterion { of, for_s, .. } = watched.criterion;
    let (state, word) = match watched {
        told if told.is_met() => ("false", text.criterion_fired.to_owned()),
        Watched { held_ms: 1.., .. } => {
            let held = show::duration((watched.held_ms / 1000) as u32);
            ("close", (text.criterion_held)(&held, &show::duration(for_s)))
        }
        // Who reads this could stop the test, or follows with who can.
        _ if of == Measure::Unwatched => ("true", text.criterion_calm.to_owned()),
        Watched { value: None, .. } => ("unknown", text.threshold_unknown.to_owned()),
        _ => ("true", text.criterion_calm.to_owned()),
    };
    view! {
        <li class="threshold" data-testid="criterion" data-criterion=watched.criterion.to_string() data-ok=state>
            <code>{show::criterion(&watched.criterion, lang)}</code>
            <span class="threshold-value tabular">
                {(of != Measure::Unwatched).then(|| {
                    view! { <span class="now">{show::measured(of, watched.value, lang)}</span> }.into_any()
                })}
            </span>
            <span class="threshold-state">{word}</span>
        </li>
    }
    .into_any()
}

/// A rule that may break after each colon: where its tags and its metric end.
fn breakable(rule: &str) -> String {
    rule.replace(':', ":\u{200b}")
}
