//! Follows the live stream in the browser as long as the page is open: connects again after a break, from where it
//! broke off.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use js_sys::{Function, Promise, Reflect, Uint8Array};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*, server_fn::ServerFn, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader, RequestInit, Response};

use super::{
    Connection, Live,
    parse::{SseEvent, SseParser},
};
use crate::{
    api::functions::LiveStream,
    domain::live::{Applied, Cursor, Message},
    ui::{
        browser,
        build::{BUILD_HEADER, ROLE_HEADER},
    },
    wire,
};

/// No byte for that long means that the connection is dead: the hub sends something every second.
const SILENCE: Duration = Duration::from_secs(5);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Starts to follow the stream.
pub(super) fn open(live: Live) {
    let reader = Rc::new(Reader {
        live,
        abort: RefCell::default(),
        wake: RefCell::default(),
        watchdog: Cell::default(),
        cursor: Cell::default(),
        wait: Cell::new(FIRST_WAIT),
    });
    for event in ["online", "visibilitychange", "pageshow"] {
        let reader = Rc::clone(&reader);
        // The listener lives as long as the page.
        let _ = window_event_listener_untyped(event, move |_| reader.hurry());
    }
    spawn_local(async move { reader.follow().await });
}

/// Half of a time to half as much again: pages that lost the same dashboard don't all come back in the same moment.
fn spread(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + js_sys::Math::random())
}

struct Reader {
    live: Live,
    /// Ends the request at work.
    abort: RefCell<Option<AbortController>>,
    /// Ends the wait before the next try.
    wake: RefCell<Option<Function>>,
    watchdog: Cell<Option<TimeoutHandle>>,
    /// Where to resume; `None`: ask for a snapshot.
    cursor: Cell<Option<Cursor>>,
    wait: Cell<Duration>,
}

impl Reader {
    async fn follow(self: Rc<Self>) {
        loop {
            if let Err(error) = self.read_once().await {
                leptos::logging::debug_warn!("live stream: {error:?}");
            }
            self.disarm();
            // What was not read to its end would stay open, and a browser has few connections for a site.
            self.give_up();
            self.live.connection.set(Connection::Lost);
            let wait = self.wait.get();
            self.wait.set((wait * 2).min(LONGEST_WAIT));
            self.sleep(spread(wait)).await;
        }
    }

    /// One connection, from the request to its end.
    async fn read_once(self: &Rc<Self>) -> Result<(), JsValue> {
        let abort = AbortController::new()?;
        let init = RequestInit::new();
        init.set_signal(Some(&abort.signal()));
        self.abort.replace(Some(abort));
        self.arm();

        let path = LiveStream::url();
        let url = match self.cursor.get() {
            Some(cursor) => format!("{path}?resume={cursor}"),
            None => path.to_owned(),
        };
        let response: Response = JsFuture::from(window().fetch_with_str_and_init(&url, &init)).await?.dyn_into()?;
        if let Some(build) = response.headers().get(BUILD_HEADER)? {
            browser::reload_unless(&build);
        }
        if let Some(role) = response.headers().get(ROLE_HEADER)? {
            browser::reload_unless_role(&role);
        }
        if !response.ok() {
            // It may be the place to resume from that is refused.
            self.cursor.set(None);
            return Err(JsValue::from(response.status()));
        }
        let body = response.body().ok_or_else(|| JsValue::from_str("no body"))?;
        let reader: ReadableStreamDefaultReader = body.get_reader().dyn_into()?;
        let mut parser = SseParser::default();
        loop {
            let chunk = JsFuture::from(reader.read()).await?;
            if Reflect::get(&chunk, &"done".into())?.is_truthy() {
                return Ok(());
            }
            self.arm();
            let bytes = Uint8Array::new(&Reflect::get(&chunk, &"value".into())?).to_vec();
            for event in parser.push(&bytes) {
                self.take(&event)?;
            }
        }
    }

    fn take(&self, event: &SseEvent) -> Result<(), JsValue> {
        let message: Message = wire::decode(&event.data).map_err(|error| {
            // What we can't read we can't resume from.
            self.cursor.set(None);
            JsValue::from(error.to_string())
        })?;
        let (cursor, server_ms) = match &message {
            Message::Snapshot(snapshot) => (snapshot.cursor, Some(snapshot.now_ms)),
            Message::Tick(tick) => (tick.cursor, None),
        };
        let applied = self.live.state.try_update(|state| state.apply(message)).unwrap_or(Applied::Gap);
        if applied == Applied::Gap {
            self.cursor.set(None);
            self.wait.set(Duration::ZERO);
            return Err(JsValue::from_str("messages are missing"));
        }
        self.cursor.set(Some(cursor));
        self.wait.set(FIRST_WAIT);
        if let Some(server_ms) = server_ms {
            self.live.set_clock(server_ms);
        }
        if self.live.connection.get_untracked() != Connection::Live {
            self.live.connection.set(Connection::Live);
        }
        Ok(())
    }

    /// Gives up the connection when nothing comes for [`SILENCE`] from now.
    fn arm(self: &Rc<Self>) {
        self.disarm();
        let reader = Rc::clone(self);
        self.watchdog.set(set_timeout_with_handle(move || reader.give_up(), SILENCE).ok());
    }

    fn disarm(&self) {
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.clear();
        }
    }

    fn give_up(&self) {
        if let Some(abort) = self.abort.take() {
            abort.abort();
        }
    }

    /// Tries again at once where the network or the reader came back; a connection that slept as well is given up.
    fn hurry(&self) {
        self.live.tick();
        let newest_ms = self.live.state.with_untracked(|state| state.snapshot.now_ms);
        let silent_ms = self.live.now_ms.get_untracked().saturating_sub(newest_ms);
        if u128::from(silent_ms) >= SILENCE.as_millis() {
            self.give_up();
        }
        self.wait.set(FIRST_WAIT);
        if let Some(wake) = self.wake.take() {
            let _ = wake.call0(&JsValue::NULL);
        }
    }

    async fn sleep(&self, wait: Duration) {
        let promise = Promise::new(&mut |resolve, _| {
            let timer = resolve.clone();
            set_timeout(
                move || {
                    let _ = timer.call0(&JsValue::NULL);
                },
                wait,
            );
            self.wake.replace(Some(resolve));
        });
        // A promise that is only ever resolved.
        let _ = JsFuture::from(promise).await;
        self.wake.take();
    }
}
