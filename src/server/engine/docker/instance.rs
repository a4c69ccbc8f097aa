//! Follows one k6 container from its start to its removal.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::StreamExt;
use ha_dashboard::domain::Millis;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::DropGuard;

use super::{
    SELF_END,
    client::{Client, ContainerState, DockerError, Life, Sample},
    folder, output,
};
use crate::server::{
    clock::now_ms,
    disk,
    engine::{
        EXPORT_FILE, EngineError, Exit, Instance, InstanceState, LOG_FILE, OLD_LOG_FILE, SUMMARY_FILE,
        files::{self, read_json},
        locked,
        log::Writer,
        millis,
    },
    feed::{Meter, Usage},
    shutdown::Shutdown,
};

/// The file in a run's folder that says that its k6 is a container, and what we did to it.
pub const CONTAINER: &str = "container.json";
/// How long the output may take to come to its end after the container did.
const LOG_END: Duration = Duration::from_secs(2);
/// Largest summary, in bytes.
const SUMMARY_LIMIT: usize = 16 << 20;
/// The pause between two tries to reach Docker.
const PAUSE: Duration = Duration::from_millis(500);
/// How long an answer is waited for before it is asked again how the container is.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// How long Docker may stay away after k6 must be over before nobody waits for it any more.
const GIVE_UP: Duration = Duration::from_secs(3);

/// Exit codes of a k6 that its container's `timeout` ended: k6's own two, that of coreutils, and that of SIGHUP.
const SELF_ENDED: [i32; 4] = [105, 2, 124, 129];

/// What must be known of a container after a crash of the dashboard, beside what Docker knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// When it is ended by force.
    pub deadline_ms: Millis,
    /// When k6 began its scenario.
    pub started_ms: Option<Millis>,
    /// When it was asked to stop.
    pub stop_ms: Option<Millis>,
    /// Whether that was because its deadline had come.
    pub timed_out: bool,
    /// Whether k6 was told: a second signal would end it without a summary.
    pub told: bool,
    /// When it was told; from then on its grace time counts.
    #[serde(default)]
    pub told_ms: Option<Millis>,
}

impl Record {
    /// That of a container that nobody did anything to.
    pub fn new(name: String, deadline_ms: Millis) -> Self {
        Self { name, deadline_ms, started_ms: None, stop_ms: None, timed_out: false, told: false, told_ms: None }
    }
}

/// The containers that somebody looks after.
pub type Followed = Arc<Mutex<BTreeSet<String>>>;

/// A container at work, or one that just ended.
pub struct DockerInstance {
    shared: Arc<Shared>,
    state: watch::Receiver<InstanceState>,
    /// Ends the task that follows when nobody is interested any more; the container goes on.
    _following: DropGuard,
}

struct Shared {
    client: Arc<Client>,
    dir: PathBuf,
    name: String,
    record: Mutex<Record>,
    stopped: Notify,
    /// Held while k6 is told to end, so that it gets one signal however many ask.
    telling: tokio::sync::Mutex<()>,
    /// Held while the record is written, so that the newest one is the last.
    writing: tokio::sync::Mutex<()>,
    grace: Duration,
    meter: Meter,
    followed: Followed,
}

/// How following a container came to its end.
enum End {
    State(ContainerState),
    Lost(String),
}

