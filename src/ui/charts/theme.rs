//! The colours of the page's theme that charts use.

use serde::{Deserialize, Serialize};

/// A colour by its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tone {
    /// One of the palette, 1–8.
    Series(u8),
    /// Something is wrong.
    Bad,
    /// Something deserves a look.
    Warn,
    /// All is well again.
    Ok,
    /// Plain text.
    Text,
    /// Text of less weight.
    Muted,
    /// Lines behind the data.
    Grid,
    /// What charts stand on.
    Surface,
}

impl Tone {
    /// Every tone with its custom property.
    pub const ALL: [(Self, &'static str); 15] = [
        (Self::Series(1), "--series-1"),
        (Self::Series(2), "--series-2"),
        (Self::Series(3), "--series-3"),
        (Self::Series(4), "--series-4"),
        (Self::Series(5), "--series-5"),
        (Self::Series(6), "--series-6"),
        (Self::Series(7), "--series-7"),
        (Self::Series(8), "--series-8"),
        (Self::Bad, "--bad"),
        (Self::Warn, "--warn"),
        (Self::Ok, "--ok"),
        (Self::Text, "--text"),
        (Self::Muted, "--text-muted"),
        (Self::Grid, "--grid"),
        (Self::Surface, "--surface"),
    ];

    /// The value of `data-tone` in the style sheet: `series-1`, `bad` …
    pub fn id(self) -> &'static str {
        Self::ALL.iter().find(|(tone, _)| *tone == self).map_or("text-muted", |(_, property)| &property[2..])
    }
}

/// How the page looks: what charts take from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Style {
    /// The theme's colours.
    pub colours: Colours,
    /// How large the page's type is, beside the usual 16 px.
    pub scale: f64,
}

impl Style {
    /// A tone's colour, as CSS writes it.
    pub fn colour(&self, tone: Tone) -> &str {
        self.colours.get(tone)
    }

    /// A length at the usual size of type, in px.
    pub fn px(&self, usual: f64) -> f64 {
        usual * self.scale
    }
}

/// The theme's colours as the browser computed them, in the order of [`Tone::ALL`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Colours(pub Vec<String>);

impl Colours {
    /// A tone's colour, as CSS writes it.
    pub fn get(&self, tone: Tone) -> &str {
        let index = Tone::ALL.iter().position(|(t, _)| *t == tone);
        index.and_then(|i| self.0.get(i)).filter(|colour| !colour.is_empty()).map_or("#888", String::as_str)
    }
}
