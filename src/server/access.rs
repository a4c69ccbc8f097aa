//! Who is let in, and who did what.
//!
//! Who may do what stands in one table, [`Call::needs`]; [`guarded`] holds every call of the port against it. Here is where
//! roles come from: accounts and their sessions, tokens for programs, links for guests. What lets somebody in is kept in
//! memory, too, so that nobody waits for the disk, and a presenter still is one where it fails.

mod attempts;
mod guarded;
mod passwords;
mod record;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ha_dashboard::{
    api::{caller::Caller, error::ApiError},
    domain::{
        Millis,
        access::{Call, Role},
        audit::{Entry, Search},
        id::PassId,
        pass::{AccessRefusal, Account, AccountDraft, Pass, PassDraft, PassKind},
        prefs::Lang,
        upload::Upload,
    },
    entry::{self, Ask, Manage},
};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::guarded::Guarded;
pub use self::record::fields;
use self::{attempts::Attempts, passwords::Passwords, record::Record};
use super::{
    clock::now_ms,
    config::{Config, Login, Viewers},
    database::{Database, Hash},
    ids,
    oidc::{Member, OidcError},
};

/// How often it is looked whether another process, such as `ha-dashboard access`, changed who is let in.
const LOOK: Duration = Duration::from_secs(1);

/// A use is noted once in so long.
const NOTED_MS: Millis = 60_000;

/// What the link is called that lets the first presenter in.
pub const FIRST_LINK: &str = "first presenter";

/// Most bytes of a secret that is looked at: ours have 64 and a few.
const LONGEST_SECRET: usize = 200;

/// Who is let in, as far as it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether a login is needed.
    pub login: Login,
    /// Who may look.
    pub viewers: Viewers,
    /// Whether only this machine can reach the dashboard.
    pub is_loopback: bool,
}

impl Policy {
    /// What is set.
    pub fn of(config: &Config) -> Self {
        Self { login: config.login, viewers: config.viewers, is_loopback: config.addr.ip().is_loopback() }
    }
}

/// What somebody shows to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown<'a> {
    /// Nothing.
    Nothing,
    /// A browser's cookie.
    Cookie(&'a str),
    /// A program's token.
    Token(&'a str),
}

/// Why a program's token lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadToken;

/// Why nobody is logged in.
#[derive(Debug)]
pub enum NoLogin {
    /// Name and password don't go together.
    Wrong,
    /// The link leads nowhere: it was used, taken back, or its time is over.
    NoLink,
    /// Somebody tries too often.
    TooMany,
    /// The team's provider knows them, and nobody said that they may do something here.
    NotInTeam,
    /// The team's provider does not let them in.
    NoTeam(OidcError),
    /// It can't be looked up.
    Unavailable(ApiError),
}

/// A session that was just begun.
pub struct Begun {
    /// The session.
    pub session: Pass,
    /// For the cookie.
    pub secret: String,
}

/// What somebody came by.
enum By {
    Account(String),
    Link(PassId),
    Team(String),
}

/// Who is let in. Copies are handles on the same.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    database: Database,
    policy: Policy,
    passwords: Passwords,
    attempts: Attempts,
    record: Record,
    open: watch::Sender<Arc<Open>>,
    /// Lets the own Prometheus look, as long as this process lives.
    scraper: String,
    /// By which that is known again.
    scraper_hash: Hash,
    /// When the use of which pass was noted.
    noted: Mutex<HashMap<PassId, Millis>>,
}

/// Who is let in now.
#[derive(Debug, Default)]
struct Open {
    passes: HashMap<Hash, Pass>,
    hashes: HashMap<PassId, Hash>,
    accounts: u32,
}

impl Open {
    fn by_id(&self, id: &PassId) -> Option<&Pass> {
        self.hashes.get(id).and_then(|hash| self.passes.get(hash))
    }

    /// Whether somebody may no longer come in who might before, or may do something else.
    fn takes_from(&self, before: &Self) -> bool {
        self.accounts != before.accounts || before.hashes.keys().any(|id| !self.hashes.contains_key(id))
    }
}

