//! The few things the page asks the browser for. On the server each is a quiet nothing.

use std::{cell::RefCell, time::Duration};

use leptos::{prelude::*, wasm_bindgen::JsCast, web_sys};

#[cfg(feature = "hydrate")]
mod js {
    use std::cell::{Cell, RefCell};

    use js_sys::{Function, Promise, Reflect};
    use leptos::task::spawn_local;
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::JsFuture;

    use crate::domain::{Millis, prefs::Lang};

    pub(in crate::ui) fn now_ms() -> Millis {
        js_sys::Date::now() as Millis
    }

    /// The address of the dashboard, as the browser has it.
    pub(in crate::ui) fn origin() -> Option<String> {
        leptos::prelude::window().location().origin().ok()
    }

    /// Whether the system asks for dark colours.
    pub(in crate::ui) fn prefers_dark() -> bool {
        matches("(prefers-color-scheme: dark)")
    }

    /// Whether the system asks for little motion.
    pub(in crate::ui) fn prefers_rest() -> bool {
        matches("(prefers-reduced-motion: reduce)")
    }

    fn matches(query: &str) -> bool {
        let query = leptos::prelude::window().match_media(query);
        query.ok().flatten().is_some_and(|query| query.matches())
    }

    /// Sets a cookie by its whole line.
    pub(in crate::ui) fn set_cookie(line: &str) {
        // A plain property of the document; Reflect spares the type it would need.
        let _ = Reflect::set(&leptos::prelude::document(), &"cookie".into(), &line.into());
    }

    /// What a control holds now, which may be more than we heard of: typed before hydration, or filled in by the browser.
    pub(in crate::ui) fn control_value(form: &str, name: &str) -> Option<String> {
        let control = format!("#{form} [name='{name}']");
        // Of radio buttons only the chosen one says something.
        let selector = format!("{control}:checked, {control}:not([type='radio'])");
        let element = leptos::prelude::document().query_selector(&selector).ok().flatten()?;
        Reflect::get(&element, &"value".into()).ok()?.as_string()
    }

    /// Writes into a control; of a radio button only `checked` says something.
    fn set_value_of(control: &web_sys::Element, value: &str) {
        let (name, value) = match control.get_attribute("type").as_deref() {
            Some("radio") => ("checked", JsValue::TRUE),
            _ => ("value", value.into()),
        };
        let _ = Reflect::set(control, &name.into(), &value);
    }

    /// What this tab keeps under a name.
    pub(in crate::ui) fn kept(name: &str) -> Option<String> {
        leptos::prelude::window().session_storage().ok()??.get_item(name).ok()?
    }

    /// Keeps a text for this tab. Where the browser keeps nothing, nothing is kept.
    pub(in crate::ui) fn keep(name: &str, text: &str) {
        if let Ok(Some(storage)) = leptos::prelude::window().session_storage() {
            let _ = storage.set_item(name, text);
        }
    }

    /// Writes into the control with a name, and chooses the radio button with that value.
    pub(in crate::ui) fn set_control_value(form: &str, name: &str, value: &str) {
        let control = format!("#{form} [name='{name}']");
        let document = leptos::prelude::document();
        let radio = document.query_selector(&format!("{control}[type='radio'][value='{value}']")).ok().flatten();
        let other = || document.query_selector(&format!("{control}:not([type='radio'])")).ok().flatten();
        if let Some(control) = radio.or_else(other) {
            set_value_of(&control, value);
        }
    }

    /// Loads the page again when it is of another build than `build`. Once a build: where several answer in turn, an old
    /// page is better than one that always loads.
    pub(in crate::ui) fn reload_unless(build: &str) {
        const KEY: &str = "had_reloaded_for";
        let window = leptos::prelude::window();
        let own = format!("meta[name='{}']", crate::ui::build::BUILD_META);
        let own = leptos::prelude::document().query_selector(&own).ok().flatten();
        let own = own.and_then(|meta| meta.get_attribute("content"));
        let Ok(Some(storage)) = window.session_storage() else { return };
        let tried = storage.get_item(KEY).ok().flatten();
        if own.is_none_or(|own| own == build) || tried.as_deref() == Some(build) {
            return;
        }
        if storage.set_item(KEY, build).is_ok() {
            let _ = window.location().reload();
        }
    }

