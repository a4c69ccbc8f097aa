//! The supervisor's socket.

use std::{
    io,
    os::unix::{fs::PermissionsExt, net::UnixStream as Probe},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
};

use super::keeper::{Deed, Handle};
use crate::server::{
    clock::now_ms,
    services::supervisor::{LONGEST_LINE, Order, Reply, Supervised},
};

/// Most connections at a time.
const MOST: usize = 16;

/// The socket, open. Dropped, its file is gone.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Control {
    fn drop(&mut self) {
        // Somebody may have taken it away.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Control {
    /// Opens it for this user alone.
    ///
    /// # Errors
    /// When another supervisor is there, or the system refuses.
    pub fn open(path: &Path) -> io::Result<Self> {
        if Probe::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another supervisor answers there"));
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Carries out orders, until it is dropped.
    pub async fn serve(&self, replicas: Arc<[Handle]>) {
        let places = Arc::new(Semaphore::new(MOST));
        loop {
            // A semaphore that nobody closes.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((socket, _)) => {
                    let replicas = Arc::clone(&replicas);
                    tokio::spawn(async move {
                        // Who hung up needs no answer.
                        let _ = talk(socket, &replicas).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the supervisor's socket takes no connection");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn talk(socket: UnixStream, replicas: &[Handle]) -> io::Result<()> {
    let (read, mut write) = socket.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = String::new();
        if (&mut read).take(LONGEST_LINE).read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let reply = match serde_json::from_str(&line) {
            Ok(order) => carry_out(order, replicas).await,
            Err(error) => Err(format!("no order: {error}")),
        };
        let reply = reply.map_or_else(Reply::Refused, |()| Reply::Replicas(list(replicas)));
        let mut answer = serde_json::to_vec(&reply)?;
        answer.push(b'\n');
        write.write_all(&answer).await?;
    }
}

fn list(replicas: &[Handle]) -> Vec<Supervised> {
    let one = |handle: &Handle| Supervised { replica: handle.name.clone(), process: handle.status() };
    replicas.iter().map(one).collect()
}

async fn carry_out(order: Order, replicas: &[Handle]) -> Result<(), String> {
    let (replica, deed) = match order {
        Order::List => return Ok(()),
        Order::Kill { replica, until_ms } => (replica, Deed::Kill(until_ms)),
        Order::Stop { replica, until_ms } => (replica, Deed::Stop(until_ms)),
        Order::Freeze { replica, until_ms } => (replica, Deed::Freeze(until_ms)),
        Order::Restart { replica } => (replica, Deed::Restart),
        Order::Restore { replica } => (replica, Deed::Restore),
    };
    if let Deed::Kill(until_ms) | Deed::Stop(until_ms) | Deed::Freeze(until_ms) = deed
        && until_ms <= now_ms()
    {
        return Err("until_ms has passed".into());
    }
    let Some(handle) = replicas.iter().find(|handle| handle.name == replica) else {
        let names: Vec<_> = replicas.iter().map(|handle| handle.name.as_str()).collect();
        return Err(format!("no replica {replica:?} here; there are {}", names.join(", ")));
    };
    tracing::info!(%replica, ?deed, "ordered");
    handle.order(deed).await
}
