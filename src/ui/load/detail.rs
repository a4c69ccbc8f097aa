//! A run in detail: endpoints, failures and checks. Asked for as long as somebody looks; the server draws it.

use leptos::{ev, prelude::*};

use crate::{
    api::{functions, page::DetailPage},
    domain::run::RunId,
    ui::{
        asking::Asking,
        browser, show,
        text::{Text, use_text},
    },
};

/// How often it is asked for when the run is over: its last samples come a little later.
const AFTER_END: u32 = 6;

/// The name under which a tab keeps which columns are hidden.
const HIDDEN: &str = "detail-hidden";

/// What is shown, and how.
#[derive(Clone, Copy)]
struct Look {
    text: &'static Text,
    run: Signal<Option<RunId>>,
    open: RwSignal<bool>,
    /// The column it is sorted by, and which way, as [`Order`](crate::domain::detail::Order) writes it.
    order: RwSignal<String>,
    /// Which requests count: the end of an order.
    span: RwSignal<String>,
    page: RwSignal<DetailPage>,
    problem: RwSignal<Option<String>>,
    asking: Asking,
    /// What gets the keyboard back when the columns have been drawn anew.
    pressed: StoredValue<Option<String>>,
}

/// A section that opens to the run in detail.
#[component]
pub fn InDetail(
    /// The run.
    #[prop(into)]
    run: Signal<Option<RunId>>,
    /// Whether it is open from the start.
    #[prop(optional)]
    open: bool,
) -> impl IntoView {
    let text = use_text();
    let look = Look {
        text,
        run,
        open: RwSignal::new(open),
        order: RwSignal::new(String::new()),
        span: RwSignal::new(String::new()),
        page: RwSignal::new(DetailPage::default()),
        problem: RwSignal::new(None),
        asking: Asking::new(),
        pressed: StoredValue::new(None),
    };
    look.follow();
    let open = look.open;
    view! {
        <section class="card detail only-script" hidden=move || run.with(Option::is_none)>
            <h2>{text.detail}</h2>
            <button
                type="button"
                class="button"
                aria-expanded=move || open.get().to_string()
                on:click=move |_| open.update(|open| *open = !*open)
            >
                {move || if open.get() { text.detail_hide } else { text.detail_show }}
            </button>
            {move || open.get().then(|| view! { <Opened look /> }.into_any())}
        </section>
    }
}

/// The tables, as the server drew them.
#[component]
fn Opened(look: Look) -> impl IntoView {
    let text = use_text();
    let hidden = RwSignal::new(Vec::<String>::new());
    // The server draws nothing of it, so this comes before what there is to choose.
    Effect::new(move |_| {
        let kept = browser::kept(HIDDEN).unwrap_or_default();
        hidden.set(kept.split_whitespace().map(str::to_owned).collect());
    });
    let part = move |of: fn(&DetailPage) -> &String| Memo::new(move |_| look.page.with(|page| of(page).clone()));
    let (tools, head, rows, rest) =
        (part(|page| &page.tools), part(|page| &page.head), part(|page| &page.rows), part(|page| &page.rest));
    // The server draws the same for everybody; from then on the boxes themselves know.
    let tools = move || {
        hidden.with_untracked(|hidden| {
            let unticked = |tools: String, column| {
                let box_of = format!("value=\"{column}\"");
                tools.replace(&format!("{box_of} checked"), &box_of)
            };
            hidden.iter().fold(tools.get(), unticked)
        })
    };
    let over = Memo::new(move |_| look.page.with(|page| page.over));
    let choose = move |event: ev::Event| match browser::attribute_near(&event, "name").as_deref() {
        Some("detail-span") => look.span.set(event_target_value(&event)),
        Some("detail-column") => hidden.update(|hidden| {
            let column = event_target_value(&event);
            hidden.retain(|known| *known != column);
            if !event_target_checked(&event) {
                hidden.push(column);
            }
            browser::keep(HIDDEN, &hidden.join(" "));
        }),
        _ => {}
    };
    let press = move |event: ev::MouseEvent| {
        if let Some(order) = browser::attribute_near(&event, "data-order") {
            look.pressed.set_value(browser::attribute_near(&event, "id"));
            look.order.set(order);
        }
    };
    view! {
        <div
            class="opened"
            data-testid="detail"
            data-over=move || over.get().then_some("")
            data-hidden=move || hidden.with(|hidden| hidden.join(" "))
        >
            {move || look.problem.get().map(|problem| view! { <p class="notice bad" role="alert">{problem}</p> }.into_any())}
            <div class="choices" on:change=choose inner_html=tools></div>
            <div class="table-wrap endpoints" tabindex="0" role="group" aria-label=text.detail hidden=move || head.with(String::is_empty)>
                <table>
                    <thead on:click=press>
                        <tr inner_html=head></tr>
                    </thead>
                    <tbody inner_html=rows></tbody>
                </table>
            </div>
            <div class="rest" inner_html=rest></div>
        </div>
    }
}

impl Look {
    /// Asks whenever something else is to be shown, and goes on asking.
    fn follow(self) {
        Effect::new(move |before: Option<Option<RunId>>| {
            let run = self.run.get();
            if before.is_some_and(|before| before != run) {
                self.page.set(DetailPage::default());
            }
            let order = format!("{}{}", self.order.get(), self.span.get());
            match run.clone().filter(|_| self.open.get()) {
                Some(id) => self.ask(id, order),
                None => drop(self.asking.stop()),
            }
            run
        });
    }

    fn ask(self, id: RunId, order: String) {
        let (known, left) = (StoredValue::new(None), StoredValue::new(AFTER_END));
        self.asking.begin(move |wanted| {
            let (id, order) = (id.clone(), order.clone());
            async move {
                let answer = functions::get_detail(id, order, known.try_get_value().flatten()).await;
                if !wanted.is_still() {
                    return false;
                }
                self.problem.set(answer.as_ref().err().map(|error| show::api_error(error, self.text)));
                if let Ok(Some(page)) = answer {
                    known.set_value(Some(page.at_ms));
                    if page.over {
                        left.update_value(|left| *left -= 1);
                    }
                    self.page.set(page);
                    if let Some(pressed) = self.pressed.try_update_value(Option::take).flatten() {
                        browser::focus_soon(pressed);
                    }
                }
                left.get_value() > 0
            }
        });
    }
}
