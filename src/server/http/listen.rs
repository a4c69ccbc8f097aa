//! Takes connections, so many that there is always room for one more: whoever wants to stop a test gets through, however many
//! others have connected, half sent a request, or never read an answer.

mod live;
pub mod tls;

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    future::poll_fn,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::{
    net::sockopt::{set_socket_send_buffer_size, set_tcp_user_timeout},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use self::{live::Live, tls::Spoken};
use super::{
    error::{Failure, Problem},
    proxies::Way,
};
use crate::server::{
    config::Network,
    figures::{FIGURES, Present},
    limiter::place,
};

/// Most file descriptors that are asked of the system.
const DESCRIPTORS: u64 = 65_536;

/// Most connections, however many descriptors there are.
const CONNECTIONS: usize = 8_192;

/// What the system may hold for a reader who is slow, in bytes (it takes twice as much with its own records): enough for
/// a page over a long way.
const SEND_BUFFER: usize = 64 * 1024;

/// Most bytes of a request's head; more gets 431.
const HEAD: usize = 64 * 1024;

/// When a viewer for whom there was no room may try again, in seconds.
const AGAIN_S: u32 = 10;

/// Pause after the system refused a connection.
const REFUSED: Duration = Duration::from_millis(50);

/// How much is taken on.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Open connections, three quarters of them viewers at most.
    pub connections: usize,
    /// Those of one address, three quarters of them viewers at most. A trusted proxy is many, of whom each viewer counts.
    pub of_one: usize,
    /// How long a request's head may take, and how long a connection may lie idle.
    pub head: Duration,
    /// How long a reader's system may take nothing of what waits for it. Whether its program reads shows only when that
    /// system's buffer is full, over 700 kB later with Linux' own settings: until then it acknowledges everything, and
    /// the window that it offers may move on for who never reads, and stand still for who reads all.
    pub unread: Duration,
}

impl Bounds {
    /// What `descriptors` open files allow. A quarter of them is kept for everything else: k6, the store, logs.
    pub fn of(descriptors: u64) -> Self {
        let connections = usize::try_from(descriptors - descriptors / 4).unwrap_or(CONNECTIONS).clamp(1, CONNECTIONS);
        Self {
            connections,
            of_one: connections.div_ceil(2),
            head: Duration::from_secs(15),
            unread: Duration::from_secs(15),
        }
    }

    /// Places for viewers of the live stream.
    pub fn room(&self) -> Arc<Room> {
        let viewers = |connections: usize| connections - connections / 4;
        Room::of(viewers(self.connections), viewers(self.of_one))
    }
}

/// Asks the system for more file descriptors than the few it gives unasked, and says how many there are now.
pub fn raise_descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // None: no limit.
    let (soft, hard) = (current.unwrap_or(u64::MAX), maximum.unwrap_or(u64::MAX));
    let wanted = hard.min(DESCRIPTORS).max(soft);
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, soft, "the limit of open files can't be raised");
            soft
        }
    }
}

/// What is listened with.
pub struct Listening {
    /// Takes connections.
    pub listener: TcpListener,
    /// How many, and for how long.
    pub bounds: Bounds,
    /// Each of these speaks for many.
    pub proxies: Vec<Network>,
    /// Makes connections safe; `None`: all is plain HTTP.
    pub tls: Option<TlsAcceptor>,
}

