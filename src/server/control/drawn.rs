//! A run in detail as it was drawn last, for all who look at the same.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use ha_dashboard::{
    api::page::DetailPage,
    domain::{
        detail::{Detail, Order},
        prefs::Lang,
        run::{Run, RunId},
    },
    report,
};

/// Pages that were drawn of the newest detail of one run.
#[derive(Default)]
pub struct Drawn(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    /// What they show.
    of: Option<(RunId, Arc<Detail>)>,
    pages: HashMap<(Order, Lang), DetailPage>,
}

impl Drawn {
    /// The page of a run in detail.
    pub fn page(&self, run: &Run, detail: Option<Arc<Detail>>, order: Order, lang: Lang) -> DetailPage {
        let Some(detail) = detail else { return report::detail_page(run, None, order, lang) };
        // Pages are added and forgotten whole.
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = drawn.of.as_ref().is_some_and(|(id, shown)| *id == run.id && Arc::ptr_eq(shown, &detail));
        if !is_same {
            *drawn = Pages { of: Some((run.id.clone(), detail.clone())), pages: HashMap::new() };
        }
        let draw = || report::detail_page(run, Some(&detail), order, lang);
        drawn.pages.entry((order, lang)).or_insert_with(draw).clone()
    }
}
