//! The page of who may do what.

use leptos::prelude::*;

use super::{record, scripts, text::EntryText, words};
use crate::{
    domain::{
        access::Role,
        audit::{Entry, Search},
        pass::{Account, AccountDraft, Pass, PassKind},
        prefs::Lang,
        upload::Upload,
    },
    report::drawn,
    ui::parts::LocalTime,
};

/// What an address of the page asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ask {
    /// Which entries of the record.
    pub search: Search,
    /// The form that was refused, as it was typed: `account` or `pass`.
    pub form: String,
    /// A name that was typed.
    pub name: String,
    /// A role that was chosen.
    pub role: String,
    /// A kind that was chosen.
    pub kind: String,
    /// How long it was to last.
    pub lasts: String,
    /// What was just done.
    pub done: Option<String>,
    /// Why what was asked for is not done: an error's code or a field's name.
    pub error: Option<String>,
}

impl Ask {
    /// Reads the query of an address.
    pub fn of_query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut ask = Self::default();
        for (name, value) in pairs {
            let text = value.to_owned();
            match name {
                "who" => ask.search.who = text,
                "act" => ask.search.act = text,
                "refused" => ask.search.refused = true,
                "before" => ask.search.before = value.parse().ok(),
                "form" => ask.form = text,
                "name" => ask.name = text,
                "role" => ask.role = text,
                "kind" => ask.kind = text,
                "lasts" => ask.lasts = text,
                "done" => ask.done = Some(text),
                "error" => ask.error = Some(text),
                _ => {}
            }
        }
        ask
    }
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct Manage {
    /// Whether no login is needed.
    pub is_open: bool,
    /// The accounts, by name.
    pub accounts: Vec<Account>,
    /// The passes, newest first.
    pub passes: Vec<Pass>,
    /// The scripts that were uploaded, by name; `None`: that is switched off.
    pub uploads: Option<Vec<Upload>>,
    /// Who did what, newest first.
    pub entries: Vec<Entry>,
    /// What the address asks for.
    pub ask: Ask,
}

/// The page without what is around every page.
pub fn inner_html(shown: Manage, lang: Lang) -> String {
    drawn(lang, move || page(shown, lang))
}

fn page(shown: Manage, lang: Lang) -> AnyView {
    let text = words(lang);
    let Manage { is_open, accounts, passes, uploads, entries, ask } = shown;
    let (sessions, given): (Vec<_>, Vec<_>) = passes.into_iter().partition(|pass| pass.kind == PassKind::Session);
    let done = ask.done.as_deref().and_then(text.done);
    let stray = ask.error.as_deref().filter(|_| ask.form.is_empty()).map(text.problem);
    let is_first = accounts.is_empty();
    let account_rows = accounts.into_iter().map(|account| account_row(account, text)).collect_view();
    let count = sessions.len();
    let session_rows = sessions.into_iter().map(|pass| pass_row(pass, text)).collect_view();
    let pass_list = match given.len() {
        0 => view! { <p class="empty-line">{text.no_passes}</p> }.into_any(),
        _ => view! {
            <ul class="pass-list" data-testid="passes">{given.into_iter().map(|pass| pass_row(pass, text)).collect_view()}</ul>
        }
        .into_any(),
    };
    view! {
        {done.map(|done| view! { <p class="notice good" role="status" data-testid="access-done">{done}</p> })}
        {stray.map(|why| view! { <p class="notice bad" role="alert" data-testid="access-problem">{why}</p> })}
        <p class=if is_open { "notice warn" } else { "notice" } data-testid="access-state">{(text.state)(is_open)}</p>
        <section class="card" aria-labelledby="accounts-heading">
            <h2 id="accounts-heading">{text.accounts}</h2>
            {match is_first {
                true => view! { <p class="empty-line">{text.no_accounts}</p> }.into_any(),
                false => view! { <ul class="pass-list" data-testid="accounts">{account_rows}</ul> }.into_any(),
            }}
            {add_account(is_first, &ask, text)}
        </section>
        <section class="card" aria-labelledby="passes-heading">
            <h2 id="passes-heading">{text.passes}</h2>
            {pass_list}
            {(count > 0)
                .then(|| {
                    view! {
                        <details class="sessions">
                            <summary>{(text.sessions)(count)}</summary>
                            <ul class="pass-list" data-testid="sessions">{session_rows}</ul>
                        </details>
                    }
                })}
            {add_pass(&ask, text)}
        </section>
        {uploads.map(|uploads| scripts::section(uploads, lang))}
        {record::section(entries, &ask.search, lang)}
    }
    .into_any()
}

fn account_row(account: Account, text: &'static EntryText) -> AnyView {
    let Account { name, role, created_ms } = account;
    let id = format!("account-{created_ms}");
    let (role_id, password_id) = (format!("{id}-role"), format!("{id}-password"));
    let for_whom = format!(" ({name})");
    view! {
        <li>
            <p>
                <strong class="break">{name.clone()}</strong>
                " · "
                {(text.role_name)(role)}
                " · "
                <span class="muted"><LocalTime at_ms=created_ms date=true /></span>
            </p>
            <details>
                <summary>{text.change} <span class="visually-hidden">{for_whom.clone()}</span></summary>
                <form class="form" method="post" action="/access/accounts/change">
                    <input type="hidden" name="name" value=name.clone() />
                    <div class="field">
                        <label for=role_id.clone()>{text.role}</label>
                        {roles(role_id, role.name(), text)}
                    </div>
                    <div class="field">
                        <label for=password_id.clone()>{text.new_password}</label>
                        <input type="password" id=password_id name="password" autocomplete="new-password"
                            maxlength=AccountDraft::LONGEST.to_string() />
                        <p class="field-message">{text.unchanged}</p>
                    </div>
                    <p><button type="submit" class="button">{text.save} <span class="visually-hidden">{for_whom.clone()}</span></button></p>
                </form>
                <form method="post" action="/access/accounts/delete">
                    <input type="hidden" name="name" value=name />
                    <button type="submit" class="button danger">{text.delete_account} <span class="visually-hidden">{for_whom}</span></button>
                </form>
            </details>
        </li>
    }
    .into_any()
}

