//! Who is told what happens: tables `[[webhook]]` in the file. Addresses and secrets are never shown.

use std::{collections::BTreeSet, fmt, path::Path};

use axum::http::Uri;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ha_dashboard::domain::{
    hook::{HookEvent, HookForm},
    prefs::Lang,
};
use reqwest::Url;
use toml::{Table, Value};

use super::ConfigError;

/// Most targets.
const MOST: usize = 20;

/// The longest name of one.
const LONGEST_NAME: usize = 40;

/// How many bytes a secret has.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// In place of what nobody may see.
const HIDDEN: &str = "(not shown)";

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden<T>(pub T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// What it is called.
    pub name: String,
    /// Where messages go. That of Slack is a secret.
    pub url: Hidden<Uri>,
    /// As much of it as may be shown: `https://hooks.slack.com/…`.
    pub shown: String,
    /// How messages look.
    pub form: HookForm,
    /// What messages are signed with.
    pub secret: Option<Hidden<Vec<u8>>>,
    /// What is told.
    pub events: Vec<HookEvent>,
    /// The language of what people read.
    pub lang: Lang,
}

/// What the tables `[[webhook]]` in `file` say; what is refused is added to `errors`. Files that they name lie in `dir`.
pub fn tables(value: &Value, file: &str, dir: &Path, errors: &mut Vec<ConfigError>) -> Vec<Webhook> {
    let mut reader = Reader { file, dir, errors };
    let tables = value.as_array().and_then(|all| all.iter().map(Value::as_table).collect::<Option<Vec<_>>>());
    let Some(tables) = tables.filter(|tables| (1..=MOST).contains(&tables.len())) else {
        reader.refuse("webhook", HIDDEN, &format!("1 to {MOST} tables [[webhook]]"));
        return Vec::new();
    };
    let mut names = BTreeSet::new();
    let mut hooks = Vec::new();
    for (at, table) in tables.into_iter().enumerate() {
        let named = table.get("name").and_then(Value::as_str).map(str::to_owned);
        let place = named.map_or_else(|| format!("webhook {}", at + 1), |name| format!("webhook {name:.60}"));
        hooks.extend(reader.webhook(&place, table, &mut names));
    }
    hooks
}

struct Reader<'a> {
    file: &'a str,
    dir: &'a Path,
    errors: &'a mut Vec<ConfigError>,
}

