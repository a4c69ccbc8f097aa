//! The list of runs that are found.

use std::fmt::Write;

use leptos::prelude::*;

use super::{filter::Pages, labels::Gone};
use crate::{
    api::functions::{label_run, trash_run},
    domain::{
        format,
        frame::{Metric, Unit},
        labels::LabelDraft,
        past::{Gist, Page, Query, RunRow, Search},
        run::RunState,
    },
    ui::{
        parts::LocalTime,
        show,
        text::{use_lang, use_text},
    },
};

/// The id of the form that compares runs.
const COMPARE: &str = "compare-runs";

/// The height of the drawing of a run's course.
const HEIGHT: f64 = 24.0;

/// A page of runs.
#[component]
pub fn List(
    /// What was looked for.
    search: Search,
    /// What is found.
    page: Page,
    /// Asks again.
    again: RwSignal<u32>,
    /// The run that was thrown away last.
    gone: RwSignal<Option<RunRow>>,
) -> impl IntoView {
    let text = use_text();
    let Page { rows, found, page, choices } = page;
    let in_trash = !search.trash.is_empty();
    if rows.is_empty() {
        if found == 0 && !in_trash && search.is_open() {
            return view! {
                <div class="card empty" data-needs="presenter">
                    <p>{text.runs_empty}</p>
                    <p><a class="button primary" href="/load">{text.runs_go}</a></p>
                </div>
                <p class="card empty for-viewers">{text.runs_empty_viewer}</p>
                <Trash trashed=choices.trashed in_trash />
            }
            .into_any();
        }
        let (words, link) = match () {
            () if found > 0 => (text.runs_page_empty, text.runs_all),
            () if in_trash => (text.runs_trash_empty, text.back_to_runs),
            () => (text.runs_none, text.runs_all),
        };
        return view! {
            <div class="card empty">
                <p>{words}</p>
                <p><a class="button primary" href="/runs">{link}</a></p>
            </div>
            <Trash trashed=choices.trashed in_trash />
        }
        .into_any();
    }
    let first = page * Query::PAGE + 1;
    let last = first - 1 + u32::try_from(rows.len()).unwrap_or_default();
    let shown = (text.runs_shown)(first, last, found);
    let pages = found.div_ceil(Query::PAGE);
    view! {
        // What the boxes of the rows belong to.
        <form id=COMPARE method="get" action="/runs/compare"></form>
        <div class="card">
            <table class="run-list">
                <thead>
                    <tr>
                        <th scope="col" class="more"><span class="visually-hidden">{text.compare}</span></th>
                        <th scope="col">{text.target}</th>
                        <th scope="col">{text.verdict}</th>
                        <th scope="col" class="num">{(text.metric)(Metric::P95).name}</th>
                        <th scope="col" class="more">{text.runs_course}</th>
                        <th scope="col" class="more num">{(text.metric)(Metric::FailedShare).name}</th>
                        <th scope="col" class="more num">{text.requests}</th>
                        <th scope="col" class="more num">{text.duration}</th>
                        <th scope="col" class="more">{text.nav_faults}</th>
                        <th scope="col"><span class="visually-hidden">{text.runs_actions}</span></th>
                    </tr>
                </thead>
                <tbody>
                    {rows.into_iter().map(|run| view! { <Row run again gone in_trash /> }).collect_view()}
                </tbody>
            </table>
        </div>
        <div class="run-list-end">
            <Pages search page pages shown />
            <button type="submit" form=COMPARE class="button more">{text.compare_chosen}</button>
        </div>
        <Trash trashed=choices.trashed in_trash />
    }
    .into_any()
}

#[component]
fn Trash(trashed: u32, in_trash: bool) -> impl IntoView {
    let text = use_text();
    match (in_trash, trashed) {
        (true, _) => view! { <p class="muted">{text.runs_trash_hint}</p> }.into_any(),
        (false, 0) => ().into_any(),
        (false, trashed) => {
            view! { <p><a class="link" href="/runs?trash=yes">{(text.runs_trash)(trashed)}</a></p> }.into_any()
        }
    }
}