    /// Loads the page again when its reader may do something else than when it was drawn: they were let in or put out.
    pub(in crate::ui) fn reload_unless_role(role: &str) {
        if super::html_attribute("data-role").is_some_and(|own| own != role) {
            let _ = leptos::prelude::window().location().reload();
        }
    }

    thread_local! {
        /// Whether the screen is to stay on.
        static WANTED: Cell<bool> = const { Cell::new(false) };
        /// What keeps it on.
        static LOCK: RefCell<Option<JsValue>> = const { RefCell::new(None) };
    }

    /// Asks that the screen stays on, until [`let_screen_off`]. The browser takes that back when the page can't be seen, so ask
    /// again when it can; where it has no such thing, or does not want to, nothing happens.
    pub(in crate::ui) fn keep_screen_on() {
        WANTED.set(true);
        if let Some(asked) = ask_for_screen() {
            spawn_local(async move {
                let Ok(lock) = JsFuture::from(asked).await else { return };
                LOCK.replace(Some(lock)).inspect(release);
                if !WANTED.get() {
                    let_screen_off();
                }
            });
        }
    }

    /// Takes back [`keep_screen_on`].
    pub(in crate::ui) fn let_screen_off() {
        WANTED.set(false);
        LOCK.take().inspect(release);
    }

    fn ask_for_screen() -> Option<Promise> {
        let navigator = Reflect::get(&leptos::prelude::window(), &"navigator".into()).ok()?;
        let locks = Reflect::get(&navigator, &"wakeLock".into()).ok().filter(JsValue::is_object)?;
        let request: Function = Reflect::get(&locks, &"request".into()).ok()?.dyn_into().ok()?;
        request.call1(&locks, &"screen".into()).ok()?.dyn_into().ok()
    }

    fn release(lock: &JsValue) {
        let release = Reflect::get(lock, &"release".into()).ok().and_then(|it| it.dyn_into::<Function>().ok());
        // What is released already stays so.
        let _ = release.map(|release| release.call0(lock));
    }

    /// Date and time on the reader's clock.
    pub(in crate::ui) fn local_time(at_ms: Millis, lang: Lang, date: bool) -> Option<String> {
        let when = js_sys::Date::new(&(at_ms as f64).into());
        let options = js_sys::Object::new();
        let mut entries = vec![("hour", "2-digit"), ("minute", "2-digit"), ("second", "2-digit")];
        if date {
            entries.extend([("day", "2-digit"), ("month", "short"), ("year", "numeric")]);
        }
        for (name, value) in entries {
            Reflect::set(&options, &name.into(), &value.into()).ok()?;
        }
        // British order and 24 hours: the page's English is read by many who are not at home in it.
        let locale = if lang == Lang::De { "de-DE" } else { "en-GB" };
        Some(when.to_locale_string(locale, &options).into())
    }
}

#[cfg(not(feature = "hydrate"))]
mod js {
    use crate::domain::{Millis, prefs::Lang};

    pub(in crate::ui) fn now_ms() -> Millis {
        0
    }

    pub(in crate::ui) fn origin() -> Option<String> {
        None
    }

    pub(in crate::ui) fn prefers_dark() -> bool {
        false
    }

    pub(in crate::ui) fn prefers_rest() -> bool {
        false
    }

    pub(in crate::ui) fn set_cookie(_line: &str) {}

    pub(in crate::ui) fn control_value(_form: &str, _name: &str) -> Option<String> {
        None
    }

    pub(in crate::ui) fn local_time(_at_ms: Millis, _lang: Lang, _date: bool) -> Option<String> {
        None
    }

    pub(in crate::ui) fn keep_screen_on() {}

    pub(in crate::ui) fn let_screen_off() {}

    pub(in crate::ui) fn kept(_name: &str) -> Option<String> {
        None
    }

    pub(in crate::ui) fn keep(_name: &str, _text: &str) {}

    pub(in crate::ui) fn set_control_value(_form: &str, _name: &str, _value: &str) {}
}

