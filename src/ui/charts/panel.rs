//! One panel: heading, legend with values, chart.

use leptos::{html, prelude::*};

use super::{
    Shared, option,
    panels::{Look, Panel},
    picture::{Picture, Trace, figure},
    scale::tick,
    text::ChartText,
};
use crate::{
    domain::{
        format::{NO_DATA, Numbers, clock},
        live::LiveState,
    },
    ui::{
        echarts::{self, Canvas},
        live::Live,
    },
};

/// The chart and what it shows.
struct Drawn {
    canvas: Canvas,
    picture: Picture,
    theme: u32,
    paper: bool,
}

/// A panel over the live state.
#[component]
pub(super) fn ChartPanel(
    /// Which one.
    panel: &'static Panel,
    /// What it shares with the others.
    shared: Shared,
) -> impl IntoView {
    let Shared { text, pointer, .. } = shared;
    let words = text.panel(panel.id);
    let state = expect_context::<Live>().state;
    let picture = Memo::new(move |_| state.with(|state| Picture::of(panel, state, text)));
    // The row under the pointer, where there is one.
    let row = Memo::new(move |_| {
        let pointer_ms = pointer.get()?;
        state.with(|state| picture.with(|picture| row_at(picture, state, Some(pointer_ms))))
    });
    let peaks = Memo::new(move |_| row.get().is_none() && picture.with(|picture| picture.over));
    let has_data = Memo::new(move |_| state.with(|s| picture.with(|p| p.has_data(s))));

    let points = RwSignal::new(0);
    let last_ms = RwSignal::new(None::<u64>);
    let node = NodeRef::<html::Div>::new();
    if echarts::IN_BROWSER {
        mount(node, picture, points, last_ms, shared);
    }

    // The time of the row whose values show, which may lie a little beside the pointer, and what happened there.
    let time = move || {
        let pointer_ms = pointer.get()?;
        let at_ms = state.with(|state| state.snapshot.history.at_ms.get(row.get()?).copied())?;
        picture.with(|picture| {
            let elapsed_ms = at_ms.saturating_sub(picture.origin_ms);
            let happened = picture.told_at(pointer_ms).map(|words| format!(" · {words}")).unwrap_or_default();
            Some(format!("{} {}{happened}", text.at, clock(elapsed_ms as f64 / 1e3)))
        })
    };
    let summary = move || {
        let values = picture.with(|picture| {
            let of =
                |trace: &Trace| format!("{} {}", trace.name, value_text(trace, picture, &state.read(), None, text));
            picture.traces.iter().map(of).collect::<Vec<_>>().join(", ")
        });
        let which = if picture.with(|picture| picture.over) { text.highest } else { text.latest };
        format!("{}: {which} {values}", words.map(|w| w.title).unwrap_or_default())
    };
    let unit = move || {
        picture.with(|picture| {
            let right = picture.right.as_ref().map(|axis| format!(" · {} →", axis.unit)).unwrap_or_default();
            format!("{}{right}", picture.left.unit)
        })
    };
    let legend = move || {
        let traces = picture.with(|picture| picture.traces.clone());
        let entry = |trace: Trace| {
            let (tone, look, name) = (trace.tone.id(), look_id(trace.look), trace.name.clone());
            let peak = move || peaks.get().then(|| format!(" {}", text.highest));
            let value = move || picture.with(|picture| value_text(&trace, picture, &state.read(), row.get(), text));
            view! {
                <li data-tone=tone data-look=look>
                    <span class="chart-name">{name} {peak}</span>
                    " "
                    <span class="chart-value">{value}</span>
                </li>
            }
            .into_any()
        };
        traces.into_iter().map(entry).collect_view()
    };

    view! {
        <section
            class="chart"
            data-testid=format!("chart-{}", panel.id)
            data-points=move || points.get().to_string()
            data-last-ms=move || last_ms.get().map(|ms| ms.to_string()).unwrap_or_default()
            aria-labelledby=format!("chart-{}-title", panel.id)
        >
            <header class="chart-head" title=words.map(|w| w.help)>
                <h3 id=format!("chart-{}-title", panel.id)>{words.map(|w| w.title)}</h3>
                <span class="chart-unit">{unit}</span>
                <span class="chart-time">{time}</span>
            </header>
            <ul class="chart-legend">{legend}</ul>
            <div class="chart-frame">
                <div class="chart-canvas" node_ref=node role="img" aria-label=summary></div>
                <Show when=move || !has_data.get()>
                    <p class="chart-empty">{text.no_data}</p>
                </Show>
            </div>
        </section>
    }
}

