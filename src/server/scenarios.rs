//! Scenarios: what there is to choose from, and carrying them out beside a load.

mod conductor;
pub mod shelf;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use ha_dashboard::{
    api::error::ApiError,
    domain::{
        fault::FaultRules,
        scenario::{Offer, Scenario, ScenarioDraft, ScenarioError},
        validate::Draft,
    },
};
use tokio::sync::Mutex;

pub use self::conductor::Conductor;
use self::shelf::Shelf;
use super::{services::faults::Faults, told};

/// How long a look at the files is good for whoever only wants to choose.
const FRESH: Duration = Duration::from_secs(1);

/// The scenarios that may be run.
pub struct Scenarios {
    shelf: Shelf,
    faults: Faults,
    /// When was last looked, and what was there. Held while somebody looks: everybody else would see the same.
    looked: Mutex<Option<(Instant, Vec<Offer>)>>,
}

impl Scenarios {
    /// Those in the folder beside the scripts, of faults that can be set.
    pub fn new(scripts_dir: &Path, faults: Faults) -> Self {
        Self { shelf: Shelf::beside(scripts_dir), faults, looked: Mutex::default() }
    }

    /// Every scenario file, as it was a moment ago.
    pub async fn offers(&self) -> Vec<Offer> {
        let mut looked = self.looked.lock().await;
        match looked.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            Some((_, offers)) => offers.clone(),
            None => looked.insert((Instant::now(), self.look().await)).1.clone(),
        }
    }

    /// Every scenario file, as it is now.
    pub async fn look(&self) -> Vec<Offer> {
        let rules = self.faults.rules().await;
        let offer = |(file, read)| Offer { file, scenario: check(read, &rules, None) };
        self.read(|shelf| shelf.list()).await.unwrap_or_default().into_iter().map(offer).collect()
    }

    /// The scenario that a draft asks for beside a load of `load_s` seconds; `None`: it asks for none.
    ///
    /// # Errors
    /// [`ApiError::InvalidScenario`], [`ApiError::NotFound`].
    pub async fn of(&self, draft: &Draft, load_s: u32) -> Result<Option<Scenario>, ApiError> {
        let file = draft.scenario.trim().to_owned();
        let read = match (draft.scenario_text.trim(), file.as_str()) {
            ("", "") => return Ok(None),
            ("", _) => {
                let what = format!("scenario {file}");
                let read = self.read(move |shelf| shelf.read(&file)).await?;
                read.ok_or(ApiError::NotFound { what })?
            }
            // Its places are those of the text as it came.
            _ => shelf::parse(&draft.scenario_text),
        };
        let scenario = check(read, &self.faults.rules().await, Some(load_s));
        scenario.map(Some).map_err(|errors| ApiError::InvalidScenario { errors })
    }

    async fn read<T: Send + 'static>(&self, read: impl FnOnce(&Shelf) -> T + Send + 'static) -> Result<T, ApiError> {
        let shelf = self.shelf.clone();
        let read = tokio::task::spawn_blocking(move || read(&shelf)).await;
        read.map_err(told::broke_off)
    }
}

fn check(
    read: Result<ScenarioDraft, ScenarioError>,
    rules: &FaultRules,
    load_s: Option<u32>,
) -> Result<Scenario, Vec<ScenarioError>> {
    read.map_err(|error| vec![error])?.validate(rules, load_s)
}
