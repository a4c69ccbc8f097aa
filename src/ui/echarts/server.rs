//! The server draws no charts: the element stays empty until the browser takes over.

use leptos::web_sys::HtmlElement;
use serde::Serialize;

use crate::ui::charts::theme::{Colours, Style};

/// A chart in an element.
pub struct Canvas;

impl Canvas {
    /// Never succeeds here.
    pub fn attach(_: &HtmlElement, _: bool, _: impl Fn(Option<f64>) + 'static) -> Option<Self> {
        None
    }

    /// Does nothing here.
    pub fn draw(&self, _: &impl Serialize, _: &impl Serialize, _: fn(f64) -> String) {}

    /// Does nothing here.
    pub fn merge(&self, _: &impl Serialize) {}
}

/// Keeps a callback registered.
pub struct Watch;

/// Never calls back here.
pub fn on_script(_: impl FnOnce(bool) + 'static) {}

/// Never calls back here.
pub fn on_theme(_: impl Fn() + 'static) -> Option<Watch> {
    None
}

/// Never calls back here.
pub fn on_paper(_: impl Fn(bool) + 'static) -> Option<Watch> {
    None
}

/// Never calls back here.
pub fn on_visibility(_: &HtmlElement, _: impl Fn(bool) + 'static) -> Option<Watch> {
    None
}

/// Never calls back here.
pub fn on_scale(_: impl Fn() + 'static) -> Option<Watch> {
    None
}

/// No colours here.
pub fn style() -> Style {
    Style { colours: Colours::default(), scale: 1.0 }
}
