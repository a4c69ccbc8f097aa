//! A run as one HTML file: for a pipeline's artefacts, for mail, for paper. No script, no network, nothing to serve.

mod comparison;
mod detail;
mod faults;
mod files;
mod log;
mod note;
mod parts;
mod sharing;
#[cfg(test)]
mod tests;
mod trend;
mod whole;
mod words;
mod zoom;

pub use self::{
    detail::detail_page,
    files::files_html,
    log::log_page,
    sharing::{share_closed_html, share_made_html, share_refused_html, shares_html},
    trend::trend_html,
    whole::sentences,
};

use std::sync::Arc;

use leptos::prelude::*;

pub use self::{
    comparison::{Column, against_html, comparison_html},
    note::note_html,
};
use self::{
    faults::Faults,
    parts::{Part, parts},
    words::Words,
};
use crate::domain::{
    Millis,
    cost::Figure,
    format::{self, NO_DATA},
    frame::{History, Metric, Unit},
    live::LiveState,
    origin::Origin,
    picture::{Course, RunPicture},
    prefs::Lang,
    run::{Run, RunId, RunState, ServiceTotals, Verdict},
    service::ServiceStatus,
    story,
    threshold::Observed,
    timeline::{self, Entry},
    zoom::ZoomDraft,
};
use crate::ui::{
    charts::{SchedulePreview, drawn_charts},
    load::VerdictView,
    parts::{RunTime, literal},
    show,
    text::{use_lang, use_text},
};

/// The page's own style and what only a report needs, in the order in which they build on each other.
const STYLE: &[&str] = &[
    include_str!("../style/tokens.css"),
    include_str!("../style/base.css"),
    include_str!("../style/layout.css"),
    include_str!("../style/run.css"),
    include_str!("../style/numbers.css"),
    include_str!("../style/detail.css"),
    include_str!("../style/charts.css"),
    include_str!("../style/report.css"),
    include_str!("../style/colours.css"),
    include_str!("../style/print.css"),
];

/// Wherever the file is opened: it loads nothing, runs nothing and sends nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";

/// Most log lines in a file, and of those that tell why it ended.
const LOG_LINES: usize = 200;
const LAST_LINES: usize = 40;

/// The report of a run as a file; `log` holds k6's last lines, oldest first.
pub fn html(picture: &RunPicture, log: &[String], lang: Lang) -> String {
    let told = Told::new(picture);
    let title = (lang.text().report_of)(&show::target(&picture.run.plan.target, lang.text()));
    document(lang, title, || view! { <Body told log=log.to_vec() /> }.into_any())
}

/// The report of a run without a document around it, with the whole log, for the page of the run, which can ask for a stretch
/// of the charts' time axis.
pub fn inner_html(picture: &RunPicture, log: &[String], zoom: &ZoomDraft, lang: Lang) -> String {
    let told = Told::new(picture);
    drawn(lang, || {
        view! {
            <Content told zoom=Some(zoom.clone()) among="no-script-only" />
            <Log log=log.to_vec() />
        }
        .into_any()
    })
}

/// The log alone, for the page of a run at work.
pub fn log_html(log: &[String], lang: Lang) -> String {
    drawn(lang, || view! { <Log log=log.to_vec() /> }.into_any())
}

