//! Everything that touches the world. [`App::build`] is the only place where the parts are put together.

pub mod access;
mod agenda;
pub mod board;
pub mod clock;
pub mod config;
pub mod control;
pub mod costs;
mod database;
pub mod disk;
pub mod engine;
pub mod exposition;
pub mod feed;
pub mod figures;
pub mod hooks;
pub mod http;
pub mod https;
pub mod hub;
mod ids;
pub mod journal;
mod latest;
pub mod limiter;
pub mod oidc;
pub mod plans;
pub mod proc;
pub mod prometheus;
pub mod scenarios;
pub mod scripts;
pub mod services;
pub mod shares;
pub mod shutdown;
mod silence;
pub mod telemetry;
mod told;
pub mod usage;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use ha_dashboard::{
    api::port::SharedControl,
    domain::{
        cost::FaultCost,
        fault::{Fault, FaultEnd, FaultId},
        live::MetricsStatus,
    },
    web,
};
use leptos::config::LeptosOptions;
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use self::{
    access::Access,
    agenda::Agenda,
    board::Board,
    config::{Config, Settings, StoreChoice},
    control::{Parts, Started, StateLock},
    hooks::Hooks,
    http::listen::{self, Bounds, Listening},
    journal::Journal,
    scenarios::{Conductor, Scenarios},
    scripts::{Folders, Scripts},
    services::{
        Registry,
        faults::{self, Faults},
        gateway::Gateway,
    },
    shutdown::Shutdown,
};

/// How long open requests get to end after the end was asked for.
const DRAIN: Duration = Duration::from_secs(5);

/// How long the parts get to end after the last request did.
const TASKS_END: Duration = Duration::from_secs(10);

/// The running parts.
pub struct App {
    /// Does everything.
    pub control: SharedControl,
    /// Ends everything.
    pub shutdown: Shutdown,
    settings: Arc<Settings>,
    agenda: Agenda,
    hooks: Hooks,
    access: Access,
    journal: Journal,
    tls: Option<TlsAcceptor>,
}

impl App {
    /// Starts every part but the HTTP side.
    ///
    /// # Errors
    /// When the state folder or the certificate can't be used.
    pub async fn build(settings: Settings) -> anyhow::Result<Self> {
        let settings = Arc::new(settings);
        let config = Arc::new(settings.config.clone());
        let tls = settings.tls.as_ref().map(listen::tls::acceptor).transpose()?;
        std::fs::create_dir_all(&config.state_dir).with_context(|| {
            format!("can't make the state folder {}: choose another one with --state-dir", config.state_dir.display())
        })?;
        // First of all: a second dashboard must not touch the store or the runs of the first.
        let lock = StateLock::claim(&config.state_dir)?;
        // Until somebody serves here.
        prometheus::child::announce(&config.state_dir, None);
        let shutdown = Shutdown::default();
        let journal = Journal::open(&config.state_dir);
        let services = Registry::new(&config).with_labelled(&config).await;
        let health = services.watch(&config, journal.clone(), &shutdown);
        let breakers = services.watch_breakers(journal.clone(), &shutdown);
        let metrics = MetricsStatus {
            grafana: config.grafana_url.clone(),
            jaeger: config.jaeger_url.clone(),
            ..MetricsStatus::default()
        };
        let faults = faults::Parts {
            config: Arc::clone(&config),
            services: services.clone(),
            journal: journal.clone(),
            shutdown: shutdown.clone(),
        };
        let faults = Faults::start(faults).context("no replica can be asked")?;
        let board = Board::new(metrics, health, breakers, journal.clone(), shutdown.token.clone());
        let (pushes, details) = (hub::Pushes::default(), hub::Details::default());
        let reckoned = reckon(&config, &faults, &board, &pushes, &journal, &services, &shutdown);
        shutdown.tasks.spawn(show_faults(faults.watch(), reckoned, Arc::clone(&board), shutdown.token.clone()));

        let store = prometheus::child::supervise(Arc::clone(&config), board.runs(), shutdown.clone());
        let links = hub::Links {
            board: Arc::clone(&board),
            journal: journal.clone(),
            services: services.clone(),
            store: store.clone(),
            pushes,
            details: details.clone(),
        };
        hub::start(Arc::clone(&config), links, &shutdown);
        let engine = engine::choose(&config, &shutdown);
        engine::holds_uploads(&config, &*engine).await?;
        let scripts = Scripts::new(Folders::of(&config), Arc::clone(&engine), services.services(), &shutdown);
        Conductor::start(board.runs(), faults.clone(), &shutdown);
        let parts = Parts {
            engine,
            scripts: Arc::new(scripts),
            scenarios: Scenarios::new(&config.scripts_dir, faults.clone()),
            services,
            faults,
            config,
            board,
            journal: journal.clone(),
            store,
            details,
            shutdown: shutdown.clone(),
        };
        let Started { control, agenda, hooks, access } = control::start(lock, parts).await?;
        Ok(Self { control, shutdown, settings, agenda, hooks, access, journal, tls })
    }

