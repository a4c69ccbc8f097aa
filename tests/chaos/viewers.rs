//! Many watch at once, and half of them never read. The dashboard ends while they do, and they come back.

use std::{io, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    dashboard::{LAST, number, signal},
    parts::{Place, most_memory, script},
};

/// What the system of a viewer who never reads, or on a bad line, may hold for it, in bytes.
const LITTLE: u32 = 4096;

/// How much a viewer on a bad line reads, and how often.
const SIP: (usize, Duration) = (4096, Duration::from_millis(250));

/// A viewer as browsers make them of `EventSource`.
struct Viewer {
    port: u16,
    stream: TcpStream,
    /// What came since the last whole line.
    rest: Vec<u8>,
    /// When to come back, as it was told.
    retry: Duration,
    /// The last event that came.
    last: String,
    /// On a bad line.
    slow: bool,
}

impl Viewer {
    async fn come(port: u16, slow: bool) -> io::Result<Self> {
        let stream = connect(port, "", slow).await?;
        let mut viewer = Self { port, stream, rest: Vec::new(), retry: Duration::ZERO, last: String::new(), slow };
        viewer.sees("id: ").await?;
        Ok(viewer)
    }

    /// Reads until a line has some words in it.
    async fn sees(&mut self, words: &str) -> io::Result<()> {
        let mut bytes = vec![0; if self.slow { SIP.0 } else { 65_536 }];
        loop {
            let length = self.stream.read(&mut bytes).await?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if self.take(&bytes[..length], words) {
                return Ok(());
            }
            if self.slow {
                sleep(SIP.1).await;
            }
        }
    }

    fn take(&mut self, bytes: &[u8], words: &str) -> bool {
        self.rest.extend_from_slice(bytes);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return false };
        let whole = self.rest.drain(..=end).collect::<Vec<_>>();
        let text = String::from_utf8_lossy(&whole);
        for line in text.lines() {
            if let Some(id) = line.strip_prefix("id: ") {
                id.clone_into(&mut self.last);
            } else if let Some(ms) = line.strip_prefix("retry: ") {
                self.retry = Duration::from_millis(ms.parse().unwrap());
            }
        }
        text.contains(words)
    }

    /// Reads to the end, which must be one in order.
    async fn ends(&mut self) -> io::Result<()> {
        let mut rest = std::mem::take(&mut self.rest);
        self.stream.read_to_end(&mut rest).await?;
        match rest.ends_with(b"0\r\n\r\n") {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Comes back by itself, each time after as long as it was told. When that was.
    async fn comes_back(&mut self) -> Instant {
        loop {
            sleep(self.retry).await;
            let at = Instant::now();
            if let Ok(stream) = connect(self.port, &self.last, self.slow).await {
                self.stream = stream;
                if self.sees("id: ").await.is_ok() {
                    return at;
                }
            }
        }
    }
}

async fn connect(port: u16, last: &str, little: bool) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if little {
        socket.set_recv_buffer_size(LITTLE)?;
    }
    let mut stream = socket.connect(([127, 0, 0, 1], port).into()).await?;
    let head = format!("GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nLast-Event-ID: {last}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}

/// Lets every viewer do something at the same time; how long the last one took.
async fn all<F: Future<Output = Viewer> + Send + 'static>(
    what: &str,
    viewers: Vec<Viewer>,
    mut deed: impl FnMut(Viewer) -> F,
) -> (Vec<Viewer>, Duration) {
    let (started, many, mut set) = (Instant::now(), viewers.len(), JoinSet::new());
    viewers.into_iter().for_each(|viewer| drop(set.spawn(deed(viewer))));
    let mut done = Vec::with_capacity(many);
    let all = async {
        while let Some(viewer) = set.join_next().await {
            done.push(viewer.unwrap());
        }
    };
    assert!(timeout(LAST, all).await.is_ok(), "{what}: {} of {many} within {LAST:?}", done.len());
    (done, started.elapsed())
}

#[test]
fn viewers_of_whom_half_never_read_see_everything_and_come_back_after_a_restart() {
    let many = usize::try_from(number("CHAOS_VIEWERS").unwrap_or(600)).unwrap();
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum.or(Some(65_536)), maximum }).unwrap();
    let place = Place::new();
    let mut dashboard = place.dashboard();
    dashboard.begin();
    let (port, memory) = (dashboard.port, most_memory(dashboard.pid()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();

    let (mut viewers, mut asleep) = (Vec::new(), Vec::new());
    for number in 0..many / 2 {
        runtime.block_on(async {
            viewers.push(Viewer::come(port, number == 0).await.unwrap());
            asleep.push(connect(port, "", number % 2 == 0).await.unwrap());
        });
    }
    let run = dashboard.run(&script("calm.js"));
    let (viewers, seen) = runtime.block_on(all("the start", viewers, |mut viewer: Viewer| {
        let run = run.clone();
        async move {
            viewer.sees(&run).await.unwrap();
            viewer
        }
    }));
    dashboard.running(&run);
    dashboard.measures(true);
    dashboard.stop();
    dashboard.finished(&run);
    let memory = most_memory(dashboard.pid()).saturating_sub(memory) / (1 << 20);

    // It ends while all of them watch.
    signal("TERM", dashboard.pid());
    let (viewers, _) = runtime.block_on(all("the end", viewers, |mut viewer: Viewer| async move {
        viewer.ends().await.unwrap();
        viewer
    }));
    assert!(dashboard.serve.take().unwrap().wait().unwrap().success());
    let mut waits = viewers.iter().map(|viewer| viewer.retry).collect::<Vec<_>>();
    waits.sort();
    // As many as come in the same half of a second.
    let busiest = waits
        .iter()
        .map(|from| waits.iter().filter(|wait| (*from..*from + Duration::from_millis(500)).contains(wait)).count());
    let busiest = busiest.max().unwrap();
    assert!(busiest * 4 <= viewers.len(), "{busiest} of {} come back at once", viewers.len());
    dashboard.start();
    let (viewers, back) = runtime.block_on(all("all are back", viewers, |mut viewer: Viewer| async move {
        viewer.comes_back().await;
        viewer
    }));
    println!(
        "{many} viewers, half of whom never read: {} saw a start within {seen:?}, {memory} MiB of memory more; all were back \
         {back:?} after the end, at most {busiest} in half a second",
        viewers.len()
    );
    assert!(memory <= 200, "{memory} MiB");
    drop(asleep);
    dashboard.end();
}
