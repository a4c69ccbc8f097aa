//! The words of the pages about who is let in.

use crate::domain::{access::Role, pass::PassKind, prefs::Lang};

/// All of them. A language that misses one does not compile.
pub struct EntryText {
    pub log_in: &'static str,
    pub name: &'static str,
    pub password: &'static str,
    pub log_in_with: fn(&str) -> String,
    pub or_account: &'static str,
    pub login_hint: &'static str,
    pub watch: &'static str,
    pub problem: fn(&str) -> &'static str,
    pub enter_heading: &'static str,
    pub enter_as: fn(Role) -> &'static str,
    pub enter_once: &'static str,
    pub enter: &'static str,
    pub no_link: &'static str,
    pub made: &'static str,
    pub made_hint: fn(PassKind, bool) -> &'static str,
    pub back: &'static str,
    /// How it is: whether no login is needed.
    pub state: fn(bool) -> &'static str,
    pub accounts: &'static str,
    pub no_accounts: &'static str,
    pub role: &'static str,
    pub role_name: fn(Role) -> &'static str,
    pub new_password: &'static str,
    pub password_hint: fn(u32) -> String,
    pub unchanged: &'static str,
    pub change: &'static str,
    pub save: &'static str,
    pub delete_account: &'static str,
    pub add_account: &'static str,
    pub add: &'static str,
    pub first_account: &'static str,
    pub passes: &'static str,
    pub no_passes: &'static str,
    pub sessions: fn(usize) -> String,
    pub kind: &'static str,
    pub kind_name: fn(PassKind) -> &'static str,
    pub once: &'static str,
    pub until: &'static str,
    pub used: &'static str,
    pub unused: &'static str,
    pub revoke: &'static str,
    pub add_pass: &'static str,
    pub pass_name_hint: &'static str,
    pub link_hint: &'static str,
    pub lasts: &'static str,
    pub lasts_name: fn(&str) -> &'static str,
    pub make: &'static str,
    pub done: fn(&str) -> Option<&'static str>,
    pub scripts: &'static str,
    pub scripts_hint: &'static str,
    pub no_scripts: &'static str,
    pub upload_script: &'static str,
    pub script_name: &'static str,
    pub script_name_hint: fn(u32) -> String,
    pub script_text: &'static str,
    pub script_text_hint: fn(u32) -> String,
    pub replace_script: &'static str,
    pub upload_script_now: &'static str,
    pub script_refused: &'static str,
    pub delete_script: &'static str,
    pub delete_script_hint: &'static str,
    pub delete_script_now: &'static str,
    pub record: &'static str,
    pub record_hint: &'static str,
    pub no_record: &'static str,
    pub when: &'static str,
    pub who: &'static str,
    pub from: &'static str,
    pub what: &'static str,
    pub outcome: &'static str,
    pub nobody: &'static str,
    pub the_program: &'static str,
    pub refused_only: &'static str,
    pub all: &'static str,
    pub filter: &'static str,
    pub older: &'static str,
    pub download: &'static str,
}

impl EntryText {
    /// Those of a language.
    pub fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::En => &EN,
            Lang::De => &DE,
        }
    }
}

