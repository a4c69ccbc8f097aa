//! The gateway before the replicas: HAProxy. The only place that speaks to its admin socket.
//!
//! [`configuration`] writes what it is started with. While it works, what is set at the doors is changed in its memory, which
//! takes neither a reload nor a connection of anybody.

pub mod configuration;
pub mod door;
pub mod stats;

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use self::configuration::MAP_FILE;
pub use self::{door::Door, stats::Server};

/// How long the gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Most that is read of an answer, in bytes.
const MOST_READ: u64 = 1 << 20;

/// Why the gateway did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// It does not answer.
    #[error("the gateway does not answer at {address}: {source}")]
    Away {
        /// Its admin socket.
        address: Arc<str>,
        /// Why.
        source: io::Error,
    },
    /// It has no door for a replica.
    #[error("the gateway has no door for {0:?}")]
    UnknownReplica(String),
    /// It said something else than expected.
    #[error("the gateway refuses: {0}")]
    Refused(String),
}

/// A gateway at work, known by its admin socket.
#[derive(Debug, Clone)]
pub struct Gateway(Arc<str>);

impl Gateway {
    /// The one at `address`: `unix://` and a path, or `tcp://`, a host and a port.
    pub fn new(address: &str) -> Self {
        Self(address.into())
    }

    /// Sets what happens at the door of a replica, all of it at once. It ends by itself.
    ///
    /// # Errors
    /// When the gateway is away or has no such door.
    pub async fn set_door(&self, replica: &str, door: Door) -> Result<(), GatewayError> {
        let unknown = || GatewayError::UnknownReplica(replica.to_owned());
        // What is no name must not become part of a command.
        if replica.is_empty() || !replica.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(unknown());
        }
        let answer = self.ask(&format!("set map {MAP_FILE} {replica} {}", door.value())).await?;
        match answer.trim() {
            "" => Ok(()),
            told if told.contains("not found") => Err(unknown()),
            told => Err(GatewayError::Refused(told.to_owned())),
        }
    }

    /// Takes away what is set at the door of a replica.
    ///
    /// # Errors
    /// When the gateway is away or has no such door.
    pub async fn clear_door(&self, replica: &str) -> Result<(), GatewayError> {
        self.set_door(replica, Door::default()).await
    }

    /// What was last set at every door, by replica; its time may be over.
    ///
    /// # Errors
    /// When the gateway is away, or is no such gateway.
    pub async fn doors(&self) -> Result<BTreeMap<String, Door>, GatewayError> {
        let answer = self.ask(&format!("show map {MAP_FILE}")).await?;
        let door = |line: &str| {
            let mut words = line.split_whitespace().skip(1);
            Some((words.next()?.to_owned(), Door::read(words.next()?)?))
        };
        let lines = answer.lines().filter(|line| !line.trim().is_empty());
        lines.map(|line| door(line).ok_or_else(|| GatewayError::Refused(line.to_owned()))).collect()
    }

    /// The replicas as the gateway sees them.
    ///
    /// # Errors
    /// When the gateway is away.
    pub async fn servers(&self) -> Result<Vec<Server>, GatewayError> {
        // Of all sections, servers only.
        self.ask("show stat -1 4 -1").await.map(|table| stats::servers(&table))
    }

    async fn ask(&self, command: &str) -> Result<String, GatewayError> {
        let away = |source| GatewayError::Away { address: Arc::clone(&self.0), source };
        let talk = async {
            match self.0.strip_prefix("unix://") {
                Some(path) => exchange(UnixStream::connect(path).await?, command).await,
                None => exchange(TcpStream::connect(self.0.trim_start_matches("tcp://")).await?, command).await,
            }
        };
        timeout(PATIENCE, talk).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(away)
    }
}

async fn exchange(mut socket: impl AsyncRead + AsyncWrite + Unpin, command: &str) -> io::Result<String> {
    socket.write_all(format!("{command}\n").as_bytes()).await?;
    let mut answer = String::new();
    socket.take(MOST_READ).read_to_string(&mut answer).await?;
    Ok(answer)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
