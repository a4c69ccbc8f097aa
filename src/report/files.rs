//! A run that is over as files to take along.

use leptos::prelude::*;

use super::{drawn, words::Words};
use crate::domain::{prefs::Lang, run::RunId};

/// Links to the files of a run that is over; the report itself has a link of its own.
pub fn files_html(run: &RunId, lang: Lang) -> String {
    let (words, run) = (Words::of(lang), run.clone());
    let files = [
        ("run.json", words.file_json),
        ("endpoints.csv", words.file_endpoints),
        ("series.csv", words.file_series),
        ("junit.xml", words.file_junit),
    ];
    let link = move |(file, name): (&'static str, &'static str)| {
        // The program of the page leaves links alone that are to be saved.
        view! { <li><a class="link" href=format!("/runs/{run}/{file}") download="" rel="external">{name}</a></li> }
    };
    drawn(lang, || {
        view! {
            <nav class="files" aria-labelledby="files-title" data-testid="files">
                <p class="muted" id="files-title">{words.files}</p>
                <ul>{files.into_iter().map(link).collect_view()}</ul>
            </nav>
        }
        .into_any()
    })
}
