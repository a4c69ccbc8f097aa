//! What of the time axis the charts show.

use leptos::prelude::*;

use super::words::Words;
use crate::{
    domain::{
        format::clock,
        live::LiveState,
        prefs::Lang,
        run::RunId,
        zoom::{Zoom, ZoomDraft, ZoomProblem},
    },
    ui::charts::{axis_s, drawn_charts},
};

/// Where the charts are on the page of a run.
pub const PLACE: &str = "over-time";

/// The charts of a run that is over, with a form that asks for a part of their time axis.
pub fn zoomed_charts(run: &RunId, state: &LiveState, asked: &ZoomDraft, lang: Lang) -> AnyView {
    let words = Words::of(lang);
    let length_s = axis_s(state);
    let (zoom, problem) = match Zoom::of(asked, length_s) {
        Ok(zoom) => (zoom, None),
        Err(problem) => (None, Some((words.zoom_problem)(&problem))),
    };
    let time = |seconds: u32| clock(f64::from(seconds));
    let link = |zoom: Zoom, words: &'static str| {
        let href = format!("/runs/{run}?from={}&to={}#{PLACE}", time(zoom.from_s), time(zoom.to_s));
        view! { <a class="link" href=href>{words}</a> }.into_any()
    };
    let links = zoom.map(|zoom| {
        view! {
            {zoom.earlier().map(|earlier| link(earlier, words.zoom_earlier))}
            {zoom.later(length_s).map(|later| link(later, words.zoom_later))}
            <a class="link" href=format!("/runs/{run}#{PLACE}")>{words.zoom_whole}</a>
        }
    });
    let field = |name: &'static str, label: &'static str, typed: &str, shown: Option<u32>, usual: u32| {
        let value = shown.map_or_else(|| typed.to_owned(), time);
        let (id, invalid) = (format!("zoom-{name}"), problem.is_some().then_some("true"));
        view! {
            <label for=id.clone()>{label}</label>
            <input
                type="text" id=id name=name autocomplete="off" spellcheck="false" size="8"
                value=value placeholder=time(usual) aria-invalid=invalid aria-describedby="zoom-hint"
            />
        }
        .into_any()
    };
    view! {
        <form class="zoom" method="get" action=format!("/runs/{run}#{PLACE}") aria-label=words.zoom data-testid="zoom">
            {field("from", words.zoom_from, &asked.from, zoom.map(|zoom| zoom.from_s), 0)}
            {field("to", words.zoom_to, &asked.to, zoom.map(|zoom| zoom.to_s), length_s)}
            <button type="submit" class="button">{words.zoom_show}</button>
            {links}
            {match &problem {
                Some(problem) => view! { <p class="field-error" id="zoom-hint" role="alert">{problem.clone()}</p> }.into_any(),
                None => view! { <p class="muted" id="zoom-hint">{words.zoom_hint}</p> }.into_any(),
            }}
        </form>
        {drawn_charts(state, zoom, lang)}
    }
    .into_any()
}

/// Why there is no such stretch, in English.
pub fn problem_en(problem: &ZoomProblem) -> String {
    match problem {
        ZoomProblem::NotATime { value } => format!("“{value}” is no time. Write it like 1:30, 90 s or 2 min."),
        ZoomProblem::TooLate { length_s } => {
            format!("That is after the end: this test has {}.", clock(f64::from(*length_s)))
        }
        ZoomProblem::TooShort => format!("From has to be at least {} s before To.", Zoom::LEAST_S),
    }
}

/// Why there is no such stretch, in German.
pub fn problem_de(problem: &ZoomProblem) -> String {
    match problem {
        ZoomProblem::NotATime { value } => {
            format!("„{value}“ ist keine Zeit. Schreib sie wie 1:30, 90 s oder 2 min.")
        }
        ZoomProblem::TooLate { length_s } => {
            format!("Das ist nach dem Ende: Dieser Test dauerte {}.", clock(f64::from(*length_s)))
        }
        ZoomProblem::TooShort => format!("„Von“ muss mindestens {} s vor „Bis“ liegen.", Zoom::LEAST_S),
    }
}
