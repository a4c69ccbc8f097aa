//! Scenario files: YAML in the folder `scenarios` beside the scripts.

use std::path::{Path, PathBuf};

use ha_dashboard::domain::{
    fault::FaultDraft,
    scenario::{ScenarioDraft, ScenarioError, StepDraft},
};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// Where scenarios are, below the scripts folder.
const FOLDER: &str = "scenarios";

/// Most bytes of a file.
const LARGEST: u64 = 1 << 20;

/// Most files looked at, by name.
const MOST: usize = 100;

/// The folder with scenarios.
#[derive(Debug, Clone)]
pub struct Shelf {
    dir: PathBuf,
}

/// A scenario's file name, and what is in it or why it can't be read.
pub type Found = (String, Result<ScenarioDraft, ScenarioError>);

impl Shelf {
    /// The folder beside the scripts in `scripts_dir`.
    pub fn beside(scripts_dir: &Path) -> Self {
        Self { dir: scripts_dir.join(FOLDER) }
    }

    /// Every scenario there is, by file name; none where there is no such folder. Blocks while it reads.
    pub fn list(&self) -> Vec<Found> {
        let files = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut names: Vec<String> = files.filter_map(|file| file.file_name().into_string().ok()).collect();
        names.retain(|name| is_scenario(name));
        names.sort();
        names.truncate(MOST);
        names.into_iter().filter_map(|name| self.read(&name).map(|draft| (name, draft))).collect()
    }

    /// One scenario by its file name; `None`: there is none. Blocks while it reads.
    pub fn read(&self, name: &str) -> Option<Result<ScenarioDraft, ScenarioError>> {
        // Nothing but a plain name leads into the folder, and nowhere else.
        let plain = is_scenario(name) && Path::new(name).file_name().is_some_and(|file| file == name);
        let path = plain.then(|| self.dir.join(name))?;
        let size = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?.len();
        if size > LARGEST {
            return Some(Err(ScenarioError::unreadable("the file is larger than 1 MiB", None)));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| ScenarioError::unreadable(&error.to_string(), None));
        let read = text.and_then(|text| parse(&text));
        // People call one that has no name by its file's.
        Some(read.map(|draft| match draft.name.trim() {
            "" => ScenarioDraft { name: name.into(), ..draft },
            _ => draft,
        }))
    }
}

fn is_scenario(name: &str) -> bool {
    !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml"))
}

/// A file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    steps: Vec<Spanned<StepText>>,
}

/// A step as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct StepText {
    at: String,
    fault: String,
    target: String,
    intensity: String,
    r#for: String,
    hypothesis: String,
    guard: String,
    even_last: bool,
}

