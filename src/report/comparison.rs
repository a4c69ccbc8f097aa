//! Runs beside each other, drawn by the server.

use std::sync::Arc;

use leptos::prelude::*;

use crate::domain::{
    compare::{Difference, Figure, Turn},
    detail::Detail,
    endpoints::{self, Compared},
    format,
    frame::{History, Metric},
    prefs::Lang,
    run::{Run, RunState, ServiceTotals},
};
use crate::ui::{
    charts::compared_charts,
    parts::LocalTime,
    show,
    text::{use_lang, use_text},
};

use super::{drawn, words::Words};

/// What charts compare.
const METRICS: [Metric; 4] = [Metric::P95, Metric::FailedShare, Metric::RequestRate, Metric::Vus];

/// What is compared of a service.
const OF_SERVICE: [Figure; 4] = [Figure::P95, Figure::FailedShare, Figure::RequestRate, Figure::Requests];

/// What a run is held against its baseline by.
const OF_BASELINE: [Figure; 4] = [Figure::P95, Figure::P99, Figure::FailedShare, Figure::RequestRate];

/// A run that is compared.
#[derive(Debug, Clone)]
pub struct Column {
    /// The run.
    pub run: Run,
    /// Its values over time.
    pub history: History,
    /// Its endpoints; none: nobody counted them.
    pub detail: Option<Arc<Detail>>,
}

/// Two to four runs beside each other, the first of which the others are held against.
pub fn comparison_html(columns: &[Column], lang: Lang) -> String {
    let columns = columns.to_vec();
    drawn(lang, || view! { <Comparison columns /> }.into_any())
}

/// How a run stands against the baseline of its target.
pub fn against_html(run: &Run, baseline: &Run, lang: Lang) -> String {
    let runs = [baseline.clone(), run.clone()];
    drawn(lang, || view! { <Against runs /> }.into_any())
}

#[component]
fn Comparison(columns: Vec<Column>) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let runs = columns.iter().map(|column| column.run.clone()).collect::<Vec<_>>();
    let names = (0..runs.len()).map(letter).collect::<Vec<_>>();
    let details = columns.iter().map(|column| column.detail.as_deref()).collect::<Vec<_>>();
    let (compared, known) = (Compared::of(&details), details.iter().map(Option::is_some).collect::<Vec<_>>());
    let endpoint_names = names.clone();
    let charts =
        compared_charts(&METRICS, &names, &columns.iter().map(|c| (&c.run, &c.history)).collect::<Vec<_>>(), lang);
    view! {
        <ol class="compared" data-testid="compared">
            {runs.iter().enumerate().map(|(place, run)| view! { <About place run=run.clone() /> }).collect_view()}
        </ol>
        <section class="card">
            <h2>{text.compare_figures}</h2>
            <p class="muted">{text.compare_hint}</p>
            <Table rows=figures(&runs, lang) names=names.clone() label=text.compare_figures />
        </section>
        <section class="report-charts">
            <h2>{text.report_over_time}</h2>
            {charts}
        </section>
        <ByService runs />
        <ByEndpoint compared known names=endpoint_names />
    }
}

/// What stands for a run in tables and charts.
fn letter(place: usize) -> String {
    char::from(b'A' + u8::try_from(place).unwrap_or_default()).to_string()
}

#[component]
fn About(place: usize, run: Run) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let named = Some(run.labels.name.clone()).filter(|name| !name.is_empty());
    let name = named.unwrap_or_else(|| show::target(&run.plan.target, text));
    let about = format!("{} · {}", show::pattern(&run.plan, text), show::peak(&run.plan, lang));
    let badge = match &run.state {
        RunState::Finished(outcome) => show::verdict(outcome, text),
        _ => show::state(Some(&run), text),
    };
    view! {
        <li class="card" data-place=place.to_string()>
            <p class="compared-name"><strong class="compared-mark">{letter(place)}</strong> <a class="link" href=format!("/runs/{}", run.id)><bdi>{name}</bdi></a></p>
            <p class="muted">{about}</p>
            <p class="muted"><LocalTime at_ms=run.created_ms date=true /></p>
            <p>
                <span class="badge" data-state=badge.0>{badge.1}</span>
                " "
                {run.labels.baseline.then(|| view! { <span class="tag">{text.baseline}</span> })}
            </p>
            {(place == 0).then(|| view! { <p class="muted">{text.compare_first}</p> })}
        </li>
    }
}

/// A row: what it is of, and for each run its value with its difference from the first one.
type Line = (String, Vec<(String, Option<(Turn, String)>)>);

/// The rows of the figures of which at least one run has a value.
fn figures(runs: &[Run], lang: Lang) -> Vec<Line> {
    let of = |figure: &Figure| {
        let values = runs.iter().map(|run| figure.of(run.totals.as_ref()?)).collect::<Vec<_>>();
        line(*figure, &values, lang)
    };
    Figure::ALL.iter().filter_map(of).collect()
}

fn line(figure: Figure, values: &[Option<f64>], lang: Lang) -> Option<Line> {
    values.iter().any(Option::is_some).then_some(())?;
    let differences = Difference::of_all(figure.wish(), values);
    let shown = values.iter().map(|value| format::value_or_none(figure.unit(), *value, show::numbers(lang)));
    let told = [None]
        .into_iter()
        .chain(differences)
        .map(|one| one.map(|one| (one.turn, show::difference(&one, figure, lang))));
    Some(((lang.text().figure_of_run)(figure).to_owned(), shown.zip(told).collect()))
}

