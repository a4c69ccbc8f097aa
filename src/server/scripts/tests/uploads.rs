//! What admins upload, with a stand-in for k6: what it says of scripts is tested elsewhere.

use std::os::unix::fs::PermissionsExt;

use async_trait::async_trait;
use ha_dashboard::{
    api::error::ApiError,
    domain::{
        live::EngineStatus,
        run::RunId,
        upload::{Upload, UploadDraft, UploadRefusal},
        validate::Problem,
    },
};

use super::*;
use crate::server::{
    config::{Config, StoreChoice},
    engine::{CommandError, EngineError, Instance, Launch, Output, Part, Started},
    prometheus::lab::config,
    scripts::uploads::sha256,
};

/// Looks at scripts: it refuses what says that it is broken.
#[derive(Default)]
struct Looker {
    /// What it was shown.
    seen: Mutex<Vec<(PathBuf, String)>>,
}

#[async_trait]
impl Engine for Looker {
    async fn look(&self) -> EngineStatus {
        EngineStatus::default()
    }

    async fn start(&self, _: Launch) -> Result<Started, EngineError> {
        Err(EngineError::NoImage)
    }

    async fn recover(&self, _: &RunId, _: Part, _: &Path) -> Arc<dyn Instance> {
        unimplemented!()
    }

    async fn inspect(&self, script: &Path, _: &str) -> Result<Output, CommandError> {
        let text = std::fs::read_to_string(script).unwrap();
        self.seen.lock().unwrap().push((script.into(), text.clone()));
        if text == "hangs" {
            return Err(CommandError::NotRun("Docker is gone".into()));
        }
        let answer = r#"{"scenarios":{"default":{"executor":"shared-iterations"}},"totalDuration":"1s","maxVUs":1}"#;
        Ok(Output {
            success: text != "broken",
            status: String::new(),
            stdout: answer.into(),
            stderr: "it is broken".into(),
            script: script.into(),
        })
    }
}

struct Scene {
    dir: tempfile::TempDir,
    looker: Arc<Looker>,
    scripts: Scripts,
}

impl Scene {
    fn new(script_uploads: bool) -> Self {
        let dir = folder(&[("k6-scripts/own.js", IDLE), ("k6-scripts/lib/x.js", "")]);
        let store = StoreChoice::External { url: String::new() };
        let usual = config(&dir.path().join("state"), store, vec![]);
        let config = Config { script_uploads, scripts_dir: dir.path().join("k6-scripts"), ..Config::clone(&usual) };
        let looker = Arc::new(Looker::default());
        let scripts = Scripts::new(Folders::of(&config), Arc::<Looker>::clone(&looker), vec![], &Shutdown::default());
        Self { dir, looker, scripts }
    }

    fn uploads(&self) -> PathBuf {
        self.dir.path().join("state/scripts")
    }

    async fn upload(&self, name: &str, script: &str, replace: bool) -> Result<Upload, ApiError> {
        let draft = UploadDraft { name: name.into(), script: script.into(), replace };
        let turn = self.scripts.turn().await?;
        self.scripts.check(draft, &turn).await?.keep()
    }

    async fn delete(&self, name: &str) -> Result<Upload, ApiError> {
        let turn = self.scripts.turn().await?;
        self.scripts.delete(name, &turn, || Ok(()))
    }

