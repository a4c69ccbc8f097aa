//! The live numbers by service, and by HTTP status.

use leptos::prelude::*;

use crate::{
    domain::{
        format,
        frame::{Dimension, Metric, Unit},
        run::Run,
    },
    ui::{
        condition::{ConditionBadge, Of, Watched, experience},
        live::Live,
        show,
        text::{use_lang, use_text},
    },
};

/// The processes besides services whose use of the machine is measured.
const OTHERS: &[&str] = &["k6", "host"];

/// A row a service, and below them k6 and the host.
#[component]
pub fn ByService() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let names = Memo::new(move |_| {
        live.state.with(|state| {
            let services = state.snapshot.status.services.iter().map(|status| status.service.name.clone());
            services.collect::<Vec<_>>()
        })
    });
    view! {
        <section class="card">
            <h2>{text.by_service}</h2>
            <div class="table-wrap" tabindex="0" role="group" aria-label=text.by_service>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{text.service}</th>
                            <th scope="col">{text.health}</th>
                            <th scope="col" class="num">{(text.metric)(Metric::RequestRate).name}</th>
                            <th scope="col" class="num">{(text.metric)(Metric::FailedShare).name}</th>
                            <th scope="col" class="num">"p95"</th>
                            <th scope="col" class="num">{text.cpu}</th>
                            <th scope="col" class="num">{text.memory}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {move || names.get().into_iter().map(|name| view! { <ServiceRow name /> }).collect_view()}
                        {OTHERS.iter().map(|name| view! { <ProcessRow name /> }).collect_view()}
                    </tbody>
                </table>
            </div>
        </section>
    }
}

/// What a process uses of the machine as text, kept up to date.
fn cell(metric: Metric, name: String) -> Memo<String> {
    let live: Live = expect_context();
    let lang = use_lang();
    Memo::new(move |_| {
        let value = live.state.with(|state| state.snapshot.frame.get_part(metric, Dimension::Process, &name));
        match metric.spec().unit {
            Unit::Cores => show::cpu(value, lang),
            unit => format::value_or_none(unit, value, show::numbers(lang)),
        }
    })
}

#[component]
fn ServiceRow(name: String) -> impl IntoView {
    let live: Live = expect_context();
    let lang = use_lang();
    let watched = Watched::new(Of::Run, &name);
    let service = name.clone();
    let got = Memo::new(move |_| {
        live.state.with(|state| live.run.with(|run| experience(Of::Run, state, run.as_ref(), &service)))
    });
    let figure = move |unit, value| format::value_or_none(unit, value, show::numbers(lang));
    let process = |metric| cell(metric, name.clone());
    view! {
        <tr
            data-testid=format!("service-{name}")
            data-health=move || show::health(&watched.health.get(), lang).0
            data-condition=move || watched.condition.get().id()
        >
            <th scope="row">{name.clone()}</th>
            <td><ConditionBadge watched /></td>
            <td class="num">{move || show::parts(Unit::PerSecond, got.get().rate, lang).0}</td>
            <td class="num">{move || figure(Unit::Share, got.get().failed)}</td>
            <td class="num">{move || figure(Unit::Seconds, got.get().p95_s)}</td>
            <td class="num">{process(Metric::Cpu)}</td>
            <td class="num">{process(Metric::Memory)}</td>
        </tr>
    }
}

#[component]
fn ProcessRow(name: &'static str) -> impl IntoView {
    let text = use_text();
    let process = |metric| cell(metric, name.to_owned());
    view! {
        <tr class="other">
            <th scope="row">{if name == "host" { text.host } else { name }}</th>
            <td></td>
            <td></td>
            <td></td>
            <td></td>
            <td class="num">{process(Metric::Cpu)}</td>
            <td class="num">{process(Metric::Memory)}</td>
        </tr>
    }
}

/// Requests per second by HTTP status, over a whole run that is over.
fn whole_rates(run: &Run) -> Vec<(String, f64)> {
    let elapsed_s = run.elapsed_s(run.ended_ms.unwrap_or_default()).max(1.0);
    let statuses = run.totals.iter().flat_map(|totals| &totals.statuses);
    statuses.map(|(status, requests)| (status.clone(), requests / elapsed_s)).collect()
}

/// A row an HTTP status, with its share of all requests.
#[component]
pub fn ByStatus() -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    // What went where over the whole test, once it is over.
    let whole =
        Memo::new(move |_| live.run.with(|run| run.as_ref().filter(|run| !run.state.is_active()).map(whole_rates)));
    let rows = Memo::new(move |_| {
        if let Some(rates) = whole.get() {
            return rates;
        }
        live.state.with(|state| {
            let rates = state.snapshot.frame.values.iter().filter_map(|(key, rate)| match &key.part {
                Some((Dimension::Status, status)) if key.metric == Metric::RequestRate => Some((status.clone(), *rate)),
                _ => None,
            });
            rates.collect::<Vec<_>>()
        })
    });
    view! {
        <section class="card">
            <h2>{text.by_status}</h2>
            <div class="table-wrap" tabindex="0" role="group" aria-label=text.by_status>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{text.status}</th>
                            <th scope="col" class="num">{(text.metric)(Metric::RequestRate).name}</th>
                            <th scope="col" class="num">{text.share}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {move || {
                            let rows = rows.get();
                            let all: f64 = rows.iter().map(|(_, rate)| rate).sum();
                            if rows.is_empty() {
                                let over = whole.with(Option::is_some);
                                let words = if over { format::NO_DATA } else { text.no_requests };
                                return view! { <tr><td colspan="3" class="muted">{words}</td></tr> }.into_any();
                            }
                            rows.into_iter()
                                .map(|(status, rate)| {
                                    let share = (all > 0.0).then(|| rate / all);
                                    let tone = match status.as_bytes().first() {
                                        Some(b'2' | b'3') => "ok",
                                        Some(b'4') => "warn",
                                        _ => "bad",
                                    };
                                    let word = if status == "0" { text.no_response.to_owned() } else { status };
                                    view! {
                                        <tr>
                                            <th scope="row"><span class="status" data-tone=tone>{word}</span></th>
                                            <td class="num">{show::parts(Unit::PerSecond, Some(rate), lang).0}</td>
                                            <td class="num">
                                                {format::value_or_none(Unit::Share, share, show::numbers(lang))}
                                            </td>
                                        </tr>
                                    }.into_any()
                                })
                                .collect_view()
                                .into_any()
                        }}
                    </tbody>
                </table>
            </div>
        </section>
    }
}
