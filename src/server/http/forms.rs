//! For browsers without JavaScript: Start and Stop as plain forms, language and theme as links.

use axum::{
    Form, Router,
    extract::{Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ha_dashboard::{
    api::{
        caller::{Caller, Door},
        error::ApiError,
    },
    domain::{
        burst::{Burst, BurstDraft},
        fault::{FaultDraft, FaultId, Refusal},
        labels::LabelDraft,
        plan::Model,
        prefs::{LANG_COOKIE, Lang, THEME_COOKIE, Theme},
        run::RunId,
        validate::{Draft, Field},
    },
};
use serde::Deserialize;

use super::{HttpState, edge::Asking, error::Failure, plans::plan_id, run_id};

/// In place of a theme's name: whichever the system has.
const SYSTEM: &str = "system";

/// Most characters of a value in an address: as many thresholds as are allowed, of a length that people write, have fewer.
const LONGEST_VALUE: usize = 4_000;

/// A year in seconds.
const COOKIE_AGE_S: u32 = 31_536_000;

/// The routes.
pub fn router() -> Router<HttpState> {
    Router::new()
        .route("/start", post(start))
        .route("/stop", post(stop))
        .route("/emergency-stop", post(emergency_stop))
        .route("/load/add", post(add_load))
        .route("/load/remove", post(remove_load))
        .route("/pull", post(pull))
        .route("/faults/set", post(set_fault))
        .route("/faults/restore", post(restore_fault))
        .route("/faults/restore-all", post(restore_all))
        .route("/again", get(again))
        .route("/runs/label", post(label_run))
        .route("/runs/star", post(star_run))
        .route("/runs/trash", post(trash_run))
        .route("/runs/restore", post(restore_run))
        .route("/runs/baseline", post(set_baseline))
        .route("/prefs", get(prefs))
}

/// In a form's address: the page that it stands on, to which its answer leads.
#[derive(Debug, Deserialize)]
struct Way {
    back: Option<String>,
}

impl Way {
    /// Back to that page; to `usual` where none is named.
    fn or(self, usual: &str) -> Response {
        see(&self.back.map_or_else(|| usual.to_owned(), |path| local(&path)))
    }
}

/// Browsers name the draft's inputs `draft[peak]` and so on; later ones win, so that of two inputs with one name the
/// page decides by order.
async fn start(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(way): Query<Way>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let mut draft = drafted(&fields);
    match state.control.start(&caller.through(Door::Form), draft.clone()).await {
        Ok(_) => way.or("/load"),
        Err(error) => see(&with_draft(&mut draft, &error)),
    }
}

/// The draft in a form's fields.
pub(super) fn drafted(fields: &[(String, String)]) -> Draft {
    let mut draft = Draft::default();
    for (name, value) in fields {
        if let Some(field) = Field::of_control(name) {
            draft.slot(field).clone_from(value);
        }
    }
    draft
}

async fn stop(State(state): State<HttpState>, Asking(caller): Asking, Query(way): Query<Way>) -> Response {
    match state.control.stop(&caller.through(Door::Form)).await {
        Ok(_) => way.or("/load"),
        Err(error) => see(&format!("/load?error={}", error.code())),
    }
}

async fn emergency_stop(State(state): State<HttpState>, Asking(caller): Asking, Query(way): Query<Way>) -> Response {
    match state.control.emergency_stop(&caller.through(Door::Form)).await {
        Ok(stop) if stop.problems.is_empty() => way.or("/load"),
        Ok(_) => see("/load?error=stop_incomplete"),
        Err(error) => see(&format!("/load?error={}", error.code())),
    }
}

/// What the form for more load holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MoreLoad {
    amount: String,
    unit: String,
    duration: String,
    target: String,
}

async fn add_load(State(state): State<HttpState>, Asking(caller): Asking, Form(more): Form<MoreLoad>) -> Response {
    let MoreLoad { amount, unit, duration, target } = more;
    let (vus, rate) = match Model::from_name(&unit) {
        Some(Model::ArrivalRate) => (String::new(), amount),
        _ => (amount, String::new()),
    };
    let draft = BurstDraft { vus, rate, duration, target };
    changed(match at_work(&state, &caller).await {
        Ok(run) => state.control.add_load(&caller.through(Door::Form), &run, draft).await,
        Err(error) => Err(error),
    })
}

/// Which added load to take away.
#[derive(Debug, Deserialize)]
struct WhichLoad {
    instance: u32,
}

async fn remove_load(State(state): State<HttpState>, Asking(caller): Asking, Form(which): Form<WhichLoad>) -> Response {
    changed(match at_work(&state, &caller).await {
        Ok(run) => state.control.remove_load(&caller.through(Door::Form), &run, which.instance).await,
        Err(error) => Err(error),
    })
}

/// The run at work.
async fn at_work(state: &HttpState, caller: &Caller) -> Result<RunId, ApiError> {
    let shown = state.control.brief(caller).await;
    let run = shown.status.run.as_ref().filter(|run| run.state.is_active());
    run.map(|run| run.id.clone()).ok_or(ApiError::NotRunning)
}

fn changed(result: Result<Burst, ApiError>) -> Response {
    match result {
        Ok(_) => see("/load"),
        Err(ApiError::InvalidLoad { .. } | ApiError::NotFound { .. } | ApiError::NotRunning) => {
            see("/load?error=load_refused")
        }
        Err(error) => see(&format!("/load?error={}", error.code())),
    }
}

async fn pull(State(state): State<HttpState>, Asking(caller): Asking) -> Response {
    match state.control.pull_image(&caller.through(Door::Form)).await {
        Ok(()) => see("/load"),
        Err(error) => see(&format!("/load?error={}", error.code())),
    }
}

async fn set_fault(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(way): Query<Way>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let mut draft = FaultDraft::default();
    for (name, value) in fields {
        let slot = match name.as_str() {
            "draft[kind]" => &mut draft.kind,
            "draft[service]" => &mut draft.service,
            "draft[intensity]" => &mut draft.intensity,
            "draft[duration]" => &mut draft.duration,
            "draft[hypothesis]" => &mut draft.hypothesis,
            "draft[guard]" => &mut draft.guard,
            "draft[even_last]" => {
                draft.even_last = true;
                continue;
            }
            _ => continue,
        };
        *slot = value;
    }
    let error = match state.control.set_fault(&caller.through(Door::Form), draft.clone()).await {
        Ok(_) => return way.or("/faults"),
        Err(error) => error,
    };
    let code = match error {
        ApiError::FaultRefused { refusal: Refusal::LastReplica { .. } } => "last_replica",
        error => error.code(),
    };
    see(&with_query(
        "/faults",
        [
            ("kind", draft.kind.as_str()),
            ("service", &draft.service),
            ("intensity", &draft.intensity),
            ("duration", &draft.duration),
            ("hypothesis", &draft.hypothesis),
            ("guard", &draft.guard),
            ("error", code),
        ],
    ))
}

/// Which fault or run.
#[derive(Debug, Deserialize)]
struct Which {
    id: String,
}

async fn restore_fault(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(way): Query<Way>,
    Form(which): Form<Which>,
) -> Response {
    let Ok(id) = FaultId::try_from(which.id) else { return see("/faults?error=not_found") };
    match state.control.restore_fault(&caller.through(Door::Form), &id).await {
        Ok(_) => way.or("/faults"),
        Err(error) => see(&format!("/faults?error={}", error.code())),
    }
}

async fn restore_all(State(state): State<HttpState>, Asking(caller): Asking, Query(way): Query<Way>) -> Response {
    match state.control.restore_all(&caller.through(Door::Form)).await {
        Ok(_) => way.or("/faults"),
        Err(error) => see(&format!("/faults?error={}", error.code())),
    }
}

/// Whether which run is to be the baseline of its target.
#[derive(Debug, Deserialize)]
struct AskedBaseline {
    id: String,
    baseline: bool,
}

/// What is said of which run.
#[derive(Debug, Deserialize)]
struct Said {
    id: String,
    name: Option<String>,
    note: Option<String>,
    tags: Option<String>,
    star: Option<bool>,
}

async fn label_run(State(state): State<HttpState>, Asking(caller): Asking, Form(said): Form<Said>) -> Response {
    let Ok(id) = RunId::try_from(said.id) else { return see("/runs?error=not_found") };
    let Said { name, note, tags, .. } = said;
    let draft = LabelDraft { name, note, tags, star: None };
    let page = format!("/runs/{id}");
    match state.control.label_run(&caller.through(Door::Form), &id, draft.clone()).await {
        Ok(_) => see(&page),
        Err(error) => {
            let typed = |text: Option<String>| text.unwrap_or_default();
            let (name, tags, note) = (typed(draft.name), typed(draft.tags), typed(draft.note));
            see(&with_query(&page, [("name", &*name), ("tags", &*tags), ("note", &*note), ("error", error.code())]))
        }
    }
}

async fn star_run(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(way): Query<Way>,
    Form(said): Form<Said>,
) -> Response {
    let Ok(id) = RunId::try_from(said.id) else { return see("/runs?error=not_found") };
    let draft = LabelDraft { star: said.star, ..LabelDraft::default() };
    match state.control.label_run(&caller.through(Door::Form), &id, draft).await {
        Ok(_) => way.or("/runs"),
        Err(error) => see(&format!("/runs?error={}", error.code())),
    }
}

/// Leads to the page of the run, which says so and has the way back.
async fn trash_run(State(state): State<HttpState>, Asking(caller): Asking, Form(which): Form<Which>) -> Response {
    let Ok(id) = RunId::try_from(which.id) else { return see("/runs?error=not_found") };
    match state.control.trash_run(&caller.through(Door::Form), &id, true).await {
        Ok(_) => see(&format!("/runs/{id}")),
        Err(error) => see(&format!("/runs/{id}?error={}", error.code())),
    }
}

async fn set_baseline(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Form(asked): Form<AskedBaseline>,
) -> Response {
    let Ok(id) = RunId::try_from(asked.id) else { return see("/runs?error=not_found") };
    match state.control.set_baseline(&caller.through(Door::Form), &id, asked.baseline).await {
        Ok(_) => see(&format!("/runs/{id}")),
        Err(error) => see(&format!("/runs/{id}?error={}", error.code())),
    }
}

async fn restore_run(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(way): Query<Way>,
    Form(which): Form<Which>,
) -> Response {
    let Ok(id) = RunId::try_from(which.id) else { return see("/runs?error=not_found") };
    match state.control.trash_run(&caller.through(Door::Form), &id, false).await {
        Ok(_) => way.or("/runs"),
        Err(error) => see(&format!("/runs?error={}", error.code())),
    }
}

/// A path with a query. Browsers and proxies refuse endless addresses.
pub(super) fn with_query<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let Ok(mut url) = reqwest::Url::parse("http://dashboard/") else { return path.into() };
    for (name, value) in pairs {
        url.query_pairs_mut().append_pair(name, &value.chars().take(LONGEST_VALUE).collect::<String>());
    }
    format!("{path}?{}", url.query().unwrap_or_default())
}

