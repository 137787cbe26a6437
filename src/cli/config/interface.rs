//! What is configured of the interface: keys, colours, rules, and what it begins with.

use crate::tui::keymap::{Key, Keymap};
use crate::tui::{self, Colours, Rule, TimeFormat};

use super::configured::Config;
use super::given::{Given, Origin, value};
use super::value::{NamesArg, RowsArg, TimeArg};

fn line(from: &Origin) -> usize {
    match from {
        Origin::File { line, .. } => *line,
        Origin::Environment(_) => 0,
    }
}

/// What is wrong with keys and colours, by line.
pub(super) fn wrong(config: &Config) -> Vec<(usize, String)> {
    let mut wrong = Vec::new();
    if let Err(error) = keymap(config) {
        wrong.push(error);
    }
    for (name, given) in &config.colours {
        let at = line(&given.from);
        if role(name).is_none() {
            let names = tui::ROLES.iter().map(|(_, name, _)| *name);
            wrong.push((
                at,
                match crate::filter::nearest(name, names) {
                    Some(near) => format!("nothing has the colour {name:?}: did you mean {near}?"),
                    None => format!("nothing has the colour {name:?}"),
                },
            ));
        }
        if let Err(why) = tui::style(&given.value) {
            wrong.push((at, format!("colours.{name}: {why}")));
        }
    }
    for rule in &config.rules {
        if let Err(why) = tui::style(&rule.colour) {
            wrong.push((line(&rule.from), format!("colour: {why}")));
        }
    }
    wrong
}

fn role(name: &str) -> Option<tui::Role> {
    let mut roles = tui::ROLES.iter();
    roles
        .find(|(_, known, _)| *known == name)
        .map(|(role, ..)| *role)
}

fn keymap(config: &Config) -> Result<Keymap, (usize, String)> {
    let mut chosen = Vec::new();
    for (name, given) in &config.keys {
        chosen.push((name.clone(), keys(name, given)?));
    }
    Keymap::with(&chosen).map_err(|(at, why)| {
        let from = config.keys.get(at).map(|(_, given)| &given.from);
        (from.map_or(0, line), why)
    })
}

fn keys(name: &str, given: &Given<Vec<String>>) -> Result<Vec<Key>, (usize, String)> {
    let keys = given.value.iter().map(|text| {
        Key::parse(text).ok_or_else(|| {
            let text = crate::base::escape::text(text.as_bytes());
            let why = format!(
                "keys.{name}: no key is called {text:?}: keys are x, Ctrl-x, Alt-x, F5, Enter, Space, PgUp, Up and the like"
            );
            (line(&given.from), why)
        })
    });
    keys.collect()
}

impl Config {
    /// What the interface begins with. What is wrong was told when the file was read.
    pub(crate) fn interface(&self, mut colours: Colours, depth: tui::Depth) -> tui::Settings {
        for (name, given) in &self.colours {
            if let (Some(role), Ok(style)) = (role(name), tui::style(&given.value)) {
                colours.choose(role, style);
            }
        }
        let settings = &self.settings;
        let rules = self.rules.iter().filter_map(|rule| {
            Some(Rule {
                filter: crate::filter::Filter::parse(&rule.filter).ok()?,
                style: tui::style(&rule.colour).ok()?,
            })
        });
        let filters = settings.filters.iter().flat_map(|given| &given.value);
        tui::Settings {
            colours,
            depth,
            keymap: keymap(self).unwrap_or_default(),
            time: settings
                .time
                .as_ref()
                .map_or_else(TimeFormat::default, |given| time(given.value)),
            columns: value(&settings.columns).unwrap_or_default(),
            messages: value(&settings.rows) == Some(RowsArg::Messages),
            filter: value(&settings.filter),
            connections: value(&settings.connections_filter),
            filters: filters.map(|filter| filter.text().to_owned()).collect(),
            rules: rules.collect(),
            names: names(value(&settings.names)),
        }
    }
}

/// Whether names are shown, and whether the system is asked for them.
fn names(names: Option<NamesArg>) -> Option<bool> {
    match names? {
        NamesArg::Off => None,
        NamesArg::Capture => Some(false),
        NamesArg::System => Some(true),
    }
}

fn time(time: TimeArg) -> TimeFormat {
    match time {
        TimeArg::Relative => TimeFormat::Relative,
        TimeArg::Delta => TimeFormat::Delta,
        TimeArg::SinceFrame => TimeFormat::SinceFrame,
        TimeArg::Utc => TimeFormat::Utc,
        TimeArg::Local => TimeFormat::Local,
    }
}
