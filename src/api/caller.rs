//! Who asks.

use std::net::IpAddr;

use crate::domain::{
    access::{Call, Role},
    id::PassId,
};

/// The way that a request came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Door {
    /// The REST API and everything else that programs read.
    #[default]
    Rest,
    /// The page's server functions.
    Page,
    /// A plain form, from a browser without JavaScript.
    Form,
    /// The command line.
    Terminal,
    /// A step of a scenario.
    Scenario,
    /// A plan's own time.
    Schedule,
}

impl Door {
    /// Its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Page => "page",
            Self::Form => "form",
            Self::Terminal => "terminal",
            Self::Scenario => "scenario",
            Self::Schedule => "schedule",
        }
    }
}

impl std::fmt::Display for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Who asks; goes along with every call of the [port](super::port).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Names the request across callers, log and errors: 1–128 printable ASCII characters.
    pub correlation_id: String,
    /// Which way it came in.
    pub door: Door,
    /// What they may do.
    pub role: Role,
    /// What they are called: an account, a token or a link; empty: nobody knows.
    pub who: String,
    /// What they showed to be let in, where they did: its id.
    pub pass: Option<PassId>,
    /// The address that it came from, where it came over the network.
    pub from: Option<IpAddr>,
}

impl Caller {
    /// This program itself, which may do everything.
    pub fn of_program(correlation_id: impl Into<String>, door: Door) -> Self {
        Self { correlation_id: correlation_id.into(), door, role: Role::Admin, ..Self::default() }
    }

    /// The same request, where this program itself has to look something up to answer whoever asks, such as a probe or
    /// somebody with a link to a report.
    pub fn as_program(&self) -> Self {
        Self::of_program(self.correlation_id.clone(), self.door)
    }

    /// Whether they may make this call.
    pub fn may(&self, call: Call) -> bool {
        self.role.may(call)
    }

    /// Whether they may do everything because no login is needed.
    pub fn is_unnamed_admin(&self) -> bool {
        self.role == Role::Admin && self.pass.is_none()
    }

    /// The same request, known to have come this way.
    pub fn through(self, door: Door) -> Self {
        Self { door, ..self }
    }
}