/// Draws into `node` whenever something changed that can be seen.
fn mount(
    node: NodeRef<html::Div>,
    picture: Memo<Picture>,
    points: RwSignal<usize>,
    last_ms: RwSignal<Option<u64>>,
    shared: Shared,
) {
    let state = expect_context::<Live>().state;
    let drawn = StoredValue::new_local(None::<Drawn>);
    let watch = StoredValue::new_local(None);
    let seen = RwSignal::new(true);

    Effect::new(move |_| {
        let Some(element) = node.get() else { return };
        watch.set_value(echarts::on_visibility(&element, move |visible| {
            // Setting it to what it is would draw again.
            if seen.try_get_untracked().is_some_and(|before| before != visible) {
                seen.set(visible);
            }
        }));
    });
    Effect::new(move |_| {
        let (seen, paper) = (seen.get(), shared.paper.get());
        let (Some(element), Some(true), true) = (node.get(), shared.script.get(), seen || paper) else { return };
        let theme = shared.theme.get();
        let picture = picture.get();
        let shown = drawn.try_update_value(|drawn| {
            let state = state.read();
            let history = &state.snapshot.history;
            let rows = option::rows(picture.rows(history, shared.text));
            match drawn {
                Some(drawn) if drawn.picture == picture && drawn.theme == theme && drawn.paper == paper => {
                    drawn.canvas.merge(&rows);
                }
                _ => {
                    let canvas = drawn.take().filter(|drawn| drawn.paper == paper).map(|drawn| drawn.canvas);
                    let attach = || Canvas::attach(&element, paper, move |at| point(shared.pointer, at));
                    let canvas = canvas.or_else(attach)?;
                    let whole = option::whole(&picture, &echarts::style());
                    canvas.draw(&whole, &rows, number(shared.text.numbers()));
                    *drawn = Some(Drawn { canvas, picture: picture.clone(), theme, paper });
                }
            }
            let own = history.at_ms.get(picture.first_row(history)..).unwrap_or_default();
            Some((own.len(), own.last().copied()))
        });
        if let Some(Some((count, last))) = shown {
            points.set(count);
            last_ms.set(last);
        }
    });
    on_cleanup(move || {
        drawn.try_update_value(|kept| *kept = None);
        watch.try_update_value(|kept| *kept = None);
    });
}

/// Every chart of the group reports the same pointer: only changes count.
fn point(pointer: RwSignal<Option<f64>>, at: Option<f64>) {
    if pointer.try_get_untracked().is_some_and(|before| before != at) {
        pointer.set(at);
    }
}

fn number(numbers: Numbers) -> fn(f64) -> String {
    match numbers {
        Numbers::En => |value| tick(value, Numbers::En),
        Numbers::De => |value| tick(value, Numbers::De),
    }
}

pub(super) fn look_id(look: Look) -> &'static str {
    match look {
        Look::Line => "line",
        Look::Thin => "thin",
        Look::Area => "area",
        Look::Dashed => "dashed",
    }
}

/// The row nearest to the pointer, the last one without a pointer.
fn row_at(picture: &Picture, state: &LiveState, pointer_ms: Option<f64>) -> Option<usize> {
    let history = &state.snapshot.history;
    let first = picture.first_row(history);
    let last = history.at_ms.len().checked_sub(1).filter(|last| *last >= first)?;
    let Some(pointer_ms) = pointer_ms else { return Some(last) };
    let at = picture.origin_ms + pointer_ms.max(0.0) as u64;
    let after = history.at_ms.partition_point(|ms| *ms < at).clamp(first, last);
    let before = after.saturating_sub(1).max(first);
    let nearer = at.saturating_sub(history.at_ms[before]) < history.at_ms[after].saturating_sub(at);
    Some(if nearer { before } else { after })
}

/// A trace's value at a row with its unit, a dash without data. `None`: the last one, or, of a run that is over, the highest.
fn value_text(trace: &Trace, picture: &Picture, state: &LiveState, row: Option<usize>, text: &ChartText) -> String {
    let value = match row {
        None if picture.over => picture.highest(trace, &state.snapshot.history),
        row => picture.value_at(trace, state, row.or_else(|| row_at(picture, state, None))),
    };
    value.map_or_else(|| NO_DATA.to_owned(), |value| figure(trace.metric, value, text))
}
