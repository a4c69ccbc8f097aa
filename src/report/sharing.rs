//! Links to one run's report: on its page, and what those see who have one that leads nowhere.

use leptos::prelude::*;

use super::{Head, document, drawn, words::Words};
use crate::{
    domain::{
        prefs::Lang,
        run::RunId,
        share::{Closed, Share},
    },
    ui::{parts::LocalTime, show},
};

/// The links to a run's report that lead on, and the form for another one.
pub fn shares_html(run: &RunId, shares: &[Share], lang: Lang) -> String {
    let (words, run, shares) = (Words::of(lang), run.to_string(), shares.to_vec());
    let choice = |(name, _): (&'static str, u64)| {
        view! { <option value=name selected=name == Share::USUAL>{(words.share_lasts)(name)}</option> }
    };
    let row = |share: Share| {
        view! {
            <li data-testid="share-link">
                <p>
                    {words.share_made} " " <LocalTime at_ms=share.created_ms date=true /> " · " {words.share_until} " "
                    <LocalTime at_ms=share.until_ms date=true />
                </p>
                <form method="post" action="/runs/unshare">
                    <input type="hidden" name="id" value=share.run.to_string() />
                    <input type="hidden" name="share" value=share.id.as_str().to_owned() />
                    <button type="submit" class="button">
                        {words.share_revoke}
                        <span class="visually-hidden">" (" {show::utc(share.created_ms)} " UTC)"</span>
                    </button>
                </form>
            </li>
        }
    };
    drawn(lang, move || {
        let open = (!shares.is_empty()).then(|| {
            let count = shares.len();
            view! { <span class="muted">" " {(words.share_count)(count)}</span> }
        });
        let list = (!shares.is_empty()).then(|| view! { <ul>{shares.into_iter().map(row).collect_view()}</ul> });
        view! {
            <details class="card share" data-testid="share">
                <summary>{words.share_report} {open}</summary>
                <p class="muted">{words.share_hint}</p>
                <form method="post" action="/runs/share">
                    <input type="hidden" name="id" value=run />
                    <label for="share-lasts">{words.share_length}</label>
                    <select id="share-lasts" name="lasts">{Share::LASTS.map(choice).collect_view()}</select>
                    <button type="submit" class="button">{words.share_make}</button>
                </form>
                {list}
            </details>
        }
        .into_any()
    })
}

/// A new link, shown this once.
pub fn share_made_html(share: &Share, address: &str, lang: Lang) -> String {
    let (words, share, address) = (Words::of(lang), share.clone(), address.to_owned());
    document(lang, words.share_is_made.into(), move || {
        view! {
            <Head heading=words.share_is_made.into() badge=("passed", words.share_open) />
            <main class="report">
                <section class="card share">
                    <p>{words.share_copy}</p>
                    <p class="share-address" data-testid="share-address" tabindex="0">{address}</p>
                    <p class="muted">{words.share_until} " " <LocalTime at_ms=share.until_ms date=true /></p>
                    <p><a class="link" href=format!("/runs/{}", share.run)>"← " {words.share_back}</a></p>
                </section>
            </main>
        }
        .into_any()
    })
}

/// Why there is no link; `why` in the reader's language.
pub fn share_refused_html(run: &RunId, why: &str, lang: Lang) -> String {
    let (words, back, why) = (Words::of(lang), format!("/runs/{run}"), why.to_owned());
    document(lang, words.share_refused.into(), move || {
        view! {
            <Head heading=words.share_refused.into() badge=("failed", words.share_none) />
            <main class="report">
                <section class="card share">
                    <p role="alert">{why}</p>
                    <p><a class="link" href=back>"← " {words.share_back}</a></p>
                </section>
            </main>
        }
        .into_any()
    })
}

/// What those see who have a link that leads nowhere: nothing but why; `None`: there never was one.
pub fn share_closed_html(why: Option<Closed>, lang: Lang) -> String {
    let words = Words::of(lang);
    let told = (words.share_closed)(why);
    document(lang, words.share_leads_nowhere.into(), move || {
        view! {
            <Head heading=words.share_leads_nowhere.into() badge=("failed", words.share_none) />
            <main class="report">
                <section class="card share">
                    <p data-testid="share-closed">{told}</p>
                    <p class="muted">{words.share_ask}</p>
                </section>
            </main>
        }
        .into_any()
    })
}
