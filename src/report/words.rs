//! Words that only the server draws: none of them is part of the page's program.

use super::zoom;
use crate::domain::{
    detail::{Cause, Column},
    fault::FaultKind,
    frame::Metric,
    prefs::Lang,
    share::Closed,
    story::Gap,
    zoom::ZoomProblem,
};

/// The words of one language.
pub struct Words {
    /// A column of the endpoints' table.
    pub column: fn(Column) -> &'static str,
    /// Which requests count.
    pub span: &'static str,
    /// All of them.
    pub span_whole: &'static str,
    /// Those of the last seconds.
    pub span_recent: &'static str,
    /// Which columns are shown.
    pub columns: &'static str,
    /// No sample came yet.
    pub none_yet: &'static str,
    /// Nobody counted them.
    pub none_known: &'static str,
    /// No request in the last seconds.
    pub none_recent: &'static str,
    /// How well times are known.
    pub precision: &'static str,
    /// There were more names.
    pub left_out: &'static str,
    /// No answer came.
    pub no_answer: &'static str,
    /// What failed.
    pub failures: &'static str,
    /// Nothing did, so far.
    pub failures_none_yet: &'static str,
    /// Nothing did.
    pub failures_none: &'static str,
    /// Why.
    pub cause: &'static str,
    /// k6's words for it, in fewer.
    pub causes: fn(Cause) -> &'static str,
    /// k6's code.
    pub code: fn(&str) -> String,
    /// How many.
    pub count: &'static str,
    /// When the first was seen.
    pub first: &'static str,
    /// When the last was.
    pub last: &'static str,
    /// The script's checks.
    pub checks: &'static str,
    /// None is counted while it runs.
    pub checks_none_yet: &'static str,
    /// None was counted.
    pub checks_none: &'static str,
    /// A check's name.
    pub check: &'static str,
    /// How often it held.
    pub passes: &'static str,
    /// How often it did not.
    pub fails: &'static str,
    /// The share of times that it held.
    pub share: &'static str,
    /// The log is empty.
    pub log_none: &'static str,
    /// So many lines are there, and none fits.
    pub log_none_fits: fn(&str) -> String,
    /// All lines are shown.
    pub log_all: fn(&str) -> String,
    /// The newest of all are shown.
    pub log_newest: fn(&str, &str) -> String,
    /// So many of those that fit, of all.
    pub log_found: fn(&str, &str, &str) -> String,
    /// What there is to tell, in words.
    pub story: &'static str,
    /// A number over time at the begin of a sentence, and of which service alone.
    pub metric: fn(Metric, Option<&str>) -> String,
    /// A limit was not kept: what, whether it was above, the limit, when, after what, and what came of it.
    pub crossed: fn(&Crossed<'_>) -> String,
    /// A rule did not hold: the rule, its limit and what it came to.
    pub broken: fn(&str, &str, &str) -> String,
    /// Requests failed: how many, their share, since when, after what.
    pub failed: fn(&str, &str, Option<(&str, &str)>) -> String,
    /// So many rules held.
    pub all_held: fn(usize) -> String,
    /// The others did.
    pub rest_held: &'static str,
    /// There was none.
    pub no_rules: &'static str,
    /// No request failed.
    pub none_failed: &'static str,
    /// So many iterations were not started.
    pub dropped: fn(&str) -> String,
    /// What was done to whom, as a part of a sentence.
    pub after_fault: fn(FaultKind, &str) -> String,
    /// Who was down, as a part of a sentence.
    pub after_down: fn(&str) -> String,
    /// For how much of the time a threshold held.
    pub held_share: &'static str,
    /// Which share that is.
    pub held_hint: &'static str,
    /// How long requests took.
    pub durations: &'static str,
    /// What the picture of that shows.
    pub durations_hint: &'static str,
    /// A bar of it: from, to, how many, which share.
    pub bin: fn(&str, &str, &str, &str) -> String,
    /// The load generator.
    pub generator: &'static str,
    /// It was not the bottleneck.
    pub generator_fine: &'static str,
    /// It started less than was asked for.
    pub generator_short: fn(&str) -> String,
    /// Nobody can tell.
    pub generator_unknown: &'static str,
    /// The machine had no CPU to spare, for which share of the time.
    pub generator_busy: fn(&str) -> String,
    /// CPU of k6, most and mean.
    pub generator_cpu: &'static str,
    /// Most CPU of the machine.
    pub generator_host: &'static str,
    /// Iterations that were not started.
    pub generator_dropped: &'static str,
    /// Most VUs at work.
    pub generator_vus: &'static str,
    /// What the run can't tell.
    pub gaps: &'static str,
    /// One of those.
    pub gap: fn(&Gap) -> String,
    /// Endpoints.
    pub endpoints: &'static str,
    /// The run as files.
    pub files: &'static str,
    /// All of it in one.
    pub file_json: &'static str,
    /// Its endpoints as a table.
    pub file_endpoints: &'static str,
    /// Its values over time as a table.
    pub file_series: &'static str,
    /// What a pipeline reads of it.
    pub file_junit: &'static str,
    /// What of the charts' time axis is shown.
    pub zoom: &'static str,
    /// From when.
    pub zoom_from: &'static str,
    /// To when.
    pub zoom_to: &'static str,
    /// Do it.
    pub zoom_show: &'static str,
    /// All of it.
    pub zoom_whole: &'static str,
    /// What comes before.
    pub zoom_earlier: &'static str,
    /// What comes next.
    pub zoom_later: &'static str,
    /// How times are written.
    pub zoom_hint: &'static str,
    /// Why there is no such stretch.
    pub zoom_problem: fn(&ZoomProblem) -> String,
    /// Who asked for the run.
    pub door: &'static str,
    /// The ways that a start may come in, by the name that is noted.
    pub doors: fn(&str) -> Option<&'static str>,
    /// What ran k6.
    pub engine: &'static str,
    /// k6 of a version, as a process or in Docker.
    pub engines: fn(&str, &str) -> String,
    /// The revision of the scripts.
    pub revision: &'static str,
    /// How the last runs of a target came out.
    pub trend: &'static str,
    /// What a trend of so many shows.
    pub trend_hint: fn(usize) -> String,
    /// It as a table.
    pub trend_table: &'static str,
    /// One of its runs.
    pub trend_run: &'static str,
    /// What is compared of endpoints.
    pub compare_endpoints_hint: &'static str,
    /// Answers of which status durations are of.
    pub compare_status: fn(&str) -> String,
    /// In these runs nothing went to it.
    pub compare_absent: fn(&str) -> String,
    /// In these runs nobody counted.
    pub compare_uncounted: fn(&str) -> String,
    /// So many endpoints are not shown.
    pub compare_more_endpoints: fn(usize) -> String,
    /// Letting others see a report.
    pub share_report: &'static str,
    /// So many links lead to it.
    pub share_count: fn(usize) -> String,
    /// What such a link is.
    pub share_hint: &'static str,
    /// How long one lasts.
    pub share_length: &'static str,
    /// One of those lengths, by its name.
    pub share_lasts: fn(&str) -> &'static str,
    /// Make one.
    pub share_make: &'static str,
    /// When one was made follows.
    pub share_made: &'static str,
    /// Until when one lasts follows.
    pub share_until: &'static str,
    /// Take one back.
    pub share_revoke: &'static str,
    /// One was made.
    pub share_is_made: &'static str,
    /// It leads somewhere, in a word.
    pub share_open: &'static str,
    /// It is shown this once.
    pub share_copy: &'static str,
    /// The way back to the run.
    pub share_back: &'static str,
    /// None was made.
    pub share_refused: &'static str,
    /// There is none, in a word.
    pub share_none: &'static str,
    /// One leads nowhere.
    pub share_leads_nowhere: &'static str,
    /// Why; none: there never was one.
    pub share_closed: fn(Option<Closed>) -> &'static str,
    /// What to do then.
    pub share_ask: &'static str,
}

/// What there is to say of a limit that was not kept.
pub struct Crossed<'a> {
    /// What is limited.
    pub what: &'a str,
    /// Whether it was above the limit, not below it.
    pub above: bool,
    /// The limit.
    pub limit: &'a str,
    /// Since when, by the run's clock.
    pub from: &'a str,
    /// Until when; none: until the end.
    pub to: Option<&'a str>,
    /// For how many seconds.
    pub seconds: &'a str,
    /// How many times more.
    pub more: usize,
    /// After what: the end of a sentence; empty where nobody knows.
    pub after: &'a str,
    /// The share of requests that failed meanwhile.
    pub failed: Option<&'a str>,
    /// Whether the rule held over the whole run all the same.
    pub held: bool,
}

