//! The scripts that were uploaded, and the form to upload one.

use leptos::prelude::*;

use super::{document, text::EntryText, words};
use crate::{
    api::error::ApiError,
    domain::{
        format,
        prefs::{Lang, Prefs},
        upload::{Upload, UploadDraft},
    },
    ui::{
        parts::{LocalTime, literal},
        show,
    },
};

/// Hexadecimal digits of a SHA-256 that tell one script from another.
const SHORT: usize = 12;

/// The scripts, and the form.
pub fn section(uploads: Vec<Upload>, lang: Lang) -> AnyView {
    let text = words(lang);
    let list = match uploads.len() {
        0 => view! { <p class="empty-line">{text.no_scripts}</p> }.into_any(),
        _ => view! {
            <ul class="pass-list" data-testid="scripts">
                {uploads.into_iter().map(|upload| row(upload, lang)).collect_view()}
            </ul>
        }
        .into_any(),
    };
    view! {
        <section class="card" aria-labelledby="scripts-heading" id="scripts">
            <h2 id="scripts-heading">{text.scripts}</h2>
            <p class="muted">{text.scripts_hint}</p>
            {list}
            <details class="access-add">
                <summary>{text.upload_script}</summary>
                {form(&UploadDraft::default(), text)}
            </details>
        </section>
    }
    .into_any()
}

fn row(upload: Upload, lang: Lang) -> AnyView {
    let text = words(lang);
    let Upload { name, bytes, sha256, uploaded_ms } = upload;
    let size = format::bytes(bytes.into(), show::numbers(lang));
    let short = sha256.get(..SHORT).unwrap_or_default().to_owned();
    let which = format!(" ({name})");
    view! {
        <li>
            <p>
                <strong class="break">{name.clone()}</strong>
                " · "
                <span class="tabular">{size}</span>
                <br />
                <span class="muted">
                    <LocalTime at_ms=uploaded_ms date=true />
                    " · SHA-256 "
                    <code title=sha256>{short}</code>
                </span>
            </p>
            <details>
                <summary>{text.delete_script} <span class="visually-hidden">{which.clone()}</span></summary>
                <form class="form" method="post" action="/access/scripts/delete">
                    <p class="muted">{text.delete_script_hint}</p>
                    <input type="hidden" name="name" value=name />
                    <p>
                        <button type="submit" class="button danger">
                            {text.delete_script_now} <span class="visually-hidden">{which}</span>
                        </button>
                    </p>
                </form>
            </details>
        </li>
    }
    .into_any()
}

fn form(typed: &UploadDraft, text: &'static EntryText) -> AnyView {
    let (name, replace) = (typed.name.clone(), typed.replace);
    let script = literal(&String::from_utf8_lossy(&typed.script));
    view! {
        <form class="form upload" method="post" action="/access/scripts" data-testid="upload-script">
            <div class="field">
                <label for="script-name">{text.script_name}</label>
                <input type="text" id="script-name" name="name" value=name required autocomplete="off" autocapitalize="none"
                    spellcheck="false" maxlength=Upload::LONGEST_NAME.to_string() placeholder="my-test.js"
                    aria-describedby="script-name-hint" />
                <p class="field-message" id="script-name-hint">{(text.script_name_hint)(Upload::LONGEST_NAME)}</p>
            </div>
            <div class="field">
                <label for="script-text">{text.script_text}</label>
                <textarea id="script-text" name="script" class="code" rows="14" required autocomplete="off" autocapitalize="none"
                    spellcheck="false" aria-describedby="script-text-hint" inner_html=script></textarea>
                <p class="field-message" id="script-text-hint">{(text.script_text_hint)(Upload::MOST_BYTES >> 10)}</p>
            </div>
            <label class="check">
                <input type="checkbox" name="replace" value="true" checked=replace />
                " "
                {text.replace_script}
            </label>
            <p><button type="submit" class="button primary">{text.upload_script_now}</button></p>
        </form>
    }
    .into_any()
}

/// A script that is not kept: why, and the form as it was filled in.
pub fn refused_html(draft: &UploadDraft, error: &ApiError, prefs: Prefs) -> String {
    let text = EntryText::of(prefs.lang);
    let (draft, why) = (draft.clone(), show::api_error(error, prefs.lang.text()));
    document(prefs, text.script_refused, move || {
        view! {
            <p class="notice bad refused-script" role="alert" data-testid="script-problem">{why}</p>
            {form(&draft, text)}
            <p><a class="link" href="/access#scripts">"← " {text.back}</a></p>
        }
        .into_any()
    })
}
