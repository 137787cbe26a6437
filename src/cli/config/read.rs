//! The text of a configuration file, as settings; everything that is wrong with it by its line.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::base::escape;
use crate::filter::{Filter, nearest};

use super::configured::{Config, RuleText};
use super::given::{Given, Origin};
use super::table::SETTINGS;
use super::value::{Setting as _, text, texts, written};

/// What is wrong, by line.
pub(super) type Wrong = Vec<(usize, String)>;

/// Tables beside the settings.
const TABLES: [&str; 4] = ["keys", "colours", "colour", "profile"];

/// Reads a file, with the settings of a profile over the others.
pub(super) fn read(source: &str, profile: Option<&str>) -> (Config, Wrong) {
    let mut reader = Reader {
        source,
        config: Config::default(),
        wrong: Vec::new(),
    };
    match DeTable::parse(source) {
        Ok(all) => reader.file(all.get_ref(), profile.filter(|name| !name.is_empty())),
        Err(error) => {
            let line = error.span().map_or(0, |span| reader.line(&span));
            reader.wrong.push((line, error.message().to_owned()));
        }
    }
    (reader.config, reader.wrong)
}

struct Reader<'a> {
    source: &'a str,
    config: Config,
    wrong: Wrong,
}

impl Reader<'_> {
    /// The line of a place, from 1.
    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.source.as_bytes().get(..span.start);
        let before = before.unwrap_or(self.source.as_bytes());
        1 + memchr::memchr_iter(b'\n', before).count()
    }

    fn says(&mut self, at: &Range<usize>, text: impl Into<String>) {
        let line = self.line(at);
        self.wrong.push((line, text.into()));
    }

    fn file(&mut self, all: &DeTable<'_>, profile: Option<&str>) {
        self.settings(all, None);
        let profiles = all.get("profile");
        let profiles = match profiles.map(|value| (value.span(), value.get_ref())) {
            None => &DeTable::new(),
            Some((_, DeValue::Table(profiles))) => profiles,
            Some((at, _)) => {
                return self.says(&at, "a profile is a table: [profile.NAME]");
            }
        };
        // A typo in another profile is one, too: all are looked at, and what one sets counts when it is asked for.
        for (name, value) in profiles {
            let DeValue::Table(table) = value.get_ref() else {
                self.says(&name.span(), "a profile is a table: [profile.NAME]");
                continue;
            };
            if profile == Some(name.get_ref().as_ref()) {
                self.settings(table, profile);
            } else {
                let before = self.config.clone();
                self.settings(table, Some(name.get_ref().as_ref()));
                self.config = before;
            }
        }
        if let Some(asked) = profile
            && !profiles.iter().any(|(name, _)| name.get_ref() == asked)
        {
            self.no_profile(asked, profiles);
        }
        self.config.profile = profile.map(str::to_owned);
    }

    fn no_profile(&mut self, asked: &str, profiles: &DeTable<'_>) {
        let names: Vec<&str> = profiles
            .keys()
            .map(|name| name.get_ref().as_ref())
            .collect();
        let shown = escape::text(asked.as_bytes());
        let text = match (nearest(asked, names.iter().copied()), names.is_empty()) {
            (Some(near), _) => format!("no profile {shown:?}: did you mean {near}?"),
            (None, false) => format!("no profile {shown:?}: there are {}", names.join(", ")),
            (None, true) => format!("no profile {shown:?}: a table [profile.{shown}] makes one"),
        };
        self.wrong.push((0, text));
    }

    /// The settings of a table: those of the file, or those of a profile.
    fn settings(&mut self, table: &DeTable<'_>, profile: Option<&str>) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match (name, value.get_ref()) {
                ("profile", _) if profile.is_none() => {}
                ("keys", DeValue::Table(keys)) => self.keys(keys, profile),
                ("colours", DeValue::Table(colours)) => self.colours(colours, profile),
                ("colour", DeValue::Array(rules)) => self.rules(rules, profile),
                ("limits", DeValue::Table(limits)) => {
                    for (key, value) in limits {
                        let name = format!("limits.{}", key.get_ref());
                        self.setting(&name, key, value, profile);
                    }
                }
                ("keys" | "colours" | "limits", _) => {
                    self.says(&key.span(), format!("{name} is a table: [{name}]"));
                }
                ("colour", _) => self.says(&key.span(), "a colour rule is a table: [[colour]]"),
                _ => self.setting(name, key, value, profile),
            }
        }
    }

    fn setting(
        &mut self,
        name: &str,
        key: &Spanned<impl AsRef<str>>,
        value: &Spanned<DeValue<'_>>,
        profile: Option<&str>,
    ) {
        if !SETTINGS.iter().any(|about| about.name == name) {
            let names = SETTINGS.iter().map(|about| about.name);
            let names = names.chain(TABLES.into_iter().filter(|_| !name.contains('.')));
            let shown = escape::text(name.as_bytes());
            let text = match nearest(name, names) {
                Some(near) => format!("no setting {shown:?}: did you mean {near}?"),
                None => format!("no setting {shown:?}: wireloupe config lists them"),
            };
            return self.says(&key.span(), text);
        }
        let from = self.from(&key.span(), profile);
        if let Err(why) = self.config.settings.set(name, value.get_ref(), from) {
            self.says(&value.span(), format!("{name}: {why}"));
        }
    }

    fn from(&self, at: &Range<usize>, profile: Option<&str>) -> Origin {
        Origin::File {
            line: self.line(at),
            profile: profile.map(str::to_owned),
        }
    }

    fn keys(&mut self, keys: &DeTable<'_>, profile: Option<&str>) {
        for (key, value) in keys {
            self.key(key.get_ref().to_string(), &key.span(), value, profile);
        }
    }

    fn key(
        &mut self,
        name: String,
        at: &Range<usize>,
        value: &Spanned<DeValue<'_>>,
        profile: Option<&str>,
    ) {
        match texts(value.get_ref()) {
            Ok(keys) => {
                let given = Given {
                    value: keys,
                    text: written(value.get_ref()),
                    from: self.from(at, profile),
                };
                self.config.keys.retain(|(known, _)| *known != name);
                self.config.keys.push((name, given));
            }
            Err(why) => self.says(&value.span(), format!("keys.{name}: {why}")),
        }
    }

    fn colours(&mut self, colours: &DeTable<'_>, profile: Option<&str>) {
        for (key, value) in colours {
            let name = key.get_ref().to_string();
            match text(value.get_ref()) {
                Ok(colour) => {
                    let given = Given {
                        value: colour,
                        text: written(value.get_ref()),
                        from: self.from(&key.span(), profile),
                    };
                    self.config.colours.retain(|(known, _)| *known != name);
                    self.config.colours.push((name, given));
                }
                Err(why) => self.says(&value.span(), format!("colours.{name}: {why}")),
            }
        }
    }

    /// Colour rules; those of a profile come before those of the file.
    fn rules(&mut self, rules: &[Spanned<DeValue<'_>>], profile: Option<&str>) {
        let mut read = Vec::new();
        for rule in rules {
            let DeValue::Table(table) = rule.get_ref() else {
                self.says(&rule.span(), "a colour rule is a table: [[colour]]");
                continue;
            };
            let mut parts = [None, None];
            for (key, value) in table {
                let names = ["filter", "colour"];
                let name = key.get_ref().as_ref();
                let Some(at) = names.iter().position(|known| *known == name) else {
                    let text = match nearest(name, names.into_iter()) {
                        Some(near) => format!("no part {name:?} of a rule: did you mean {near}?"),
                        None => format!("no part {name:?} of a rule: it has filter and colour"),
                    };
                    self.says(&key.span(), text);
                    continue;
                };
                let checked = match at {
                    0 => Filter::read(value.get_ref()).map(|filter| filter.text().to_owned()),
                    _ => text(value.get_ref()),
                };
                match checked {
                    Ok(text) => parts[at] = Some((text, value.span())),
                    Err(why) => self.says(&value.span(), format!("{name}: {why}")),
                }
            }
            match parts {
                [Some((filter, _)), Some((colour, at))] => read.push(RuleText {
                    filter,
                    colour,
                    from: self.from(&at, profile),
                }),
                [None, _] if !table.contains_key("filter") => {
                    self.says(&rule.span(), "a colour rule has a filter");
                }
                [_, None] if !table.contains_key("colour") => {
                    self.says(&rule.span(), "a colour rule has a colour");
                }
                _ => {}
            }
        }
        read.append(&mut self.config.rules);
        self.config.rules = read;
    }
}
