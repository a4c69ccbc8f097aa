//! The charts' words in both languages.

use crate::domain::{format::Numbers, frame::Metric, prefs::Lang, schedule::PhaseName};

/// What a panel is called and says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct PanelText {
    /// The panel's id in [`super::panels::PANELS`].
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What it shows, in a sentence.
    pub help: &'static str,
}

/// The charts' words.
#[derive(Debug)]
pub struct ChartText {
    /// The language, for numbers.
    pub lang: Lang,
    /// All panels' words.
    pub panels: &'static [PanelText],
    /// Names of the whole run's series.
    pub metric: fn(Metric) -> &'static str,
    /// What requests and iterations per second are called on an axis.
    pub requests_per_second: &'static str,
    /// Iterations per second on an axis.
    pub iterations_per_second: &'static str,
    /// CPU on an axis.
    pub percent_of_core: &'static str,
    /// The course that the plan asks for.
    pub planned: &'static str,
    /// The sum of all services.
    pub total: &'static str,
    /// The whole machine.
    pub host: &'static str,
    /// A series or panel without values.
    pub no_data: &'static str,
    /// Says what the bars of replicas show.
    pub lanes_help: &'static str,
    /// Of a replica that was there all the time.
    pub lane_fine: &'static str,
    /// A stretch in which k6 measured and nobody could take it.
    pub no_metrics: &'static str,
    /// The chart script did not load.
    pub script_missing: &'static str,
    /// Without JavaScript there are no charts.
    pub no_script: &'static str,
    /// "latest", before values.
    pub latest: &'static str,
    /// "max", behind the name of a series whose highest value follows.
    pub highest: &'static str,
    /// "at", before the time under the pointer.
    pub at: &'static str,
    /// Heads the preview.
    pub preview: &'static str,
    /// Instead of the preview of a plan that is not valid.
    pub preview_missing: &'static str,
    /// Names of phases.
    pub phase: fn(PhaseName) -> &'static str,
}

impl ChartText {
    /// The words in a language.
    pub fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::En => &ENGLISH,
            Lang::De => &GERMAN,
        }
    }

    /// A panel's words.
    pub fn panel(&self, id: &str) -> Option<&'static PanelText> {
        self.panels.iter().find(|panel| panel.id == id)
    }

    /// How numbers are written.
    pub fn numbers(&self) -> Numbers {
        match self.lang {
            Lang::En => Numbers::En,
            Lang::De => Numbers::De,
        }
    }
}

const ENGLISH: ChartText = ChartText {
    lang: Lang::En,
    panels: &[
        PanelText {
            id: "load",
            title: "Load",
            help: "The load that k6 puts on the services, next to the planned load (dashed).",
        },
        PanelText {
            id: "throughput",
            title: "Throughput",
            help: "Requests answered per second, in all and by service.",
        },
        PanelText {
            id: "latency",
            title: "Latency",
            help: "How long requests took in the last seconds: half of them, 95% and 99% were faster than these lines. Dashed: thresholds.",
        },
        PanelText {
            id: "errors",
            title: "Errors",
            help: "Share of failed requests in the last seconds. Dashed: thresholds.",
        },
        PanelText {
            id: "cpu",
            title: "CPU",
            help: "Processor time by process. 100% is one fully busy core, so a process can exceed it.",
        },
        PanelText { id: "memory", title: "Memory", help: "Resident memory by process." },
    ],
    metric: |metric| match metric {
        Metric::Vus => "VUs",
        Metric::VusMax => "VUs created",
        Metric::RequestRate => "requests",
        Metric::FailedShare => "failed",
        Metric::P50 => "p50",
        Metric::P95 => "p95",
        Metric::P99 => "p99",
        Metric::Mean => "mean",
        Metric::IterationRate => "iterations",
        Metric::DroppedRate => "dropped",
        Metric::DataSent => "sent",
        Metric::DataReceived => "received",
        Metric::Cpu => "CPU",
        Metric::IterationCount => "iterations",
        Metric::Memory => "memory",
    },
    requests_per_second: "requests/s",
    iterations_per_second: "iterations/s",
    percent_of_core: "% of one core",
    planned: "planned",
    total: "total",
    host: "host",
    lanes_help: "Who was there: as our probes and the gateway noticed. The stripe below a bar: a fault was set.",
    lane_fine: "there all the time",
    no_data: "no data",
    no_metrics: "no metrics",
    script_missing: "The charts could not be loaded: /vendor/echarts.min.js is missing. The numbers are live all the same.",
    no_script: "Without JavaScript the charts stay empty. The numbers are from the moment the page was loaded.",
    latest: "latest",
    highest: "max",
    at: "at",
    preview: "Planned load",
    preview_missing: "The planned load appears here once all fields are valid.",
    phase: |phase| match phase {
        PhaseName::RampUp => "ramp up",
        PhaseName::Hold => "hold",
        PhaseName::Step => "step",
        PhaseName::Baseline => "baseline",
        PhaseName::Spike => "spike",
        PhaseName::Recovery => "recovery",
        PhaseName::RampDown => "ramp down",
    },
};

