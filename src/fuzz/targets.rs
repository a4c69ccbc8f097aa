//! The table of targets.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use axum::http::{HeaderMap, HeaderValue, header};
use ha_dashboard::{
    domain::{
        criterion::Criterion,
        duration,
        fault::{FaultKind, FaultPlace, FaultRules, FaultTarget, Guard, Hypothesis},
        labels::{LabelDraft, Labels},
        live::Cursor,
        past::Search,
        prefs::{LANG_COOKIE, Prefs, THEME_COOKIE},
        regression::Regression,
        scenario::ScenarioError,
        script::{Script, ScriptKind},
        threshold::{Selector, Threshold},
        validate::{Draft, Field, FieldName, Limits, Rules},
        zoom::{Zoom, ZoomDraft},
    },
    report::note_html,
    ui::live::parse::SseParser,
};
use scraper::Html;

use super::Target;
use crate::server::{
    config::{Surroundings, layers, parse},
    control::{
        log::{LogLine, merged},
        summary::Summary,
    },
    engine::{k6, log},
    hooks,
    http::{self, tests::fuzz as web},
    oidc, plans,
    prometheus::client,
    scenarios::shelf,
    scripts::inspect,
    services::{
        breakers,
        gateway::{door::Door, stats},
    },
};

/// Every way in.
pub const TARGETS: &[Target] = &[
    Target { name: "request", take: web::request },
    Target { name: "body", take: web::body },
    Target { name: "form", take: web::form },
    Target { name: "server-function", take: web::server_function },
    Target { name: "preferences", take: preferences },
    Target { name: "login-cookie", take: login_cookie },
    Target { name: "cursor", take: written_again::<Cursor> },
    Target { name: "search", take: search },
    Target { name: "stretch", take: stretch },
    Target { name: "draft", take: draft },
    Target { name: "labels", take: labels },
    Target { name: "threshold", take: written_again::<Threshold> },
    Target { name: "selector", take: written_again::<Selector> },
    Target { name: "criterion", take: written_again::<Criterion> },
    Target { name: "regression", take: written_again::<Regression> },
    Target { name: "hypothesis", take: written_again::<Hypothesis> },
    Target { name: "guard", take: written_again::<Guard> },
    Target { name: "duration", take: length },
    Target { name: "plan-file", take: plan_file },
    Target { name: "scenario-file", take: scenario_file },
    Target { name: "config-file", take: config_file },
    Target { name: "note", take: note },
    Target { name: "event-stream", take: event_stream },
    Target { name: "prometheus", take: prometheus },
    Target { name: "k6-log", take: k6_log },
    Target { name: "k6-summary", take: k6_summary },
    Target { name: "k6-inspect", take: k6_inspect },
    Target { name: "k6-version", take: k6_version },
    Target { name: "gateway-figures", take: gateway_figures },
    Target { name: "gateway-door", take: gateway_door },
    Target { name: "breakers", take: breaker_metrics },
    Target { name: "retry-after", take: retry_after },
];

/// Longest message about something that can't be read, in bytes.
const MESSAGE: usize = 2_000;

fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

/// A message that people can read.
fn is_told(error: &impl Display) {
    let told = error.to_string();
    assert!(!told.is_empty() && told.len() <= MESSAGE, "{} bytes: {told}", told.len());
}

/// What was read is written so that it is read again, and the same.
fn written_again<T: FromStr<Err: Display> + Display + PartialEq + std::fmt::Debug>(input: &[u8]) {
    match text(input).parse::<T>() {
        Ok(read) => {
            let written = read.to_string();
            let again = written.parse::<T>().map_err(|error| error.to_string());
            assert_eq!(again.as_ref(), Ok(&read), "{written}");
        }
        Err(error) => is_told(&error),
    }
}