/// A run. The whole row belongs to its link, but for its buttons.
#[component]
fn Row(run: RunRow, again: RwSignal<u32>, gone: RwSignal<Option<RunRow>>, in_trash: bool) -> impl IntoView {
    let (lang, text) = (use_lang(), use_text());
    let numbers = show::numbers(lang);
    let target = show::target(&run.plan.target, text);
    let named = !run.labels.name.is_empty();
    let name = if named { run.labels.name.clone() } else { target.clone() };
    let about =
        [named.then_some(target), Some(show::pattern(&run.plan, text).to_owned()), Some(show::peak(&run.plan, lang))];
    let about = about.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let tags = run.labels.tags.iter().map(|tag| view! { <span class="tag">{tag.clone()}</span> }).collect_view();
    let faults = match run.gist.faults {
        0 => String::new(),
        count => {
            let out = run.gist.out_ms.map(|ms| format!(" · {}", (text.runs_out)(&show::cost::seconds(ms, lang))));
            format!("{count}{}", out.unwrap_or_default())
        }
    };
    let outcome = run.state.clone();
    let over = matches!(run.state, RunState::Finished(_));
    let value = |unit, value| format::value_or_none(unit, value, numbers);
    view! {
        <tr data-testid="run-row" data-run=run.id.to_string()>
            <td class="more run-choose">
                {over.then(|| view! {
                    <input type="checkbox" name="ids" value=run.id.to_string() form=COMPARE aria-label=(text.compare_choose_name)(&name) />
                })}
            </td>
            <th scope="row">
                <a href=format!("/runs/{}", run.id)>
                    <bdi class="run-target">{name.clone()}</bdi>
                    " "
                    <span class="run-about">
                        {run.labels.baseline.then(|| view! { <span class="tag">{text.baseline}</span> " " })}
                        {about} " " {tags}
                    </span>
                    " "
                    <LocalTime at_ms=run.created_ms date=true />
                </a>
            </th>
            <td><Outcome state=outcome /></td>
            <td class="num" data-label="p95">{value(Unit::Seconds, run.p95_s)}</td>
            <td class="more"><Course gist=run.gist.clone() /></td>
            <td class="more num">{value(Unit::Share, run.failed_share)}</td>
            <td class="more num">{value(Unit::Count, run.requests)}</td>
            <td class="more num">
                {run.took_s.map_or_else(|| format::NO_DATA.into(), |seconds| show::duration(seconds.round() as u32))}
            </td>
            <td class="more">{faults}</td>
            <td>
                <div class="run-do">{over.then(|| view! { <Buttons run=run.clone() name again gone in_trash /> })}</div>
            </td>
        </tr>
    }
}

/// Star and throw away, or bring back.
#[component]
fn Buttons(
    run: RunRow,
    name: String,
    again: RwSignal<u32>,
    gone: RwSignal<Option<RunRow>>,
    in_trash: bool,
) -> impl IntoView {
    let text = use_text();
    let id = run.id.clone();
    if in_trash {
        let restored = id.clone();
        let restore = Action::new(move |_: &()| {
            let id = restored.clone();
            async move {
                if trash_run(id, false).await.is_ok() {
                    gone.set(None);
                    again.update(|count| *count += 1);
                }
            }
        });
        return view! {
            <form method="post" action="/runs/restore?back=%2Fruns%3Ftrash%3Dyes" on:submit=move |event| { event.prevent_default(); restore.dispatch(()); }>
                <input type="hidden" name="id" value=id.to_string() />
                <button type="submit" class="link-button" aria-label=(text.run_restore_name)(&name)>{text.run_restore}</button>
            </form>
        }
        .into_any();
    }
    let star = RwSignal::new(run.labels.star);
    let starred = id.clone();
    let turn = Action::new(move |_: &()| {
        let (id, wanted) = (starred.clone(), !star.get_untracked());
        star.set(wanted);
        async move {
            let draft = LabelDraft { star: Some(wanted), ..LabelDraft::default() };
            if label_run(id, draft).await.is_err() {
                star.set(!wanted);
            }
        }
    });
    let thrown = run.clone();
    let throw = Action::new(move |_: &()| {
        let run = thrown.clone();
        async move {
            if trash_run(run.id.clone(), true).await.is_ok() {
                gone.set(Some(run));
                again.update(|count| *count += 1);
            }
        }
    });
    let said = (text.run_star_name)(&name);
    view! {
        <form method="post" action="/runs/star?back=%2Fruns" on:submit=move |event| { event.prevent_default(); turn.dispatch(()); }>
            <input type="hidden" name="id" value=id.to_string() />
            <input type="hidden" name="star" value=move || (!star.get()).to_string() />
            <button type="submit" class="icon-button star" aria-pressed=move || star.get().to_string() aria-label=said.clone() title=said>
                <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                    <path d="M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9L3.5 9.7l5.9-.8z" />
                </svg>
            </button>
        </form>
        <form method="post" action="/runs/trash" on:submit=move |event| { event.prevent_default(); throw.dispatch(()); }>
            <input type="hidden" name="id" value=id.to_string() />
            <button type="submit" class="icon-button" aria-label=(text.run_trash_name)(&name) title=text.run_trash>
                <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                    <path d="M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5" />
                </svg>
            </button>
        </form>
    }
    .into_any()
}