impl Words {
    /// Those of a language.
    pub fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::En => &EN,
            Lang::De => &DE,
        }
    }
}

const EN: Words = Words {
    column: |column| match column {
        Column::Method => "Method",
        Column::Name => "Request",
        Column::Status => "Status",
        Column::Requests => "Count",
        Column::Rate => "Per second",
        Column::Failed => "Failed",
        Column::Min => "Min",
        Column::P50 => "p50",
        Column::P95 => "p95",
        Column::P99 => "p99",
        Column::Max => "Max",
    },
    span: "Requests of",
    span_whole: "Whole test",
    span_recent: "Last 5 s",
    columns: "Columns",
    none_yet: "No request has ended yet.",
    none_known: "Nothing is known of single endpoints: their requests were not counted from the start.",
    none_recent: "No request ended in the last seconds.",
    precision: "Times are known to within 9%, the width of the steps that k6 counts them in.",
    left_out: "The script makes more names than can be told apart; only the 500 endpoints with the most requests, 200 failures and 200 checks are listed.",
    no_answer: "no answer",
    failures: "What failed",
    failures_none_yet: "No request has failed so far.",
    failures_none: "No request failed.",
    cause: "Cause",
    causes: |cause| match cause {
        Cause::TimedOut => "no answer in time",
        Cause::Name => "name not found",
        Cause::Refused => "connection refused",
        Cause::NotConnected => "no connection",
        Cause::Broken => "connection broken",
        Cause::Tls => "no agreement on TLS",
        Cause::Answer => "unexpected answer",
        Cause::Other => "other",
    },
    code: |code| format!("k6’s error code {code}"),
    count: "Count",
    first: "First seen",
    last: "Last seen",
    checks: "Checks",
    checks_none_yet: "This script doesn’t count its checks while it runs.",
    checks_none: "No checks are on record.",
    check: "Check",
    passes: "Held",
    fails: "Didn’t hold",
    share: "Share held",
    log_none: "k6 has written no log yet.",
    log_none_fits: |all| format!("None of {all} lines fits."),
    log_all: |all| format!("{all} lines."),
    log_newest: |shown, all| format!("The newest {shown} of {all} lines."),
    log_found: |shown, found, all| format!("{shown} of {found} lines that fit, of {all}."),
    story: "In words",
    metric: |metric, service| {
        let name = match metric {
            Metric::P50 => "p50",
            Metric::P95 => "p95",
            Metric::P99 => "p99",
            Metric::Mean => "The mean response time",
            Metric::DroppedRate => "The rate of dropped iterations",
            _ => "The share of failed requests",
        };
        service.map_or_else(|| name.into(), |service| format!("{name} of {service}"))
    },
    crossed: |told| {
        let (way, what) = (if told.above { "above" } else { "below" }, told.what);
        let when = match told.to {
            Some(to) => format!("from {} to {to}", told.from),
            None => format!("from {} on", told.from),
        };
        let mut words = format!("{what} was {way} {} {when}{}", told.limit, told.after);
        if told.more > 0 {
            words += &match told.more {
                1 => ", and once more later".to_owned(),
                more => format!(", and {more} more times later"),
            };
        }
        if let Some(failed) = told.failed {
            words += &format!("; {failed} of the requests failed in those {}", told.seconds);
        }
        if told.held { words + ". Over the whole test the limit was kept." } else { words + "." }
    },
    broken: |rule, limit, value| format!("{rule} did not hold: it came to {value}, the limit is {limit}."),
    failed: |count, share, first| match first {
        Some((at, after)) => format!("{share} of the requests failed ({count}), the first at {at}{after}."),
        None => format!("{share} of the requests failed ({count})."),
    },
    all_held: |rules| match rules {
        1 => "The threshold held.".into(),
        rules => format!("All {rules} thresholds held."),
    },
    rest_held: "Everything else held.",
    no_rules: "There was no threshold to hold it against.",
    none_failed: "No request failed.",
    dropped: |count| {
        format!("k6 could not start {count} of the iterations that were asked for: the load was lower than planned.")
    },
    after_fault: |kind, whom| {
        let done = match kind {
            FaultKind::Kill => "was killed",
            FaultKind::Stop => "was stopped",
            FaultKind::Freeze => "was frozen",
            FaultKind::Restart => "was restarted",
            FaultKind::RollingRestart => "was restarted replica by replica",
            FaultKind::Cut => "was cut off",
            FaultKind::Latency => "was slowed down",
            FaultKind::Errors => "was made to answer with errors",
            FaultKind::Cpu => "was short of CPU",
            FaultKind::Memory => "was short of memory",
            FaultKind::Disk => "had a busy disk",
        };
        format!(", when {whom} {done}")
    },
    after_down: |whom| format!(", when {whom} was down"),
    held_share: "Held for",
    held_hint: "The value is of the whole test. “Held for” is the share of seconds in which the value of the moment was within the limit.",
    durations: "How long requests took",
    durations_hint: "Each bar counts the requests of one step; the steps grow evenly in proportion.",
    bin: |from, to, count, share| format!("{from} to {to}: {count} ({share})"),
    generator: "The load generator itself",
    generator_fine: "k6 started every iteration that was asked for.",
    generator_short: |count| {
        format!("k6 was a bottleneck: it could not start {count} iterations, for lack of VUs or of CPU.")
    },
    generator_unknown: "Whether k6 was a bottleneck, nobody can tell: it left no count of iterations that it could not start.",
    generator_busy: |share| {
        format!(
            "The machine was at its limit for {share} of the time: k6 had to wait for CPU, so times are longer than the services took."
        )
    },
    generator_cpu: "CPU of k6, most (mean)",
    generator_host: "CPU of the machine, most",
    generator_dropped: "Iterations not started",
    generator_vus: "Most VUs at work",
    gaps: "What this test can’t tell",
    gap: |gap| match gap {
        Gap::Course => "How it went over time: no values are kept.".into(),
        Gap::Times => "How long requests took from moment to moment: the metrics store takes no histograms.".into(),
        Gap::Exact => {
            "Exact figures: k6 left no summary, so they are those of its last push to the metrics store.".into()
        }
        Gap::Endpoints => "Which endpoint did what: single endpoints were not counted from the start.".into(),
        Gap::AllEndpoints => "What every endpoint did: the script makes more names than are told apart.".into(),
        Gap::Delayed { seconds } => format!("What happened while no metrics came, up to {seconds} s at a time."),
        Gap::Few { requests } => format!("Rare slowness: {requests:.0} requests are too few for a 99th percentile."),
        Gap::Rules { rules: 1 } => "Whether one threshold held: nothing was measured for it.".into(),
        Gap::Rules { rules } => format!("Whether {rules} thresholds held: nothing was measured for them."),
        Gap::Faults => "What the services bear: nothing was done to them meanwhile.".into(),
        Gap::Generator => "Whether k6 was held up by its machine: its CPU was not measured.".into(),
    },
    endpoints: "Endpoints",
    files: "For other programs:",
    file_json: "Everything (JSON)",
    file_endpoints: "Endpoints (CSV)",
    file_series: "Values over time (CSV)",
    file_junit: "Verdict (JUnit XML)",
    zoom: "Part of the time axis",
    zoom_from: "From",
    zoom_to: "To",
    zoom_show: "Zoom",
    zoom_whole: "Whole test",
    zoom_earlier: "← Earlier",
    zoom_later: "Later →",
    zoom_hint: "Times as on the axis, like 1:30.",
    zoom_problem: zoom::problem_en,
    door: "Started from",
    doors: |door| {
        Some(match door {
            "page" | "form" => "the page",
            "rest" => "REST",
            "terminal" => "the command line",
            "scenario" => "a scenario",
            "schedule" => "a schedule",
            _ => return None,
        })
    },
    engine: "Engine",
    engines: |engine, k6| match engine {
        "docker" => format!("k6 {k6} in a container"),
        _ => format!("k6 {k6} as a process"),
    },
    revision: "Revision of the script",
    trend: "The last tests of this target",
    trend_hint: |count| {
        format!(
            "{count} tests that sent load, oldest first. Each point leads to its test, a hollow one did not pass; the bottom of each line is 0. In bold: the newest."
        )
    },
    trend_table: "As a table",
    trend_run: "Test",
    compare_endpoints_hint: "Those with most requests first. Durations are of the answers with the status that most of an endpoint's answers have; rate and failed share are of all.",
    compare_status: |status| format!("durations of {status}"),
    compare_absent: |runs| format!("Not in {runs}"),
    compare_uncounted: |runs| format!("Nobody counted the endpoints of {runs}."),
    compare_more_endpoints: |count| {
        format!("{count} more with fewer requests are not shown; the REST API has them all.")
    },
    share_report: "Share this report",
    share_count: |count| match count {
        1 => "1 open link".into(),
        count => format!("{count} open links"),
    },
    share_hint: "Whoever has the link sees this report and nothing else, and can change nothing, until its time is over or you take it back.",
    share_length: "The link lasts",
    share_lasts: |name| match name {
        "1d" => "1 day",
        "30d" => "30 days",
        _ => "7 days",
    },
    share_make: "Make a link",
    share_made: "Made",
    share_until: "Open until",
    share_revoke: "Take back",
    share_is_made: "The link is made",
    share_open: "Open",
    share_copy: "Copy it now: it is shown this once and kept nowhere.",
    share_back: "Back to the test",
    share_refused: "No link was made",
    share_none: "No link",
    share_leads_nowhere: "This link leads nowhere",
    share_closed: |why| match why {
        Some(Closed::Expired) => "Its time is over.",
        Some(Closed::Revoked) => "It was taken back.",
        Some(Closed::RunGone) => "The test was deleted.",
        None => "There is no such link. Perhaps a part of it was lost when it was copied.",
    },
    share_ask: "Ask whoever gave it to you for a new one.",
};