const GERMAN: ChartText = ChartText {
    lang: Lang::De,
    panels: &[
        PanelText { id: "load", title: "Last", help: "Die Last, die k6 erzeugt, neben der geplanten (gestrichelt)." },
        PanelText {
            id: "throughput",
            title: "Durchsatz",
            help: "Beantwortete Anfragen pro Sekunde, insgesamt und pro Dienst.",
        },
        PanelText {
            id: "latency",
            title: "Latenz",
            help: "Wie lange Anfragen in den letzten Sekunden dauerten: die Hälfte, 95 % und 99 % waren schneller als diese Linien. Gestrichelt: Schwellenwerte.",
        },
        PanelText {
            id: "errors",
            title: "Fehler",
            help: "Anteil fehlgeschlagener Anfragen in den letzten Sekunden. Gestrichelt: Schwellenwerte.",
        },
        PanelText {
            id: "cpu",
            title: "CPU",
            help: "Rechenzeit pro Prozess. 100 % sind ein voll ausgelasteter Kern, ein Prozess kann also darüber liegen.",
        },
        PanelText { id: "memory", title: "Speicher", help: "Belegter Arbeitsspeicher pro Prozess." },
    ],
    metric: |metric| match metric {
        Metric::Vus => "VUs",
        Metric::VusMax => "angelegte VUs",
        Metric::RequestRate => "Anfragen",
        Metric::FailedShare => "fehlgeschlagen",
        Metric::P50 => "p50",
        Metric::P95 => "p95",
        Metric::P99 => "p99",
        Metric::Mean => "Mittelwert",
        Metric::IterationRate => "Iterationen",
        Metric::DroppedRate => "verworfen",
        Metric::DataSent => "gesendet",
        Metric::DataReceived => "empfangen",
        Metric::Cpu => "CPU",
        Metric::IterationCount => "Iterationen",
        Metric::Memory => "Speicher",
    },
    requests_per_second: "Anfragen/s",
    iterations_per_second: "Iterationen/s",
    percent_of_core: "% eines Kerns",
    planned: "geplant",
    total: "gesamt",
    host: "Rechner",
    lanes_help: "Wer da war: wie unsere Proben und das Gateway es bemerkt haben. Der Streifen unter einem Balken: Störung gesetzt.",
    lane_fine: "die ganze Zeit da",
    no_data: "keine Daten",
    no_metrics: "keine Messwerte",
    script_missing: "Die Diagramme konnten nicht geladen werden: /vendor/echarts.min.js fehlt. Die Zahlen sind trotzdem live.",
    no_script: "Ohne JavaScript bleiben die Diagramme leer. Die Zahlen stammen vom Laden der Seite.",
    latest: "zuletzt",
    highest: "max.",
    at: "bei",
    preview: "Geplante Last",
    preview_missing: "Die geplante Last erscheint hier, sobald alle Felder stimmen.",
    phase: |phase| match phase {
        PhaseName::RampUp => "Anstieg",
        PhaseName::Hold => "Halten",
        PhaseName::Step => "Stufe",
        PhaseName::Baseline => "Grundlast",
        PhaseName::Spike => "Spitze",
        PhaseName::Recovery => "Erholung",
        PhaseName::RampDown => "Rückgang",
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_panel_has_words_in_both_languages() {
        for panel in crate::ui::charts::panels::PANELS {
            for lang in [Lang::En, Lang::De] {
                assert!(ChartText::of(lang).panel(panel.id).is_some(), "{} {lang:?}", panel.id);
            }
        }
    }
}
