//! `ha-dashboard access`: says who is let in, in the state folder on this machine, whether or not a dashboard is at work there.

use std::{
    io::{IsTerminal, Read},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use ha_dashboard::{
    api::{
        caller::{Caller, Door},
        error::ApiError,
    },
    domain::{
        access::Call,
        audit::{Entry, Search},
        id::PassId,
        pass::{AccountDraft, PassDraft, PassKind},
    },
};

use super::exit::{self, Code};
use crate::server::{
    access::Access,
    config::{Settings, connectable},
    http::ENTER,
};

/// What to do.
#[derive(Debug, Args)]
pub struct AccessArgs {
    #[command(subcommand)]
    command: Option<AccessCommand>,
}

#[derive(Debug, Subcommand)]
enum AccessCommand {
    /// List accounts, tokens, links and sessions (the default).
    List,
    /// Make an account, or change one; the password is read from standard input.
    Account {
        /// The name to log in with.
        name: String,
        /// viewer, presenter or admin.
        #[arg(long)]
        role: String,
        /// Change an account that there is; an empty password stays as it is.
        #[arg(long)]
        change: bool,
    },
    /// Delete an account; its sessions end.
    Delete {
        /// Its name.
        name: String,
    },
    /// Make a token for a program, and print it.
    Token(PassArgs),
    /// Make a link that lets people in, and print it.
    Link(PassArgs),
    /// Take a session, token or link back.
    Revoke {
        /// Its id, as the list has it.
        id: String,
    },
    /// Print who did what, newest first.
    Audit {
        /// How many at most.
        #[arg(long, default_value_t = Search::PAGE)]
        most: u32,
        /// Only what was refused.
        #[arg(long)]
        refused: bool,
    },
}

#[derive(Debug, Args)]
struct PassArgs {
    /// What to call it.
    name: String,
    /// viewer, presenter or admin.
    #[arg(long, default_value = "viewer")]
    role: String,
    /// How long it is to last: 1h, 8h, 1d, 7d, 30d, 90d or 365d.
    #[arg(long, default_value = "1d")]
    lasts: String,
}

/// Works in the configured state folder.
pub async fn main(args: AccessArgs, settings: Settings) -> ExitCode {
    let done = match open(&settings) {
        Ok(access) => run(&access, args.command.unwrap_or(AccessCommand::List), &settings).await,
        Err(error) => Err((error, exit::ENVIRONMENT)),
    };
    match done {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err((why, code)) => {
            eprintln!("{why}");
            code.into()
        }
    }
}

fn open(settings: &Settings) -> Result<Access, String> {
    let config = &settings.config;
    std::fs::create_dir_all(&config.state_dir)
        .map_err(|error| format!("can't make the state folder {}: {error}", config.state_dir.display()))?;
    Access::of_folder(config).map_err(|error| error.to_string())
}

async fn run(access: &Access, command: AccessCommand, settings: &Settings) -> Result<String, (String, Code)> {
    let (call, about) = command.told();
    let done = match command {
        AccessCommand::List => list(access).await,
        AccessCommand::Account { name, role, change } => {
            let password = password()?;
            let draft = AccountDraft { name, role, password };
            let made = if change { access.change_account(draft).await } else { access.add_account(draft).await };
            made.map(|account| format!("{}: {}", account.name, account.role))
        }
        AccessCommand::Delete { name } => access.delete_account(&name).await.map(|it| format!("{} is gone", it.name)),
        AccessCommand::Token(asked) => access.add_pass(asked.draft(PassKind::Token)).await.map(|(_, secret)| secret),
        AccessCommand::Link(asked) => {
            let made = access.add_pass(asked.draft(PassKind::Link)).await;
            made.map(|(_, secret)| format!("{}{ENTER}{secret}", base(settings)))
        }
        AccessCommand::Revoke { id } => match PassId::try_from(id) {
            Ok(id) => access.revoke_pass(&id).await.map(|pass| format!("{} is taken back", pass.name)),
            Err(error) => Err(ApiError::BadRequest { what: error.to_string() }),
        },
        AccessCommand::Audit { most, refused } => {
            let search = Search { most: most.clamp(1, Search::MOST), refused, ..Search::default() };
            access.audit(search).await.map(|entries| entries.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
    };
    if call.is_act() {
        let who = std::env::var("USER").unwrap_or_default();
        let id = format!("cli-{:032x}", rand::random::<u128>());
        let caller = Caller { who, ..Caller::of_program(id, Door::Terminal) };
        access.note(&caller, call, &about, done.as_ref().map(drop));
        access.written_down().await;
    }
    done.map_err(|error| {
        let code = if error.status() < 500 { exit::INVALID } else { exit::ENVIRONMENT };
        (error.to_string(), code)
    })
}

impl AccessCommand {
    /// The call of the port that it is like, and what it is about.
    fn told(&self) -> (Call, String) {
        match self {
            Self::List => (Call::ReadAccess, String::new()),
            Self::Audit { .. } => (Call::ReadAudit, String::new()),
            Self::Account { name, role, change: false } => (Call::AddAccount, format!("{name} {role}")),
            Self::Account { name, role, change: true } => (Call::ChangeAccount, format!("{name} {role}")),
            Self::Delete { name } => (Call::DeleteAccount, name.clone()),
            Self::Token(pass) => (Call::AddPass, format!("token {} {} {}", pass.name, pass.role, pass.lasts)),
            Self::Link(pass) => (Call::AddPass, format!("link {} {} {}", pass.name, pass.role, pass.lasts)),
            Self::Revoke { id } => (Call::RevokePass, id.clone()),
        }
    }
}

impl PassArgs {
    fn draft(self, kind: PassKind) -> PassDraft {
        let Self { name, role, lasts } = self;
        PassDraft { kind: kind.name().into(), name, role, lasts, once: false }
    }
}

/// A password is no argument: everybody on the machine could read it.
fn password() -> Result<String, (String, Code)> {
    if std::io::stdin().is_terminal() {
        eprintln!("password (it is shown; end with Enter and Ctrl+D):");
    }
    let mut password = String::new();
    let read = std::io::stdin().take(10_000).read_to_string(&mut password);
    read.map_err(|error| (format!("the password can't be read from standard input: {error}"), exit::INVALID))?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}

/// The dashboard as people reach it.
fn base(settings: &Settings) -> String {
    match &settings.config.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            format!("{}://{}", if settings.tls.is_some() { "https" } else { "http" }, connectable(settings.config.addr))
        }
    }
}

async fn list(access: &Access) -> Result<String, ApiError> {
    let (accounts, passes) = (access.accounts().await?, access.passes().await?);
    let accounts = accounts.iter().map(|account| format!("account  {:<10} {}", account.role, account.name));
    let passes = passes.iter().map(|pass| {
        let until = time(pass.until_ms);
        format!("{:<8} {:<10} {}  {}, until {until}", pass.kind.name(), pass.role, pass.id, pass.name)
    });
    let lines = accounts.chain(passes).collect::<Vec<_>>();
    Ok(if lines.is_empty() { "nobody has an account, a token or a link".into() } else { lines.join("\n") })
}

fn line(entry: &Entry) -> String {
    let Entry { n, at_ms, who, role, address, door, act, about, outcome, correlation_id } = entry;
    let who = if who.is_empty() { "-" } else { who };
    let address = if address.is_empty() { "-" } else { address };
    format!("{n} {} {who} ({role}) {address} {door}: {act} {about}: {outcome} [{correlation_id}]", time(*at_ms))
}

fn time(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map(|at| format!("{at:.0}")).unwrap_or_default()
}