/// On a thread of its own: here somebody else may own what is drawn, such as a page that asks for it and is drawn anew meanwhile
/// by another thread, and then the report's values would be gone before they are written down.
pub(crate) fn drawn(lang: Lang, view: impl FnOnce() -> AnyView + Send) -> String {
    let draw = || {
        Owner::new().with(|| {
            provide_context(lang);
            view().to_html()
        })
    };
    std::thread::scope(|threads| threads.spawn(draw).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// What a report tells of.
#[derive(Clone)]
struct Told {
    run: Run,
    state: LiveState,
    course: Course,
    picture: Arc<RunPicture>,
}

impl Told {
    /// The run and what was measured of it while it was at work.
    fn new(picture: &RunPicture) -> Self {
        let RunPicture { run, course, detail, .. } = picture;
        let snapshot = picture.own();
        let state = LiveState { snapshot };
        let snapshot = Arc::new(state.snapshot.clone());
        let (run, course) = (run.clone(), course.clone());
        let picture = RunPicture { run: run.clone(), snapshot, course: course.clone(), detail: detail.clone() };
        Self { run, state, course, picture: Arc::new(picture) }
    }
}

/// The report of a test of `target` that did not come to run, or of which nobody knows how it ended.
pub fn html_without_run(target: &str, why: &str, lang: Lang) -> String {
    let text = lang.text();
    let heading = (text.run_heading)(&show::target(target, text));
    let why = why.to_owned();
    document(lang, (text.report_of)(&show::target(target, text)), move || {
        view! {
            <Head heading badge=("failed", text.report_not_run) />
            <main class="report">
                <div class="verdict" data-testid="verdict" data-verdict="failed">
                    <p class="verdict-word">{text.report_not_run}</p>
                    <p>{text.report_not_run_reason}</p>
                    <pre>{why}</pre>
                </div>
            </main>
            <Foot k6=None />
        }
        .into_any()
    })
}

fn document(lang: Lang, title: String, body: impl FnOnce() -> AnyView + Send) -> String {
    drawn(lang, || {
        view! {
            <!DOCTYPE html>
            <html lang=lang.tag()>
                <head>
                    <meta charset="utf-8" />
                    <meta http-equiv="Content-Security-Policy" content=POLICY />
                    <meta name="viewport" content="width=device-width, initial-scale=1" />
                    <meta name="color-scheme" content="light dark" />
                    <title inner_html=literal(&title)></title>
                    <style inner_html=STYLE.concat()></style>
                </head>
                <body>{body()}</body>
            </html>
        }
        .into_any()
    })
}

#[component]
fn Head(heading: String, badge: (&'static str, &'static str)) -> impl IntoView {
    let text = use_text();
    view! {
        <header class="report-head">
            <p class="muted">{text.app_name}</p>
            <div class="run-head">
                <h1>{heading}</h1>
                <span class="badge" data-state=badge.0>{badge.1}</span>
            </div>
        </header>
    }
}

#[component]
fn Foot(k6: Option<String>) -> impl IntoView {
    let text = use_text();
    let k6 = k6.unwrap_or_else(|| NO_DATA.into());
    view! { <footer class="report-foot muted">{(text.report_footer)(env!("CARGO_PKG_VERSION"), &k6)}</footer> }
}

#[component]
fn Body(told: Told, log: Vec<String>) -> impl IntoView {
    let text = use_text();
    let run = told.run.clone();
    let (badge, tells_log) = match &run.state {
        RunState::Finished(outcome) => {
            let tells_log = matches!(outcome, Verdict::Crashed { .. } | Verdict::TimedOut);
            (show::verdict(outcome, text), tells_log && !log.is_empty())
        }
        _ => (show::state(Some(&run), text), false),
    };
    let last = |most: usize| log[log.len().saturating_sub(most)..].join("\n");
    let (lines, most) = (last(LAST_LINES), last(LOG_LINES));
    let k6 = Some(run.origin.k6.clone()).filter(|version| !version.is_empty());
    view! {
        <Head heading=(text.run_heading)(&show::target(&run.plan.target, text)) badge />
        <main class="report">
            <Content told zoom=None among="" />
            {tells_log
                .then(|| {
                    view! {
                        <section class="card" data-testid="log">
                            <h2>{text.report_last_lines}</h2>
                            <pre class="report-log">{lines}</pre>
                        </section>
                    }
                })}
            {(!log.is_empty())
                .then(|| {
                    view! {
                        <details class="card" data-testid="whole-log">
                            <summary>{text.k6_log}</summary>
                            <pre class="report-log">{most}</pre>
                        </details>
                    }
                })}
        </main>
        <Foot k6 />
    }
}

/// Everything but head, log and foot.
#[component]
fn Content(
    told: Told,
    /// What of the time axis is asked for; `None`: that can't be asked here.
    zoom: Option<ZoomDraft>,
    /// The class of what the page of the run shows otherwise.
    among: &'static str,
) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let Told { run, state, course, picture } = told;
    let is_over = !run.state.is_active() && run.started_ms.is_some();
    let told = move |of: fn(&RunPicture, Lang) -> String| if is_over { of(&picture, lang) } else { String::new() };
    let durations = |picture: &RunPicture, lang| {
        let detail = picture.detail.as_deref();
        detail.map(|detail| whole::durations(detail, picture.run.totals.as_ref(), lang)).unwrap_or_default()
    };
    let endpoints = |picture: &RunPicture, lang| detail::whole(&picture.run, picture.detail.as_deref(), lang);
    let verdict = match &run.state {
        RunState::Finished(outcome) => view! { <VerdictView run=run.clone() outcome=outcome.clone() /> }.into_any(),
        _ => view! { <p class="notice warn">{text.report_unfinished}</p> }.into_any(),
    };
    view! {
        {verdict}
        <div class="told" inner_html=told(whole::story)></div>
        <div class="report-pair">
            <PlanCard run=run.clone() />
            <Thresholds seen=run.thresholds.clone() run=run.clone() history=state.snapshot.history.clone() />
        </div>
        <section class="report-charts" id=zoom::PLACE>
            <h2>{text.report_over_time}</h2>
            <Charts state=state.clone() course run=run.id.clone() zoom />
        </section>
        <Faults costed=state.snapshot.status.costed(&run.id) run=run.clone() />
        <Availability run=run.clone() services=state.snapshot.status.services.clone() />
        <ByService parts=parts(&state.snapshot) />
        <div class="told" inner_html=told(durations)></div>
        <div class=format!("card detail {among}") data-testid="endpoints" inner_html=told(endpoints)></div>
        <div class="told" inner_html=told(whole::generator)></div>
        <div class="told" inner_html=told(whole::gaps)></div>
        <Timeline entries=timeline::entries(&state.snapshot.events, Some(&run)) origin_ms=timeline::origin_ms(&run) />
    }
}

/// The course over time, or why it is not there.
#[component]
fn Charts(state: LiveState, course: Course, run: RunId, zoom: Option<ZoomDraft>) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    if !state.snapshot.history.is_empty() {
        return match zoom {
            Some(zoom) => zoom::zoomed_charts(&run, &state, &zoom, lang),
            None => drawn_charts(&state, None, lang).into_any(),
        };
    }
    let (class, words, why) = match course {
        Course::Known => ("muted", text.report_no_rows, None),
        Course::Reading => ("muted", text.course_reading, None),
        Course::Gone => ("notice warn", text.course_gone, None),
        Course::Unread { why } => ("notice warn", text.course_unread, Some(why)),
    };
    view! {
        <div class=class data-testid="no-course">
            <p>{words}</p>
            {why.map(|why| view! { <p lang="en">{why}</p> })}
        </div>
    }
    .into_any()
}