impl DockerInstance {
    /// Follows the container of a record. `known`: how it is, where that is known already.
    pub async fn follow(
        client: Arc<Client>,
        dir: PathBuf,
        record: Record,
        grace: Duration,
        followed: Followed,
        known: Option<ContainerState>,
        shutdown: &Shutdown,
    ) -> Arc<dyn Instance> {
        let name = record.name.clone();
        locked(&followed).insert(name.clone());
        let first = match record.started_ms {
            Some(started_ms) => InstanceState::Running { started_ms },
            None => InstanceState::Preparing,
        };
        let over = known.as_ref().is_some_and(|state| state.life != Life::Running);
        let shared = Arc::new(Shared {
            client,
            dir,
            name,
            record: Mutex::new(record),
            stopped: Notify::new(),
            telling: tokio::sync::Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            grace,
            meter: Meter::default(),
            followed,
        });
        let (sender, mut state) = watch::channel(first);
        let token = shutdown.token.child_token();
        let _following = token.clone().drop_guard();
        let following = shared.clone();
        shutdown.tasks.spawn(async move {
            tokio::select! {
                () = following.run(&sender) => {}
                () = token.cancelled() => {}
            }
        });
        if over {
            // Who takes over wants to know at once how it ended; its log and summary are read before.
            let _ = timeout(LOG_END * 3, state.wait_for(InstanceState::is_over)).await;
        }
        Arc::new(Self { shared, state, _following })
    }
}

#[async_trait]
impl Instance for DockerInstance {
    fn state(&self) -> watch::Receiver<InstanceState> {
        self.state.clone()
    }

    async fn stop(&self) -> Result<(), EngineError> {
        if self.state.borrow().is_over() {
            return Ok(());
        }
        self.shared.ask_to_end(false).await.map_err(EngineError::Docker)
    }

    fn meters(&self) -> Vec<Meter> {
        vec![self.shared.meter.clone()]
    }
}

impl Shared {
    async fn run(&self, sender: &watch::Sender<InstanceState>) {
        let (started, mut on_start) = mpsc::unbounded_channel();
        let reading = async {
            let log = Writer::again(self.dir.join(LOG_FILE), self.dir.join(OLD_LOG_FILE));
            output::follow(&self.client, &self.name, &log, started).await;
            log.end().await;
        };
        tokio::pin!(reading);
        let ended = self.ended();
        tokio::pin!(ended);
        let ending = self.ending();
        tokio::pin!(ending);
        let measuring = self.measuring();
        tokio::pin!(measuring);
        let (mut read, mut listening) = (false, true);
        let end = loop {
            tokio::select! {
                end = &mut ended => break end,
                () = &mut ending => {}
                () = &mut measuring => {}
                () = &mut reading, if !read => read = true,
                at_ms = on_start.recv(), if listening => match at_ms {
                    Some(at_ms) => self.began(at_ms, sender).await,
                    None => listening = false,
                },
            }
        };
        self.meter.set(None);
        if !read {
            let _ = timeout(LOG_END, reading).await;
        }
        // The mark may have come with the very last lines.
        if let Ok(at_ms) = on_start.try_recv() {
            self.began(at_ms, sender).await;
        }
        let state = match end {
            End::State(state) => self.finalise(state).await,
            End::Lost(why) => {
                locked(&self.followed).remove(&self.name);
                let started_ms = self.record().started_ms;
                InstanceState::Lost { started_ms, why }
            }
        };
        sender.send_replace(state);
    }

    /// k6 sends load since `at_ms`.
    async fn began(&self, at_ms: Millis, sender: &watch::Sender<InstanceState>) {
        {
            let mut record = locked(&self.record);
            // After a stop k6 may say that its executors begin although they end at once and send nothing.
            if record.started_ms.is_some() || record.stop_ms.is_some_and(|stop_ms| stop_ms <= at_ms) {
                return;
            }
            record.started_ms = Some(at_ms);
        }
        // A full disk must not end the run; the end is written again.
        let _ = self.write().await;
        sender.send_if_modified(|state| {
            let first = *state == InstanceState::Preparing;
            if first {
                *state = InstanceState::Running { started_ms: at_ms };
            }
            first
        });
    }