impl Reader<'_> {
    fn refuse(&mut self, place: &str, value: &str, allowed: &str) {
        let place = format!("{place} in {}", self.file);
        self.errors.push(ConfigError { place, value: value.into(), allowed: allowed.into() });
    }

    fn webhook(&mut self, place: &str, table: &Table, names: &mut BTreeSet<String>) -> Option<Webhook> {
        const KEYS: [&str; 8] = ["name", "url", "url_file", "kind", "secret", "secret_file", "events", "lang"];
        for key in table.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            self.refuse(&format!("{place}: {key:.60} (no such key)"), HIDDEN, &format!("only {}", KEYS.join(", ")));
        }
        let text = |key: &str| table.get(key).map(|value| value.as_str().unwrap_or_default());
        let shown = |key: &str| table.get(key).map(ToString::to_string).unwrap_or_default();
        let name = text("name").filter(|text| is_name(text) && names.insert((*text).to_owned()));
        if name.is_none() {
            let allowed = format!("a-z, 0-9 and -, {LONGEST_NAME} at most, each name once");
            self.refuse(&format!("{place}: name"), &shown("name"), &allowed);
        }
        let form = match text("kind") {
            None => Some(HookForm::Json),
            Some(kind) => HookForm::from_name(kind),
        };
        if form.is_none() {
            self.refuse(&format!("{place}: kind"), &shown("kind"), "json or slack");
        }
        let lang = match text("lang") {
            None => Some(Lang::En),
            Some(tag) => Lang::ALL.iter().copied().find(|lang| lang.tag() == tag),
        };
        if lang.is_none() {
            self.refuse(&format!("{place}: lang"), &shown("lang"), "en or de");
        }
        let events = self.events(place, table.get("events"));
        let url = self.secret_text(place, table, "url").and_then(|found| {
            let url = found.as_deref().and_then(address);
            if url.is_none() {
                self.refuse(&format!("{place}: url"), HIDDEN, "an http or https address without user and fragment");
            }
            url
        });
        let secret = match self.secret_text(place, table, "secret")? {
            None => None,
            Some(text) => {
                let key = key(&text);
                if key.is_none() {
                    let allowed = "whsec_ and 24 to 64 bytes in base64, like whsec_$(openssl rand -base64 32)";
                    self.refuse(&format!("{place}: secret"), HIDDEN, allowed);
                }
                Some(Hidden(key?))
            }
        };
        let (url, shown) = url?;
        Some(Webhook { name: name?.into(), url: Hidden(url), shown, form: form?, secret, events: events?, lang: lang? })
    }

    fn events(&mut self, place: &str, value: Option<&Value>) -> Option<Vec<HookEvent>> {
        let Some(value) = value else { return Some(HookEvent::ALL.into()) };
        let named = value.as_array().and_then(|all| {
            let named = all.iter().map(|one| one.as_str().and_then(HookEvent::from_name));
            named.collect::<Option<Vec<_>>>().filter(|events| !events.is_empty())
        });
        if named.is_none() {
            let names = HookEvent::ALL.map(HookEvent::name).join(", ");
            self.refuse(&format!("{place}: events"), &value.to_string(), &format!("a list of {names}"));
        }
        named
    }

    /// What stands at a key, or in the file that `KEY_file` names; the outer `None`: that is refused.
    fn secret_text(&mut self, place: &str, table: &Table, key: &str) -> Option<Option<String>> {
        let file_key = format!("{key}_file");
        match (table.get(key), table.get(&file_key)) {
            (None, None) => Some(None),
            (Some(value), None) => Some(Some(value.as_str().unwrap_or_default().trim().to_owned())),
            (None, Some(path)) => {
                let path = self.dir.join(path.as_str().unwrap_or_default());
                match std::fs::read_to_string(&path) {
                    Ok(text) => Some(Some(text.trim().to_owned())),
                    Err(error) => {
                        let allowed = format!("a file that can be read ({error})");
                        self.refuse(&format!("{place}: {file_key}"), &path.display().to_string(), &allowed);
                        None
                    }
                }
            }
            (Some(_), Some(_)) => {
                self.refuse(&format!("{place}: {key}"), HIDDEN, &format!("either {key} or {file_key}"));
                None
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// An address, and what of it may be shown.
fn address(text: &str) -> Option<(Uri, String)> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let fine = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let rest = if url.path() == "/" && url.query().is_none() { "" } else { "…" };
    let shown = format!("{}://{host}{port}/{rest}", url.scheme());
    fine.then_some((url.as_str().parse().ok()?, shown))
}

/// The bytes of a secret, as Standard Webhooks writes it.
fn key(text: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
    SECRET_BYTES.contains(&bytes.len()).then_some(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn read(text: &str, dir: &Path) -> (Vec<Webhook>, String) {
        let (table, mut errors) = (text.parse::<Table>().unwrap(), Vec::new());
        let hooks = tables(&table["webhook"], "ha-dashboard.toml", dir, &mut errors);
        (hooks, errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn a_target_is_read_with_its_secrets_from_files_and_never_shows_them() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("slack"), "https://hooks.slack.com/services/T0/B0/hunter2\n").unwrap();
        std::fs::write(dir.path().join("key"), format!("{SECRET}\n")).unwrap();
        let text =
            "[[webhook]]\nname = 'team'\nurl_file = 'slack'\nkind = 'slack'\nlang = 'de'\nevents = ['run.finished']
            [[webhook]]\nname = 'ci'\nurl = 'http://127.0.0.1:8000/in?token=hunter2'\nsecret_file = 'key'";
        let (hooks, errors) = read(text, dir.path());
        assert_eq!(errors, "");
        assert_eq!(hooks[0].url.0, "https://hooks.slack.com/services/T0/B0/hunter2");
        assert_eq!((hooks[0].shown.as_str(), hooks[0].form), ("https://hooks.slack.com/…", HookForm::Slack));
        assert_eq!((&hooks[0].events, hooks[0].lang), (&vec![HookEvent::RunFinished], Lang::De));
        assert_eq!((hooks[1].shown.as_str(), hooks[1].events.len()), ("http://127.0.0.1:8000/…", 5));
        assert_eq!(hooks[1].secret.as_ref().unwrap().0.len(), 24);
        let told = format!("{hooks:?}");
        assert!(!told.contains("hunter2") && !told.contains("MfKQ"), "{told}");
    }

    #[test]
    fn what_is_refused_names_place_and_what_is_allowed_and_no_secret() {
        let fine = "name = 'a'\nurl = 'http://x/hunter2'";
        for (table, place, allowed) in [
            ("url = 'http://x/hunter2'".to_owned(), "webhook 1: name", "a-z"),
            ("name = 'A'\nurl = 'http://x/hunter2'".into(), "webhook A: name", "a-z"),
            (format!("{fine}\n[[webhook]]\n{fine}"), "webhook a: name", "each name once"),
            ("name = 'a'".into(), "webhook a: url", "an http or https address"),
            ("name = 'a'\nurl = 'ftp://x/hunter2'".into(), "webhook a: url", "an http or https address"),
            ("name = 'a'\nurl = 'http://u:hunter2@x/'".into(), "webhook a: url", "without user"),
            (format!("{fine}\nurl_file = 'x'"), "webhook a: url", "either url or url_file"),
            ("name = 'a'\nurl_file = 'nowhere'".into(), "webhook a: url_file", "can be read"),
            (format!("{fine}\nkind = 'teams'"), "webhook a: kind", "json or slack"),
            (format!("{fine}\nlang = 'fr'"), "webhook a: lang", "en or de"),
            (format!("{fine}\nsecret = 'hunter2'"), "webhook a: secret", "whsec_"),
            (format!("{fine}\nsecret = 'whsec_aHVudGVyMg=='"), "webhook a: secret", "24 to 64 bytes"),
            (format!("{fine}\nevents = ['test']"), "webhook a: events", "run.started"),
            (format!("{fine}\nevents = []"), "webhook a: events", "run.started"),
            (format!("{fine}\npassword = 'hunter2'"), "password (no such key)", "only name"),
        ] {
            let (_, errors) = read(&format!("[[webhook]]\n{table}"), Path::new("/nonexistent"));
            assert!(errors.contains(place) && errors.contains(allowed), "{table}: {errors}");
            assert!(!errors.contains("hunter2") && !errors.contains("aHVu"), "{errors}");
        }
    }
}