/// Everything that k6 said last.
#[component]
fn Log(log: Vec<String>) -> impl IntoView {
    let text = use_text();
    let lines = if log.is_empty() {
        view! { <p class="muted">{text.log_empty}</p> }.into_any()
    } else {
        view! {
            <pre class="log" tabindex="0" role="group" aria-label=text.k6_log>
                {log.join("\n")}
            </pre>
        }
        .into_any()
    };
    view! {
        <section class="card" id="log">
            <h2>{text.k6_log}</h2>
            {lines}
        </section>
    }
}

#[component]
fn PlanCard(run: Run) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let started = show::utc(run.started_ms.unwrap_or(run.created_ms));
    let machine = format!("{}Z", started.replace(' ', "T"));
    let schedule = run.schedule.clone();
    let scenario = run.scenario.as_ref().map(|scenario| {
        view! { <div><dt>{text.scenario}</dt><dd class="break">{scenario.name.clone()}</dd></div> }
    });
    let steps = run.scenario.as_ref().map(|scenario| show::scenario::marks(scenario, text)).unwrap_or_default();
    let (words, Origin { door, engine, k6, scripts, .. }) = (Words::of(lang), &run.origin);
    let came = [
        (words.door, (words.doors)(door).map(str::to_owned)),
        (words.engine, (!engine.is_empty()).then(|| (words.engines)(engine, k6))),
        (words.revision, (!scripts.is_empty()).then(|| scripts.clone())),
    ];
    let came = came.into_iter().filter_map(|(name, value)| Some((name, value?)));
    view! {
        <section class="card">
            <h2>{text.report_plan}</h2>
            <dl class="facts wide">
                <div><dt>{text.pattern}</dt><dd>{show::pattern(&run.plan, text)}</dd></div>
                <div><dt>{text.peak}</dt><dd>{show::peak(&run.plan, lang)}</dd></div>
                <div><dt>{text.duration}</dt><dd>{show::duration(run.duration_s())}</dd></div>
                <div><dt>{text.request_timeout}</dt><dd>{show::duration(run.plan.request_timeout_s)}</dd></div>
                <div><dt>{text.script}</dt><dd class="break">{run.plan.script.clone()}</dd></div>
                {scenario}
                <div><dt>{text.started_at}</dt><dd><time datetime=machine>{started}" UTC"</time></dd></div>
                {came.map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> }).collect_view()}
                <div><dt>{text.run_id}</dt><dd class="break code">{run.id.to_string()}</dd></div>
            </dl>
            {schedule.map(|schedule| view! { <SchedulePreview schedule=Signal::stored(Some(schedule)) steps=Signal::stored(steps) /> })}
        </section>
    }
}