fn add_account(is_first: bool, ask: &Ask, text: &'static EntryText) -> AnyView {
    let is_this = ask.form == "account";
    let problem = ask.error.as_deref().filter(|_| is_this).map(text.problem);
    let (name, role) = match is_this {
        true => (ask.name.clone(), ask.role.clone()),
        false => (String::new(), if is_first { Role::Admin } else { Role::Presenter }.name().to_owned()),
    };
    view! {
        <details class="access-add" open=is_this || is_first>
            <summary>{text.add_account}</summary>
            <form class="form" method="post" action="/access/accounts" data-testid="add-account">
                {problem.map(|why| view! { <p class="notice bad" role="alert">{why}</p> })}
                {is_first.then(|| view! { <p class="muted">{text.first_account}</p> })}
                <div class="field">
                    <label for="new-name">{text.name}</label>
                    <input type="text" id="new-name" name="name" value=name required autocomplete="off" autocapitalize="none"
                        spellcheck="false" />
                </div>
                <div class="field">
                    <label for="new-role">{text.role}</label>
                    {roles("new-role".into(), &role, text)}
                </div>
                <div class="field">
                    <label for="new-password">{text.password}</label>
                    <input type="password" id="new-password" name="password" required autocomplete="new-password"
                        minlength=AccountDraft::SHORTEST.to_string() maxlength=AccountDraft::LONGEST.to_string() />
                    <p class="field-message">{(text.password_hint)(AccountDraft::SHORTEST)}</p>
                </div>
                <p><button type="submit" class="button primary">{text.add}</button></p>
            </form>
        </details>
    }
    .into_any()
}

fn roles(id: String, chosen: &str, text: &'static EntryText) -> AnyView {
    let chosen = chosen.to_owned();
    let options = Role::GIVEN.map(|role| {
        view! { <option value=role.name() selected=role.name() == chosen>{(text.role_name)(role)}</option> }.into_any()
    });
    view! { <select id=id name="role">{options.into_iter().collect_view()}</select> }.into_any()
}

fn pass_row(pass: Pass, text: &'static EntryText) -> AnyView {
    let Pass { id, kind, name, role, once, until_ms, used_ms, .. } = pass;
    let used = match used_ms {
        Some(at_ms) => view! { {text.used} " " <LocalTime at_ms date=true /> }.into_any(),
        None if kind == PassKind::Session => ().into_any(),
        None => text.unused.into_any(),
    };
    view! {
        <li>
            <p>
                <strong class="break">{name.clone()}</strong>
                " · "
                {(text.kind_name)(kind)}
                {once.then(|| format!(", {}", text.once))}
                " · "
                {(text.role_name)(role)}
                <br />
                <span class="muted">{text.until} " " <LocalTime at_ms=until_ms date=true /> " · " {used}</span>
            </p>
            <form method="post" action="/access/passes/revoke">
                <input type="hidden" name="id" value=id.to_string() />
                <button type="submit" class="button">{text.revoke} <span class="visually-hidden">{format!(" ({name})")}</span></button>
            </form>
        </li>
    }
    .into_any()
}

fn add_pass(ask: &Ask, text: &'static EntryText) -> AnyView {
    let is_this = ask.form == "pass";
    let problem = ask.error.as_deref().filter(|_| is_this).map(text.problem);
    let chosen =
        |typed: &str, usual: &str| if is_this && !typed.is_empty() { typed.to_owned() } else { usual.to_owned() };
    let (kind, role, lasts) =
        (chosen(&ask.kind, PassKind::Link.name()), chosen(&ask.role, Role::Viewer.name()), chosen(&ask.lasts, "1d"));
    let kinds = [PassKind::Link, PassKind::Token].map(|of| {
        view! { <option value=of.name() selected=of.name() == kind>{(text.kind_name)(of)}</option> }.into_any()
    });
    let lengths = Pass::LASTS.map(|(name, _)| {
        view! { <option value=name selected=name == lasts>{(text.lasts_name)(name)}</option> }.into_any()
    });
    let name = if is_this { ask.name.clone() } else { String::new() };
    view! {
        <details class="access-add" open=is_this>
            <summary>{text.add_pass}</summary>
            <form class="form" method="post" action="/access/passes" data-testid="add-pass">
                {problem.map(|why| view! { <p class="notice bad" role="alert">{why}</p> })}
                <div class="field">
                    <label for="pass-kind">{text.kind}</label>
                    <select id="pass-kind" name="kind">{kinds.into_iter().collect_view()}</select>
                </div>
                <div class="field">
                    <label for="pass-name">{text.name}</label>
                    <input type="text" id="pass-name" name="name" value=name required autocomplete="off" />
                    <p class="field-message">{text.pass_name_hint}</p>
                </div>
                <div class="field">
                    <label for="pass-role">{text.role}</label>
                    {roles("pass-role".into(), &role, text)}
                    <p class="field-message">{text.link_hint}</p>
                </div>
                <div class="field">
                    <label for="pass-lasts">{text.lasts}</label>
                    <select id="pass-lasts" name="lasts">{lengths.into_iter().collect_view()}</select>
                </div>
                <p><button type="submit" class="button primary">{text.make}</button></p>
            </form>
        </details>
    }
    .into_any()
}
