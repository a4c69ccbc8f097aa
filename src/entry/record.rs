//! Who did what, as a table.

use leptos::prelude::*;

use super::{text::EntryText, words};
use crate::{
    domain::{
        access::Call,
        audit::{Entry, Search},
        prefs::Lang,
    },
    ui::parts::LocalTime,
};

/// What is written down beside the calls that change something.
const OTHERS: [&str; 4] = ["log_in", "enter", "log_out", "turned_away"];

/// The entries, and the form to look for others.
pub fn section(entries: Vec<Entry>, search: &Search, lang: Lang) -> AnyView {
    let text = words(lang);
    let older = (entries.len() >= search.most as usize).then(|| entries.last().map(|entry| entry.n)).flatten();
    let (who, act, refused) = (search.who.clone(), search.act.clone(), search.refused);
    let same = (who.clone(), act.clone());
    let option = |name: &'static str| view! { <option value=name selected=act == name>{name}</option> }.into_any();
    let acts = Call::ALL.iter().filter(|call| call.is_act()).map(|call| call.name()).chain(OTHERS).map(option);
    let acts = acts.collect_view();
    let list = match entries.len() {
        0 => view! { <p class="empty-line">{text.no_record}</p> }.into_any(),
        _ => {
            let rows = entries.into_iter().map(|entry| row(entry, text)).collect_view();
            view! {
                <div class="record-rows" tabindex="0" role="group" aria-labelledby="record-heading">
                    <table class="record" data-testid="record">
                        <thead>
                            <tr>
                                <th scope="col">{text.when}</th>
                                <th scope="col">{text.who}</th>
                                <th scope="col">{text.from}</th>
                                <th scope="col">{text.what}</th>
                                <th scope="col">{text.outcome}</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            }
            .into_any()
        }
    };
    view! {
        <section class="card" aria-labelledby="record-heading" id="record">
            <h2 id="record-heading">{text.record}</h2>
            <p class="muted">{text.record_hint}</p>
            <form class="record-search" method="get" action="/access">
                <label for="record-who">{text.who}</label>
                <input type="text" id="record-who" name="who" value=who autocomplete="off" />
                <label for="record-act">{text.what}</label>
                <select id="record-act" name="act">
                    <option value="">{text.all}</option>
                    {acts}
                </select>
                <label class="check">
                    <input type="checkbox" name="refused" value="true" checked=refused />
                    " "
                    {text.refused_only}
                </label>
                <button type="submit" class="button">{text.filter}</button>
                <button type="submit" class="button" formaction="/access/audit.csv">{text.download}</button>
            </form>
            {list}
            {older
                .map(|n| {
                    view! {
                        <form method="get" action="/access">
                            <input type="hidden" name="who" value=same.0 />
                            <input type="hidden" name="act" value=same.1 />
                            {refused.then(|| view! { <input type="hidden" name="refused" value="true" /> })}
                            <input type="hidden" name="before" value=n.to_string() />
                            <button type="submit" class="button">{text.older} " →"</button>
                        </form>
                    }
                })}
        </section>
    }
    .into_any()
}

fn row(entry: Entry, text: &'static EntryText) -> AnyView {
    let who = match (entry.who.is_empty(), entry.address.is_empty()) {
        (false, _) => entry.who,
        (true, true) => text.the_program.into(),
        (true, false) => text.nobody.into(),
    };
    let from = if entry.address.is_empty() { entry.door } else { format!("{} ({})", entry.address, entry.door) };
    let is_refused = entry.outcome != Entry::DONE;
    view! {
        <tr data-refused=is_refused.then_some("true")>
            <td><LocalTime at_ms=entry.at_ms date=true /></td>
            <td class="break">{who} " " <span class="muted">{entry.role}</span></td>
            <td class="break">{from}</td>
            <td class="break"><strong>{entry.act}</strong> " " {entry.about} <br /> <span class="muted">{entry.correlation_id}</span></td>
            <td>{entry.outcome}</td>
        </tr>
    }
    .into_any()
}