#[component]
fn Thresholds(seen: Vec<Observed>, run: Run, history: History) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let words = Words::of(lang);
    let held = move |seen: &Observed| {
        let kept = story::kept(&seen.threshold, &history)?;
        Some(kept.held_ms as f64 / kept.judged_ms as f64)
    };
    let row = |seen: Observed| {
        let (state, tone, word) = match show::holds(&seen) {
            Some(true) => ("true", "ok", text.threshold_ok),
            Some(false) => ("false", "bad", text.threshold_bad),
            None => ("unknown", "", text.report_not_measured),
        };
        let disagrees = match (seen.ok, seen.k6_ok) {
            (Some(ours), Some(k6)) if ours != k6 => Some((text.k6_disagrees)(k6)),
            _ => None,
        };
        let rule = seen.threshold.to_string();
        let held = format::value_or_none(Unit::Share, held(&seen), show::numbers(lang));
        view! {
            <tr data-testid="threshold" data-threshold=rule.clone() data-ok=state>
                <th scope="row"><code>{rule.clone()}</code></th>
                <td class="num" data-label=text.threshold_limit>{seen.threshold.comparison.sign()} " " {show::limit(&seen.threshold, lang)}</td>
                <td class="num" data-label=text.report_measured>{show::threshold_value(&seen.threshold, seen.value, lang)}</td>
                <td class="num" data-label=words.held_share>{held}</td>
                <td>
                    <span class="status" data-tone=tone>{word}</span>
                    {disagrees.map(|words| view! { <br /><span class="muted">{words}</span> })}
                </td>
            </tr>
        }
    };
    let table = if seen.is_empty() {
        view! { <p class="muted">{text.thresholds_none}</p> }.into_any()
    } else {
        view! {
            <table class="report-rules">
                <thead>
                    <tr>
                        <th scope="col">{text.report_rule}</th>
                        <th scope="col" class="num">{text.threshold_limit}</th>
                        <th scope="col" class="num">{text.report_measured}</th>
                        <th scope="col" class="num">{words.held_share}</th>
                        <th scope="col">{text.report_result}</th>
                    </tr>
                </thead>
                <tbody>{seen.into_iter().map(row).collect_view()}</tbody>
            </table>
            <p class="muted">{words.held_hint}</p>
        }
        .into_any()
    };
    view! {
        <section class="card">
            <h2>{text.threshold_heading}</h2>
            {table}
            <div class="told" inner_html=whole::criteria(&run.criteria, lang)></div>
            <div class="told" inner_html=whole::regressions(&run, lang)></div>
        </section>
    }
}

