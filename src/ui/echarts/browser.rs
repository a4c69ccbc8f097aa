//! The browser's side of [`super`].

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Reflect};
use leptos::web_sys::HtmlElement;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsCast, prelude::*};

use crate::ui::charts::theme::{Colours, Style, Tone};

#[wasm_bindgen]
extern "C" {
    type Instance;

    #[wasm_bindgen(js_namespace = echarts, js_name = init, catch)]
    fn init(element: &HtmlElement, theme: &JsValue, options: &JsValue) -> Result<Instance, JsValue>;

    #[wasm_bindgen(js_namespace = echarts, js_name = connect, catch)]
    fn connect(group: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, setter)]
    fn set_group(this: &Instance, group: &str);

    #[wasm_bindgen(method, js_name = setOption, catch)]
    fn set_option(this: &Instance, option: &JsValue, settings: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn on(this: &Instance, event: &str, handler: &Function) -> Result<(), JsValue>;

    #[wasm_bindgen(method, js_name = getZr)]
    fn surface(this: &Instance) -> Surface;

    #[wasm_bindgen(method, catch)]
    fn resize(this: &Instance) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn dispose(this: &Instance) -> Result<(), JsValue>;

    /// What a chart is painted on.
    type Surface;

    #[wasm_bindgen(method, catch)]
    fn on(this: &Surface, event: &str, handler: &Function) -> Result<(), JsValue>;

    // web-sys has these behind features that nothing else here needs.
    type IntersectionObserver;

    #[wasm_bindgen(constructor)]
    fn new(callback: &Function, options: &JsValue) -> IntersectionObserver;

    #[wasm_bindgen(method)]
    fn observe(this: &IntersectionObserver, element: &HtmlElement);

    #[wasm_bindgen(method)]
    fn disconnect(this: &IntersectionObserver);

    type MutationObserver;

    #[wasm_bindgen(constructor)]
    fn new(callback: &Function) -> MutationObserver;

    #[wasm_bindgen(method)]
    fn observe(this: &MutationObserver, element: &web_sys::Element, options: &JsValue);

    #[wasm_bindgen(method)]
    fn disconnect(this: &MutationObserver);
}

/// All charts with this name share their pointer.
const GROUP: &str = "live";

/// How far beyond the window charts are kept up to date, so that scrolling meets finished pictures.
const MARGIN: &str = "1500px 0px";

/// Dots a pixel on paper.
const PAPER_DOTS: f64 = 3.0;

/// What the browser says around printing.
const PRINTING: [&str; 2] = ["beforeprint", "afterprint"];

/// Called by ECharts with an event.
type OnEvent = Closure<dyn Fn(JsValue)>;

/// Called by ECharts or an observer, with nothing of interest.
type OnSignal = Closure<dyn Fn()>;

/// Writes an axis label.
type Format = Closure<dyn Fn(f64) -> String>;

/// A chart in an element. Fits itself to the element's size; gone when dropped.
pub struct Canvas {
    instance: Rc<Instance>,
    resize: web_sys::ResizeObserver,
    /// What ECharts and the observer call, alive as long as they may.
    _callbacks: (OnEvent, [OnSignal; 2]),
    /// Formats the value axes' labels; replaced with every [`Canvas::draw`].
    format: Cell<Vec<Format>>,
}

impl Canvas {
    /// Makes a chart of an element, for `paper` with as many dots as print needs. `on_pointer` gets the pointer's place on the time axis, in ms, from any chart, and none when it leaves.
    ///
    /// `None`: the script is not there, or refuses.
    pub fn attach(element: &HtmlElement, paper: bool, on_pointer: impl Fn(Option<f64>) + 'static) -> Option<Self> {
        if !has_script() {
            return None;
        }
        let mut options = vec![("renderer", "canvas".into())];
        if paper {
            options.push(("devicePixelRatio", PAPER_DOTS.into()));
        }
        let options = object(&options);
        let instance = Rc::new(init(element, &JsValue::NULL, &options).map_err(report).ok()?);
        instance.set_group(GROUP);
        connect(GROUP).unwrap_or_else(report);

        let on_pointer = Rc::new(on_pointer);
        let moved = Rc::clone(&on_pointer);
        // A chart without rows reports no time while the pointer is on another one: that is not leaving.
        let on_move = OnEvent::new(move |event: JsValue| {
            if let Some(at) = pointer_time(&event) {
                moved(Some(at));
            }
        });
        instance.on("updateAxisPointer", on_move.as_ref().unchecked_ref()).unwrap_or_else(report);
        let on_leave = OnSignal::new(move || on_pointer(None));
        instance.surface().on("globalout", on_leave.as_ref().unchecked_ref()).unwrap_or_else(report);

        let resized = Rc::clone(&instance);
        let on_resize = OnSignal::new(move || resized.resize().unwrap_or_else(report));
        let resize = web_sys::ResizeObserver::new(on_resize.as_ref().unchecked_ref()).map_err(report).ok()?;
        resize.observe(element);
        Some(Self { instance, resize, _callbacks: (on_move, [on_leave, on_resize]), format: Cell::default() })
    }