    /// Resolves when the container runs no more.
    async fn ended(&self) -> End {
        loop {
            // An engine that hangs would never answer.
            let waited = timeout(LOOK_AGAIN, self.client.wait(&self.name)).await;
            match timeout(LOOK_AGAIN, self.client.state(&self.name)).await.unwrap_or_else(|_| Err(self.client.slow())) {
                Ok(state) if state.life == Life::Ended => return End::State(state),
                // The start is under way, or Docker ended while we waited.
                Ok(_) => {}
                Err(DockerError::Gone { .. }) => {
                    return End::Lost(
                        "the k6 container is gone: somebody removed it, so nobody knows how the run ended".into(),
                    );
                }
                Err(error) => {
                    tracing::warn!(container = self.name, %error, "the k6 container can't be looked at");
                    if self.hopeless() {
                        return End::Lost(format!("{error}. {}", self.unknown()));
                    }
                }
            }
            if let Ok(Err(error)) = waited {
                tracing::debug!(container = self.name, %error, "waiting again");
            }
            sleep(PAUSE).await;
        }
    }

    /// Whether k6 must be over, or was asked to end long ago, so that a Docker that is away is no reason to wait.
    fn hopeless(&self) -> bool {
        let record = self.record();
        let asked_ms = record.stop_ms.unwrap_or(Millis::MAX);
        now_ms() > self.self_end_ms().min(asked_ms.saturating_add(millis(self.grace))) + millis(GIVE_UP)
    }

    /// When k6 is gone at the latest, see [`super::bounded`].
    fn self_end_ms(&self) -> Millis {
        self.record().deadline_ms + millis(SELF_END) + millis(self.grace)
    }

