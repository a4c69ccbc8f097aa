//! Thresholds with what was observed.

use leptos::prelude::*;

use crate::{
    domain::{run::Run, threshold::Observed},
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
    if run.thresholds.is_empty() {
        return view! { <p class="muted">{text.thresholds_none}</p> }.into_any();
    }
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
    view! { <ul class="threshold-list">{run.thresholds.iter().map(row).collect_view()}</ul> }.into_any()
}

/// A rule that may break after each colon: where its tags and its metric end.
fn breakable(rule: &str) -> String {
    rule.replace(':', ":\u{200b}")
}