/// Reads a scenario; what its words mean is left to its validation.
///
/// # Errors
/// The text is no YAML, or has keys that no scenario has; with line and column.
pub fn parse(text: &str) -> Result<ScenarioDraft, ScenarioError> {
    let options = serde_saphyr::options! { with_snippet: false };
    let file: File = serde_saphyr::from_str_with_options(text, options).map_err(|error| refused(&error))?;
    // Within a single line, as programs write it, its number tells nothing.
    let has_lines = text.trim().contains('\n');
    let step = |step: Spanned<StepText>| {
        let line = u32::try_from(step.referenced.line()).ok().filter(|_| has_lines);
        let StepText { at, fault, target, intensity, r#for, hypothesis, guard, even_last } = step.value;
        let (kind, service, duration, replica) = (fault, target, r#for, String::new());
        StepDraft {
            at,
            fault: FaultDraft { kind, service, replica, intensity, duration, hypothesis, guard, even_last },
            line,
        }
    };
    Ok(ScenarioDraft {
        name: file.name,
        description: file.description,
        steps: file.steps.into_iter().map(step).collect(),
    })
}

fn refused(error: &serde_saphyr::Error) -> ScenarioError {
    let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
    let place = error.location().map(|place| (number(place.line()), number(place.column())));
    ScenarioError::unreadable(&error.to_string(), place)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::{
        fault::{FaultKind, FaultPlace, FaultRules, FaultTarget},
        guide,
    };

    use super::*;

    /// The demo services, each with two replicas to which everything can be done.
    fn stage() -> FaultRules {
        let place = |name: String| FaultPlace { name, kinds: FaultKind::ALL.to_vec() };
        let target = |service: &str| FaultTarget {
            service: service.into(),
            replicas: [1, 2].map(|n| place(format!("{service}-{n}"))).to_vec(),
        };
        let targets = ["product-service", "user-service", "checkout-service"].map(target).to_vec();
        FaultRules { targets, ..FaultRules::default() }
    }

    fn shipped() -> Shelf {
        Shelf::beside(Path::new("k6-scripts"))
    }

    #[test]
    fn what_is_shipped_fits_the_demo_stage() {
        let found = shipped().list();
        let files = found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
        assert_eq!(files, ["brownout.yaml", "failover.yaml", guide::DEMO]);
        for ((name, draft), load_s) in found.into_iter().zip([120, 90, 150]) {
            let scenario =
                draft.unwrap().validate(&stage(), Some(120)).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
            assert_eq!(scenario.load_s(), load_s);
            assert!(!scenario.name.is_empty() && !scenario.description.is_empty() && scenario.steps.len() >= 2);
        }
    }

    #[test]
    fn every_key_is_read() {
        let text = "name: n\ndescription: d\nsteps:\n- {at: 5, fault: cut, target: a-1, for: 10, intensity: 3, even_last: true}\n\
                    - at: 1:30\n  fault: latency\n  target: \"b\\nc\"\n  hypothesis: failed < 1 %\n  guard: failed > 50 % for 10 s\n";
        let draft = parse(text).unwrap();
        assert_eq!((draft.name.as_str(), draft.description.as_str()), ("n", "d"));
        let [first, second] = <[StepDraft; 2]>::try_from(draft.steps).unwrap();
        let expected = FaultDraft {
            kind: "cut".into(),
            service: "a-1".into(),
            intensity: "3".into(),
            duration: "10".into(),
            even_last: true,
            ..FaultDraft::default()
        };
        assert_eq!((first.at.as_str(), first.line, first.fault), ("5", Some(4), expected));
        assert_eq!((second.at.as_str(), second.line), ("1:30", Some(5)));
        assert_eq!(second.fault.service, "b\nc");
        assert_eq!(
            (second.fault.hypothesis.as_str(), second.fault.guard.as_str()),
            ("failed < 1 %", "failed > 50 % for 10 s")
        );
    }

    #[test]
    fn what_can_not_be_read_is_told_with_line_and_column() {
        let at = |text: &str| {
            let error = parse(text).unwrap_err();
            let told = error.to_string();
            assert!(!told.contains('\n'), "{told}");
            let ha_dashboard::domain::scenario::ScenarioProblem::Unreadable { column, .. } = error.problem else {
                panic!("{told}")
            };
            (error.line, column.is_some(), told)
        };
        for (text, line, word) in [
            ("steps:\n  - at: [1", 2, ""),
            ("steps:\n- at: 5\n  falt: kill\n", 3, "falt"),
            ("name: x\nstep: []\n", 2, "step"),
            ("name: x\nname: y\n", 2, "name"),
            ("steps:\n- at: {a: b}\n", 2, ""),
            ("steps: 5\n", 1, ""),
            ("a: &a [*a, *a]\n", 1, ""),
            ("steps:\n\t- at: 5\n", 2, ""),
        ] {
            let (found, has_column, told) = at(text);
            assert_eq!((found, has_column), (Some(line), true), "{text}: {told}");
            assert!(told.contains(word), "{told}");
        }
        // What has no place has none; nothing at all is a scenario without steps.
        assert!(parse("- 5").is_err());
        assert!(parse("").map_or(true, |draft| draft.steps.is_empty()));
    }

    #[test]
    fn bombs_and_files_without_end_do_no_harm() {
        let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
        for (name, before) in ('b'..='k').zip('a'..) {
            bomb += &format!("{name}: &{name} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}]\n");
        }
        assert!(parse(&bomb).is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
        let many = format!("steps:\n{}", "- {at: 1, fault: kill, target: product-service-1}\n".repeat(10_000));
        let errors = parse(&many).unwrap().validate(&stage(), None).unwrap_err();
        assert_eq!(
            errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10000 steps are too many: at most 100 are allowed"]
        );
    }

    #[test]
    fn only_plain_names_lead_into_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::beside(dir.path());
        assert!(shelf.list().is_empty(), "without a folder there are none");
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(dir.path().join("out.yaml"), "name: secret\n").unwrap();
        std::fs::write(folder.join("b.yml"), "name: b\n").unwrap();
        std::fs::write(folder.join("a.yaml"), "steps: [").unwrap();
        std::fs::write(folder.join("c.txt"), "name: c\n").unwrap();
        std::fs::create_dir(folder.join("d.yaml")).unwrap();
        std::fs::File::create(folder.join("huge.yaml")).unwrap().set_len(LARGEST + 1).unwrap();
        let found = shelf.list();
        let names = found.iter().map(|(name, draft)| (name.as_str(), draft.is_ok())).collect::<Vec<_>>();
        assert_eq!(names, [("a.yaml", false), ("b.yml", true), ("huge.yaml", false)]);
        for name in ["../out.yaml", "/etc/passwd", "c.txt", "none.yaml", "", ".yaml", "b.yml/../b.yml"] {
            assert!(shelf.read(name).is_none(), "{name}");
        }
    }
}
