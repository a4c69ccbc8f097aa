//! The words of the page of plans.

use crate::domain::{
    agenda::{Appointment, Outcome},
    prefs::Lang,
    saved::SavedPlan,
};

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
    pub agenda: &'static str,
    /// The clock's time, and the zone.
    pub once: fn(&str, &str) -> String,
    /// The line of cron, and the zone.
    pub again: fn(&str, &str) -> String,
    pub next: &'static str,
    pub over: &'static str,
    /// A moment on a clock, with the day of the week in English: `Fri 2026-11-27 09:00 CET`.
    pub clock: fn(&str) -> String,
    /// When the last time was, and what came of it.
    pub came: fn(&str, &Outcome) -> String,
    pub run: &'static str,
    pub unschedule: &'static str,
    pub scheduled: &'static str,
    pub schedule_heading: &'static str,
    pub plan: &'static str,
    pub at: &'static str,
    pub at_hint: &'static str,
    pub cron: &'static str,
    pub cron_hint: &'static str,
    pub zone: &'static str,
    pub zone_hint: &'static str,
    pub schedule: &'static str,
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
    agenda: "Schedules",
    once: |at, zone| format!("Once, at {at} ({zone})"),
    again: |line, zone| format!("Again and again: {line} ({zone})"),
    next: "Next:",
    over: "It does not come again.",
    clock: str::to_owned,
    came: |clock, outcome| match outcome {
        Outcome::Started { .. } => format!("{clock}: started."),
        Outcome::Skipped { .. } => format!("{clock}: skipped, because another test was at work."),
        Outcome::Missed { times: 1 } => format!("{clock}: missed. No dashboard was at work then."),
        Outcome::Missed { times } => format!("From {clock} on missed {times} times. No dashboard was at work then."),
        Outcome::Failed { reason } => format!("{clock}: could not start: {reason}"),
    },
    run: "Show the test",
    unschedule: "Delete schedule",
    scheduled: "The plan starts by itself at these times.",
    schedule_heading: "Let a plan start by itself",
    plan: "Plan",
    at: "Once",
    at_hint: "2026-11-27 09:00",
    cron: "Or again and again (cron)",
    cron_hint: "0 9 * * 1-5: on weekdays at nine",
    zone: "Time zone",
    zone_hint: "Europe/Berlin; empty: UTC",
    schedule: "Schedule",
    problem: |code| match code {
        "scheduled" => "This plan starts by itself: delete its schedules first.".into(),
        "one_of_two" => "Give either a time, for once, or a line of cron, for again and again.".into(),
        "no_zone" => "There is no such time zone. Give a name like Europe/Berlin or UTC.".into(),
        "not_a_time" => "Give a date and a time, like 2026-11-27 09:00.".into(),
        "past" => "This time is over. Give one to come.".into(),
        "skipped_by_clocks" => "Clocks go forward over this time, so it does not exist there. Give another one.".into(),
        "not_cron" => {
            "Not a line of cron. Give five fields (minute, hour, day, month, day of the week), like 0 9 * * 1-5.".into()
        }
        "too_often" => "A plan starts once a minute at most. Give five fields, without one for seconds.".into(),
        "never" => "No day fits this line of cron, so the plan would never start.".into(),
        "too_many_schedules" => format!("{} schedules are kept at most. Delete one first.", Appointment::MOST),
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
    agenda: "Startzeiten",
    once: |at, zone| format!("Einmal, um {at} ({zone})"),
    again: |line, zone| format!("Immer wieder: {line} ({zone})"),
    next: "Als Nächstes:",
    over: "Kommt nicht wieder.",
    clock: |clock| {
        let days = ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"];
        let english = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let found = english.iter().zip(days).find_map(|(name, day)| Some((clock.strip_prefix(name)?, day)));
        found.map_or_else(|| clock.into(), |(rest, day)| format!("{day}{rest}"))
    },
    came: |clock, outcome| match outcome {
        Outcome::Started { .. } => format!("{clock}: gestartet."),
        Outcome::Skipped { .. } => format!("{clock}: ausgefallen, weil ein anderer Test lief."),
        Outcome::Missed { times: 1 } => format!("{clock}: verpasst. Da lief kein Dashboard."),
        Outcome::Missed { times } => format!("Ab {clock} {times}-mal verpasst. Da lief kein Dashboard."),
        Outcome::Failed { reason } => format!("{clock}: konnte nicht starten: {reason}"),
    },
    run: "Zum Test",
    unschedule: "Startzeit löschen",
    scheduled: "Zu diesen Zeiten startet der Plan von selbst.",
    schedule_heading: "Einen Plan von selbst starten lassen",
    plan: "Plan",
    at: "Einmal",
    at_hint: "2026-11-27 09:00",
    cron: "Oder immer wieder (cron)",
    cron_hint: "0 9 * * 1-5: werktags um neun",
    zone: "Zeitzone",
    zone_hint: "Europe/Berlin; leer: UTC",
    schedule: "Vorsehen",
    problem: |code| {
        match code {
        "scheduled" => "Dieser Plan startet von selbst: bitte erst seine Startzeiten löschen.".into(),
        "one_of_two" => "Bitte entweder einen Zeitpunkt angeben, für einmal, oder eine cron-Zeile, für immer wieder.".into(),
        "no_zone" => "Diese Zeitzone gibt es nicht. Erlaubt ist ein Name wie Europe/Berlin oder UTC.".into(),
        "not_a_time" => "Bitte Datum und Uhrzeit angeben, zum Beispiel 2026-11-27 09:00.".into(),
        "past" => "Dieser Zeitpunkt ist vorbei. Bitte einen künftigen angeben.".into(),
        "skipped_by_clocks" => "Diesen Zeitpunkt überspringen die Uhren bei der Umstellung auf Sommerzeit. Bitte einen anderen angeben.".into(),
        "not_cron" => "Das ist keine cron-Zeile. Sie hat fünf Felder (Minute, Stunde, Tag, Monat, Wochentag), zum Beispiel 0 9 * * 1-5.".into(),
        "too_often" => "Ein Plan startet höchstens einmal pro Minute. Bitte fünf Felder angeben, keines für Sekunden.".into(),
        "never" => "Zu dieser cron-Zeile passt kein Tag, der Plan würde nie starten.".into(),
        "too_many_schedules" => format!("Mehr als {} Startzeiten werden nicht aufbewahrt. Bitte erst eine löschen.", Appointment::MOST),
        "not_a_name" => {
            format!("Bitte einen Namen mit 1 bis {} Zeichen in einer Zeile angeben.", SavedPlan::LONGEST_NAME)
        }
        "name_taken" => "Einen Plan dieses Namens gibt es schon.".into(),
        "too_many" => format!("Mehr als {} Pläne werden nicht aufbewahrt. Bitte erst einen löschen.", SavedPlan::MOST),
        "invalid" => "So lässt sich der Plan nicht ausführen: bitte erst im Formular berichtigen.".into(),
        "not_found" => "Diesen Plan gibt es nicht mehr.".into(),
        "unavailable" => "Die Pläne lassen sich nicht schreiben. Ist noch Platz auf der Festplatte?".into(),
        _ => "Das hat nicht geklappt. Bitte noch einmal versuchen.".into(),
    }
    },
};