    /// How others speak to it.
    pub fn scheme(&self) -> &'static str {
        if self.settings.tls.is_some() { "https" } else { "http" }
    }

    /// Answers on `listener` until [`App::shutdown`] is cancelled, then ends every part. Runs go on: the next start adopts
    /// them.
    ///
    /// # Errors
    /// When the listener has no address.
    pub async fn serve(self, listener: TcpListener) -> anyhow::Result<()> {
        if let StoreChoice::Child { .. } = self.settings.config.store {
            let addr = listener.local_addr().context("the listener has no address")?;
            prometheus::child::announce(&self.settings.config.state_dir, Some((addr, self.access.scraper())));
        }
        self.shutdown.tasks.spawn(self.agenda.clone().keep(Arc::clone(&self.control), self.shutdown.token.clone()));
        self.shutdown.tasks.spawn(self.access.clone().keep(self.shutdown.token.clone()));
        match self.access.keep_team(self.settings.oidc.as_ref().map(oidc::Provider::way)).await {
            Ok(0) => {}
            Ok(ended) => tracing::info!(ended, "sessions have ended, as their team logs in another way now"),
            Err(error) => tracing::warn!(%error, "sessions of a team that logs in another way now could not be ended"),
        }
        self.say_who_is_let_in(listener.local_addr().ok()).await;
        let told =
            self.hooks.clone().keep(Arc::clone(&self.control), self.journal.clone(), self.shutdown.token.clone());
        self.shutdown.tasks.spawn(told);
        let bounds = Bounds::of(listen::raise_descriptors());
        let state = http::HttpState {
            control: Arc::clone(&self.control),
            access: self.access.clone(),
            provider: self.settings.oidc.clone().map(|oidc| Arc::new(oidc::Provider::new(oidc))),
            settings: Arc::clone(&self.settings),
            shutdown: self.shutdown.clone(),
            experiments: Default::default(),
            viewers: bounds.room(),
        };
        let router = http::router(state, web::router(leptos_options(&self.settings), Arc::clone(&self.control)));
        let listening =
            Listening { listener, bounds, proxies: self.settings.trusted_proxies.clone(), tls: self.tls.clone() };
        let serve = listen::serve(listening, router, self.shutdown.token.clone());
        // Streams end with the token; this bounds what doesn't.
        let drained = async {
            self.shutdown.token.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            () = serve => {}
            () = drained => tracing::warn!(seconds = DRAIN.as_secs(), "requests were still open after the end was asked for"),
        }
        self.end().await;
        Ok(())
    }

    /// Says who may do what, and how the first one is let in. A link is a secret: it is printed, and in no log.
    async fn say_who_is_let_in(&self, addr: Option<SocketAddr>) {
        if self.access.is_open() {
            tracing::info!("no login is needed: whoever reaches this address may do everything");
            return;
        }
        let base = match (&self.settings.config.public_url, addr) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Some(addr)) => format!("{}://{}", self.scheme(), config::connectable(addr)),
            (None, None) => return,
        };
        match self.access.first_link().await {
            Ok(Some(secret)) => {
                let link = format!("{base}{}{secret}", http::ENTER);
                println!(
                    "A login is needed here, and there is no account yet. For the first presenter, once, for an hour:\n\n    {link}\n"
                );
                println!("Accounts are made by: ha-dashboard access account NAME --role admin");
            }
            Ok(None) => tracing::info!("a login is needed to do something"),
            Err(error) => tracing::warn!(%error, "no link can be made for the first presenter"),
        }
    }

    /// Ends every part, in bounded time.
    pub async fn end(self) {
        if !self.shutdown.finish(TASKS_END).await {
            tracing::warn!(left = self.shutdown.tasks.len(), "tasks did not end in time");
        }
    }
}

/// Has it reckoned what faults cost, and lets a broken guard end them.
fn reckon(
    config: &Config,
    faults: &Faults,
    board: &Board,
    pushes: &hub::Pushes,
    journal: &Journal,
    services: &Registry,
    shutdown: &Shutdown,
) -> watch::Receiver<Vec<FaultCost>> {
    let (halted, tasks) = (faults.clone(), shutdown.tasks.clone());
    let halt = Box::new(move |id: FaultId| {
        let halted = halted.clone();
        // Somebody may have been faster.
        tasks.spawn(async move { drop(halted.restore(&id, FaultEnd::Guard).await) });
    });
    let links = costs::Links {
        faults: faults.watch(),
        pushes: pushes.clone(),
        runs: board.runs(),
        journal: journal.clone(),
        services: services.clone(),
        breakers: board.follow_breakers(),
        gateway: Gateway::new(&config.gateway),
        state_dir: config.state_dir.clone(),
        halt,
    };
    costs::start(links, shutdown)
}

/// Shows a fault, or what it costs, as soon as it changes.
async fn show_faults(
    mut faults: watch::Receiver<Vec<Fault>>,
    mut costs: watch::Receiver<Vec<FaultCost>>,
    board: Arc<Board>,
    end: CancellationToken,
) {
    loop {
        board.faults(&faults.borrow_and_update(), &costs.borrow_and_update());
        let changed = tokio::select! {
            changed = faults.changed() => changed,
            changed = costs.changed() => changed,
            () = end.cancelled() => return,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Leptos' own settings. It would read them from the environment; here they follow from ours.
fn leptos_options(settings: &Settings) -> LeptosOptions {
    LeptosOptions::builder()
        .output_name("ha-dashboard")
        .site_root(settings.config.site_root.display().to_string())
        .site_pkg_dir("pkg")
        .site_addr(settings.config.addr)
        .hash_files(settings.hashed())
        .hash_file(settings.hash_file.display().to_string().into())
        .reload_port(settings.reload_port.into())
        .build()
}
