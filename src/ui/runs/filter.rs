//! What is looked for among the runs. A plain form: its answer is a page with an address of its own.

use leptos::prelude::*;

use super::address;
use crate::{
    domain::{
        past::{Choices, Search},
        plan::Pattern,
        run::Verdict,
    },
    ui::{
        show,
        text::{Text, use_text},
    },
};

/// The names and labels of a choice, `any` first.
type Options = Vec<(String, String)>;

/// The form.
#[component]
pub fn Filter(
    /// What is looked for.
    search: Memo<Search>,
    /// What may be looked for.
    choices: Choices,
) -> impl IntoView {
    let text = use_text();
    let Choices { targets, tags, .. } = choices;
    let targets = targets.into_iter().map(|name| (name.clone(), show::target(&name, text))).collect::<Options>();
    let tags = tags.into_iter().map(|tag| (tag.clone(), tag)).collect::<Options>();
    let has_tags = !tags.is_empty() || search.with_untracked(|search| !search.tag.is_empty());
    let in_trash = move || search.with(|search| !search.trash.is_empty());
    let open = move || search.with(Search::is_open);
    view! {
        <form method="get" action="/runs" class="card run-filter" role="search" aria-label=text.runs_filter>
            <div class="field wide">
                <label for="runs-search">{text.runs_search}</label>
                <input
                    id="runs-search"
                    name="search"
                    type="search"
                    maxlength=Search::LONGEST
                    autocomplete="off"
                    placeholder=text.runs_search_hint
                    value=search.with_untracked(|search| search.search.clone())
                    prop:value=move || search.with(|search| search.search.clone())
                />
            </div>
            <Choice name="target" label=text.target search of=|search| &search.target options=targets />
            <Choice name="verdict" label=text.verdict search of=|search| &search.verdict options=verdicts(text) />
            <Choice name="pattern" label=text.pattern search of=|search| &search.pattern options=patterns(text) />
            {has_tags.then(|| view! { <Choice name="tag" label=text.runs_tag search of=|search| &search.tag options=tags /> })}
            <Choice name="since" label=text.runs_since search of=|search| &search.since options=since(text) />
            <div class="run-filter-end">
                <label class="check">
                    <input
                        type="checkbox"
                        name="starred"
                        value="yes"
                        checked=search.with_untracked(|search| !search.starred.is_empty())
                        prop:checked=move || search.with(|search| !search.starred.is_empty())
                    />
                    {text.runs_starred}
                </label>
                {move || in_trash().then(|| view! { <input type="hidden" name="trash" value="yes" /> })}
                <button type="submit" class="button">{text.runs_find}</button>
                {move || (!open()).then(|| view! { <a class="link" href="/runs">{text.runs_all}</a> })}
            </div>
        </form>
    }
}

#[component]
fn Choice(
    name: &'static str,
    label: &'static str,
    search: Memo<Search>,
    /// Its value.
    of: fn(&Search) -> &String,
    options: Options,
) -> impl IntoView {
    let text = use_text();
    let id = format!("runs-{name}");
    let value = search.with_untracked(|search| of(search).clone());
    // One that was asked for stays to be seen, also where there is none.
    let unknown =
        Some(value.clone()).filter(|value| !value.is_empty() && options.iter().all(|(name, _)| name != value));
    let options = [(String::new(), text.runs_any.to_owned())].into_iter().chain(options);
    let options = options.chain(unknown.map(|value| (value.clone(), value)));
    let options = options.map(|(name, label)| {
        let selected = name == value;
        view! { <option value=name selected=selected>{label}</option> }
    });
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select id=id name=name prop:value=move || search.with(|search| of(search).clone())>
                {options.collect_view()}
            </select>
        </div>
    }
}

fn verdicts(text: &'static Text) -> Options {
    let word = |name: &str| match name {
        "passed" => text.passed,
        "failed" => text.failed,
        "stopped" => text.stopped,
        "cancelled" => text.cancelled,
        "crashed" => text.crashed,
        _ => text.timed_out,
    };
    Verdict::NAMES.iter().map(|name| ((*name).to_owned(), word(name).to_owned())).collect()
}

fn patterns(text: &'static Text) -> Options {
    let known = Pattern::ALL.iter().map(|one| (one.name().to_owned(), (text.pattern_text)(*one).name.to_owned()));
    known.chain([("own".to_owned(), text.script_own.to_owned())]).collect()
}

fn since(text: &'static Text) -> Options {
    Search::SINCE.iter().map(|(name, hours)| ((*name).to_owned(), (text.runs_last)(*hours))).collect()
}

/// Leads from one page of what is found to the next ones.
#[component]
pub(super) fn Pages(
    /// What is looked for.
    search: Search,
    /// The page, from 0.
    page: u32,
    /// How many there are.
    pages: u32,
    /// From which run to which, of how many.
    shown: String,
) -> impl IntoView {
    let text = use_text();
    let to = |page: u32| {
        let page = if page == 0 { String::new() } else { (page + 1).to_string() };
        address(&Search { page, ..search.clone() })
    };
    let newer = (page > 0).then(|| to(page - 1));
    let older = (page + 1 < pages).then(|| to(page + 1));
    view! {
        <nav class="run-pages" aria-label=text.runs_pages>
            <span class="tabular">{shown}</span>
            {newer.map(|href| view! { <a class="link" rel="prev" href=href>"← " {text.runs_newer}</a> })}
            {older.map(|href| view! { <a class="link" rel="next" href=href>{text.runs_older} " →"</a> })}
        </nav>
    }
}
