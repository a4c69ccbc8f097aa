//! k6's log as it grows. Asked for as long as somebody reads it; the server filters and draws it.

use leptos::prelude::*;

use crate::{
    api::{functions, page::LogPage},
    domain::run::RunId,
    ui::{
        asking::Asking,
        browser, show,
        text::{Text, use_text},
    },
};

/// The id of what holds the lines.
const LINES: &str = "log-lines";

/// What is read.
#[derive(Clone, Copy)]
struct Reading {
    text: &'static Text,
    run: Signal<Option<RunId>>,
    open: RwSignal<bool>,
    filter: RwSignal<String>,
    paused: RwSignal<bool>,
    follow: RwSignal<bool>,
    page: RwSignal<LogPage>,
    problem: RwSignal<Option<String>>,
    asking: Asking,
}

/// A section that opens to k6's log.
#[component]
pub fn LiveLog(
    /// The run.
    #[prop(into)]
    run: Signal<Option<RunId>>,
) -> impl IntoView {
    let text = use_text();
    let reading = Reading {
        text,
        run,
        open: RwSignal::new(false),
        filter: RwSignal::new(String::new()),
        paused: RwSignal::new(false),
        follow: RwSignal::new(true),
        page: RwSignal::new(LogPage::default()),
        problem: RwSignal::new(None),
        asking: Asking::new(),
    };
    reading.go_on();
    let open = reading.open;
    view! {
        <section class="card detail only-script" hidden=move || run.with(Option::is_none)>
            <h2>{text.k6_log}</h2>
            <button
                type="button"
                class="button"
                aria-expanded=move || open.get().to_string()
                on:click=move |_| open.update(|open| *open = !*open)
            >
                {move || if open.get() { text.log_hide } else { text.log_show }}
            </button>
            {move || open.get().then(|| view! { <Opened reading /> }.into_any())}
        </section>
    }
}

#[component]
fn Opened(reading: Reading) -> impl IntoView {
    let text = reading.text;
    let Reading { filter, paused, follow, page, .. } = reading;
    let note = Memo::new(move |_| page.with(|page| page.note.clone()));
    let lines = Memo::new(move |_| page.with(|page| page.lines.clone()));
    Effect::new(move |_| {
        lines.track();
        if follow.get() {
            browser::show_end(LINES);
        }
    });
    view! {
        <div class="opened" data-testid="live-log">
            {move || {
                reading.problem.get().map(|problem| view! { <p class="notice bad" role="alert">{problem}</p> }.into_any())
            }}
            <div class="choices">
                <label class="filter">
                    <span>{text.log_filter}</span>
                    <input
                        type="search"
                        maxlength="200"
                        prop:value=filter
                        on:input=move |event| filter.set(event_target_value(&event))
                    />
                </label>
                <label>
                    <input
                        type="checkbox"
                        prop:checked=follow
                        on:change=move |event| follow.set(event_target_checked(&event))
                    />
                    <span>{text.log_follow}</span>
                </label>
                <button
                    type="button"
                    class="button"
                    aria-pressed=move || paused.get().to_string()
                    on:click=move |_| paused.update(|paused| *paused = !*paused)
                >
                    {text.log_pause}
                </button>
            </div>
            <p class="muted">{note}</p>
            <pre id=LINES class="log" tabindex="0" role="group" aria-label=text.k6_log inner_html=lines></pre>
        </div>
    }
}

impl Reading {
    /// Asks whenever something else is to be shown, and goes on asking unless it is paused.
    fn go_on(self) {
        Effect::new(move |_| {
            let filter = self.filter.get();
            match self.run.get().filter(|_| self.open.get() && !self.paused.get()) {
                Some(id) => self.ask(id, filter),
                None => drop(self.asking.stop()),
            }
        });
    }

    fn ask(self, id: RunId, filter: String) {
        let known = StoredValue::new(None);
        self.asking.begin(move |wanted| {
            let (id, filter) = (id.clone(), filter.clone());
            async move {
                let answer = functions::get_log(id, filter, known.try_get_value().flatten()).await;
                if !wanted.is_still() {
                    return false;
                }
                self.problem.set(answer.as_ref().err().map(|error| show::api_error(error, self.text)));
                let mut over = false;
                if let Ok(Some(page)) = answer {
                    over = page.over;
                    known.set_value(Some(page.version));
                    self.page.set(page);
                }
                !over
            }
        });
    }
}