impl Access {
    /// Reads who is let in.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub fn open(database: Database, policy: Policy) -> Result<Self, ApiError> {
        let scraper = secret();
        let access = Self(Arc::new(Inner {
            record: Record::new(database.clone()),
            database,
            policy,
            passwords: Passwords::default(),
            attempts: Attempts::default(),
            scraper_hash: hash(&scraper),
            scraper,
            open: watch::Sender::new(Arc::default()),
            noted: Mutex::default(),
        }));
        access.read().map_err(|error| ApiError::Unavailable { what: error.to_string() })?;
        Ok(access)
    }

    /// Reads who is let in from the configured state folder, where perhaps another process serves.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub fn of_folder(config: &Config) -> Result<Self, ApiError> {
        let database = Database::open(&config.state_dir);
        let database = database.map_err(|error| ApiError::Unavailable { what: error.to_string() })?;
        Self::open(database, Policy::of(config))
    }

    /// Notices what other processes change, and writes down who did what, until the end.
    pub async fn keep(self, end: CancellationToken) {
        let record = self.0.record.clone();
        let written = tokio::spawn(async move { record.keep().await });
        let mut seen = None;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = end.cancelled() => break,
            }
            let access = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let version = access.0.database.version()?;
                if seen.is_some_and(|seen| seen != version) {
                    access.read()?;
                }
                Ok::<_, super::database::DatabaseError>(version)
            });
            match looked.await {
                Ok(Ok(version)) => seen = Some(version),
                Ok(Err(error)) => tracing::debug!(%error, "who is let in can't be read"),
                Err(error) => tracing::warn!(%error, "who is let in can't be read"),
            }
        }
        self.0.record.close();
        let _ = written.await;
    }

    /// Reads who is let in from the database.
    fn read(&self) -> Result<(), super::database::DatabaseError> {
        let entries = self.0.database.entries(now_ms())?;
        let hashes = entries.passes.iter().map(|(hash, pass)| (pass.id.clone(), *hash)).collect();
        let open = Open { passes: entries.passes.into_iter().collect(), hashes, accounts: entries.accounts };
        // Who follows the live stream need not look again because somebody else came: at a show they are thousands.
        self.0.open.send_if_modified(|shown| {
            let is_news = open.takes_from(shown);
            *shown = Arc::new(open);
            is_news
        });
        Ok(())
    }

    /// Asks the database for something that may change who is let in, and reads that anew.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Database) -> Result<T, super::database::DatabaseError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let access = self.clone();
        self.0
            .database
            .ask(move |database| {
                let changed = change(database)?;
                access.read()?;
                Ok(changed)
            })
            .await
    }

    /// Whether everybody who reaches the dashboard may do everything.
    pub fn is_open(&self) -> bool {
        self.is_open_with(self.0.open.borrow().accounts)
    }

    fn is_open_with(&self, accounts: u32) -> bool {
        match self.0.policy.login {
            Login::Off => true,
            Login::Required => false,
            Login::Auto => self.0.policy.is_loopback && accounts == 0,
        }
    }

    /// Whether guests may look by links.
    pub fn takes_viewers(&self) -> bool {
        self.0.policy.viewers != Viewers::Off
    }

    /// What who shows nothing may do.
    fn unnamed(&self, accounts: u32) -> Role {
        match self.0.policy.viewers {
            _ if self.is_open_with(accounts) => Role::Admin,
            Viewers::Open => Role::Viewer,
            Viewers::Link | Viewers::Off => Role::Nobody,
        }
    }

    /// Says of a caller who they are, by what they show.
    ///
    /// # Errors
    /// A program's token that lets nobody in. A browser's cookie that does not is none.
    pub fn admit(&self, caller: Caller, shown: Shown) -> Result<Caller, BadToken> {
        let open = Arc::clone(&self.0.open.borrow());
        let unnamed = Caller { role: self.unnamed(open.accounts), ..caller };
        let (secret, is_token) = match shown {
            Shown::Nothing => return Ok(unnamed),
            Shown::Cookie(secret) => (secret, false),
            Shown::Token(secret) => (secret, true),
        };
        let shown = (secret.len() <= LONGEST_SECRET).then(|| hash(secret));
        if is_token && shown == Some(self.0.scraper_hash) {
            return Ok(Caller { role: unnamed.role.max(Role::Viewer), who: "prometheus".into(), ..unnamed });
        }
        let is_fit = |pass: &&Pass| (pass.kind == PassKind::Token) == is_token && pass.kind != PassKind::Link;
        let now_ms = now_ms();
        let pass = shown
            .and_then(|shown| open.passes.get(&shown))
            .filter(is_fit)
            .filter(|pass| now_ms < pass.until_ms)
            .filter(|pass| pass.role > Role::Viewer || self.takes_viewers());
        let Some(pass) = pass else {
            // Where no login is needed, a stale token is no reason to be turned away.
            return if is_token && !self.is_open_with(open.accounts) { Err(BadToken) } else { Ok(unnamed) };
        };
        self.note_use(pass, now_ms);
        let role = pass.role.max(unnamed.role);
        Ok(Caller { role, who: pass.name.clone(), pass: Some(pass.id.clone()), ..unnamed })
    }

    /// Notes now and then that a pass was used.
    fn note_use(&self, pass: &Pass, now_ms: Millis) {
        {
            let mut noted = self.0.noted.lock().unwrap_or_else(PoisonError::into_inner);
            let last = noted.get(&pass.id).copied().or(pass.used_ms).unwrap_or(0);
            if now_ms < last.saturating_add(NOTED_MS) {
                return;
            }
            noted.insert(pass.id.clone(), now_ms);
            if noted.len() > 10_000 {
                noted.retain(|_, at| now_ms < at.saturating_add(NOTED_MS));
            }
        }
        let (database, id) = (self.0.database.clone(), pass.id.clone());
        if tokio::runtime::Handle::try_current().is_ok() {
            tokio::spawn(async move {
                if let Err(error) = database.ask(move |database| database.use_pass(&id, now_ms)).await {
                    tracing::debug!(%error, "the use of a pass can't be noted");
                }
            });
        }
    }

    /// Resolves when the caller may no longer look: taken back, over, or a login has come to be needed.
    pub fn ended(&self, caller: &Caller) -> impl Future<Output = ()> + Send + 'static {
        let (access, mut open, caller) = (self.clone(), self.0.open.subscribe(), caller.clone());
        async move {
            loop {
                let left = {
                    let open = open.borrow_and_update();
                    let unnamed = access.unnamed(open.accounts);
                    match &caller.pass {
                        None if caller.role > unnamed => return,
                        None => None,
                        Some(id) => match open.by_id(id).map(|pass| pass.until_ms.saturating_sub(now_ms())) {
                            None | Some(0) => return,
                            Some(left_ms) => Some(Duration::from_millis(left_ms)),
                        },
                    }
                };
                let over = async {
                    match left {
                        Some(left) => tokio::time::sleep(left).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    changed = open.changed() => if changed.is_err() { return },
                    () = over => return,
                }
            }
        }
    }

    /// Begins a session for who knows an account's password.
    ///
    /// # Errors
    /// [`NoLogin`].
    pub async fn log_in(&self, caller: &Caller, name: &str, password: &str) -> Result<Begun, NoLogin> {
        if let Err(first) = self.0.attempts.check(caller, name) {
            // A flood of them is written down once in a while.
            if first {
                self.record_login(caller, "log_in", name, &Err(NoLogin::TooMany));
            }
            return Err(NoLogin::TooMany);
        }
        let asked = name.to_owned();
        let found = self.0.database.ask(move |database| database.account(&asked)).await;
        let outcome = match found {
            Ok(found) => {
                let hash = found.as_ref().map(|(_, hash)| hash.clone());
                let is_right =
                    self.0.passwords.verify(password.to_owned(), hash).await.map_err(NoLogin::Unavailable)?;
                match found.filter(|_| is_right) {
                    Some((account, _)) => {
                        let by = By::Account(account.name.clone());
                        let begun = self.begin(&account.name, account.role, Pass::SESSION_MS, by);
                        begun.await.map_err(NoLogin::Unavailable).and_then(|begun| begun.ok_or(NoLogin::Wrong))
                    }
                    None => Err(NoLogin::Wrong),
                }
            }
            Err(error) => Err(NoLogin::Unavailable(error)),
        };
        self.record_login(caller, "log_in", name, &outcome);
        outcome
    }

    /// Who a link would let in, without using it.
    pub fn link(&self, secret: &str) -> Option<Pass> {
        let open = Arc::clone(&self.0.open.borrow());
        let pass = (secret.len() <= LONGEST_SECRET).then(|| open.passes.get(&hash(secret))).flatten();
        pass.filter(|pass| pass.kind == PassKind::Link && now_ms() < pass.until_ms)
            .filter(|pass| pass.role > Role::Viewer || self.takes_viewers())
            .cloned()
    }

    /// Begins a session for who has a link.
    ///
    /// # Errors
    /// [`NoLogin`].
    pub async fn enter(&self, caller: &Caller, secret: &str) -> Result<Begun, NoLogin> {
        let found = self.link(secret);
        // An audience comes from one address and has its link; who guesses is as slow as with passwords.
        if found.is_none() && self.0.attempts.check(caller, "").is_err() {
            return Err(NoLogin::TooMany);
        }
        let name = found.as_ref().map(|link| link.name.clone()).unwrap_or_default();
        let outcome = match found {
            None => Err(NoLogin::NoLink),
            Some(link) => {
                // A session by a link for one goes on when that is used up; by others it ends with the link.
                let lasts_ms = match link.once {
                    true => Pass::SESSION_MS,
                    false => Pass::SESSION_MS.min(link.until_ms.saturating_sub(now_ms())),
                };
                let begun = self.begin(&link.name, link.role, lasts_ms, By::Link(link.id)).await;
                begun.map_err(NoLogin::Unavailable).and_then(|begun| begun.ok_or(NoLogin::NoLink))
            }
        };
        self.record_login(caller, "enter", &name, &outcome);
        outcome
    }

    /// Begins a session for whom the team's provider knows, or writes down that it did not come to that.
    ///
    /// # Errors
    /// [`NoLogin`].
    pub async fn come_by_team(
        &self,
        caller: &Caller,
        way: &str,
        member: Result<Member, NoLogin>,
    ) -> Result<Begun, NoLogin> {
        let name = member.as_ref().map_or_else(|_| String::new(), |member| member.name.clone());
        let outcome = match member {
            Ok(member) if member.role == Role::Nobody || (member.role == Role::Viewer && !self.takes_viewers()) => {
                Err(NoLogin::NotInTeam)
            }
            Ok(member) => {
                let begun = self.begin(&member.name, member.role, Pass::SESSION_MS, By::Team(way.to_owned()));
                begun.await.map_err(NoLogin::Unavailable).and_then(|begun| begun.ok_or(NoLogin::NotInTeam))
            }
            Err(why) => Err(why),
        };
        if outcome.is_ok() || !name.is_empty() || self.0.attempts.is_told(caller) {
            self.record_login(caller, "log_in_by_team", &name, &outcome);
        }
        outcome
    }

    /// Ends the sessions of those whose team logged in another way, or may do something else now; `way` is how it does.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn keep_team(&self, way: Option<String>) -> Result<usize, ApiError> {
        let now_ms = now_ms();
        self.change(move |database| database.end_teams(way.as_deref(), now_ms)).await
    }

    async fn begin(&self, name: &str, role: Role, lasts_ms: Millis, by: By) -> Result<Option<Begun>, ApiError> {
        let (account, link, team) = match by {
            By::Account(name) => (Some(name), None, None),
            By::Link(id) => (None, Some(id), None),
            By::Team(way) => (None, None, Some(way)),
        };
        let now_ms = now_ms();
        let session = Pass {
            id: ids::pass(now_ms),
            kind: PassKind::Session,
            name: name.to_owned(),
            role,
            link,
            account,
            once: false,
            created_ms: now_ms,
            until_ms: now_ms + lasts_ms,
            used_ms: None,
        };
        let (secret, kept) = (secret(), session.clone());
        let hash = hash(&secret);
        let is_begun = self.change(move |database| database.add_session(&kept, &hash, team.as_deref())).await?;
        Ok(is_begun.then_some(Begun { session, secret }))
    }

    fn record_login(&self, caller: &Caller, act: &str, name: &str, outcome: &Result<Begun, NoLogin>) {
        let (role, outcome) = match outcome {
            Ok(begun) => (begun.session.role, Entry::DONE),
            Err(NoLogin::Wrong) => (caller.role, "wrong_login"),
            Err(NoLogin::NoLink) => (caller.role, "no_link"),
            Err(NoLogin::TooMany) => (caller.role, "too_many"),
            Err(NoLogin::NotInTeam) => (caller.role, "not_in_team"),
            Err(NoLogin::NoTeam(why)) => (caller.role, why.code()),
            Err(NoLogin::Unavailable(error)) => (caller.role, error.code()),
        };
        let who = Caller { who: name.chars().take(100).collect(), role, ..caller.clone() };
        self.0.record.add(&who, act, String::new(), outcome);
    }

    /// Ends the caller's own session, and the streams that came by it.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn log_out(&self, caller: &Caller) -> Result<(), ApiError> {
        let open = Arc::clone(&self.0.open.borrow());
        // A program's token stays: it is for an admin to take back.
        let session = caller.pass.as_ref().and_then(|id| open.by_id(id)).filter(|pass| pass.kind == PassKind::Session);
        let Some(id) = session.map(|session| session.id.clone()) else { return Ok(()) };
        let (now_ms, ended) = (now_ms(), id.clone());
        self.change(move |database| database.revoke_pass(&id, now_ms)).await?;
        self.0.record.add(caller, "log_out", ended.to_string(), Entry::DONE);
        Ok(())
    }

    /// Writes down that somebody made a call that changes something, or was not let.
    pub fn note(&self, caller: &Caller, call: Call, about: &impl std::fmt::Display, outcome: Result<(), &ApiError>) {
        // Whom nobody knows can ask without end, and the record is never cut.
        if matches!(outcome, Err(ApiError::LoginNeeded { .. })) && !self.0.attempts.is_told(caller) {
            return;
        }
        let outcome = outcome.err().map_or(Entry::DONE, ApiError::code);
        self.0.record.add(caller, call.name(), about.to_string(), outcome);
    }

    /// Writes down that somebody whom nobody knows wanted to change something, and was turned away at the door.
    pub fn note_turned_away(&self, caller: &Caller, asked: String) {
        if self.0.attempts.is_told(caller) {
            self.0.record.add(caller, "turned_away", asked, "login_needed");
        }
    }

    /// Writes down what was noted, where nobody [keeps](Self::keep) it, and takes no more.
    pub async fn written_down(&self) {
        self.0.record.close();
        self.0.record.keep().await;
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn accounts(&self) -> Result<Vec<Account>, ApiError> {
        self.0.database.ask(Database::accounts).await
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`ApiError::InvalidAccess`], [`ApiError::AccessRefused`], [`ApiError::Unavailable`].
    pub async fn add_account(&self, draft: AccountDraft) -> Result<Account, ApiError> {
        let asked = draft.validate(true).map_err(|errors| ApiError::InvalidAccess { errors })?;
        let hash = self.0.passwords.hash(asked.password.unwrap_or_default()).await?;
        let account = Account { name: asked.name, role: asked.role, created_ms: now_ms() };
        let kept = account.clone();
        self.change(move |database| database.add_account(&kept, &hash)).await?.map_err(refused)?;
        Ok(account)
    }

    /// Gives an account another role, and another password where one is given. Its sessions end.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::InvalidAccess`], [`ApiError::AccessRefused`], [`ApiError::Unavailable`].
    pub async fn change_account(&self, draft: AccountDraft) -> Result<Account, ApiError> {
        let asked = draft.validate(false).map_err(|errors| ApiError::InvalidAccess { errors })?;
        let hash = match asked.password {
            Some(password) => Some(self.0.passwords.hash(password).await?),
            None => None,
        };
        let (name, role, now_ms) = (asked.name.clone(), asked.role, now_ms());
        let changed =
            self.change(move |database| database.change_account(&name, role, hash.as_deref(), now_ms)).await?;
        changed.ok_or_else(|| no_account(&asked.name))?.map_err(refused)
    }

    /// Forgets an account. Its sessions end.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::AccessRefused`], [`ApiError::Unavailable`].
    pub async fn delete_account(&self, name: &str) -> Result<Account, ApiError> {
        let (asked, now_ms) = (name.to_owned(), now_ms());
        let deleted = self.change(move |database| database.delete_account(&asked, now_ms)).await?;
        deleted.ok_or_else(|| no_account(name))?.map_err(refused)
    }

    /// Every pass that lets somebody in, newest first.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn passes(&self) -> Result<Vec<Pass>, ApiError> {
        let now_ms = now_ms();
        self.0.database.ask(move |database| database.passes(now_ms)).await
    }

    /// Makes a token or a link, and tells the secret, which nobody can ask for again.
    ///
    /// # Errors
    /// [`ApiError::InvalidAccess`], [`ApiError::AccessRefused`], [`ApiError::Unavailable`].
    pub async fn add_pass(&self, draft: PassDraft) -> Result<(Pass, String), ApiError> {
        let asked = draft.validate().map_err(|errors| ApiError::InvalidAccess { errors })?;
        let now_ms = now_ms();
        let pass = Pass {
            id: ids::pass(now_ms),
            kind: asked.kind,
            name: asked.name,
            role: asked.role,
            link: None,
            account: None,
            once: asked.once,
            created_ms: now_ms,
            until_ms: now_ms + asked.lasts_ms,
            used_ms: None,
        };
        let (secret, kept) = (secret(), pass.clone());
        let hash = hash(&secret);
        self.change(move |database| database.add_pass(&kept, &hash)).await?.map_err(refused)?;
        Ok((pass, secret))
    }

    /// Takes a pass back; the sessions that came by it end, and the streams with them.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Unavailable`].
    pub async fn revoke_pass(&self, id: &PassId) -> Result<Pass, ApiError> {
        let (asked, now_ms) = (id.clone(), now_ms());
        let revoked = self.change(move |database| database.revoke_pass(&asked, now_ms)).await?;
        revoked.ok_or_else(|| ApiError::NotFound { what: format!("pass {id} that lets somebody in") })
    }

    /// The link that lets the first presenter in, where nobody else can be: a login is needed, and there is no account.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn first_link(&self) -> Result<Option<String>, ApiError> {
        let open = Arc::clone(&self.0.open.borrow());
        if self.is_open_with(open.accounts) || open.accounts > 0 {
            return Ok(None);
        }
        let now_ms = now_ms();
        self.change(move |database| database.revoke_unused(FIRST_LINK, now_ms)).await?;
        let draft = PassDraft {
            kind: PassKind::Link.name().into(),
            name: FIRST_LINK.into(),
            role: Role::Presenter.name().into(),
            lasts: "1h".into(),
            once: true,
        };
        self.add_pass(draft).await.map(|(_, secret)| Some(secret))
    }

    /// What the page of who may do what shows at an address with this query. `uploads`: the scripts that were uploaded, where
    /// that is switched on.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn page(&self, query: &str, lang: Lang, uploads: Option<Vec<Upload>>) -> Result<String, ApiError> {
        let pairs = super::http::pairs(query);
        let ask = Ask::of_query(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let (accounts, passes) = (self.accounts().await?, self.passes().await?);
        let entries = self.audit(ask.search.clone()).await?;
        let shown = Manage { is_open: self.is_open(), accounts, passes, uploads, entries, ask };
        Ok(entry::inner_html(shown, lang))
    }

    /// What the own Prometheus shows, so that it may always look.
    pub fn scraper(&self) -> &str {
        &self.0.scraper
    }

    /// Who did what, newest first.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`].
    pub async fn audit(&self, search: Search) -> Result<Vec<Entry>, ApiError> {
        // What was just done is in there.
        self.0.record.written(Duration::from_secs(2)).await;
        self.0.database.ask(move |database| database.entries_of(&search)).await
    }
}

/// Whether a caller may make a call.
///
/// # Errors
/// [`ApiError::LoginNeeded`] where nobody knows who they are, [`ApiError::Forbidden`].
pub fn may(caller: &Caller, call: Call) -> Result<(), ApiError> {
    match caller.role {
        _ if caller.may(call) => Ok(()),
        role if role > Role::Viewer || caller.pass.is_some() => Err(ApiError::Forbidden { needs: call.needs() }),
        _ => Err(ApiError::LoginNeeded { needs: call.needs() }),
    }
}

fn refused(refusal: AccessRefusal) -> ApiError {
    ApiError::AccessRefused { refusal }
}

fn no_account(name: &str) -> ApiError {
    ApiError::NotFound { what: format!("account {:?}", name.chars().take(100).collect::<String>()) }
}

/// 256 bits of the thread's generator, which is fit for secrets.
fn secret() -> String {
    format!("had_{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>())
}

/// A secret is as random as a key, so that nothing slower is needed to keep it from being guessed.
fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

/// An address for the record.
fn shown(address: Option<IpAddr>) -> String {
    address.map(|address| address.to_string()).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
