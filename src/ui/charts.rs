//! Live charts: [`panels`] as data, [`picture`] what a panel shows of the state, [`option`] that as ECharts options.

#[cfg(feature = "ssr")]
mod drawing;
mod lanes;
mod option;
mod panel;
mod panels;
mod picture;
mod preview;
mod scale;
mod spans;
#[cfg(test)]
mod tests;
mod text;
pub mod theme;

use leptos::prelude::*;

use self::{lanes::Lanes, panel::ChartPanel, panels::PANELS, text::ChartText};
use super::{echarts, text::use_lang};
#[cfg(feature = "ssr")]
pub use drawing::{axis_s, compared_charts, drawn_charts};
pub use lanes::{bar_of, drawn_bar};
pub use picture::{service_label, service_tone};
pub use preview::{Mark, SchedulePreview};

/// What all panels share.
#[derive(Clone, Copy)]
struct Shared {
    /// The words.
    text: &'static ChartText,
    /// The pointer's place on the time axis, in ms since the start.
    pointer: RwSignal<Option<f64>>,
    /// Counts the changes of the theme and of the size of type.
    theme: RwSignal<u32>,
    /// Whether the page is being printed.
    paper: RwSignal<bool>,
    /// Whether the chart script is there; `None`: not settled.
    script: RwSignal<Option<bool>>,
}

/// Panels of the run at work, or of the last one.
#[component]
pub fn LiveCharts(
    /// Which panels, by id; all where it is not said.
    #[prop(optional)]
    only: Option<&'static [&'static str]>,
) -> impl IntoView {
    let text = ChartText::of(use_lang());
    let shared = Shared {
        text,
        pointer: RwSignal::new(None),
        theme: RwSignal::new(0),
        paper: RwSignal::new(false),
        script: RwSignal::new(None),
    };

    if echarts::IN_BROWSER {
        settle(shared);
    }

    let panels = |of_processes| {
        let shown = move |id| only.is_none_or(|only| only.contains(&id));
        let panels = PANELS.iter().filter(move |panel| panel.is_of_processes() == of_processes && shown(panel.id));
        panels.map(|panel| view! { <ChartPanel panel shared /> }).collect_view()
    };
    view! {
        <div class="charts" data-testid="charts">
            <noscript>
                <p class="charts-notice">{text.no_script}</p>
            </noscript>
            <Show when=move || shared.script.get() == Some(false)>
                <p class="charts-notice" role="status">{text.script_missing}</p>
            </Show>
            {panels(false)}
            {only.is_none().then(|| view! { <Lanes shared /> })}
            {panels(true)}
        </div>
    }
}

/// Follows the script, the theme, the size of type and the printer.
fn settle(shared: Shared) {
    let watch = StoredValue::new_local(None);
    Effect::new(move |_| {
        echarts::on_script(move |there| {
            shared.script.try_set(Some(there));
        });
        let redraw = move || {
            shared.theme.try_update(|count| *count += 1);
        };
        let paper = echarts::on_paper(move |paper| {
            shared.paper.try_set(paper);
        });
        watch.set_value(Some((echarts::on_theme(redraw), echarts::on_scale(redraw), paper)));
    });
    on_cleanup(move || {
        watch.try_update_value(|kept| *kept = None);
    });
}