/// Answers until `token` is cancelled and the last answer is out.
pub async fn serve(listening: Listening, router: Router, token: CancellationToken) {
    let Listening { listener, bounds, proxies, tls } = listening;
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.has(address));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head).max_buf_size(HEAD);
    let open = Arc::new(Open::default());
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = token.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a connection could not be taken");
                // Out of descriptors, most likely: one must go.
                open.make_room(0);
                tokio::time::sleep(REFUSED).await;
                continue;
            }
        };
        limit_unread(&stream, bounds.unread);
        // A trusted proxy is many, and counts its own.
        let from = (!is_proxy(peer.ip())).then(|| place(peer.ip()));
        if let Some(from) = from {
            open.make_room_of(from, bounds.of_one - 1);
        }
        open.make_room(bounds.connections - 1);
        let place = Arc::new(Open::enter(&open, from));
        let (http, router, token, viewers) = (http.clone(), router.clone(), token.clone(), tasks.clone());
        let Some(tls) = tls.clone() else {
            let peer = Peer { address: peer.ip(), secure: false };
            tasks.spawn(answer(http, (stream, peer), router, place, token, viewers));
            continue;
        };
        let is_here =
            peer.ip().to_canonical().is_loopback() || stream.local_addr().is_ok_and(|own| own.ip() == peer.ip());
        let may_be_plain = is_here || is_proxy(peer.ip());
        tasks.spawn(async move {
            let spoken = tokio::select! {
                spoken = tls::hear(&tls, stream, may_be_plain, &http, bounds.head) => spoken,
                () = place.end.cancelled() => return,
                () = token.cancelled() => return,
            };
            let peer = |secure| Peer { address: peer.ip(), secure };
            match spoken {
                Ok(Some(Spoken::Safe(stream))) => {
                    answer(http, (*stream, peer(true)), router, place, token, viewers).await
                }
                Ok(Some(Spoken::Plain(stream))) => {
                    answer(http, (stream, peer(false)), router, place, token, viewers).await
                }
                Ok(None) => {}
                Err(error) => tracing::trace!(%error, "a connection was not made safe"),
            }
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// Answers a connection's requests and lets `viewers` follow the live stream.
async fn answer<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    http: http1::Builder,
    stream: (S, Peer),
    router: Router,
    place: Arc<Place>,
    token: CancellationToken,
    viewers: TaskTracker,
) {
    if let Some((stream, live)) = converse(&http, stream, router, &place, &token).await {
        // A task of its own: this one is as large as hyper's part in it.
        viewers.spawn(follow(stream, live, place));
    }
}

/// Answers a connection's requests until it ends, or until one wants to follow the live stream: that goes on without hyper,
/// which keeps 16 kB of buffers for each connection as long as it lasts.
async fn converse<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    http: &http1::Builder,
    (stream, peer): (S, Peer),
    router: Router,
    place: &Arc<Place>,
    token: &CancellationToken,
) -> Option<(S, Live)> {
    let found = Arc::new(Mutex::new(None));
    let finds = (Arc::clone(&found), Arc::clone(place));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let (router, (found, place)) = (router.clone(), finds.clone());
        async move {
            place.set(Stage::Answering);
            let (version, is_get) = (request.version(), request.method() == Method::GET);
            let Ok(response) = router.oneshot(request.map(Body::new)).await;
            let is_viewer = response.extensions().get::<Viewer>().is_some();
            place.set(if is_viewer { Stage::Viewing } else { Stage::Waiting });
            if !(is_viewer && is_get && response.status() == StatusCode::OK) {
                return Ok::<_, Infallible>(response);
            }
            *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(Live { version, response });
            // The connection is taken out of hyper's hands before it looks here again. All that was to be written is written,
            // but to who asks before the answer before has come, as no browser and no proxy does.
            std::future::pending().await
        }
    });
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let mut ending = false;
    loop {
        let until_live = poll_fn(|context| match Pin::new(&mut connection).poll(context) {
            Poll::Ready(result) => Poll::Ready(Err(result)),
            Poll::Pending => match found.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(live) => Poll::Ready(Ok(live)),
                None => Poll::Pending,
            },
        });
        tokio::select! {
            outcome = until_live => match outcome {
                Ok(live) => return Some((connection.into_parts().io.into_inner(), live)),
                Err(result) => {
                    if let Err(error) = result {
                        tracing::trace!(%error, "a connection broke");
                    }
                    return None;
                }
            },
            () = token.cancelled(), if !ending => {
                ending = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            () = place.end.cancelled() => {
                tracing::debug!("a connection made room for another");
                return None;
            }
        }
    }
}

/// Sends the live stream until it ends, its reader goes, or it makes room for others.
async fn follow<S: AsyncRead + AsyncWrite>(stream: S, live: Live, place: Arc<Place>) {
    let (mut from, mut to) = tokio::io::split(stream);
    tokio::select! {
        sent = live.send(&mut to) => if let Err(error) = sent {
            tracing::trace!(%error, "a viewer's connection broke");
        },
        () = live::hung_up(&mut from) => {}
        () = place.end.cancelled() => tracing::debug!("a viewer made room for another"),
    }
}

/// Lets the system end a connection whose other side has been gone, or has had no room for more, for so long, and hold
/// only so much for it: without a bound the system lets a buffer grow to megabytes.
fn limit_unread(stream: &TcpStream, unread: Duration) {
    let ms = u32::try_from(unread.as_millis()).unwrap_or(u32::MAX);
    let limited = set_tcp_user_timeout(stream, ms).and_then(|()| set_socket_send_buffer_size(stream, SEND_BUFFER));
    if let Err(error) = limited {
        tracing::debug!(%error, "a connection can't be limited");
    }
}

/// In a request's extensions: the other end of its connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Whether it speaks HTTPS.
    pub secure: bool,
}

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// No whole request is there.
    Waiting,
    /// A handler works for it.
    Answering,
    /// Follows the live stream.
    Viewing,
}