/// Back to the form with everything typed, which the page checks again and explains field by field.
pub(super) fn with_draft(draft: &mut Draft, error: &ApiError) -> String {
    filled(draft, &[("error", error.code())])
}

/// The form with a draft in it.
fn filled(draft: &mut Draft, more: &[(&str, &str)]) -> String {
    let typed = typed(draft);
    let pairs = typed.iter().map(|(name, value)| (*name, value.as_str()));
    with_query("/load", pairs.chain(more.iter().copied()))
}

/// What a draft's fields hold, by name.
pub(super) fn typed(draft: &mut Draft) -> Vec<(&'static str, String)> {
    Field::ALL.iter().map(|field| (field.name(), draft.slot(*field).clone())).collect()
}

/// What to plan once more: an earlier run, or a plan that is kept.
#[derive(Debug, Deserialize)]
struct Again {
    run: Option<String>,
    plan: Option<String>,
}

/// Leads to the form, filled in as for an earlier run, or with a plan that is kept.
async fn again(
    State(state): State<HttpState>,
    Asking(caller): Asking,
    Query(again): Query<Again>,
) -> Result<Response, Failure> {
    let caller = caller.through(Door::Form);
    let mut draft = match again {
        Again { run: Some(id), plan: None } => {
            let run = state.control.run(&caller, &run_id(id)?).await?;
            Draft::again(&run.plan, run.scenario.as_ref(), &state.control.rules(&caller).await)
        }
        Again { run: None, plan: Some(id) } => state.control.plan(&caller, &plan_id(id)?).await?.draft,
        _ => return Err(ApiError::BadRequest { what: "name either a run or a plan".into() }.into()),
    };
    Ok(see(&filled(&mut draft, &[])))
}

