//! How the last runs of one target came out: a line for each figure, every point of which leads to its run, and the same as a
//! table.

use std::fmt::Write;

use leptos::prelude::*;

use super::{drawn, words::Words};
use crate::{
    domain::{
        compare::Figure,
        format,
        prefs::Lang,
        run::RunId,
        trend::{self, FIGURES, Point},
    },
    ui::{parts::LocalTime, show, text::use_lang},
};

/// The size of a drawing, in its own units.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 72.0;

/// What a point takes beside its middle.
const EDGE: f64 = 8.0;

/// The trend of a target's last runs, oldest first, some of which may be `shown` beside it; empty: there are too few to tell one.
pub fn trend_html(points: &[Point], shown: &[RunId], lang: Lang) -> String {
    if points.len() < 2 {
        return String::new();
    }
    let (points, shown) = (points.to_vec(), shown.to_vec());
    drawn(lang, || view! { <Trend points shown /> }.into_any())
}

#[component]
fn Trend(points: Vec<Point>, shown: Vec<RunId>) -> impl IntoView {
    let lang = use_lang();
    let words = Words::of(lang);
    let lines = FIGURES.map(|figure| line(figure, &points, &shown, lang));
    let count = points.len();
    view! {
        <section class="card trend" data-testid="trend">
            <h2>{words.trend}</h2>
            <p class="muted">{(words.trend_hint)(count)}</p>
            <div class="trend-lines">{lines.into_iter().collect_view()}</div>
            <details>
                <summary>{words.trend_table}</summary>
                <Table points shown />
            </details>
        </section>
    }
}

/// What a point of a figure says.
fn said(point: &Point, figure: Figure, lang: Lang) -> String {
    let value = format::value_or_none(figure.unit(), point.of(figure), show::numbers(lang));
    let name = if point.name.is_empty() { String::new() } else { format!("{}, ", point.name) };
    let verdict = show::verdict(&point.verdict, lang.text()).1;
    format!("{value} · {name}{} UTC, {verdict}", show::utc(point.created_ms))
}

fn line(figure: Figure, points: &[Point], shown: &[RunId], lang: Lang) -> AnyView {
    let values = points.iter().map(|point| point.of(figure)).collect::<Vec<_>>();
    let numbers = show::numbers(lang);
    let told = |value| format::value_or_none(figure.unit(), value, numbers);
    let known = || values.iter().flatten().copied();
    let range = match known().reduce(f64::min).zip(known().reduce(f64::max)) {
        Some((least, most)) if least == most => String::new(),
        Some((least, most)) => format!("{} – {}", told(Some(least)), told(Some(most))),
        None => format::NO_DATA.to_owned(),
    };
    let at = |(x, y): (f64, f64)| (EDGE + x * (WIDTH - 2.0 * EDGE), HEIGHT - EDGE - y * (HEIGHT - 2.0 * EDGE));
    let places = trend::places(&values).into_iter().map(|place| place.map(at)).collect::<Vec<_>>();
    let mut path = String::new();
    let mut drawing = false;
    for place in &places {
        if let Some((x, y)) = place {
            // Writing to a text never fails.
            let _ = write!(path, "{}{x:.1} {y:.1}", if drawing { 'L' } else { 'M' });
        }
        drawing = place.is_some();
    }
    let dots = places.iter().zip(points).filter_map(|(place, point)| {
        let (x, y) = (*place)?;
        let said = said(point, figure, lang);
        let title = said.clone();
        let current = shown.contains(&point.run).then_some("true");
        let r = if current.is_some() { "5" } else { "3.5" };
        let failed = !matches!(show::verdict(&point.verdict, lang.text()).0, "passed");
        Some(view! {
            <a href=format!("/runs/{}", point.run) aria-label=said aria-current=current data-failed=failed.then_some("true")>
                <title>{title}</title>
                <circle cx=format!("{x:.1}") cy=format!("{y:.1}") r=r />
            </a>
        })
    });
    let name = (lang.text().figure_of_run)(figure);
    view! {
        <figure>
            <figcaption>
                <span>{name}</span>
                <strong class="tabular">{told(values.last().copied().flatten())}</strong>
                <span class="muted tabular">{range}</span>
            </figcaption>
            <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") role="group" aria-label=name>
                <line class="trend-zero" x1="0" x2=WIDTH.to_string() y1=(HEIGHT - EDGE).to_string() y2=(HEIGHT - EDGE).to_string() />
                <path d=path />
                {dots.collect_view()}
            </svg>
        </figure>
    }
    .into_any()
}

#[component]
fn Table(points: Vec<Point>, shown: Vec<RunId>) -> impl IntoView {
    let lang = use_lang();
    let (words, text, numbers) = (Words::of(lang), lang.text(), show::numbers(lang));
    let row = |point: Point| {
        let figures = FIGURES.map(|figure| format::value_or_none(figure.unit(), point.of(figure), numbers));
        let (state, verdict) = show::verdict(&point.verdict, text);
        let is_shown = shown.contains(&point.run);
        let name = (!point.name.is_empty()).then(|| view! { <bdi>{point.name.clone()}</bdi> " · " });
        view! {
            <tr>
                <th scope="row">
                    <a class="link" href=format!("/runs/{}", point.run) aria-current=is_shown.then_some("true")>
                        {name}
                        <LocalTime at_ms=point.created_ms date=true />
                    </a>
                </th>
                <td><span class="badge" data-state=state>{verdict}</span></td>
                {figures.into_iter().map(|value| view! { <td class="num">{value}</td> }).collect_view()}
            </tr>
        }
    };
    view! {
        <div class="table-wrap" tabindex="0" role="group" aria-label=words.trend>
            <table>
                <thead>
                    <tr>
                        <th scope="col">{words.trend_run}</th>
                        <th scope="col">{text.verdict}</th>
                        {FIGURES.map(|figure| view! { <th scope="col" class="num">{(text.figure_of_run)(figure)}</th> }).collect_view()}
                    </tr>
                </thead>
                <tbody>{points.into_iter().rev().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}