fn row((name, values): Line) -> impl IntoView {
    let values = values.into_iter().map(|(value, told)| {
        let told = told.map(|(turn, words)| view! { <span class="turn" data-turn=show::turn(turn)>{words}</span> });
        view! { <td class="num">{value} {told}</td> }
    });
    view! { <tr><th scope="row">{name}</th>{values.collect_view()}</tr> }
}

#[component]
fn Table(rows: Vec<Line>, names: Vec<String>, label: &'static str) -> impl IntoView {
    let text = use_text();
    view! {
        <div class="table-wrap" tabindex="0" role="group" aria-label=label>
            <table class="compare-table">
                <thead>
                    <tr>
                        <th scope="col"><span class="visually-hidden">{text.compare_figure}</span></th>
                        {names.into_iter().map(|name| view! { <th scope="col" class="num">{name}</th> }).collect_view()}
                    </tr>
                </thead>
                <tbody>{rows.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}

#[component]
fn ByService(runs: Vec<Run>) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let mut services: Vec<String> = Vec::new();
    for service in runs.iter().flat_map(Run::by_service) {
        if !services.contains(&service.name) {
            services.push(service.name.clone());
        }
    }
    let names = (0..runs.len()).map(letter).collect::<Vec<_>>();
    let cards = services.into_iter().map(|name| {
        let of = |run: &Run| -> Option<ServiceTotals> { run.by_service().iter().find(|one| one.name == name).cloned() };
        let found = runs.iter().map(of).collect::<Vec<_>>();
        let rows = OF_SERVICE.iter().filter_map(|figure| {
            let values = found.iter().map(|one| figure.of_service(one.as_ref()?)).collect::<Vec<_>>();
            line(*figure, &values, lang)
        });
        let rows = rows.collect::<Vec<_>>();
        view! {
            <section class="card">
                <h3>{name}</h3>
                <Table rows names=names.clone() label=text.compare_figures />
            </section>
        }
    });
    view! {
        <section class="compare-services">
            <h2>{text.by_service}</h2>
            {cards.collect_view()}
        </section>
    }
}

/// Most endpoints that are shown.
const ENDPOINTS: usize = 50;

/// What went to each endpoint; `known`: whether somebody counted it in each run.
#[component]
fn ByEndpoint(compared: Vec<Compared>, known: Vec<bool>, names: Vec<String>) -> impl IntoView {
    let lang = use_lang();
    let words = Words::of(lang);
    if compared.is_empty() {
        return ().into_any();
    }
    let listed = |chosen: &dyn Fn(usize) -> bool| {
        let chosen = names.iter().enumerate().filter(|(place, _)| chosen(*place));
        chosen.map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let unknown = listed(&|place| !known[place]);
    let unknown = (!unknown.is_empty()).then(|| view! { <p class="muted">{(words.compare_uncounted)(&unknown)}</p> });
    let more = compared.len().saturating_sub(ENDPOINTS);
    let more = (more > 0).then(|| view! { <p class="muted">{(words.compare_more_endpoints)(more)}</p> });
    let group = |one: &Compared| {
        let lines = endpoints::FIGURES.iter().filter_map(|figure| {
            let values = one.sums.iter().map(|sum| figure.of_endpoint(sum.as_ref()?)).collect::<Vec<_>>();
            line(*figure, &values, lang)
        });
        let absent = listed(&|place| known[place] && one.sums[place].is_none());
        let absent = (!absent.is_empty()).then(|| (words.compare_absent)(&absent));
        let status = if one.status == "0" { words.no_answer } else { one.status.as_str() };
        view! {
            <tbody data-testid="compared-endpoint">
                <tr>
                    <th scope="rowgroup" colspan=(names.len() + 1).to_string()>
                        <span class="code">{one.method.clone()}" "<bdi>{one.name.clone()}</bdi></span>
                        <span class="muted">" · "{(words.compare_status)(status)}</span>
                        {absent.map(|absent| view! { <strong class="absent">{absent}</strong> })}
                    </th>
                </tr>
                {lines.map(row).collect_view()}
            </tbody>
        }
    };
    let groups = compared.iter().take(ENDPOINTS).map(group).collect_view();
    let head = names.iter().map(|name| view! { <th scope="col" class="num">{name.clone()}</th> }).collect_view();
    view! {
        <section class="card" data-testid="compare-endpoints">
            <h2>{words.endpoints}</h2>
            <p class="muted">{words.compare_endpoints_hint}</p>
            {unknown}
            <div class="table-wrap" tabindex="0" role="group" aria-label=words.endpoints>
                <table class="compare-table">
                    <thead>
                        <tr>
                            <th scope="col"><span class="visually-hidden">{lang.text().compare_figure}</span></th>
                            {head}
                        </tr>
                    </thead>
                    {groups}
                </table>
            </div>
            {more}
        </section>
    }
    .into_any()
}

#[component]
fn Against(runs: [Run; 2]) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let [baseline, run] = &runs;
    let values = |figure: &Figure| runs.iter().map(|run| figure.of(run.totals.as_ref()?)).collect::<Vec<_>>();
    let rows = OF_BASELINE.iter().filter_map(|figure| line(*figure, &values(figure), lang)).collect::<Vec<_>>();
    let names = vec![text.baseline.to_owned(), text.compare_this.to_owned()];
    view! {
        <section class="card" data-testid="against">
            <header class="run-head">
                <h2>{text.against}</h2>
                <a class="link" href=format!("/runs/compare?ids={},{}", baseline.id, run.id)>{text.compare_more}</a>
            </header>
            <Table rows names label=text.against />
        </section>
    }
}
