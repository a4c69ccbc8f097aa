//! Finds the text of every setting: a flag, else a variable, else the file.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    ConfigError, ConfigErrors,
    table::{CONFIG_FILE, Flags, OIDC_SECRET, SETTINGS, Setting, TOKEN, variable},
};

/// Used where no other file is named, if it is there.
const DEFAULT_FILE: &str = "ha-dashboard.toml";

/// The key of the tables of services. It has neither flag nor variable.
const TABLES: &str = "service";

/// The key of the tables of what roles may ask for. It has neither, too.
const LIMITS: &str = "limits";

/// The key of the tables of webhooks. It has neither, too.
const WEBHOOKS: &str = "webhook";

/// What the program finds around itself; tests make their own.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The environment's variables.
    pub variables: BTreeMap<String, String>,
    /// The working directory.
    pub dir: PathBuf,
    /// Where the program lies.
    pub program_dir: PathBuf,
    /// For what need not last.
    pub temp_dir: PathBuf,
}

impl Surroundings {
    /// The real ones. Variables that are not Unicode are left out.
    pub fn real() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let program = std::env::current_exe().unwrap_or_default();
        Self {
            variables,
            dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            temp_dir: std::env::temp_dir(),
            program_dir: program.parent().map(Path::to_path_buf).unwrap_or_default(),
        }
    }

    /// The home directory.
    pub fn home(&self) -> PathBuf {
        self.variables.get("HOME").filter(|home| !home.is_empty()).map_or_else(|| self.dir.clone(), PathBuf::from)
    }
}

/// A setting's text and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The text.
    pub value: String,
    /// For example `--addr`, `HAD_ADDR`, or `addr in ha-dashboard.toml`.
    pub place: String,
}

/// Tables of the file under one name.
#[derive(Clone)]
pub struct Tables {
    /// The array of tables.
    pub value: toml::Value,
    /// The file.
    pub file: String,
}

/// What was set.
#[derive(Clone, Default)]
pub struct Layers {
    /// What is a text, by key.
    pub found: BTreeMap<&'static str, Given>,
    /// What the file tells of services, unless a higher layer names them.
    pub tables: Option<Tables>,
    /// What it tells of webhooks.
    pub webhooks: Option<Tables>,
    /// What it tells of limits.
    pub limits: Option<Tables>,
}

impl Layers {
    /// Reads all three layers.
    ///
    /// # Errors
    /// Unknown keys and variables, and a file that can't be read.
    pub fn collect(flags: &Flags, surroundings: &Surroundings) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let mut layers = Self::default();

        let named = (flags.0.get(CONFIG_FILE).map(|path| (format!("--{CONFIG_FILE}"), path))).or_else(|| {
            variables(surroundings).find(|(name, _)| *name == variable(CONFIG_FILE)).map(|(n, v)| (n.into(), v))
        });
        let path = surroundings.dir.join(named.as_ref().map_or(DEFAULT_FILE, |(_, path)| path.as_str()));
        match std::fs::read_to_string(&path) {
            Ok(text) => file(&text, &path, &mut layers, &mut errors),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => errors.push(ConfigError {
                place: named.map_or_else(|| DEFAULT_FILE.into(), |(place, _)| place),
                value: path.display().to_string(),
                allowed: format!("a file that can be read ({error})"),
            }),
        }

        for (name, value) in variables(surroundings).filter(|(name, _)| *name != variable(CONFIG_FILE)) {
            match SETTINGS.iter().find(|setting| variable(setting.key) == name) {
                Some(setting) => {
                    layers.found.insert(setting.key, Given { value: value.clone(), place: name.to_owned() });
                }
                None => errors.push(unknown(name, value, variable)),
            }
        }

        for (&key, value) in flags.0.iter().filter(|(key, _)| **key != CONFIG_FILE) {
            let place = format!("--{}", key.replace('_', "-"));
            layers.found.insert(key, Given { value: value.clone(), place });
        }
        if layers.found.contains_key("services") {
            layers.tables = None;
        }

        if errors.is_empty() { Ok(layers) } else { Err(ConfigErrors(errors)) }
    }
}

/// Ours, without empty ones: compose files pass unset variables on as empty ones. `HAD_INPUT` belongs to the scripts.
fn variables(surroundings: &Surroundings) -> impl Iterator<Item = (&str, &String)> {
    surroundings.variables.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, value)| {
        name.starts_with("HAD_") && ![TOKEN, OIDC_SECRET, "HAD_INPUT"].contains(name) && !value.is_empty()
    })
}

fn unknown(place: &str, value: &str, name: impl Fn(&str) -> String) -> ConfigError {
    let names: Vec<_> = SETTINGS.iter().map(|setting| name(setting.key)).collect();
    ConfigError {
        place: format!("{place} (no such setting)"),
        value: value.into(),
        allowed: format!("only {}", names.join(", ")),
    }
}

/// What a file says, and what is wrong with it.
#[cfg(test)]
pub fn of_file(text: &str) -> (Layers, Vec<ConfigError>) {
    let (mut layers, mut errors) = (Layers::default(), Vec::new());
    file(text, Path::new(DEFAULT_FILE), &mut layers, &mut errors);
    (layers, errors)
}

fn file(text: &str, path: &Path, layers: &mut Layers, errors: &mut Vec<ConfigError>) {
    let name = path.display();
    let table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => {
            let value = error.message().to_owned();
            return errors.push(ConfigError { place: name.to_string(), value, allowed: "TOML".into() });
        }
    };
    for (key, value) in &table {
        let place = format!("{key} in {name}");
        if key == TABLES {
            layers.tables = Some(Tables { value: value.clone(), file: name.to_string() });
            continue;
        }
        if key == LIMITS {
            layers.limits = Some(Tables { value: value.clone(), file: name.to_string() });
            continue;
        }
        if key == WEBHOOKS {
            layers.webhooks = Some(Tables { value: value.clone(), file: name.to_string() });
            continue;
        }
        if key == "services" && table.contains_key(TABLES) {
            let allowed = "either services or tables [[service]]".into();
            errors.push(ConfigError { place, value: value.to_string(), allowed });
            continue;
        }
        match (Setting::named(key), plain(key, value)) {
            (None, _) => errors.push(unknown(&place, &value.to_string(), str::to_owned)),
            (Some(setting), None) => {
                errors.push(ConfigError { place, value: value.to_string(), allowed: setting.allowed.into() });
            }
            (Some(setting), Some(value)) => {
                layers.found.insert(setting.key, Given { value, place });
            }
        }
    }
}

/// The text of a TOML value: lists as with commas, and `services` also as a table.
fn plain(key: &str, value: &toml::Value) -> Option<String> {
    let joined = |parts: Option<Vec<String>>| parts.map(|parts| parts.join(","));
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(items) if key == "services" || key == "allowed_hosts" => {
            joined(items.iter().map(|item| item.as_str().map(str::to_owned)).collect())
        }
        toml::Value::Table(pairs) if key == "services" => {
            joined(pairs.iter().map(|(name, url)| url.as_str().map(|url| format!("{name}={url}"))).collect())
        }
        _ => None,
    }
}
