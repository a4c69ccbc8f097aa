//! The course of a service or replica: how fast it answered the probe in the last minutes, and below that how it stood.

use std::fmt::Write;

use leptos::prelude::*;

use super::{
    charts::{bar_of, drawn_bar},
    live::Live,
    show,
    text::{use_lang, use_text},
};
use crate::domain::{format, prefs::Lang, recent::Recent};

/// The height of the drawing; it is as wide as there are steps.
const HEIGHT: f64 = 24.0;

/// What reaches the top at least, in 0.1 ms: else the noise of fast answers would look like trouble.
const TOP: u32 = 100;

/// How fast it was, as it is shown.
#[derive(Debug, Clone, Default, PartialEq)]
struct Course {
    path: String,
    /// From the fastest to the slowest answer.
    range: String,
    /// The same with everything around it, for those who can't see it.
    said: String,
}

impl Course {
    fn of(latency: &[Option<u32>], lang: Lang) -> Self {
        let text = lang.text();
        let ms = |tenths: u32| format::milliseconds(f64::from(tenths) / 10.0, show::numbers(lang));
        let known = || latency.iter().flatten().copied();
        let range = match known().min().zip(known().max()) {
            Some((least, most)) if least == most => ms(least),
            Some((least, most)) => format!("{}–{}", ms(least), ms(most)),
            None => format::NO_DATA.to_owned(),
        };
        let silent = latency.iter().filter(|one| one.is_none()).count();
        let silent = (silent > 0).then(|| time(silent));
        let said = (text.probe_course)(&time(latency.len()), &range, silent.as_deref());
        Self { path: path(latency), range, said }
    }
}

/// How long so many steps are.
fn time(steps: usize) -> String {
    show::duration((steps as u64 * Recent::STEP_MS / 1000) as u32)
}

/// A line through the answers, the newest at the right; where none came there is none.
fn path(latency: &[Option<u32>]) -> String {
    let top = f64::from(latency.iter().flatten().copied().max().unwrap_or_default().max(TOP));
    let first = Recent::STEPS.saturating_sub(latency.len());
    let mut path = String::new();
    let mut drawing = false;
    for (step, tenths) in latency.iter().enumerate() {
        let Some(tenths) = tenths else {
            drawing = false;
            continue;
        };
        // Half a line's width from the edges.
        let y = HEIGHT - 1.0 - f64::from(*tenths) / top * (HEIGHT - 2.0);
        let alone = !drawing && latency.get(step + 1).is_none_or(Option::is_none);
        let x = (first + step) as f64 + 0.5;
        // Writing to a text can't fail.
        let _ = write!(path, "{}{x:.1} {y:.1}", if drawing { 'L' } else { 'M' });
        if alone {
            path.push_str("h0");
        }
        drawing = true;
    }
    path
}

/// Latency and bar of a service, or of one of its replicas.
#[component]
pub fn Pulse(
    /// The service.
    #[prop(into)]
    service: String,
    /// Its replica; `None`: the service itself.
    #[prop(optional)]
    replica: Option<String>,
) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let id = format!("pulse-{}", replica.as_ref().unwrap_or(&service));
    let whose = (service.clone(), replica.clone());
    let course = Memo::new(move |_| {
        live.state.with(|state| {
            let track = state.snapshot.recent.track(&whose.0, whose.1.as_deref())?;
            Some(Course::of(track.latency(), lang))
        })
    });
    let bar = Memo::new(move |_| live.state.with(|state| bar_of(state, &service, replica.as_deref(), lang)));
    let is_known = Memo::new(move |_| course.with(Option::is_some));
    let of_course = move |part: fn(&Course) -> &str| {
        move || course.with(|course| course.as_ref().map(|course| part(course).to_owned()))
    };
    let axis = Memo::new(move |_| match bar.with(|bar| bar.as_ref().is_some_and(|(of_run, _)| *of_run)) {
        true => text.bar_of_test.to_owned(),
        false => (text.bar_of_now)(&time(Recent::STEPS)),
    });
    move || {
        is_known.get().then(|| {
            let said = of_course(|course| &course.said);
            view! {
                <div class="pulse" data-testid=id.clone()>
                    <svg
                        role="img"
                        aria-label=said
                        viewBox=format!("0 0 {} {HEIGHT}", Recent::STEPS)
                        preserveAspectRatio="none"
                        focusable="false"
                    >
                        <title>{of_course(|course| &course.said)}</title>
                        <path d=of_course(|course| &course.path) />
                    </svg>
                    <span aria-hidden="true" title=of_course(|course| &course.said)>{of_course(|course| &course.range)}</span>
                    {move || bar.get().map(|(_, bar)| drawn_bar(bar))}
                    <span class="muted">{axis}</span>
                </div>
            }
            .into_any()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_runs_through_answers_and_not_where_none_came() {
        assert_eq!(path(&[]), "");
        assert_eq!(path(&[None, None]), "", "no data is no line at zero");
        // Of 90 steps the last five.
        let latency = [Some(0), Some(50), None, Some(100), None];
        assert_eq!(path(&latency), "M85.5 23.0L86.5 12.0M88.5 1.0h0");
        assert_eq!(path(&[Some(3000), Some(1500)]), "M88.5 1.0L89.5 12.0", "slow ones make room");
    }

    #[test]
    fn its_range_and_its_silence_are_said() {
        let course = Course::of(&[Some(12), None, Some(3100)], Lang::En);
        let said = "Latency of our probe in the last 6 s: 1.20 ms–310 ms; no good answer for 2 s";
        assert_eq!((course.range.as_str(), course.said.as_str()), ("1.20 ms–310 ms", said));
        let course = Course::of(&[Some(12)], Lang::De);
        assert_eq!(course.said, "Latenz unserer Probe, letzte 2 s: 1,20 ms");
        let silent = Course::of(&[None, None], Lang::De);
        assert_eq!(silent.said, "Latenz unserer Probe, letzte 4 s: –; 4 s lang keine gute Antwort");
    }
}
