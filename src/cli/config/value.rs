//! Values of settings, read from TOML: what each may be, and what is said of one that it may not be.

use std::path::PathBuf;

use clap::ValueEnum;
use toml::de::DeValue;

use crate::base::escape;
use crate::cli::options::ThemeArg;
use crate::filter::{Filter, nearest};
use crate::view::columns::ChosenColumn;

/// Something that a setting can be.
pub(super) trait Setting: Sized {
    /// Reads it, or says what is wrong with it.
    fn read(value: &DeValue<'_>) -> Result<Self, String>;
}

/// How time is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeArg {
    Relative,
    Delta,
    SinceFrame,
    Utc,
    Local,
}

/// Where names of addresses come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NamesArg {
    Off,
    Capture,
    System,
}

/// What the list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowsArg {
    Frames,
    Messages,
}

/// Reads one of a few words.
fn word<T: ValueEnum>(value: &DeValue<'_>) -> Result<T, String> {
    let all = T::value_variants();
    let names: Vec<String> = all
        .iter()
        .filter_map(|one| Some(one.to_possible_value()?.get_name().to_owned()))
        .collect();
    let text = text(value).map_err(|_| format!("one of {} is expected", names.join(", ")))?;
    T::from_str(&text, false).map_err(|_| {
        let shown = escape::text(text.as_bytes());
        match nearest(&text, names.iter().map(String::as_str)) {
            Some(near) => format!("{shown:?} is not possible: did you mean {near}?"),
            None => format!(
                "{shown:?} is not possible: it is one of {}",
                names.join(", ")
            ),
        }
    })
}

macro_rules! words {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            fn read(value: &DeValue<'_>) -> Result<Self, String> {
                word(value)
            }
        }
    )+};
}

words!(ThemeArg, TimeArg, RowsArg, NamesArg);

/// A string.
pub(super) fn text(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        _ => Err("text is expected, in quotation marks".to_owned()),
    }
}

/// A string, or an array of strings.
pub(super) fn texts(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    match value {
        DeValue::String(one) => Ok(vec![one.clone().into_owned()]),
        DeValue::Array(all) => all.iter().map(|one| text(one.get_ref())).collect(),
        _ => Err("text in quotation marks is expected, or several in [ ]".to_owned()),
    }
}

impl Setting for u64 {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let number = match value {
            DeValue::Integer(digits) => u64::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        number.ok_or_else(|| "a whole number is expected, from 0 on".to_owned())
    }
}

impl Setting for usize {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let number = u64::read(value)?;
        usize::try_from(number).map_err(|_| format!("{number} is too large"))
    }
}

impl Setting for u16 {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let number = u64::read(value)?;
        u16::try_from(number).map_err(|_| format!("{number} is more than 65535"))
    }
}

/// A number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threads(pub(crate) u16);

impl Setting for Threads {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match u64::read(value)? {
            number @ 1..=256 => Ok(Self(number as u16)),
            _ => Err("a number from 1 to 256 is expected".to_owned()),
        }
    }
}

/// Ports.
impl Setting for Vec<u16> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Array(all) => all.iter().map(|one| u16::read(one.get_ref())).collect(),
            one => Ok(vec![u16::read(one)?]),
        }
    }
}

impl Setting for PathBuf {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        text(value).map(|text| super::place::from_home(text.as_ref()))
    }
}

impl Setting for Filter {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text(value)?;
        Filter::parse(&text).map_err(|error| match &error.suggestion {
            Some(near) => format!("{}; did you mean {near}?", error.message),
            None => error.summary(),
        })
    }
}

/// Filters.
impl Setting for Vec<Filter> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Array(all) => all.iter().map(|one| Filter::read(one.get_ref())).collect(),
            one => Ok(vec![Filter::read(one)?]),
        }
    }
}

/// Columns.
impl Setting for Vec<ChosenColumn> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let names = texts(value)?.join(" ");
        ChosenColumn::parse(&names).map_err(|error| match &error.suggestion {
            Some(near) => format!("{}; did you mean {near}?", error.message),
            None => error.summary(),
        })
    }
}

/// A value as the file has it.
pub(super) fn written(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(is) => is.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(all) => {
            let all: Vec<_> = all.iter().map(|one| written(one.get_ref())).collect();
            format!("[{}]", all.join(", "))
        }
        DeValue::Table(_) => "{ ... }".to_owned(),
    }
}

/// A string as TOML has it: as it is in single quotation marks, where it can be.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = |text: &str| text.chars().all(|c| !c.is_control());
    match text {
        text if !is_plain(text) => format!("{text:?}"),
        text if !text.contains(['"', '\\']) => format!("\"{text}\""),
        text if !text.contains('\'') => format!("'{text}'"),
        text => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}
