//! A badge that says how the last test of a target went, for READMEs.

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::get,
};
use ha_dashboard::{
    api::error::ApiError,
    domain::{
        format::{self, Numbers},
        frame::Unit,
        past::Query,
        plan::{ALL_BUT_DASHBOARD, ALL_SERVICES},
        prefs::{Lang, Prefs},
        run::{Run, RunState, Verdict},
    },
    ui::show,
};

use super::{
    HttpState,
    edge::Asking,
    error::{Failure, shortened},
};

/// The route.
pub fn router() -> Router<HttpState> {
    Router::new().route("/badge/{file}", get(badge))
}

/// `/badge/TARGET.svg`.
async fn badge(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let missing = || ApiError::NotFound { what: format!("badge {}", shortened(&file)) };
    let target = file.strip_suffix(".svg").ok_or_else(missing)?;
    let query = Query { target: Some(target.to_owned()), most: 2, ..Query::default() };
    let found = state.control.find_runs(&caller, query).await?;
    let last = found.runs.into_iter().map(|(run, _)| run).find(|run| !run.state.is_active());
    let known = [ALL_SERVICES, ALL_BUT_DASHBOARD].contains(&target)
        || state.settings.config.services.iter().any(|service| service.name == target);
    if last.is_none() && !known {
        return Err(missing().into());
    }
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let lang = Prefs::from_headers("", accepted).lang;
    let (colour, words) = said(last.as_ref(), lang);
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, drawn(&show::target(target, lang.text()), &words, colour)).into_response())
}

/// Its colour, and the verdict with the p95 where one was measured.
fn said(run: Option<&Run>, lang: Lang) -> (&'static str, String) {
    let Some((run, RunState::Finished(verdict))) = run.map(|run| (run, &run.state)) else {
        return ("#586472", lang.text().badge_none.to_owned());
    };
    let colour = match verdict {
        Verdict::Passed => "#0d7347",
        Verdict::Stopped | Verdict::Cancelled => "#8f5200",
        Verdict::Failed | Verdict::Aborted | Verdict::Crashed { .. } | Verdict::TimedOut => "#b8222b",
    };
    let word = show::verdict(verdict, lang.text()).1;
    let numbers: Numbers = show::numbers(lang);
    let p95 = run.totals.as_ref().and_then(|totals| totals.p95_s);
    let p95 = p95.map(|p95| format!(" · p95 {}", format::value(Unit::Seconds, p95, numbers)));
    (colour, format!("{word}{}", p95.unwrap_or_default()))
}

/// As wide as texts of this size are about.
fn drawn(name: &str, words: &str, colour: &str) -> String {
    let width = |text: &str| text.chars().count() * 7 + 14;
    let (left, right) = (width(name), width(words));
    let escape = html_escape::encode_safe::<str>;
    let (name, words) = (escape(name), escape(words));
    let (all, middle, rest) = (left + right, left / 2, left + right / 2);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{all}" height="22" role="img" aria-label="{name}: {words}"><title>{name}: {words}</title><clipPath id="r"><rect width="{all}" height="22" rx="4"/></clipPath><g clip-path="url(#r)"><rect width="{left}" height="22" fill="#28323d"/><rect x="{left}" width="{right}" height="22" fill="{colour}"/></g><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="12" text-anchor="middle"><text x="{middle}" y="15">{name}</text><text x="{rest}" y="15">{words}</text></g></svg>"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_not_inject_markup() {
        let svg = drawn("<script>", "a\" onload=\"x", "#000");
        assert!(!svg.contains("<script>") && !svg.contains("\" onload=\""), "{svg}");
    }

    #[test]
    fn without_a_run_it_says_so() {
        assert_eq!(said(None, Lang::En).1, "no test yet");
    }
}
