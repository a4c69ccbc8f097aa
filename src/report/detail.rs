//! A run in detail as tables: pieces of HTML for the page, which asks for them every second, and for the report.
//!
//! Written as text: two hundred rows a second for whoever looks are too many for components.

use std::fmt::Write;

use html_escape::{encode_double_quoted_attribute, encode_text};

use super::words::Words;
use crate::{
    api::page::DetailPage,
    domain::{
        Millis,
        detail::{Check, Column, Detail, Endpoint, Failure, Figures, Order},
        format::{self, clock},
        frame::Unit,
        prefs::Lang,
        run::Run,
        timeline,
    },
    ui::show,
};

/// A run in detail as its page shows it; `None`: there is nothing to show.
pub fn detail_page(run: &Run, detail: Option<&Detail>, order: Order, lang: Lang) -> DetailPage {
    let (words, over) = (Words::of(lang), !run.state.is_active());
    let Some(detail) = detail else {
        let rest = if over { words.none_known } else { words.none_yet };
        return DetailPage { over, rest: note(rest), ..DetailPage::default() };
    };
    let order = Order { recent: order.recent && !over, ..order };
    DetailPage {
        at_ms: detail.at_ms,
        over,
        tools: tools(words),
        head: Column::ALL.iter().map(|(column, _)| pressable(*column, order, words)).collect(),
        rows: rows(detail, order, lang),
        rest: rest(run, detail, lang),
    }
}

fn note(words: &str) -> String {
    format!("<p class=\"muted\">{}</p>", encode_text(words))
}

/// Which requests count, and which columns are shown.
fn tools(words: &Words) -> String {
    let span = |value: &str, checked: &str, label: &str| {
        format!(
            "<label class=\"segment\"><input type=\"radio\" name=\"detail-span\" value=\"{value}\"{checked}>\
             <span>{label}</span></label>"
        )
    };
    let spans = span("", " checked", words.span_whole) + &span("-recent", "", words.span_recent);
    let column = |(column, id): &(Column, &str)| {
        let name = (words.column)(*column);
        format!("<label><input type=\"checkbox\" name=\"detail-column\" value=\"{id}\" checked> {name}</label>")
    };
    let columns = Column::ALL.iter().filter(|(column, _)| *column != Column::Name).map(column).collect::<String>();
    format!(
        "<fieldset class=\"span\"><legend class=\"visually-hidden\">{}</legend><div class=\"segments\">{spans}</div></fieldset>\
         <details class=\"columns\"><summary>{}</summary><div>{columns}</div></details>",
        words.span, words.columns
    )
}

/// A column's head, with which the table can be sorted.
fn pressable(column: Column, order: Order, words: &Words) -> String {
    let sorted = match (order.column == column, order.down) {
        (true, true) => " aria-sort=\"descending\"",
        (true, false) => " aria-sort=\"ascending\"",
        (false, _) => "",
    };
    let next = Order { recent: false, ..order.pressed(column) };
    format!(
        "<th scope=\"col\"{}{sorted}><button type=\"button\" class=\"sort\" id=\"by-{}\" data-order=\"{next}\">{}</button></th>",
        align(column),
        column.id(),
        (words.column)(column)
    )
}

fn align(column: Column) -> &'static str {
    if column.is_text() { "" } else { " class=\"num\"" }
}

/// A row each.
fn rows(detail: &Detail, order: Order, lang: Lang) -> String {
    let words = Words::of(lang);
    let rows = detail.sorted(order);
    if rows.is_empty() {
        return format!("<tr><td colspan=\"{}\" class=\"muted\">{}</td></tr>", Column::ALL.len(), words.none_recent);
    }
    rows.into_iter().map(|(endpoint, figures)| row(endpoint, figures, lang)).collect()
}

fn row(endpoint: &Endpoint, figures: &Figures, lang: Lang) -> String {
    let numbers = show::numbers(lang);
    let count = |value| format::value(Unit::Count, value, numbers);
    let seconds = |value| format::value_or_none(Unit::Seconds, value, numbers);
    let mut html = format!(
        "<tr data-endpoint=\"{}\"><td>{}</td><th scope=\"row\">{}</th><td>{}</td>",
        encode_double_quoted_attribute(&endpoint.name),
        encode_text(&endpoint.method),
        encode_text(&endpoint.name),
        status(&endpoint.status, Words::of(lang))
    );
    let failed = if figures.failed > 0.0 { " data-tone=\"bad\"" } else { "" };
    let cells = [
        ("", count(figures.requests)),
        ("", show::parts(Unit::PerSecond, figures.rate, lang).0),
        (failed, count(figures.failed)),
        ("", seconds(figures.min_s)),
        ("", seconds(figures.p50_s)),
        ("", seconds(figures.p95_s)),
        ("", seconds(figures.p99_s)),
        ("", seconds(figures.max_s)),
    ];
    for (tone, text) in cells {
        // Writing to a text never fails.
        let _ = write!(html, "<td class=\"num\"><span class=\"status\"{tone}>{text}</span></td>");
    }
    html + "</tr>"
}