/// The open connections, oldest first.
#[derive(Debug, Default)]
struct Open(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    next: u64,
    open: BTreeMap<u64, Held>,
}

/// An open connection.
#[derive(Debug)]
struct Held {
    stage: Stage,
    /// Whose it is, where that is known.
    from: Option<IpAddr>,
    end: CancellationToken,
}

/// A connection's place among the open ones, until dropped.
#[derive(Debug)]
struct Place {
    all: Arc<Open>,
    number: u64,
    end: CancellationToken,
    _present: Present,
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, Places> {
        // Only maps are changed under the lock, so they are sound after a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(all: &Arc<Self>, from: Option<IpAddr>) -> Place {
        let mut places = all.lock();
        let (number, end) = (places.next, CancellationToken::new());
        places.next += 1;
        places.open.insert(number, Held { stage: Stage::Waiting, from, end: end.clone() });
        Place { all: Arc::clone(all), number, end, _present: FIGURES.connections.enter() }
    }

    /// Ends connections until at most `most` are left: first who has sent no whole request, then who waits for an answer,
    /// of each the oldest. A person's request is over before it is the oldest.
    fn make_room(&self, most: usize) {
        self.lock().shrink(most, |_| true);
    }

    /// The same among those of one address.
    fn make_room_of(&self, from: IpAddr, most: usize) {
        self.lock().shrink(most, |held| held.from == Some(from));
    }
}

impl Places {
    fn shrink(&mut self, most: usize, counts: impl Fn(&Held) -> bool) {
        while self.open.len() > most {
            let open = self.open.iter().filter(|(_, held)| counts(held));
            if open.clone().count() <= most {
                return;
            }
            let first = open.min_by_key(|(number, held)| (held.stage, **number)).map(|(number, _)| *number);
            let Some(held) = first.and_then(|number| self.open.remove(&number)) else { return };
            held.end.cancel();
        }
    }
}

impl Place {
    fn set(&self, stage: Stage) {
        if let Some(held) = self.all.lock().open.get_mut(&self.number) {
            held.stage = stage;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.lock().open.remove(&self.number);
    }
}

/// Marks the answer to somebody who follows the live stream.
#[derive(Debug, Clone, Copy)]
struct Viewer;

/// Whether somebody wants to follow the live stream.
pub fn is_live(request: &Request) -> bool {
    matches!(request.uri().path(), "/api/v1/live" | "/fn/live")
}

/// The places of viewers of the live stream.
#[derive(Debug)]
pub struct Room {
    places: Arc<Semaphore>,
    /// Most of one address. A proxy that is not trusted is one.
    each: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

impl Room {
    /// So many places, and so many for each address.
    pub fn of(viewers: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { places: Arc::new(Semaphore::new(viewers)), each, taken: Mutex::default() })
    }

    fn enter(self: &Arc<Self>, from: Option<IpAddr>) -> Result<Seat, &'static str> {
        let permit = Arc::clone(&self.places).try_acquire_owned();
        let permit = permit.map_err(|_| "too many follow the live stream already; end some, or try again later")?;
        let from = from.map(place);
        if let Some(from) = from {
            let mut taken = self.taken();
            let taken = taken.entry(from).or_default();
            if *taken >= self.each {
                return Err("too many follow the live stream from your address already; end some, or try again later");
            }
            *taken += 1;
        }
        Ok(Seat { room: Arc::clone(self), from, _permit: permit, _present: FIGURES.viewers.enter() })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Only numbers are kept in it.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A viewer's place, until dropped.
#[derive(Debug)]
struct Seat {
    room: Arc<Room>,
    from: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
    _present: Present,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(from) = self.from else { return };
        let mut taken = self.room.taken();
        if let Some(count) = taken.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&from);
            }
        }
    }
}

/// Lets at most so many follow the live stream as there is room for, so that connections are left for everybody else.
pub async fn limit_viewers(State(room): State<Arc<Room>>, request: Request, next: Next) -> Response {
    if !is_live(&request) {
        return next.run(request).await;
    }
    let known = request.extensions();
    let from = known.get::<Way>().map_or_else(|| known.get::<Peer>().map(|peer| peer.address), |way| way.from);
    let seat = match room.enter(from) {
        Ok(seat) => seat,
        Err(error) => {
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.into());
            return Failure::from(Problem { wait_s: Some(AGAIN_S), ..problem }).into_response();
        }
    };
    let (mut parts, body) = next.run(request).await.into_parts();
    parts.extensions.insert(Viewer);
    let body = body.into_data_stream().map(move |chunk| {
        // Given back when the body is dropped.
        let _seat = &seat;
        chunk
    });
    Response::from_parts(parts, Body::from_stream(body))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests;