#[component]
fn ByService(parts: Vec<Part>) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    if parts.is_empty() {
        return ().into_any();
    }
    let shown = move |unit, value| format::value_or_none(unit, value, show::numbers(lang));
    let row = |part: Part| {
        let name = if part.name == "host" { text.host.to_owned() } else { part.name };
        view! {
            <tr data-testid="report-service">
                <th scope="row">{name}</th>
                <td class="num">{show::parts(Unit::PerSecond, part.rate, lang).0}</td>
                <td class="num">{shown(Unit::Share, part.failed)}</td>
                <td class="num">{shown(Unit::Seconds, part.p95)}</td>
                <td class="num">{show::cpu(part.cpu, lang)}</td>
                <td class="num">{shown(Unit::Bytes, part.memory)}</td>
            </tr>
        }
    };
    view! {
        <section class="card">
            <h2>{text.by_service}</h2>
            <p class="muted">{text.report_service_hint}</p>
            <div class="table-wrap" tabindex="0" role="group" aria-label=text.by_service>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{text.service}</th>
                            <th scope="col" class="num">{text.report_rate}</th>
                            <th scope="col" class="num">{(text.metric)(Metric::FailedShare).name}</th>
                            <th scope="col" class="num">{text.report_p95}</th>
                            <th scope="col" class="num">{text.report_cpu}</th>
                            <th scope="col" class="num">{text.report_memory}</th>
                        </tr>
                    </thead>
                    <tbody>{parts.into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

/// How available each service was; nothing where the store told nothing of it.
#[component]
fn Availability(run: Run, services: Vec<ServiceStatus>) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let asked = run.by_service().iter().filter(|service| service.requests > 0.0).cloned().collect::<Vec<_>>();
    if asked.is_empty() {
        return ().into_any();
    }
    let or_none = |value: Option<String>| value.unwrap_or_else(|| NO_DATA.to_owned());
    let row = |told: ServiceTotals| {
        let known = services.iter().find(|status| status.service.name == told.name);
        let slo = known.and_then(|status| status.service.slo);
        let tally = told.tally();
        view! {
            <tr data-testid="report-availability">
                <th scope="row">{told.name.clone()}</th>
                <td class="num">{show::cost::availability(&tally, lang)}</td>
                <td class="num">{or_none(show::cost::longest_outage(&told, lang))}</td>
                <td class="num">{or_none(slo.map(|slo| show::cost::promise(&slo, lang)))}</td>
                <td class="num">{or_none(show::cost::budget_left(&tally, slo, lang))}</td>
            </tr>
        }
    };
    let rows = asked.into_iter().map(row).collect_view();
    view! {
        <section class="card">
            <h2>{text.availability}</h2>
            <p class="muted">{text.availability_hint}</p>
            <div class="table-wrap" tabindex="0" role="group" aria-label=text.availability>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{text.service}</th>
                            <th scope="col" class="num">{text.availability}</th>
                            <th scope="col" class="num">{(text.figure)(Figure::Outage)}</th>
                            <th scope="col" class="num">{text.slo}</th>
                            <th scope="col" class="num">{text.error_budget}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

/// What happened during the run, in the order in which it did.
#[component]
fn Timeline(entries: Vec<Entry>, origin_ms: Millis) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let item = |entry: Entry| {
        let (tone, words) = show::entry(&entry, origin_ms, lang);
        view! {
            <li data-tone=tone>
                <RunTime at_ms=entry.event.at_ms origin_ms />
                <span>{words}</span>
            </li>
        }
    };
    (!entries.is_empty()).then(|| {
        view! {
            <section class="card timeline">
                <h2>{text.timeline}</h2>
                <ol>{entries.into_iter().map(item).collect_view()}</ol>
            </section>
        }
    })
}