    /// What can be said of a k6 that nobody sees.
    fn unknown(&self) -> String {
        let end_ms = self.self_end_ms();
        let time = i64::try_from(end_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        let time = time.unwrap_or_default().strftime("%H:%M:%S UTC");
        if now_ms() > end_ms {
            format!("What became of k6 is not known; it ended by itself by {time}")
        } else {
            format!("What became of k6 is not known; if it is still at work, it ends by itself by {time}")
        }
    }

    /// Takes what Docker measures of the container, about once a second. Never resolves.
    async fn measuring(&self) {
        loop {
            if let Ok(mut samples) = self.client.stats(&self.name).await {
                let mut before: Option<Sample> = None;
                while let Some(Ok(sample)) = samples.next().await {
                    let usage = before.and_then(|before| sample.since(&before));
                    self.meter.set(usage.map(|(cores, bytes)| Usage { cores, bytes }));
                    before = Some(sample);
                }
                self.meter.set(None);
            }
            sleep(PAUSE).await;
        }
    }

    /// Ends the container when its deadline has come, and by force when it does not obey. Never resolves.
    async fn ending(&self) {
        loop {
            let record = self.record();
            let (at_ms, force) = match record.stop_ms {
                Some(stop_ms) if record.told => (record.told_ms.unwrap_or(stop_ms) + millis(self.grace), true),
                Some(_) => (0, false),
                None => (record.deadline_ms, false),
            };
            tokio::select! {
                () = sleep(Duration::from_millis(at_ms.saturating_sub(now_ms()))) => {}
                () = self.stopped.notified() => continue,
            }
            let done = if force {
                self.client.signal(&self.name, "SIGKILL").await
            } else {
                self.ask_to_end(record.stop_ms.is_none()).await
            };
            if let Err(error) = done {
                tracing::warn!(container = self.name, %error, "the k6 container can't be ended yet");
            }
            if force || !self.record().told {
                sleep(PAUSE).await;
            }
        }
    }

    /// Tells k6 once to end; a second signal would end it without its summary.
    async fn ask_to_end(&self, timed_out: bool) -> Result<(), DockerError> {
        let _one_at_a_time = self.telling.lock().await;
        {
            let mut record = locked(&self.record);
            if record.told {
                return Ok(());
            }
            if record.stop_ms.is_none() {
                (record.stop_ms, record.timed_out) = (Some(now_ms()), timed_out);
            }
        }
        // Before the signal: an end by it must count as asked for whatever happens to us.
        let _ = self.write().await;
        self.client.signal(&self.name, "SIGTERM").await?;
        {
            let mut record = locked(&self.record);
            (record.told, record.told_ms) = (true, Some(now_ms()));
        }
        let _ = self.write().await;
        self.stopped.notify_one();
        Ok(())
    }

    /// Brings home what the container holds, notes its end, and removes it.
    async fn finalise(&self, state: ContainerState) -> InstanceState {
        let record = self.record();
        // Docker says 128 and the signal's number; k6's own codes end at 110, but for 255.
        let signal = (129..=192).contains(&state.exit_code).then(|| state.exit_code - 128);
        // Docker's own word for not knowing; k6 says so only of scripts that it can't find.
        let lost = state.exit_code == 255 && record.started_ms.is_some();
        // Docker was away when its time was over, so it ended by itself.
        let ended_ms = state.ended_ms.unwrap_or_else(now_ms);
        let by_itself =
            record.stop_ms.is_none() && ended_ms >= record.deadline_ms && SELF_ENDED.contains(&state.exit_code);
        let exit = Exit {
            code: (signal.is_none() && !lost).then_some(state.exit_code),
            signal,
            stop_requested: record.stop_ms.is_some() && !record.timed_out,
            timed_out: record.timed_out || by_itself,
            started_ms: record.started_ms,
            ended_ms,
            out_of_memory: state.out_of_memory,
            error: (!state.error.is_empty()).then(|| format!("the container could not be started: {}", state.error)),
        };
        for (inside, outside) in [(folder::SUMMARY, SUMMARY_FILE), (folder::EXPORT, EXPORT_FILE)] {
            if let Err(error) = self.fetch(inside, outside).await {
                tracing::warn!(container = self.name, file = outside, %error, "k6's summary can't be read");
            }
        }
        let (dir, end) = (self.dir.clone(), exit.clone());
        let written =
            tokio::task::spawn_blocking(move || files::write_exit(&dir, &end, files::Spare::open(&dir))).await;
        match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(()) => {
                if let Err(error) = self.client.remove(&self.name).await {
                    // The sweep comes by.
                    tracing::warn!(container = self.name, %error, "the k6 container can't be removed yet");
                }
                locked(&self.followed).remove(&self.name);
            }
            // The container alone knows it now: the next dashboard asks it.
            Err(error) => tracing::error!(container = self.name, %error, "the end of the run can't be written"),
        }
        if lost {
            // Whether or not it was asked to end: it may be at work where Docker no longer looks.
            let why = format!("Docker was restarted and lost sight of k6. {}", self.unknown());
            return InstanceState::Lost { started_ms: exit.started_ms, why };
        }
        InstanceState::Ended(exit)
    }

    /// Copies a file, where there is one, from the container into the run's folder.
    async fn fetch(&self, inside: &str, outside: &str) -> io::Result<()> {
        let archive = self.client.download(&self.name, inside, SUMMARY_LIMIT).await.map_err(io::Error::other)?;
        let Some(archive) = archive else { return Ok(()) };
        let bytes = folder::unpack(&archive)?;
        let path = self.dir.join(outside);
        let written = tokio::task::spawn_blocking(move || disk::replace(&path, &bytes)).await;
        written.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    fn record(&self) -> Record {
        locked(&self.record).clone()
    }

    async fn write(&self) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock().await;
        write(&self.dir, self.record()).await
    }
}

/// Keeps a record in a run's folder.
///
/// # Errors
/// When the folder takes none.
pub async fn write(dir: &Path, record: Record) -> io::Result<()> {
    let name = record.name.clone();
    files::write(dir.join(CONTAINER), record).await.inspect_err(|error| {
        tracing::error!(container = name, %error, "the container's record can't be written");
    })
}

/// The record in a run's folder; `None`: its k6 is no container.
pub async fn read(dir: &Path) -> io::Result<Option<Record>> {
    let path = dir.join(CONTAINER);
    tokio::task::spawn_blocking(move || read_json(&path)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
