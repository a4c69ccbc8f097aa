//! The words of the page of plans.

use crate::domain::{prefs::Lang, saved::SavedPlan};

/// All of them. A language that misses one does not compile.
pub struct PlannerText {
    pub heading: &'static str,
    pub none: &'static str,
    pub unreadable: fn(&str) -> String,
    pub save_heading: &'static str,
    pub save: &'static str,
    pub replace: &'static str,
    pub back: &'static str,
    pub name: &'static str,
    pub name_hint: fn(usize) -> String,
    pub thresholds: fn(usize) -> String,
    pub misfit: &'static str,
    pub fill: &'static str,
    pub rename: &'static str,
    pub cancel: &'static str,
    pub download: &'static str,
    pub delete: &'static str,
    pub deleted: fn(&str) -> String,
    pub undo: &'static str,
    pub kept: fn(&str) -> String,
    /// When a plan was saved last.
    pub changed: fn(&str) -> String,
    /// Why something is not done, by an error's code.
    pub problem: fn(&str) -> String,
}

/// The words of a language.
pub fn words(lang: Lang) -> &'static PlannerText {
    match lang {
        Lang::En => &EN,
        Lang::De => &DE,
    }
}

static EN: PlannerText = PlannerText {
    heading: "Saved plans",
    none: "No plan is saved yet. “Save plan” below the form of a load test keeps what is filled in there under a name.",
    unreadable: |why| format!("The saved plans can't be read: {why}"),
    save_heading: "Save this plan",
    save: "Save",
    replace: "Replace the plan of that name",
    back: "Back to the form",
    name: "Name",
    name_hint: |most| format!("At most {most} characters"),
    thresholds: |count| match count {
        0 => "no thresholds".into(),
        1 => "1 threshold".into(),
        count => format!("{count} thresholds"),
    },
    misfit: "It can't be run as it is now:",
    fill: "Fill in the form",
    rename: "Rename",
    cancel: "Cancel",
    download: "Download",
    delete: "Delete",
    deleted: |name| format!("“\u{2068}{name}\u{2069}” was deleted."),
    undo: "Undo",
    kept: |name| format!("“\u{2068}{name}\u{2069}” is saved."),
    changed: |when| format!("saved {when} UTC"),
    problem: |code| match code {
        "not_a_name" => {
            format!("Give a name of 1 to {} characters in one line.", SavedPlan::LONGEST_NAME)
        }
        "name_taken" => "There is a plan of that name already.".into(),
        "too_many" => format!("{} plans are kept at most. Delete one first.", SavedPlan::MOST),
        "invalid" => "The plan can't be run as it is: mend it in the form first.".into(),
        "not_found" => "There is no such plan any more.".into(),
        "unavailable" => "The plans can't be written. Is there room on the disk?".into(),
        _ => "That did not work. Please try again.".into(),
    },
};

static DE: PlannerText = PlannerText {
    heading: "Gespeicherte Pläne",
    none: "Noch ist kein Plan gespeichert. „Plan speichern“ unter dem Lasttest-Formular hält unter einem Namen fest, was dort ausgefüllt ist.",
    unreadable: |why| format!("Die gespeicherten Pläne lassen sich nicht lesen: {why}"),
    save_heading: "Diesen Plan speichern",
    save: "Speichern",
    replace: "Den Plan dieses Namens ersetzen",
    back: "Zurück zum Formular",
    name: "Name",
    name_hint: |most| format!("Höchstens {most} Zeichen"),
    thresholds: |count| match count {
        0 => "keine Schwellenwerte".into(),
        1 => "1 Schwellenwert".into(),
        count => format!("{count} Schwellenwerte"),
    },
    misfit: "So, wie er ist, lässt er sich zurzeit nicht ausführen:",
    fill: "Ins Formular",
    rename: "Umbenennen",
    cancel: "Abbrechen",
    download: "Herunterladen",
    delete: "Löschen",
    deleted: |name| format!("„\u{2068}{name}\u{2069}“ ist gelöscht."),
    undo: "Rückgängig",
    kept: |name| format!("„\u{2068}{name}\u{2069}“ ist gespeichert."),
    changed: |when| format!("gespeichert {when} UTC"),
    problem: |code| match code {
        "not_a_name" => {
            format!("Bitte einen Namen mit 1 bis {} Zeichen in einer Zeile angeben.", SavedPlan::LONGEST_NAME)
        }
        "name_taken" => "Einen Plan dieses Namens gibt es schon.".into(),
        "too_many" => format!("Mehr als {} Pläne werden nicht aufbewahrt. Bitte erst einen löschen.", SavedPlan::MOST),
        "invalid" => "So lässt sich der Plan nicht ausführen: bitte erst im Formular berichtigen.".into(),
        "not_found" => "Diesen Plan gibt es nicht mehr.".into(),
        "unavailable" => "Die Pläne lassen sich nicht schreiben. Ist noch Platz auf der Festplatte?".into(),
        _ => "Das hat nicht geklappt. Bitte noch einmal versuchen.".into(),
    },
};