/// What was thrown away last, with the way back.
#[component]
pub fn LastGone(
    /// The run that was thrown away last.
    gone: RwSignal<Option<RunRow>>,
    /// Asks again.
    again: RwSignal<u32>,
) -> impl IntoView {
    let text = use_text();
    view! {
        <div role="status">
            {move || gone.get().map(|run| {
                let named = Some(run.labels.name.clone()).filter(|name| !name.is_empty());
                let name = named.unwrap_or_else(|| show::target(&run.plan.target, text));
                view! { <Gone id=run.id name on_back=move || { gone.set(None); again.update(|count| *count += 1); } /> }
            })}
        </div>
    }
}

/// A run's verdict, or its state while it has none.
#[component]
pub fn Outcome(
    /// Where it is.
    state: RunState,
) -> impl IntoView {
    let text = use_text();
    let (id, word) = match &state {
        RunState::Finished(outcome) => show::verdict(outcome, text),
        _ => show::state_name(Some(&state), text),
    };
    view! { <span class="badge" data-state=id>{word}</span> }
}

/// How a run's p95 went.
#[component]
fn Course(gist: Gist) -> impl IntoView {
    let lang = use_lang();
    let known = || gist.course_ms.iter().flatten().copied();
    let (Some(least), Some(most)) = (known().min(), known().max()) else {
        return view! { <span class="muted">{format::NO_DATA}</span> }.into_any();
    };
    let ms = |ms: u32| format::value(Unit::Seconds, f64::from(ms) / 1000.0, show::numbers(lang));
    let said = (lang.text().runs_course_said)(&ms(least), &ms(most));
    let title = said.clone();
    view! {
        <svg
            class="spark"
            role="img"
            aria-label=said
            viewBox=format!("0 0 {} {HEIGHT}", Gist::POINTS)
            preserveAspectRatio="none"
            focusable="false"
        >
            <title>{title}</title>
            <path d=path(&gist.course_ms, most) />
        </svg>
    }
    .into_any()
}

/// A line over the whole width; where nothing is known there is none.
fn path(course: &[Option<u32>], most: u32) -> String {
    let step = Gist::POINTS as f64 / course.len().max(1) as f64;
    let top = f64::from(most.max(1));
    let mut path = String::new();
    let mut drawing = false;
    for (place, ms) in course.iter().enumerate() {
        let Some(ms) = ms else {
            drawing = false;
            continue;
        };
        // Half a line's width from the edges.
        let y = HEIGHT - 1.0 - f64::from(*ms) / top * (HEIGHT - 2.0);
        let alone = !drawing && course.get(place + 1).is_none_or(Option::is_none);
        // Writing to a text can't fail.
        let _ = write!(path, "{}{:.1} {y:.1}", if drawing { 'L' } else { 'M' }, (place as f64 + 0.5) * step);
        if alone {
            path.push_str("h0");
        }
        drawing = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_is_as_wide_as_the_drawing_and_broken_where_nothing_is_known() {
        assert_eq!(path(&[], 0), "");
        assert_eq!(path(&[None, Some(100)], 100), "M30.0 1.0h0");
        assert_eq!(path(&[Some(0), Some(50), None, Some(100)], 100), "M5.0 23.0L15.0 12.0M35.0 1.0h0");
    }
}