    async fn names(&self) -> Vec<String> {
        all(&self.scripts).await.into_iter().map(|script| script.name).collect()
    }
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, ApiError>) -> UploadRefusal {
    match outcome {
        Err(ApiError::UploadRefused { refusal }) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nothing_of_it_is_there_where_it_is_switched_off() {
    let scene = Scene::new(false);
    std::fs::create_dir_all(scene.uploads()).unwrap();
    std::fs::write(scene.uploads().join("old.js"), IDLE).unwrap();
    assert_eq!(refused(scene.upload("mine.js", IDLE, true).await), UploadRefusal::Off);
    assert_eq!(refused(scene.delete("old.js").await), UploadRefusal::Off);
    assert_eq!(scene.scripts.uploads().await, Ok(None));
    assert_eq!(scene.names().await, ["own.js"]);
    assert_eq!(scene.scripts.one("old.js").await, None);
    assert_eq!(scene.scripts.revision("old.js").await, "");
    assert_eq!(std::fs::read_dir(scene.uploads()).unwrap().count(), 1, "nothing was written");
}

#[tokio::test]
async fn a_script_is_kept_beside_the_catalogue_replaced_when_asked_for_and_deleted() {
    let scene = Scene::new(true);
    assert_eq!(scene.scripts.uploads().await, Ok(Some(vec![])));
    let kept = scene.upload("mine.js", "one", false).await.unwrap();
    let digest = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
    assert_eq!((kept.name.as_str(), kept.bytes, kept.sha256.as_str()), ("mine.js", 3, digest));
    assert_eq!(scene.scripts.uploads().await, Ok(Some(vec![kept.clone()])));
    assert_eq!(scene.names().await, ["mine.js", "own.js"]);
    let one = scene.scripts.revision("mine.js").await;
    assert_eq!(one.len(), 12);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&scene.uploads()), mode(&scene.uploads().join("mine.js"))), (0o700, 0o600));

    assert_eq!(refused(scene.upload("mine.js", "two", false).await), UploadRefusal::Exists);
    assert_eq!(scene.scripts.revision("mine.js").await, one, "it is as it was");
    assert_eq!(scene.upload("mine.js", "two", true).await.unwrap().sha256, sha256(b"two"));
    assert_ne!(scene.scripts.revision("mine.js").await, one);
    let looked = scene.looker.seen.lock().unwrap().iter().filter(|(_, text)| text == "two").count();
    assert!(looked >= 1, "k6 saw it before");

    let no = ApiError::NotRunning;
    {
        let turn = scene.scripts.turn().await.unwrap();
        assert_eq!(scene.scripts.delete("mine.js", &turn, || Err(no.clone())), Err(no));
    }
    assert_eq!(scene.delete("mine.js").await.unwrap().sha256, sha256(b"two"));
    assert!(matches!(scene.delete("mine.js").await, Err(ApiError::NotFound { .. })));
    assert_eq!(scene.names().await, ["own.js"]);
    assert_eq!(std::fs::read_dir(scene.uploads()).unwrap().count(), 0, "nothing is left aside");
}

#[tokio::test]
async fn what_is_of_the_catalogue_stays() {
    let scene = Scene::new(true);
    assert_eq!(refused(scene.upload("own.js", "other", true).await), UploadRefusal::OfCatalogue);
    assert!(matches!(scene.delete("own.js").await, Err(ApiError::NotFound { .. })));
    assert!(matches!(scene.delete("../../k6-scripts/own.js").await, Err(ApiError::NotFound { .. })));
    // Also where it comes after the upload.
    scene.upload("later.js", "uploaded", false).await.unwrap();
    let path = scene.dir.path().join("k6-scripts/later.js");
    std::fs::write(&path, "catalogue").unwrap();
    assert_eq!(scene.scripts.inspector.folders.find("later.js"), Some(path.canonicalize().unwrap()));
    assert_eq!(scene.names().await, ["later.js", "own.js"]);
    assert!(matches!(scene.delete("later.js").await, Err(ApiError::NotFound { .. })));
}

#[tokio::test]
async fn what_k6_refuses_is_not_kept_nor_what_it_was_not_asked_about() {
    let scene = Scene::new(true);
    scene.upload("mine.js", "good", false).await.unwrap();
    // What a crash left aside goes with the next one.
    std::fs::create_dir(scene.uploads().join(".new-old")).unwrap();
    let Err(ApiError::InvalidUpload { errors }) = scene.upload("mine.js", "broken", true).await else { panic!() };
    assert_eq!(errors[0].problem, Problem::BrokenScript { message: "it is broken".into() });
    let Err(ApiError::Unavailable { what }) = scene.upload("new.js", "hangs", false).await else { panic!() };
    assert!(what.contains("Docker is gone") && what.contains("not kept"), "{what}");
    let kept = scene.scripts.uploads().await.unwrap().unwrap();
    assert_eq!(kept.iter().map(|kept| kept.sha256.clone()).collect::<Vec<_>>(), [sha256(b"good")]);
    assert_eq!(std::fs::read_dir(scene.uploads()).unwrap().count(), 1);
    assert!(
        scene.looker.seen.lock().unwrap().iter().all(|(path, _)| path.ends_with("mine.js") || path.ends_with("new.js"))
    );
    let Err(ApiError::InvalidUpload { errors }) = scene.upload("../x.js", "good", false).await else { panic!() };
    assert!(matches!(errors[0].problem, Problem::NotAScriptName { .. }));
}

#[tokio::test]
async fn there_are_no_more_scripts_than_are_looked_at() {
    let scene = Scene::new(true);
    std::fs::create_dir_all(scene.uploads()).unwrap();
    for number in 1..MOST {
        std::fs::write(scene.uploads().join(format!("a{number}.js")), IDLE).unwrap();
    }
    assert_eq!(refused(scene.upload("one-more.js", IDLE, false).await), UploadRefusal::TooMany { most: MOST as u32 });
    scene.upload("a1.js", "replaced", true).await.unwrap();
    scene.delete("a2.js").await.unwrap();
    scene.upload("one-more.js", IDLE, false).await.unwrap();
}
