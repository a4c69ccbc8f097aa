//! The pages about who is let in, drawn by the server alone: logging in, coming by a link, and who may do what. All that can be
//! done on them are plain forms.

mod manage;
mod record;
mod scripts;
mod text;

use leptos::prelude::*;

use self::text::EntryText;
pub use self::{
    manage::{Ask, Manage, inner_html},
    scripts::refused_html as refused_script_html,
};
use crate::{
    domain::{
        pass::Pass,
        prefs::{Lang, Prefs},
    },
    report::drawn,
};

/// The page's own style, as far as these need it.
const STYLE: &[&str] = &[
    include_str!("../style/tokens.css"),
    include_str!("../style/base.css"),
    include_str!("../style/layout.css"),
    include_str!("../style/controls.css"),
    include_str!("../style/access.css"),
    include_str!("../style/colours.css"),
];

/// What a browser may do on these pages: nothing but to send a form here.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; \
                          base-uri 'none'; frame-ancestors 'none'";

/// The page to log in on: with the name that was typed, where to go on, the code of what went wrong, and where a team has an
/// OpenID provider what people know that by, and the address that leads there.
pub fn login_html(name: &str, back: &str, error: Option<&str>, team: Option<(String, String)>, prefs: Prefs) -> String {
    let text = EntryText::of(prefs.lang);
    let (name, back) = (name.to_owned(), back.to_owned());
    let problem = error.map(|code| (text.problem)(code));
    document(prefs, text.log_in, move || {
        // With the provider nothing was typed here.
        let is_wrong = (problem.is_some() && !error.is_some_and(|code| code.contains("team"))).then_some("true");
        let has_team = team.is_some();
        view! {
            <form class="form" method="post" action="/login" data-testid="login">
                {problem.map(|problem| view! { <p class="notice bad" id="problem" role="alert">{problem}</p> })}
                {team
                    .map(|(host, way)| {
                        view! {
                            <a class="button primary" href=way data-testid="team">{(text.log_in_with)(&host)}</a>
                            <p class="muted or">{text.or_account}</p>
                        }
                    })}
                <input type="hidden" name="back" value=back />
                <div class="field">
                    <label for="login-name">{text.name}</label>
                    <input type="text" id="login-name" name="name" value=name.clone() autocomplete="username"
                        autocapitalize="none" spellcheck="false" required autofocus=name.is_empty() && !has_team aria-invalid=is_wrong
                        aria-describedby=is_wrong.map(|_| "problem") />
                </div>
                <div class="field">
                    <label for="login-password">{text.password}</label>
                    <input type="password" id="login-password" name="password" autocomplete="current-password" required
                        autofocus=!name.is_empty() aria-invalid=is_wrong aria-describedby=is_wrong.map(|_| "problem") />
                </div>
                <p><button type="submit" class="button" class:primary=!has_team>{text.log_in}</button></p>
                <p class="muted">{text.login_hint}</p>
                <p><a class="link" href="/">{text.watch}</a></p>
            </form>
        }
        .into_any()
    })
}

/// The page that a link leads to: it lets nobody in before a button is pressed, so that who only looks at links, as messengers
/// do, uses none up. `None`: the link leads nowhere.
pub fn enter_html(link: Option<(&Pass, &str)>, prefs: Prefs) -> String {
    let text = EntryText::of(prefs.lang);
    let known = link.map(|(link, secret)| (link.role, link.once, secret.to_owned()));
    document(prefs, text.enter_heading, move || match known {
        Some((role, once, secret)) => view! {
            <form class="form" method="post" action="/enter" data-testid="enter">
                <p>{(text.enter_as)(role)}</p>
                {once.then(|| view! { <p class="muted">{text.enter_once}</p> })}
                <input type="hidden" name="secret" value=secret />
                <p><button type="submit" class="button primary" autofocus>{text.enter}</button></p>
            </form>
        }
        .into_any(),
        None => view! {
            <p class="notice bad" role="alert" data-testid="no-link">{text.no_link}</p>
            <p><a class="link" href="/login">{text.log_in}</a></p>
        }
        .into_any(),
    })
}

/// The secret of a token or link that was just made, shown this once; `shown` is a link's address, or the token.
pub fn made_html(pass: &Pass, shown: &str, prefs: Prefs) -> String {
    let text = EntryText::of(prefs.lang);
    let (heading, hint) = (text.made, (text.made_hint)(pass.kind, pass.once));
    let (name, shown) = (pass.name.clone(), shown.to_owned());
    document(prefs, heading, move || {
        view! {
            <p class="break">{name}</p>
            <p class="secret" tabindex="0" data-testid="secret">{shown}</p>
            <p class="muted">{hint}</p>
            <p><a class="link" href="/access">"← " {text.back}</a></p>
        }
        .into_any()
    })
}

fn document(prefs: Prefs, title: &'static str, body: impl FnOnce() -> AnyView + Send) -> String {
    let app = prefs.lang.text().app_name;
    drawn(prefs.lang, || {
        view! {
            <!DOCTYPE html>
            <html lang=prefs.lang.tag() data-theme=prefs.theme.map(|theme| theme.id())>
                <head>
                    <meta charset="utf-8" />
                    <meta name="viewport" content="width=device-width, initial-scale=1" />
                    <meta name="color-scheme" content="light dark" />
                    <meta name="robots" content="noindex, nofollow" />
                    <title>{title} " · " {app}</title>
                    <link rel="icon" type="image/svg+xml" href="/favicon.svg" />
                    <style inner_html=STYLE.concat()></style>
                </head>
                <body>
                    <main class="entry">
                        <p class="muted">{app}</p>
                        <section class="card">
                            <h1>{title}</h1>
                            {body()}
                        </section>
                    </main>
                </body>
            </html>
        }
        .into_any()
    })
}

/// The words for a reader.
fn words(lang: Lang) -> &'static EntryText {
    EntryText::of(lang)
}