    /// Draws a whole chart with its rows in place of what was there. `number` writes the numbers of value axes.
    pub fn draw(&self, whole: &impl Serialize, rows: &impl Serialize, number: fn(f64) -> String) {
        let Some(option) = to_js(whole) else { return };
        space_times(&option);
        let formats = format_axes(&option, number);
        let replace = object(&[("notMerge", true.into()), ("lazyUpdate", true.into())]);
        self.instance.set_option(&option, &replace).unwrap_or_else(report);
        self.merge(rows);
        self.format.set(formats);
    }

    /// Merges rows into the chart and draws it at once.
    pub fn merge(&self, rows: &impl Serialize) {
        if let Some(option) = to_js(rows) {
            self.instance.set_option(&option, &JsValue::UNDEFINED).unwrap_or_else(report);
        }
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        self.resize.disconnect();
        self.instance.dispose().unwrap_or_else(report);
    }
}

/// Keeps a callback registered until dropped.
pub struct Watch(Option<Box<dyn FnOnce()>>);

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

fn has_script() -> bool {
    Reflect::has(&js_sys::global(), &"echarts".into()).unwrap_or(false)
}

/// Calls back once it is settled whether the script is there: at once, or when the page has loaded.
pub fn on_script(settled: impl FnOnce(bool) + 'static) {
    let loaded = web_sys::window().and_then(|window| window.document()).is_none_or(|d| ready_state(&d) == "complete");
    if has_script() || loaded {
        return settled(has_script());
    }
    let callback = Closure::once_into_js(move || settled(has_script()));
    if let Some(window) = web_sys::window() {
        let _ = window.add_event_listener_with_callback("load", callback.unchecked_ref());
    }
}

fn ready_state(document: &web_sys::Document) -> String {
    get(document, "readyState").as_string().unwrap_or_default()
}

/// Calls back when the theme changed: the attribute on the root element, or the system's wish.
pub fn on_theme(changed: impl Fn() + 'static) -> Option<Watch> {
    let window = web_sys::window()?;
    let root = window.document()?.document_element()?;
    let callback = OnSignal::new(changed);
    let function: Function = callback.as_ref().unchecked_ref::<Function>().clone();

    let observer = MutationObserver::new(&function);
    let attributes = Array::of2(&"data-theme".into(), &"class".into());
    observer.observe(&root, &object(&[("attributes", true.into()), ("attributeFilter", attributes.into())]));
    let system = window.match_media("(prefers-color-scheme: dark)").ok().flatten();
    if let Some(system) = &system {
        let _ = system.add_event_listener_with_callback("change", &function);
    }
    Some(Watch(Some(Box::new(move || {
        observer.disconnect();
        if let Some(system) = system {
            let _ = system.remove_event_listener_with_callback("change", &function);
        }
        drop(callback);
    }))))
}

/// Calls back with true just before the page is printed, and with false afterwards. `data-paper` on the root element makes it
/// look as it will on paper meanwhile.
pub fn on_paper(changed: impl Fn(bool) + 'static) -> Option<Watch> {
    let window = web_sys::window()?;
    let root = window.document()?.document_element()?;
    let callback = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
        let paper = get(&event, "type").as_string().as_deref() == Some("beforeprint");
        // Fails for invalid names only.
        let _ = root.toggle_attribute_with_force("data-paper", paper);
        changed(paper);
    });
    let function: Function = callback.as_ref().unchecked_ref::<Function>().clone();
    for event in PRINTING {
        let _ = window.add_event_listener_with_callback(event, &function);
    }
    Some(Watch(Some(Box::new(move || {
        for event in PRINTING {
            let _ = window.remove_event_listener_with_callback(event, &function);
        }
        drop(callback);
    }))))
}

/// Calls back when the size of type changed, which goes with that of the window.
pub fn on_scale(changed: impl Fn() + 'static) -> Option<Watch> {
    let window = web_sys::window()?;
    let before = Cell::new(scale());
    let callback = OnSignal::new(move || {
        let now = scale();
        if before.replace(now) != now {
            changed();
        }
    });
    let function: Function = callback.as_ref().unchecked_ref::<Function>().clone();
    let _ = window.add_event_listener_with_callback("resize", &function);
    Some(Watch(Some(Box::new(move || {
        let _ = window.remove_event_listener_with_callback("resize", &function);
        drop(callback);
    }))))
}