/// What may be chosen.
#[derive(Debug, Deserialize)]
struct Prefs {
    lang: Option<String>,
    theme: Option<String>,
    back: Option<String>,
}

async fn prefs(Query(prefs): Query<Prefs>) -> Response {
    let mut response = see(&local(prefs.back.as_deref().unwrap_or("/")));
    let lang = prefs.lang.as_deref().and_then(Lang::from_tag).map(Lang::tag);
    let theme = prefs.theme.as_deref();
    let theme = theme.and_then(|theme| Theme::from_id(theme).map(Theme::id).or((theme == SYSTEM).then_some(SYSTEM)));
    for (cookie, choice) in [(LANG_COOKIE, lang), (THEME_COOKIE, theme)] {
        let Some(choice) = choice else { continue };
        let cookie = format!("{cookie}={choice}; Path=/; Max-Age={COOKIE_AGE_S}; SameSite=Lax");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// A path on this site: browsers read `//x` and `/\x` as another one.
pub(super) fn local(path: &str) -> String {
    let mut chars = path.chars();
    let ours = chars.next() == Some('/') && !matches!(chars.next(), Some('/' | '\\'));
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if ours && plain { path.to_owned() } else { "/".into() }
}

pub(super) fn see(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_on_this_site() {
        assert_eq!(local("/runs?x=1"), "/runs?x=1");
        for elsewhere in ["//evil.example", "/\\evil.example", "http://evil.example", "evil", "", "/a\r\nb", "/\u{e4}"]
        {
            assert_eq!(local(elsewhere), "/");
        }
    }

    #[test]
    fn nothing_typed_is_lost() {
        let mut draft = Draft { peak: "ten".into(), thresholds: "a&b=c{}\"<\n".into(), ..Draft::default() };
        let back = with_draft(&mut draft, &ApiError::Invalid { errors: Vec::new() });
        assert!(back.starts_with("/load?script=&target=&"), "{back}");
        assert!(
            back.contains("peak=ten&")
                && back.ends_with(
                    "&thresholds=a%26b%3Dc%7B%7D%22%3C%0A&request_timeout=&stop_when=&regression=&scenario=&error=invalid"
                ),
            "{back}"
        );
    }
}
