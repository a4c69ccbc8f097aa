//! The parts of the presentation: what a room sees of a test, and the keys of who presents.

mod awake;
mod invitation;
mod keys;
mod told;

pub use awake::stay_awake;
pub use invitation::Invitation;
pub use keys::Keys;
pub use told::{Head, LastCost, Ticker};

/// What the presentation shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// Everything.
    #[default]
    All,
    /// The big numbers.
    Numbers,
    /// The service map.
    Map,
    /// The charts.
    Charts,
}

impl View {
    /// Its name in `data-view`.
    pub fn id(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Numbers => "numbers",
            Self::Map => "map",
            Self::Charts => "charts",
        }
    }

    /// The one after it; after the last the first.
    pub fn next(self) -> Self {
        match self {
            Self::All => Self::Numbers,
            Self::Numbers => Self::Map,
            Self::Map => Self::Charts,
            Self::Charts => Self::All,
        }
    }
}