static EN: EntryText = EntryText {
    log_in: "Log in",
    name: "Name",
    password: "Password",
    log_in_with: |host| format!("Log in with {host}"),
    or_account: "or with an account here",
    login_hint: "Accounts and links are given out by an admin of this dashboard.",
    watch: "Watch without logging in",
    problem: |code| match code {
        "wrong_login" => "Name and password don't go together. Nothing else is wrong: try again.",
        "too_many" => "Too many attempts. Wait a minute, then try again.",
        "not_in_team" => {
            "You are logged in there, but nobody said that you may do something here. Ask an admin of this dashboard."
        }
        "team_unreachable" => {
            "That login can't be reached just now. Try again in a moment; the dashboard's log says more."
        }
        "team_untrue" => "What came back from that login does not hold. Try again; the dashboard's log says more.",
        "team_denied" => "That login did not let you in. Try again, or log in with an account.",
        "team_stale" => "That took too long, or was begun in another browser. Try again.",
        "account_taken" => "An account has that name already. Choose another one, or change that account.",
        "last_admin" => "This is the last admin. Make another admin first, or nobody could say who may what.",
        "first_admin" => "The first account has to be an admin: from then on a login is needed, also to make others.",
        "too_many_passes" => "There are too many tokens and links. Take one back first.",
        "not_found" => "It is gone already.",
        "script_in_use" => "A test is at work with this script. Stop it first, or wait for its end.",
        "script_uploads_off" => "Scripts can't be uploaded here: that is switched on with HAD_SCRIPT_UPLOADS=on.",
        "unavailable" => "The dashboard can't read who may log in just now. Try again in a moment.",
        "name" => "Name: 1 to 60 characters that can be seen.",
        "role" => "Role: viewer, presenter or admin.",
        "password" => "Password: 15 to 256 characters.",
        "lasts" => "Choose how long it lasts.",
        "kind" => "Choose token or link.",
        _ => "This was refused. Look at the fields again.",
    },
    enter_heading: "You are invited",
    enter_as: |role| match role {
        Role::Nobody | Role::Viewer => "This link lets you watch.",
        Role::Presenter => "This link lets you start and stop tests, and set faults.",
        Role::Admin => "This link lets you do everything.",
    },
    enter_once: "It is good for one person and one browser: once used, it is spent.",
    enter: "Come in",
    no_link: "This link leads nowhere any more: it was used, taken back, or its time is over. Ask who gave it to you for another one.",
    made: "Made. Copy it now",
    made_hint: |kind, once| match (kind, once) {
        (PassKind::Link, true) => "It is shown this once and kept nowhere. It lets one person in, once.",
        (PassKind::Link, false) => "It is shown this once and kept nowhere. Whoever has it may watch.",
        _ => {
            "It is shown this once and kept nowhere. Programs send it as “Authorization: Bearer …”; the command line reads it from HAD_TOKEN."
        }
    },
    back: "Back to access",
    state: |is_open| match is_open {
        true => "No login is needed: whoever reaches this address may do everything. It ends with the first account.",
        false => "A login is needed to do something.",
    },
    accounts: "Accounts",
    no_accounts: "There is no account yet.",
    role: "Role",
    role_name: |role| match role {
        Role::Nobody => "nobody",
        Role::Viewer => "Viewer",
        Role::Presenter => "Presenter",
        Role::Admin => "Admin",
    },
    new_password: "New password",
    password_hint: |least| format!("At least {least} characters."),
    unchanged: "Empty: stays as it is. Either way its sessions end.",
    change: "Change",
    save: "Save",
    delete_account: "Delete account",
    add_account: "New account",
    add: "Add account",
    first_account: "The first one is an admin. From then on a login is needed, so keep its password at hand.",
    passes: "Tokens and links",
    no_passes: "There are none.",
    sessions: |count| {
        if count == 1 { "1 browser is logged in".into() } else { format!("{count} browsers are logged in") }
    },
    kind: "Kind",
    kind_name: |kind| match kind {
        PassKind::Session => "Session",
        PassKind::Token => "Token for programs",
        PassKind::Link => "Link for people",
    },
    once: "for one person",
    until: "until",
    used: "last used",
    unused: "never used",
    revoke: "Take back",
    add_pass: "New token or link",
    pass_name_hint: "What it is for, so that it can be told from the others.",
    link_hint: "Links for viewers are good for many, others for one person.",
    lasts: "Lasts",
    lasts_name: |name| match name {
        "1h" => "1 hour",
        "8h" => "8 hours",
        "1d" => "1 day",
        "7d" => "7 days",
        "30d" => "30 days",
        "90d" => "90 days",
        _ => "1 year",
    },
    make: "Make",
    done: |code| match code {
        "account" => Some("The account is made."),
        "changed" => Some("The account is changed, its sessions have ended."),
        "deleted" => Some("The account is gone, its sessions have ended."),
        "script" => Some("The script is uploaded. It can be chosen for a load test."),
        "script_deleted" => Some("The script is gone."),
        "revoked" => Some("Taken back. Who came by it is out."),
        _ => None,
    },
    scripts: "Scripts",
    scripts_hint: "Uploaded beside the catalogue. They run in containers only, which no way leads out of.",
    no_scripts: "None was uploaded yet.",
    upload_script: "Upload a script",
    script_name: "File name",
    script_name_hint: |most| format!("At most {most} characters: a to z, 0 to 9 and “-”, .js at the end."),
    script_text: "Script",
    script_text_hint: |most_kib| {
        format!(
            "At most {most_kib} KiB. It may import what is in the catalogue, like “./lib/http.js”. k6 looks at it first."
        )
    },
    replace_script: "Replace the uploaded script of that name",
    upload_script_now: "Upload",
    script_refused: "The script is not kept",
    delete_script: "Delete",
    delete_script_hint: "It is gone at once, and plans that name it no longer start. Past tests stay as they are.",
    delete_script_now: "Delete script",
    record: "Who did what",
    record_hint: "Everything that changed something, and everything that was refused. Nothing of it can be changed or deleted here.",
    no_record: "Nothing was done yet.",
    when: "When",
    who: "Who",
    from: "From",
    what: "What",
    outcome: "Outcome",
    nobody: "not logged in",
    the_program: "the dashboard",
    refused_only: "Only what was refused",
    all: "all",
    filter: "Show",
    older: "Older",
    download: "As CSV",
};