pub(in crate::ui) use js::{
    control_value, keep, keep_screen_on, kept, let_screen_off, local_time, now_ms, origin, prefers_dark, prefers_rest,
    set_control_value,
};
#[cfg(feature = "hydrate")]
pub(in crate::ui) use js::{reload_unless, reload_unless_role};

/// An attribute of `<html>`. The server reads the request instead.
#[cfg(not(feature = "ssr"))]
pub(in crate::ui) fn html_attribute(name: &str) -> Option<String> {
    document().document_element()?.get_attribute(name)
}

/// Sets an attribute of `<html>`.
pub(in crate::ui) fn set_html_attribute(name: &str, value: &str) {
    if let Some(html) = document().document_element() {
        // Fails for invalid names only.
        let _ = html.set_attribute(name, value);
    }
}

/// An attribute of what an event is about, or of the nearest thing around it that has it.
pub(in crate::ui) fn attribute_near(event: &web_sys::Event, name: &str) -> Option<String> {
    let element = event.target()?.dyn_into::<web_sys::Element>().ok()?;
    element.closest(&format!("[{name}]")).ok()??.get_attribute(name)
}

/// Scrolls an element to its end once the page has been brought up to date.
pub(in crate::ui) fn show_end(id: &'static str) {
    request_animation_frame(move || {
        if let Some(element) = element_by_id(id) {
            element.set_scroll_top(element.scroll_height());
        }
    });
}

/// Scrolls what a key has brought the focus to wholly into view, sideways, too: browsers leave it half beyond an edge. For the
/// bar on top: of the page its upper end is shown.
pub(in crate::ui) fn show_whole(event: &web_sys::Event) {
    let Some(element) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else { return };
    // Under a pointer it must not move.
    if element.matches(":focus-visible") == Ok(true) {
        element.scroll_into_view_with_bool(false);
    }
}

/// Sets the tab's icon.
pub(in crate::ui) fn set_icon(path: &str) {
    if let Ok(Some(link)) = document().query_selector("link[rel=icon]") {
        // Fails for invalid names only.
        let _ = link.set_attribute("href", path);
    }
}

/// Keeps a preference for a year, readable by the server.
pub(in crate::ui) fn set_cookie(name: &str, value: &str) {
    js::set_cookie(&format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax"));
}

thread_local! {
    /// The id of the element that the keyboard is moved to next.
    static NEXT_FOCUS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Moves the keyboard to an element once the page has been brought up to date.
pub(in crate::ui) fn focus_soon(id: String) {
    NEXT_FOCUS.set(Some(id.clone()));
    request_animation_frame(move || {
        NEXT_FOCUS.take();
        if let Some(element) = element_by_id(&id) {
            let _ = element.focus();
        }
    });
}

/// Like [`focus_soon`], and shows the page from its top, where the numbers are.
pub(in crate::ui) fn focus_from_top_soon(id: String) {
    focus_soon(id);
    // Frames are served in order, so focus has done its own scrolling by then.
    request_animation_frame(|| window().scroll_to_with_x_and_y(0.0, 0.0));
}

/// How long most clicks take from press to release.
const CLICK: Duration = Duration::from_millis(200);

/// Does something that may move what is on the page once a click that is under way has ended: a button that moves from
/// under the pointer is not clicked.
pub(in crate::ui) fn after_click(change: impl FnOnce() + 'static) {
    set_timeout(change, CLICK);
}

/// When the component at hand goes and takes along what has the focus inside of `from`, moves the focus to an element: a
/// browser would begin anew at the top.
pub(in crate::ui) fn hand_on_focus(from: impl AsRef<str> + Send + Sync + 'static, to: &'static str) {
    on_cleanup(move || {
        if cfg!(feature = "ssr") {
            return;
        }
        // What is to have the focus in the next frame may go before that, too.
        let next = NEXT_FOCUS.with_borrow(|id| element_by_id(id.as_deref()?).map(Into::into));
        let focused = next.or_else(|| document().active_element());
        if focused.is_some_and(|focused| focused.closest(from.as_ref()).ok().flatten().is_some()) {
            focus_soon(to.into());
        }
    });
}

fn element_by_id(id: &str) -> Option<web_sys::HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}