const DE: Words = Words {
    column: |column| match column {
        Column::Method => "Methode",
        Column::Name => "Anfrage",
        Column::Status => "Status",
        Column::Requests => "Anzahl",
        Column::Rate => "Pro Sekunde",
        Column::Failed => "Fehler",
        Column::Min => "Min",
        Column::P50 => "p50",
        Column::P95 => "p95",
        Column::P99 => "p99",
        Column::Max => "Max",
    },
    span: "Anfragen aus",
    span_whole: "Ganzer Test",
    span_recent: "Letzte 5 s",
    columns: "Spalten",
    none_yet: "Noch ist keine Anfrage beendet.",
    none_known: "Zu einzelnen Endpunkten ist nichts bekannt: Ihre Anfragen wurden nicht von Anfang an gezählt.",
    none_recent: "In den letzten Sekunden endete keine Anfrage.",
    precision: "Zeiten sind auf 9 % genau bekannt: So breit sind die Stufen, in denen k6 sie zählt.",
    left_out: "Das Skript verwendet mehr Namen, als sich auseinanderhalten lassen; aufgeführt sind nur die 500 Endpunkte mit den meisten Anfragen, 200 Fehlerarten und 200 Prüfungen.",
    no_answer: "keine Antwort",
    failures: "Was fehlschlug",
    failures_none_yet: "Bisher ist keine Anfrage fehlgeschlagen.",
    failures_none: "Keine Anfrage ist fehlgeschlagen.",
    cause: "Grund",
    causes: |cause| match cause {
        Cause::TimedOut => "keine Antwort in der gesetzten Zeit",
        Cause::Name => "Name nicht gefunden",
        Cause::Refused => "Verbindung abgelehnt",
        Cause::NotConnected => "keine Verbindung",
        Cause::Broken => "Verbindung abgebrochen",
        Cause::Tls => "keine Einigung über TLS",
        Cause::Answer => "unerwartete Antwort",
        Cause::Other => "anderer",
    },
    code: |code| format!("k6-Fehlercode {code}"),
    count: "Anzahl",
    first: "Zuerst",
    last: "Zuletzt",
    checks: "Prüfungen",
    checks_none_yet: "Dieses Skript zählt seine Prüfungen nicht, während es läuft.",
    checks_none: "Es sind keine Prüfungen verzeichnet.",
    check: "Prüfung",
    passes: "Bestanden",
    fails: "Nicht bestanden",
    share: "Anteil bestanden",
    log_none: "k6 hat noch nichts protokolliert.",
    log_none_fits: |all| format!("Keine von {all} Zeilen passt."),
    log_all: |all| format!("{all} Zeilen."),
    log_newest: |shown, all| format!("Die neuesten {shown} von {all} Zeilen."),
    log_found: |shown, found, all| format!("{shown} von {found} passenden Zeilen, von {all}."),
    story: "In Worten",
    metric: |metric, service| {
        let name = match metric {
            Metric::P50 => "p50",
            Metric::P95 => "p95",
            Metric::P99 => "p99",
            Metric::Mean => "Die mittlere Antwortzeit",
            Metric::DroppedRate => "Die Rate der ausgefallenen Iterationen",
            _ => "Der Anteil fehlgeschlagener Anfragen",
        };
        service.map_or_else(|| name.into(), |service| format!("{name} von {service}"))
    },
    crossed: |told| {
        let (way, what) = (if told.above { "über" } else { "unter" }, told.what);
        let when = match told.to {
            Some(to) => format!("von {} bis {to}", told.from),
            None => format!("ab {}", told.from),
        };
        let mut words = format!("{what} lag {when} {way} {}{}", told.limit, told.after);
        if told.more > 0 {
            words += &match told.more {
                1 => ", später noch einmal".to_owned(),
                more => format!(", später noch {more}-mal"),
            };
        }
        if let Some(failed) = told.failed {
            words += &format!("; in diesen {} schlugen {failed} der Anfragen fehl", told.seconds);
        }
        if told.held { words + ". Über den ganzen Test wurde die Grenze eingehalten." } else { words + "." }
    },
    broken: |rule, limit, value| format!("{rule} wurde nicht eingehalten: Der Wert ist {value}, die Grenze {limit}."),
    failed: |count, share, first| match first {
        Some((at, after)) => format!("{share} der Anfragen schlugen fehl ({count}), die erste bei {at}{after}."),
        None => format!("{share} der Anfragen schlugen fehl ({count})."),
    },
    all_held: |rules| match rules {
        1 => "Der Schwellenwert wurde eingehalten.".into(),
        rules => format!("Alle {rules} Schwellenwerte wurden eingehalten."),
    },
    rest_held: "Alles andere wurde eingehalten.",
    no_rules: "Es gab keinen Schwellenwert, an dem er sich messen ließe.",
    none_failed: "Keine Anfrage ist fehlgeschlagen.",
    dropped: |count| {
        format!("k6 konnte {count} der gewünschten Iterationen nicht starten: Die Last war geringer als geplant.")
    },
    after_fault: |kind, whom| {
        let done = match kind {
            FaultKind::Kill => "abgeschossen wurde",
            FaultKind::Stop => "gestoppt wurde",
            FaultKind::Freeze => "eingefroren wurde",
            FaultKind::Restart => "neu gestartet wurde",
            FaultKind::RollingRestart => "Replikat für Replikat neu gestartet wurde",
            FaultKind::Cut => "abgeschnitten wurde",
            FaultKind::Latency => "verlangsamt wurde",
            FaultKind::Errors => "mit Fehlern antworten sollte",
            FaultKind::Cpu => "zu wenig CPU hatte",
            FaultKind::Memory => "zu wenig Speicher hatte",
            FaultKind::Disk => "eine ausgelastete Platte hatte",
        };
        format!(", als {whom} {done}")
    },
    after_down: |whom| format!(", als {whom} ausgefallen war"),
    held_share: "Eingehalten",
    held_hint: "Der Wert gilt für den ganzen Test. „Eingehalten“ ist der Anteil der Sekunden, in denen der Wert des Augenblicks innerhalb der Grenze lag.",
    durations: "Wie lange Anfragen dauerten",
    durations_hint: "Jeder Balken zählt die Anfragen einer Stufe; die Stufen wachsen im gleichen Verhältnis.",
    bin: |from, to, count, share| format!("{from} bis {to}: {count} ({share})"),
    generator: "Der Lastgenerator selbst",
    generator_fine: "k6 hat jede gewünschte Iteration gestartet.",
    generator_short: |count| {
        format!("k6 war ein Engpass: {count} Iterationen konnte es nicht starten, weil VUs oder CPU fehlten.")
    },
    generator_unknown: "Ob k6 ein Engpass war, lässt sich nicht sagen: Es hat nicht hinterlassen, wie viele Iterationen es nicht starten konnte.",
    generator_busy: |share| {
        format!(
            "Der Rechner war {share} der Zeit ausgelastet: k6 musste auf CPU warten, die Zeiten sind daher länger, als die Dienste brauchten."
        )
    },
    generator_cpu: "CPU von k6, höchstens (Mittel)",
    generator_host: "CPU des Rechners, höchstens",
    generator_dropped: "Nicht gestartete Iterationen",
    generator_vus: "Meiste VUs am Werk",
    gaps: "Was dieser Test nicht beantwortet",
    gap: |gap| match gap {
        Gap::Course => "Wie er verlief: Es sind keine Werte über die Zeit erhalten.".into(),
        Gap::Times => {
            "Wie lange Anfragen von Augenblick zu Augenblick dauerten: Der Metrikspeicher nimmt keine Histogramme an."
                .into()
        }
        Gap::Exact => {
            "Genaue Zahlen: k6 hat keine Zusammenfassung hinterlassen, sie sind vom letzten Stand im Metrikspeicher."
                .into()
        }
        Gap::Endpoints => "Welcher Endpunkt was tat: Einzelne Endpunkte wurden nicht von Anfang an gezählt.".into(),
        Gap::AllEndpoints => {
            "Was jeder Endpunkt tat: Das Skript verwendet mehr Namen, als auseinandergehalten werden.".into()
        }
        Gap::Delayed { seconds } => format!("Was geschah, während keine Metriken kamen, bis zu {seconds} s am Stück."),
        Gap::Few { requests } => {
            format!("Seltene Langsamkeit: {requests:.0} Anfragen sind zu wenige für ein 99. Perzentil.")
        }
        Gap::Rules { rules: 1 } => "Ob ein Schwellenwert eingehalten wurde: Für ihn wurde nichts gemessen.".into(),
        Gap::Rules { rules } => format!("Ob {rules} Schwellenwerte eingehalten wurden: Für sie wurde nichts gemessen."),
        Gap::Faults => "Was die Dienste aushalten: Ihnen wurde währenddessen nichts angetan.".into(),
        Gap::Generator => "Ob k6 von seinem Rechner gebremst wurde: Seine CPU wurde nicht gemessen.".into(),
    },
    endpoints: "Endpunkte",
    files: "Für andere Programme:",
    file_json: "Alles (JSON)",
    file_endpoints: "Endpunkte (CSV)",
    file_series: "Werte über die Zeit (CSV)",
    file_junit: "Urteil (JUnit-XML)",
    zoom: "Ausschnitt der Zeitachse",
    zoom_from: "Von",
    zoom_to: "Bis",
    zoom_show: "Vergrößern",
    zoom_whole: "Ganzer Test",
    zoom_earlier: "← Davor",
    zoom_later: "Danach →",
    zoom_hint: "Zeiten wie auf der Achse, etwa 1:30.",
    zoom_problem: zoom::problem_de,
    door: "Gestartet über",
    doors: |door| {
        Some(match door {
            "page" | "form" => "die Seite",
            "rest" => "REST",
            "terminal" => "die Befehlszeile",
            "scenario" => "ein Szenario",
            "schedule" => "einen Zeitplan",
            _ => return None,
        })
    },
    engine: "Engine",
    engines: |engine, k6| match engine {
        "docker" => format!("k6 {k6} in einem Container"),
        _ => format!("k6 {k6} als Prozess"),
    },
    revision: "Stand des Skripts",
    trend: "Die letzten Tests dieses Ziels",
    trend_hint: |count| {
        format!(
            "{count} Tests, die Last erzeugt haben, die ältesten zuerst. Jeder Punkt führt zu seinem Test, ein hohler zu einem, der nicht bestanden ist; unten ist jeweils 0. Fett: der neueste."
        )
    },
    trend_table: "Als Tabelle",
    trend_run: "Test",
    compare_endpoints_hint: "Die mit den meisten Anfragen zuerst. Zeiten sind die der Antworten mit dem häufigsten Status eines Endpunkts; Rate und Fehleranteil gelten für alle.",
    compare_status: |status| format!("Zeiten von {status}"),
    compare_absent: |runs| format!("Nicht in {runs}"),
    compare_uncounted: |runs| format!("Die Endpunkte von {runs} hat niemand gezählt."),
    compare_more_endpoints: |count| {
        format!("{count} weitere mit weniger Anfragen sind nicht zu sehen; die REST-API hat alle.")
    },
    share_report: "Diesen Bericht teilen",
    share_count: |count| match count {
        1 => "1 offener Link".into(),
        count => format!("{count} offene Links"),
    },
    share_hint: "Wer den Link hat, sieht diesen Bericht und sonst nichts und kann nichts ändern, bis seine Zeit um ist oder er zurückgenommen wird.",
    share_length: "Der Link gilt",
    share_lasts: |name| match name {
        "1d" => "1 Tag",
        "30d" => "30 Tage",
        _ => "7 Tage",
    },
    share_make: "Link erstellen",
    share_made: "Erstellt",
    share_until: "Gilt bis",
    share_revoke: "Zurücknehmen",
    share_is_made: "Der Link ist erstellt",
    share_open: "Offen",
    share_copy: "Bitte jetzt kopieren: Er wird nur dieses eine Mal gezeigt und nirgends aufbewahrt.",
    share_back: "Zurück zum Test",
    share_refused: "Es wurde kein Link erstellt",
    share_none: "Kein Link",
    share_leads_nowhere: "Dieser Link führt nirgendwohin",
    share_closed: |why| match why {
        Some(Closed::Expired) => "Seine Zeit ist um.",
        Some(Closed::Revoked) => "Er wurde zurückgenommen.",
        Some(Closed::RunGone) => "Der Test wurde gelöscht.",
        None => "Diesen Link gibt es nicht. Vielleicht ging beim Kopieren ein Teil davon verloren.",
    },
    share_ask: "Einen neuen gibt es dort, wo dieser herkam.",
};
