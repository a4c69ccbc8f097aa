//! What supervises the replicas on this machine: how it is spoken to. `ha-dashboard demo` is one.
//!
//! Over a Unix socket, one line of JSON for an [`Order`] and one back for the [`Reply`]; a connection may carry several. A
//! replica that is held down or frozen goes on by itself when its time has come, whatever became of who ordered it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ha_dashboard::domain::{Millis, service::ProcessStatus};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    time::timeout,
};

/// How long an order may take. A replica gets some seconds to end in order.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most that is read of a line, in bytes.
pub const LONGEST_LINE: u64 = 64 << 10;

/// What a supervisor may be asked for. It answers when it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// How every replica is.
    List,
    /// Kill one at once, and keep it down.
    Kill {
        /// Which.
        replica: String,
        /// Until when.
        until_ms: Millis,
    },
    /// Let one end in order, and keep it down.
    Stop {
        /// Which.
        replica: String,
        /// Until when.
        until_ms: Millis,
    },
    /// Stop one in its tracks: it takes connections and answers nothing.
    Freeze {
        /// Which.
        replica: String,
        /// Until when.
        until_ms: Millis,
    },
    /// Let one end in order, and start it again.
    Restart {
        /// Which.
        replica: String,
    },
    /// Let one go on that is frozen or held. One that runs is left alone.
    Restore {
        /// Which.
        replica: String,
    },
}

/// A replica under supervision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervised {
    /// Its name.
    pub replica: String,
    /// Its process.
    #[serde(flatten)]
    pub process: ProcessStatus,
}

/// What a supervisor answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Every replica after the order.
    Replicas(Vec<Supervised>),
    /// Why nothing was done, in a line.
    Refused(String),
}

/// Why a supervisor did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// It does not answer.
    #[error("no supervisor answers at {socket}: {source}")]
    Away {
        /// Its socket.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It refuses.
    #[error("{0}")]
    Refused(String),
}

/// The supervisor at a socket.
#[derive(Debug, Clone)]
pub struct Supervisor(Arc<Path>);

impl Supervisor {
    /// The one at `socket`.
    pub fn new(socket: &Path) -> Self {
        Self(socket.into())
    }

    /// Gives an order and waits until it is carried out; then how every replica is.
    ///
    /// # Errors
    /// When it is away or refuses.
    pub async fn order(&self, order: &Order) -> Result<Vec<Supervised>, SupervisorError> {
        let away = |source| SupervisorError::Away { socket: self.0.to_path_buf(), source };
        let answered = timeout(PATIENCE, self.exchange(order)).await;
        match answered.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(away)? {
            Reply::Replicas(replicas) => Ok(replicas),
            Reply::Refused(why) => Err(SupervisorError::Refused(why)),
        }
    }

    async fn exchange(&self, order: &Order) -> io::Result<Reply> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        let mut socket = UnixStream::connect(&self.0).await?;
        socket.write_all(&line).await?;
        let mut answer = String::new();
        BufReader::new(socket.take(LONGEST_LINE)).read_line(&mut answer).await?;
        Ok(serde_json::from_str(&answer)?)
    }
}