/// How large the page's type is, beside the usual 16 px.
fn scale() -> f64 {
    let read = || {
        let window = web_sys::window()?;
        let root = window.document()?.document_element()?;
        let size = window.get_computed_style(&root).ok()??.get_property_value("font-size").ok()?;
        crate::domain::decimal::parse(size.strip_suffix("px")?)
    };
    read().filter(|size| *size > 0.0).map_or(1.0, |size| size / 16.0)
}

/// How the page looks.
pub fn style() -> Style {
    Style { colours: colours(), scale: scale() }
}

/// Calls back with whether anybody can see the element: near the window, and the tab in front.
pub fn on_visibility(element: &HtmlElement, changed: impl Fn(bool) + 'static) -> Option<Watch> {
    let document = web_sys::window()?.document()?;
    let near = Rc::new(Cell::new(true));
    let told = Rc::new({
        let (near, document) = (Rc::clone(&near), document.clone());
        move || changed(near.get() && get(&document, "hidden").as_bool() != Some(true))
    });
    let on_tab = OnSignal::new({
        let told = Rc::clone(&told);
        move || told()
    });
    let tab: Function = on_tab.as_ref().unchecked_ref::<Function>().clone();
    let _ = document.add_event_listener_with_callback("visibilitychange", &tab);

    let on_scroll = Closure::<dyn Fn(Array)>::new(move |entries: Array| {
        if let Some(last) = entries.iter().last() {
            near.set(get(&last, "isIntersecting").as_bool().unwrap_or(true));
            told();
        }
    });
    let observer =
        IntersectionObserver::new(on_scroll.as_ref().unchecked_ref(), &object(&[("rootMargin", MARGIN.into())]));
    observer.observe(element);
    Some(Watch(Some(Box::new(move || {
        observer.disconnect();
        let _ = document.remove_event_listener_with_callback("visibilitychange", &tab);
        drop((on_tab, on_scroll));
    }))))
}

/// The theme's colours, computed: a custom property may be any expression that CSS knows and ECharts does not.
fn colours() -> Colours {
    let read = || {
        let window = web_sys::window()?;
        let document = window.document()?;
        let probe: HtmlElement = document.create_element("span").ok()?.dyn_into().ok()?;
        probe.set_hidden(true);
        let body: HtmlElement = get(&document, "body").dyn_into().ok()?;
        body.append_child(&probe).ok()?;
        let colour = |(_, property): &(Tone, &str)| {
            probe.style().set_property("color", &format!("var({property})")).ok()?;
            // What the system forces is one colour for all.
            probe.style().set_property("forced-color-adjust", "none").ok()?;
            window.get_computed_style(&probe).ok()??.get_property_value("color").ok()
        };
        let colours = Tone::ALL.iter().map(|tone| colour(tone).unwrap_or_default()).collect();
        probe.remove();
        Some(Colours(colours))
    };
    read().unwrap_or_default()
}

/// The pointer's place on the time axis.
fn pointer_time(event: &JsValue) -> Option<f64> {
    let axes: Array = get(event, "axesInfo").dyn_into().ok()?;
    let time = axes.iter().find(|axis| get(axis, "axisDim").as_string().as_deref() == Some("x"))?;
    get(&time, "value").as_f64()
}

/// Keeps labels of time as far below the axis as their size asks for, clear of the lowest value's: ECharts' own distance is
/// for the usual size.
fn space_times(option: &JsValue) {
    let label = get(&get(option, "xAxis"), "axisLabel");
    if let Some(size) = get(&label, "fontSize").as_f64() {
        let _ = Reflect::set(&label, &"margin".into(), &(size * 2.0 / 3.0).into());
    }
}

/// ECharts writes numbers the English way; functions made here need no `unsafe-eval`, unlike functions sent as text.
fn format_axes(option: &JsValue, number: fn(f64) -> String) -> Vec<Closure<dyn Fn(f64) -> String>> {
    let axes: Array = get(option, "yAxis").unchecked_into();
    let format = |axis: JsValue| {
        let label = get(&axis, "axisLabel");
        let template = get(&label, "formatter").as_string()?;
        let format = Closure::<dyn Fn(f64) -> String>::new(move |value| template.replace("{value}", &number(value)));
        Reflect::set(&label, &"formatter".into(), format.as_ref()).ok()?;
        Some(format)
    };
    axes.iter().filter_map(format).collect()
}

fn to_js(value: &impl Serialize) -> Option<JsValue> {
    // As JSON would have it: maps as objects, nothing as null. Much faster than going through text.
    value.serialize(&Serializer::json_compatible()).map_err(|error| report(error.into())).ok()
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}

fn get(target: &JsValue, name: &str) -> JsValue {
    Reflect::get(target, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// A chart that fails must not take the page with it.
fn report(error: JsValue) {
    leptos::logging::error!("chart: {error:?}");
}