fn status(status: &str, words: &Words) -> String {
    let tone = match status.as_bytes().first() {
        Some(b'2' | b'3') => "ok",
        Some(b'4') => "warn",
        _ => "bad",
    };
    let word = if status == "0" { words.no_answer.into() } else { encode_text(status) };
    format!("<span class=\"status\" data-tone=\"{tone}\">{word}</span>")
}

/// What to know of the endpoints, and below them failures and checks.
fn rest(run: &Run, detail: &Detail, lang: Lang) -> String {
    let words = Words::of(lang);
    let mut html = note(words.precision);
    if detail.left_out {
        html += &format!("<p class=\"notice warn\">{}</p>", words.left_out);
    }
    let over = !run.state.is_active();
    html += &failures(&detail.failures, timeline::origin_ms(run), over, lang);
    html + &checks(run.checks(Some(detail)), over, lang)
}

/// Endpoints, failures and checks of a run that is over, where nobody can press anything.
pub fn whole(run: &Run, detail: Option<&Detail>, lang: Lang) -> String {
    let words = Words::of(lang);
    let Some(detail) = detail else {
        let counted = run.checks(None);
        return if counted.is_empty() { String::new() } else { checks(counted, true, lang) };
    };
    let head = Column::ALL.map(|(column, _)| ((words.column)(column), if column.is_text() { "" } else { "num" }));
    let mut html = format!("<h3>{}</h3>", words.endpoints);
    html += &table(words.endpoints, &head, &rows(detail, Order::default(), lang));
    html += &note(words.precision);
    if detail.left_out {
        html += &format!("<p class=\"notice warn\">{}</p>", words.left_out);
    }
    html += &failures(&detail.failures, timeline::origin_ms(run), true, lang);
    html + &checks(run.checks(Some(detail)), true, lang)
}

/// What failed.
fn failures(failures: &[Failure], origin_ms: Millis, over: bool, lang: Lang) -> String {
    let words = Words::of(lang);
    let heading = format!("<h3>{}</h3>", words.failures);
    if failures.is_empty() {
        return heading + &note(if over { words.failures_none } else { words.failures_none_yet });
    }
    let time = |at_ms: Millis| clock(at_ms.saturating_sub(origin_ms) as f64 / 1e3);
    let row = |failure: &Failure| {
        let code = match failure.code.as_str() {
            "" => String::new(),
            code => format!(" <span class=\"muted\">{}</span>", encode_text(&(words.code)(code))),
        };
        format!(
            "<tr><th scope=\"row\">{} {}</th><td>{}</td><td>{}{code}</td><td class=\"num\">{}</td><td class=\"num\">{}</td>\
             <td class=\"num\">{}</td></tr>",
            encode_text(&failure.method),
            encode_text(&failure.name),
            status(&failure.status, words),
            (words.causes)(failure.cause()),
            format::value(Unit::Count, failure.requests, show::numbers(lang)),
            time(failure.first_ms),
            time(failure.last_ms)
        )
    };
    let (name, status) = ((words.column)(Column::Name), (words.column)(Column::Status));
    let head =
        [(name, ""), (status, ""), (words.cause, ""), (words.count, "num"), (words.first, "num"), (words.last, "num")];
    heading + &table(words.failures, &head, &failures.iter().map(row).collect::<String>())
}

/// The script's checks.
fn checks(checks: &[Check], over: bool, lang: Lang) -> String {
    let words = Words::of(lang);
    let heading = format!("<h3>{}</h3>", words.checks);
    if checks.is_empty() {
        return heading + &note(if over { words.checks_none } else { words.checks_none_yet });
    }
    let count = |value| format::value(Unit::Count, value, show::numbers(lang));
    let row = |check: &Check| {
        let tone = if check.fails > 0.0 { " data-tone=\"bad\"" } else { "" };
        format!(
            "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\"><span class=\"status\"{tone}>{}</span></td>\
             <td class=\"num\">{}</td></tr>",
            encode_text(&check.name),
            count(check.passes),
            count(check.fails),
            format::value_or_none(Unit::Share, check.share(), show::numbers(lang))
        )
    };
    let head = [(words.check, ""), (words.passes, "num"), (words.fails, "num"), (words.share, "num")];
    heading + &table(words.checks, &head, &checks.iter().map(row).collect::<String>())
}

fn table(label: &str, head: &[(&str, &str)], rows: &str) -> String {
    let head = head.iter().map(|(name, class)| format!("<th scope=\"col\" class=\"{class}\">{name}</th>"));
    format!(
        "<div class=\"table-wrap\" tabindex=\"0\" role=\"group\" aria-label=\"{label}\"><table><thead><tr>{}</tr></thead>\
         <tbody>{rows}</tbody></table></div>",
        head.collect::<String>()
    )
}