fn login_cookie(input: &[u8]) {
    let text = text(input);
    if let Some((to, pending)) = http::oidc::read(&text) {
        // Nobody is led elsewhere by what a browser kept.
        assert!(to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\"), "{to}");
        if let Some(pending) = pending {
            assert_eq!(oidc::Pending::of_kept(&pending.kept()), Some(pending));
        }
    }
}

/// The two headers, a line each.
fn preferences(input: &[u8]) {
    let text = text(input);
    let (cookies, languages) = text.split_once('\n').unwrap_or((&text, ""));
    let prefs = Prefs::from_headers(cookies, languages);
    let theme = prefs.theme.map(|theme| format!("; {THEME_COOKIE}={}", theme.id())).unwrap_or_default();
    let kept = format!("{LANG_COOKIE}={}{theme}", prefs.lang.tag());
    assert_eq!(Prefs::from_headers(&kept, "fr"), prefs);
}

fn search(input: &[u8]) {
    let pairs: BTreeMap<_, _> = http::pairs(&text(input)).into_iter().collect();
    let get = |name: &str| pairs.get(name).cloned().unwrap_or_default();
    let search = Search {
        search: get("search"),
        target: get("target"),
        pattern: get("pattern"),
        verdict: get("verdict"),
        tag: get("tag"),
        since: get("since"),
        starred: get("starred"),
        trash: get("trash"),
        page: get("page"),
    };
    match search.validate() {
        Ok(query) => assert!(query.most > 0 && query.words.iter().all(|word| !word.is_empty())),
        Err(errors) => {
            assert!(!errors.is_empty() && errors.iter().all(|error| !error.field.name().is_empty()));
            errors.iter().for_each(is_told);
        }
    }
}

/// From, to and the whole length, a line each.
fn stretch(input: &[u8]) {
    let text = text(input);
    let mut lines = text.lines().map(str::to_owned);
    let mut next = || lines.next().unwrap_or_default();
    let (draft, length_s) = (ZoomDraft { from: next(), to: next() }, next().trim().parse().unwrap_or(300));
    if let Ok(Some(zoom)) = Zoom::of(&draft, length_s) {
        assert!(zoom.from_s < zoom.to_s && zoom.to_s <= length_s);
        for step in [zoom.earlier(), zoom.later(length_s)].into_iter().flatten() {
            assert!(step.from_s < step.to_s && step.to_s <= length_s);
        }
    }
}

/// What plans are held against.
fn rules() -> Rules {
    Rules {
        limits: Limits { max_vus: 200, max_rate: 1_000, max_duration_s: 3_600 },
        services: ["product-service", "user-service"].map(str::to_owned).to_vec(),
        scripts: vec![Script { name: "a.js".into(), kind: ScriptKind::Scheduled }],
        scenarios: Vec::new(),
    }
}

/// A field a line, in the form's order; `\n` within one stands for a new line.
fn draft(input: &[u8]) {
    let (text, mut draft, rules) = (text(input), Draft::default(), rules());
    for (field, line) in Field::ALL.into_iter().zip(text.lines()) {
        *draft.slot(field) = line.replace("\\n", "\n");
    }
    match draft.validate(&rules) {
        Ok(plan) => {
            let schedule = plan.schedule().unwrap();
            assert_eq!(schedule.duration_s(), plan.shape.duration_s());
            assert!((1..=rules.limits.max_duration_s).contains(&schedule.duration_s()));
            let most = rules.limits.max_vus.max(rules.limits.max_rate);
            assert!(schedule.phases.iter().all(|phase| phase.target <= most), "{schedule:?}");
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            errors.iter().for_each(is_told);
        }
    }
}

/// Name and tags, a line each, and the note.
fn labels(input: &[u8]) {
    let text = text(input);
    let mut parts = text.splitn(3, '\n').map(str::to_owned);
    let draft = LabelDraft { name: parts.next(), tags: parts.next(), note: parts.next(), star: None };
    match draft.apply(&Labels::default()) {
        Ok(labels) => {
            assert!(labels.tags.len() <= LabelDraft::TAGS as usize && !labels.name.contains('\n'));
            let tags = Some(labels.tags.join(" "));
            let again =
                LabelDraft { name: Some(labels.name.clone()), note: Some(labels.note.clone()), tags, star: None };
            assert_eq!(again.apply(&Labels::default()), Ok(labels));
        }
        Err(errors) => errors.iter().for_each(is_told),
    }
}

fn length(input: &[u8]) {
    if let Some(seconds) = duration::parse(&text(input)) {
        assert_eq!(duration::parse(&duration::text(seconds)), Some(seconds));
    }
}

fn plan_file(input: &[u8]) {
    match plans::file::read(&text(input)) {
        Ok((name, draft)) => {
            let written = plans::file::write(&name, &draft);
            // What grows by being quoted may be too large to be read again.
            if written.len() <= plans::file::LARGEST {
                let (again, same) = plans::file::read(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
                assert_eq!(again, name);
                assert_eq!(plans::file::write(&again, &same), written);
            }
        }
        Err(error) => is_told(&error),
    }
}

fn scenario_file(input: &[u8]) {
    let place = |name: String| FaultPlace { name, kinds: FaultKind::ALL.to_vec() };
    let replicas = [1, 2].map(|number| place(format!("product-service-{number}"))).to_vec();
    let stage = FaultRules {
        targets: vec![FaultTarget { service: "product-service".into(), replicas }],
        ..FaultRules::default()
    };
    let told = |error: &ScenarioError| assert!(!error.to_string().contains('\n'), "{error}");
    match shelf::parse(&text(input)).map(|draft| draft.validate(&stage, Some(600))) {
        Ok(Ok(scenario)) => assert!(scenario.load_s() <= 600 && scenario.steps.is_sorted_by_key(|step| step.at_s)),
        Ok(Err(errors)) => {
            assert!(!errors.is_empty());
            errors.iter().for_each(told);
        }
        Err(error) => told(&error),
    }
}

fn config_file(input: &[u8]) {
    let (layers, mut errors) = layers::of_file(&text(input));
    if let Err(more) = parse::settings(&layers, &Surroundings::default()) {
        errors.extend(more.0);
    }
    assert!(errors.iter().all(|error| !error.place.is_empty() && !error.allowed.is_empty()), "{errors:?}");
}

/// What a note becomes can do nothing, as a browser reads it.
fn note(input: &[u8]) {
    const HARMLESS: &[&str] = &[
        "a",
        "blockquote",
        "body",
        "br",
        "code",
        "del",
        "em",
        "head",
        "hr",
        "html",
        "input",
        "li",
        "ol",
        "p",
        "pre",
        "strong",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ];
    let html = Html::parse_fragment(&note_html(&text(input)));
    for element in html.tree.nodes().filter_map(|node| node.value().as_element()) {
        assert!(HARMLESS.contains(&element.name()), "{element:?}");
        for (name, value) in element.attrs() {
            let fine = match name {
                "href" => ["http://", "https://", "/", "#"].iter().any(|start| value.starts_with(start)),
                "type" => value == "checkbox",
                "style" => value.starts_with("text-align: "),
                name => ["title", "class", "start", "checked", "disabled"].contains(&name),
            };
            assert!(fine && !value.starts_with("//"), "{element:?}");
        }
    }
}

/// Where a stream is cut makes no difference.
fn event_stream(input: &[u8]) {
    let whole = SseParser::default().push(input);
    let mut parser = SseParser::default();
    let pieces: Vec<_> = input.chunks(7).flat_map(|piece| parser.push(piece)).collect();
    assert_eq!(pieces, whole);
}

/// A status in three digits, then the answer.
fn prometheus(input: &[u8]) {
    let (status, body) = input.split_at(input.len().min(3));
    match client::series(text(status).parse().unwrap_or(200), body) {
        Ok(series) => {
            for one in series {
                assert!(!one.points.is_empty() || !one.histograms.is_empty());
                assert!(one.points.iter().all(|(_, value)| value.is_finite()));
                for (_, histogram) in &one.histograms {
                    assert!(
                        histogram.quantile(0.95).is_none_or(|quantile| quantile.value.is_finite()),
                        "{histogram:?}"
                    );
                }
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Where the log is cut makes no difference to its lines, and none is lost where logs become one.
fn k6_log(input: &[u8]) {
    let lines = |size: usize| {
        let (mut cutter, mut lines) = (log::Lines::default(), Vec::new());
        input.chunks(size).for_each(|piece| cutter.push(piece, |line| lines.push(line.to_vec())));
        cutter.end(|line| lines.push(line.to_vec()));
        lines
    };
    let whole = lines(input.len().max(1));
    assert_eq!(lines(5), whole);
    let kept: Vec<_> = whole.iter().filter(|line| log::sort(line) == log::Kind::Keep).map(|line| text(line)).collect();
    for line in &kept {
        let line = LogLine::parse(line);
        assert!(!line.is_error() || line.level().is_some());
        let _ = (line.readable(), line.of_iteration(), line.output());
    }
    let (even, odd): (Vec<_>, Vec<_>) = kept.iter().cloned().enumerate().partition(|(at, _)| at % 2 == 0);
    let mut one = merged([even, odd].map(|log| log.into_iter().map(|(_, line)| line).collect()).to_vec());
    let mut all = kept;
    one.sort();
    all.sort();
    assert_eq!(one, all);
}

fn k6_summary(input: &[u8]) {
    let Some(summary) = serde_json::from_slice(input).ok().and_then(|json| Summary::read(&json)) else { return };
    assert_eq!(Summary::fold(vec![summary.clone()]).as_ref(), Some(&summary));
    let twice = Summary::fold(vec![summary.clone(), summary.clone()]).unwrap();
    for rule in summary.rules() {
        let _ = (summary.observed(rule), summary.held(rule), twice.observed(rule), twice.held(rule));
    }
    assert!(summary.checks().len() <= 200 && summary.checks().iter().all(|check| check.name.chars().count() <= 201));
    assert!(twice.checks().len() <= summary.checks().len());
}

fn k6_inspect(input: &[u8]) {
    if let Err(error) = inspect::parse(&text(input)) {
        assert!(!error.to_string().is_empty());
    }
}

fn k6_version(input: &[u8]) {
    if let Some(version) = k6::Version::read(&text(input)) {
        assert!(version.to_string().starts_with('v') && !version.native_histograms().0.is_empty());
    }
}

fn gateway_figures(input: &[u8]) {
    let text = text(input);
    let servers = stats::servers(&text);
    assert!(servers.len() <= text.lines().count());
    assert!(servers.iter().all(|server| !server.replica.is_empty() && !server.service.is_empty()));
}

fn gateway_door(input: &[u8]) {
    if let Some(door) = Door::read(&text(input)) {
        assert_eq!(Door::read(&door.value()), Some(door));
    }
}

fn breaker_metrics(input: &[u8]) {
    let read = breakers::text::read(&text(input));
    assert!(read.len() <= 32 && read.keys().all(|name| (1..=100).contains(&name.chars().count())));
    let shares = read.values().filter_map(|told| told.failure_share);
    assert!(shares.into_iter().all(|share| (0.0..=1.0).contains(&share)));
}

fn retry_after(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value)]);
    let _ = hooks::client::retry_after_s(&headers, jiff::Timestamp::UNIX_EPOCH);
}