static DE: EntryText = EntryText {
    log_in: "Anmelden",
    name: "Name",
    password: "Passwort",
    log_in_with: |host| format!("Mit {host} anmelden"),
    or_account: "oder mit einem Konto hier",
    login_hint: "Konten und Links vergibt die Verwaltung dieses Dashboards.",
    watch: "Ohne Anmeldung zuschauen",
    problem: |code| match code {
        "wrong_login" => "Name und Passwort passen nicht zusammen. Bitte noch einmal versuchen.",
        "too_many" => "Zu viele Versuche. Bitte eine Minute warten und es dann noch einmal versuchen.",
        "not_in_team" => {
            "Die Anmeldung dort hat geklappt, aber hier hat niemand Rechte dafür vergeben. Bitte die Verwaltung dieses Dashboards fragen."
        }
        "team_unreachable" => {
            "Diese Anmeldung ist gerade nicht zu erreichen. Bitte gleich noch einmal versuchen; das Log des Dashboards sagt mehr."
        }
        "team_untrue" => {
            "Was von dieser Anmeldung zurückkam, stimmt nicht. Bitte noch einmal versuchen; das Log des Dashboards sagt mehr."
        }
        "team_denied" => {
            "Diese Anmeldung hat niemanden eingelassen. Bitte noch einmal versuchen oder ein Konto benutzen."
        }
        "team_stale" => {
            "Das hat zu lange gedauert oder wurde in einem anderen Browser begonnen. Bitte noch einmal versuchen."
        }
        "account_taken" => "So heißt schon ein Konto. Bitte einen anderen Namen wählen oder jenes Konto ändern.",
        "last_admin" => {
            "Das ist das letzte Konto der Verwaltung. Bitte zuerst ein anderes dazu machen, sonst könnte niemand mehr Rechte vergeben."
        }
        "first_admin" => {
            "Das erste Konto muss die Rolle Verwaltung haben: Ab dann ist eine Anmeldung nötig, auch um weitere anzulegen."
        }
        "too_many_passes" => "Es gibt zu viele Tokens und Links. Bitte zuerst einen zurücknehmen.",
        "not_found" => "Das gibt es schon nicht mehr.",
        "script_in_use" => "Ein Test arbeitet mit diesem Skript. Bitte zuerst stoppen oder sein Ende abwarten.",
        "script_uploads_off" => {
            "Hier lassen sich keine Skripte hochladen: Das wird mit HAD_SCRIPT_UPLOADS=on eingeschaltet."
        }
        "unavailable" => {
            "Das Dashboard kann gerade nicht lesen, wer sich anmelden darf. Bitte gleich noch einmal versuchen."
        }
        "name" => "Name: 1 bis 60 sichtbare Zeichen.",
        "role" => "Rolle: Zuschauen, Vorführen oder Verwaltung.",
        "password" => "Passwort: 15 bis 256 Zeichen.",
        "lasts" => "Bitte wählen, wie lange es gilt.",
        "kind" => "Bitte Token oder Link wählen.",
        _ => "Das wurde abgelehnt. Bitte die Felder noch einmal ansehen.",
    },
    enter_heading: "Einladung",
    enter_as: |role| match role {
        Role::Nobody | Role::Viewer => "Mit diesem Link kann man zuschauen.",
        Role::Presenter => "Mit diesem Link kann man Tests starten und stoppen und Störungen setzen.",
        Role::Admin => "Mit diesem Link kann man alles tun.",
    },
    enter_once: "Er gilt für eine Person und einen Browser: einmal benutzt, ist er verbraucht.",
    enter: "Eintreten",
    no_link: "Dieser Link führt nirgends mehr hin: Er wurde benutzt, zurückgenommen, oder seine Zeit ist um. Wer ihn gegeben hat, kann einen neuen ausstellen.",
    made: "Fertig. Jetzt kopieren",
    made_hint: |kind, once| match (kind, once) {
        (PassKind::Link, true) => {
            "Er wird nur dieses eine Mal gezeigt und nirgends aufbewahrt. Er lässt eine Person ein, ein Mal."
        }
        (PassKind::Link, false) => {
            "Er wird nur dieses eine Mal gezeigt und nirgends aufbewahrt. Wer ihn hat, darf zuschauen."
        }
        _ => {
            "Er wird nur dieses eine Mal gezeigt und nirgends aufbewahrt. Programme senden ihn als „Authorization: Bearer …“, die Kommandozeile liest ihn aus HAD_TOKEN."
        }
    },
    back: "Zurück zum Zugang",
    state: |is_open| match is_open {
        true => "Es ist keine Anmeldung nötig: Wer diese Adresse erreicht, darf alles. Das endet mit dem ersten Konto.",
        false => "Um etwas zu tun, ist eine Anmeldung nötig.",
    },
    accounts: "Konten",
    no_accounts: "Es gibt noch kein Konto.",
    role: "Rolle",
    role_name: |role| match role {
        Role::Nobody => "niemand",
        Role::Viewer => "Zuschauen",
        Role::Presenter => "Vorführen",
        Role::Admin => "Verwaltung",
    },
    new_password: "Neues Passwort",
    password_hint: |least| format!("Mindestens {least} Zeichen."),
    unchanged: "Leer: bleibt, wie es ist. Die Sitzungen enden in jedem Fall.",
    change: "Ändern",
    save: "Speichern",
    delete_account: "Konto löschen",
    add_account: "Neues Konto",
    add: "Konto anlegen",
    first_account: "Das erste hat die Rolle Verwaltung. Ab dann ist eine Anmeldung nötig, also das Passwort bereithalten.",
    passes: "Tokens und Links",
    no_passes: "Es gibt keine.",
    sessions: |count| {
        if count == 1 { "1 Browser ist angemeldet".into() } else { format!("{count} Browser sind angemeldet") }
    },
    kind: "Art",
    kind_name: |kind| match kind {
        PassKind::Session => "Sitzung",
        PassKind::Token => "Token für Programme",
        PassKind::Link => "Link für Menschen",
    },
    once: "für eine Person",
    until: "bis",
    used: "zuletzt benutzt",
    unused: "nie benutzt",
    revoke: "Zurücknehmen",
    add_pass: "Neuer Token oder Link",
    pass_name_hint: "Wofür er ist, um ihn von anderen zu unterscheiden.",
    link_hint: "Links zum Zuschauen gelten für viele, andere für eine Person.",
    lasts: "Gilt",
    lasts_name: |name| match name {
        "1h" => "1 Stunde",
        "8h" => "8 Stunden",
        "1d" => "1 Tag",
        "7d" => "7 Tage",
        "30d" => "30 Tage",
        "90d" => "90 Tage",
        _ => "1 Jahr",
    },
    make: "Ausstellen",
    done: |code| match code {
        "account" => Some("Das Konto ist angelegt."),
        "changed" => Some("Das Konto ist geändert, seine Sitzungen sind beendet."),
        "deleted" => Some("Das Konto ist gelöscht, seine Sitzungen sind beendet."),
        "script" => Some("Das Skript ist hochgeladen und lässt sich für einen Lasttest wählen."),
        "script_deleted" => Some("Das Skript ist gelöscht."),
        "revoked" => Some("Zurückgenommen. Wer darüber gekommen ist, ist draußen."),
        _ => None,
    },
    scripts: "Skripte",
    scripts_hint: "Neben dem Katalog hochgeladen. Sie laufen nur in Containern, aus denen kein Weg hinausführt.",
    no_scripts: "Es wurde noch keines hochgeladen.",
    upload_script: "Skript hochladen",
    script_name: "Dateiname",
    script_name_hint: |most| format!("Höchstens {most} Zeichen: a bis z, 0 bis 9 und „-“, am Ende .js."),
    script_text: "Skript",
    script_text_hint: |most_kib| {
        format!(
            "Höchstens {most_kib} KiB. Es kann importieren, was im Katalog ist, etwa „./lib/http.js“. k6 sieht es zuerst an."
        )
    },
    replace_script: "Das hochgeladene Skript dieses Namens ersetzen",
    upload_script_now: "Hochladen",
    script_refused: "Das Skript wird nicht übernommen",
    delete_script: "Löschen",
    delete_script_hint: "Es ist sofort weg, und Pläne, die es nennen, starten nicht mehr. Vergangene Tests bleiben, wie sie sind.",
    delete_script_now: "Skript löschen",
    record: "Wer was getan hat",
    record_hint: "Alles, was etwas geändert hat, und alles, was abgelehnt wurde. Nichts davon lässt sich hier ändern oder löschen.",
    no_record: "Es wurde noch nichts getan.",
    when: "Wann",
    who: "Wer",
    from: "Woher",
    what: "Was",
    outcome: "Ergebnis",
    nobody: "nicht angemeldet",
    the_program: "das Dashboard",
    refused_only: "Nur Abgelehntes",
    all: "alle",
    filter: "Zeigen",
    older: "Ältere",
    download: "Als CSV",
};
