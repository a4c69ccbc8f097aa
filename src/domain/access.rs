//! Who may do what: roles, and the one table of what each call of the port needs.

use serde::{Deserialize, Serialize};

/// What somebody may do; each role may do what those before it may.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nothing.
    #[default]
    Nobody,
    /// See everything, change nothing.
    Viewer,
    /// Start and stop tests, change their load, set faults, say something of tests, keep plans.
    Presenter,
    /// Throw away, and say who may what.
    Admin,
}

impl Role {
    /// Every role, the one that may least first.
    pub const ALL: [Self; 4] = [Self::Nobody, Self::Viewer, Self::Presenter, Self::Admin];

    /// Those that somebody can be given.
    pub const GIVEN: [Self; 3] = [Self::Viewer, Self::Presenter, Self::Admin];

    /// Its name on the wire, in the store and in `html[data-role]`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Viewer => "viewer",
            Self::Presenter => "presenter",
            Self::Admin => "admin",
        }
    }

    /// The role of that name, of those that can be given.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::GIVEN.into_iter().find(|role| role.name() == name)
    }

    /// Whether it may make this call.
    pub fn may(self, call: Call) -> bool {
        self >= call.needs()
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

macro_rules! calls {
    ($($(#[$meta:meta])* $call:ident = $name:literal: $role:ident,)*) => {
        /// What can be asked for: one for each call of the port.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Call {
            $($(#[$meta])* $call,)*
        }

        impl Call {
            /// Every call.
            pub const ALL: &[Self] = &[$(Self::$call),*];

            /// Its name in the record of who did what.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$call => $name,)*
                }
            }

            /// The least role that may make it.
            pub fn needs(self) -> Role {
                match self {
                    $(Self::$call => Role::$role,)*
                }
            }
        }
    };
}

calls! {
    /// See what is going on: state, numbers, services, faults, events.
    Watch = "watch": Viewer,
    /// Read runs, their reports and logs.
    ReadRuns = "read_runs": Viewer,
    /// Read the plans that are kept, and when they start by themselves.
    ReadPlans = "read_plans": Viewer,
    /// Read who is told what happens.
    ReadHooks = "read_hooks": Presenter,
    /// Read which links lead to a run's report.
    ReadShares = "read_shares": Presenter,
    /// Start a test.
    Start = "start": Presenter,
    /// Stop it.
    Stop = "stop": Presenter,
    /// End all load and take all faults back.
    EmergencyStop = "emergency_stop": Presenter,
    /// Add load to it.
    AddLoad = "add_load": Presenter,
    /// Take added load away.
    RemoveLoad = "remove_load": Presenter,
    /// Fetch k6's image.
    PullImage = "pull_image": Presenter,
    /// Say something of a run.
    LabelRun = "label_run": Presenter,
    /// Make a run the baseline of its target, or no longer.
    SetBaseline = "set_baseline": Presenter,
    /// Throw a run away, or bring it back.
    TrashRun = "trash_run": Admin,
    /// Set a fault.
    SetFault = "set_fault": Presenter,
    /// Take a fault back.
    RestoreFault = "restore_fault": Presenter,
    /// Take all faults back.
    RestoreAll = "restore_all": Presenter,
    /// Keep a plan.
    SavePlan = "save_plan": Presenter,
    /// Call a plan otherwise.
    RenamePlan = "rename_plan": Presenter,
    /// Throw a plan away.
    DeletePlan = "delete_plan": Admin,
    /// Bring a plan back.
    RestorePlan = "restore_plan": Admin,
    /// Let a plan start by itself.
    AddSchedule = "add_schedule": Presenter,
    /// No longer let a plan start by itself.
    DeleteSchedule = "delete_schedule": Presenter,
    /// Send a message to try out whether it arrives.
    TestHook = "test_hook": Admin,
    /// Make a link to a run's report.
    Share = "share": Presenter,
    /// Take such a link back.
    RevokeShare = "revoke_share": Presenter,
    /// Read accounts and passes.
    ReadAccess = "read_access": Admin,
    /// Read who did what.
    ReadAudit = "read_audit": Admin,
    /// Upload a script.
    UploadScript = "upload_script": Admin,
    /// Delete a script that was uploaded.
    DeleteScript = "delete_script": Admin,
    /// Make an account.
    AddAccount = "add_account": Admin,
    /// Give an account another role or password.
    ChangeAccount = "change_account": Admin,
    /// Forget an account.
    DeleteAccount = "delete_account": Admin,
    /// Make a token or a link.
    AddPass = "add_pass": Admin,
    /// Take a pass back.
    RevokePass = "revoke_pass": Admin,
}

impl Call {
    /// Whether it changes something: then it is written down who made it.
    pub fn is_act(self) -> bool {
        !matches!(
            self,
            Self::Watch
                | Self::ReadRuns
                | Self::ReadPlans
                | Self::ReadHooks
                | Self::ReadShares
                | Self::ReadAccess
                | Self::ReadAudit
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_those_before_it_may() {
        for call in Call::ALL {
            assert!(!Role::Nobody.may(*call), "{call:?}");
            assert!(Role::Admin.may(*call), "{call:?}");
            assert!(!call.is_act() || !Role::Viewer.may(*call), "a viewer changes nothing, but {call:?}");
            for pair in Role::ALL.windows(2) {
                assert!(!pair[0].may(*call) || pair[1].may(*call), "{call:?}");
            }
        }
        let may = |role: Role| Call::ALL.iter().filter(|call| role.may(**call)).count();
        assert!(may(Role::Viewer) < may(Role::Presenter) && may(Role::Presenter) < may(Role::Admin));
    }

    #[test]
    fn names_are_unique_and_lead_back() {
        let mut names: Vec<_> = Call::ALL.iter().map(|call| call.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Call::ALL.len());
        for role in Role::GIVEN {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
        assert_eq!(Role::from_name("nobody"), None);
        assert_eq!(Role::from_name("Admin"), None);
    }

    #[test]
    fn in_a_table_a_role_is_as_wide_as_is_asked_for() {
        let rows = Role::ALL.map(|role| format!("{role:<10}|{role:>9}|{role}"));
        assert_eq!(
            rows,
            [
                "nobody    |   nobody|nobody",
                "viewer    |   viewer|viewer",
                "presenter |presenter|presenter",
                "admin     |    admin|admin",
            ]
        );
    }
}
