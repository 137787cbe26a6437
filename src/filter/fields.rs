//! What is known of a field beyond its row in the table, and how a name finds it.

use std::fmt::Write as _;

use super::error::{FilterError, unknown_field};
use super::table::{FIELDS, FieldId};
use super::{PathStep, Type};
use crate::base::{FieldInfo, Known, Needs};

/// A field a filter or a column can name: one of a row's own, or one of what messages carry.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum FieldRef {
    /// A field of a row's own.
    Row(FieldId),
    /// A field of a decoder.
    Payload(&'static FieldInfo),
}

impl FieldRef {
    /// What is known of it.
    #[must_use]
    pub fn info(self) -> &'static FieldInfo {
        match self {
            FieldRef::Row(id) => id.info(),
            FieldRef::Payload(info) => info,
        }
    }

    /// The field with the bytes of a protocol, or of what is otherwise a number.
    pub(super) fn bytes(self) -> Option<FieldRef> {
        self.info().bytes.and_then(field)
    }
}

impl PartialEq for FieldRef {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (FieldRef::Row(one), FieldRef::Row(other)) => one == other,
            (FieldRef::Payload(one), FieldRef::Payload(other)) => one.name == other.name,
            _ => false,
        }
    }
}

impl Eq for FieldRef {}

impl PartialEq<FieldId> for FieldRef {
    fn eq(&self, other: &FieldId) -> bool {
        matches!(self, FieldRef::Row(id) if id == other)
    }
}

impl From<FieldId> for FieldRef {
    fn from(id: FieldId) -> Self {
        FieldRef::Row(id)
    }
}

impl FieldId {
    /// The field's row in the table.
    #[must_use]
    pub fn info(self) -> &'static FieldInfo {
        &FIELDS[self as usize]
    }
}

/// Every field there is: those of rows, then those of what messages carry.
pub fn fields() -> impl Iterator<Item = FieldRef> {
    let rows = FieldId::ALL.iter().map(|id| FieldRef::Row(*id));
    rows.chain(crate::payload::fields().map(FieldRef::Payload))
}

/// Their names and aliases.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    fields()
        .map(FieldRef::info)
        .flat_map(|info| std::iter::once(info.name).chain(info.aliases.iter().copied()))
}

/// The field of this name or alias.
#[must_use]
pub fn field(name: &str) -> Option<FieldRef> {
    fields().find(|field| {
        let info = field.info();
        info.name == name || info.aliases.contains(&name)
    })
}

/// A field someone named for a column: one of the table, or a path into the message's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Column {
    /// A field of the table.
    Field(FieldRef),
    /// `json.` and a path.
    Json(Box<[PathStep]>),
}

impl Column {
    /// The column of this name, such as `websocket.opcode` or `json.user.id`.
    ///
    /// # Errors
    /// When no field has the name; the error has the nearest one.
    pub fn parse(name: &str) -> Result<Column, FilterError> {
        if let Some(field) = field(name) {
            return Ok(Column::Field(field));
        }
        match crate::payload::json::parse_path(name) {
            Some(path) => Ok(Column::Json(path)),
            None => Err(unknown_field(name, 0..name.len(), names()).in_text(name)),
        }
    }

    /// What must be computed for it.
    #[must_use]
    pub fn needs(&self) -> Needs {
        match self {
            Column::Field(field) => field.info().needs,
            Column::Json(_) => Needs::MESSAGES,
        }
    }
}

/// The field table in Markdown.
#[must_use]
pub fn table() -> String {
    let mut out = String::from("| Field | Type | On | Meaning |\n|---|---|---|---|\n");
    for info in fields().map(FieldRef::info) {
        let mut name = format!("`{}`", info.name);
        for alias in info.aliases {
            let _ = write!(name, ", `{alias}`");
        }
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} |",
            info.kind.name(),
            info.on,
            meaning(info)
        );
    }
    out
}

/// A field's meaning with the values it takes.
#[must_use]
pub fn meaning(info: &FieldInfo) -> String {
    let mut out = info.meaning.to_owned();
    match info.known {
        Known::Any => {
            if info.kind == Type::Flag {
                out.push_str(" Alone it means yes.");
            }
        }
        Known::Findings => out.push_str(" Such as `accept-mismatch`."),
        known => {
            let names: Vec<_> = known.names().map(|name| format!("`{name}`")).collect();
            let _ = write!(out, " One of {}.", names.join(", "));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lower_case() {
        let mut names = Vec::new();
        for info in fields().map(FieldRef::info) {
            assert!(!info.on.is_empty() && info.meaning.ends_with('.'));
            names.push(info.name);
            names.extend(info.aliases);
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| {
            name.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        }));
    }

    #[test]
    fn columns_are_fields_or_paths() {
        assert_eq!(
            Column::parse("opcode").unwrap(),
            Column::Field(FieldId::WebSocketOpcode.into())
        );
        assert!(
            matches!(Column::parse("json.a[0].b").unwrap(), Column::Json(path) if path.len() == 3)
        );
        let error = Column::parse("websocket.opcde").unwrap_err();
        assert_eq!(error.suggestion.as_deref(), Some("websocket.opcode"));
    }

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/filter.md");

    /// `UPDATE=1` writes the table into the page.
    #[test]
    fn the_page_has_this_table() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (start, end) = ("<!-- fields -->\n", "<!-- /fields -->");
        let (before, rest) = page.split_once(start).unwrap();
        let (_, after) = rest.split_once(end).unwrap();
        let fresh = format!("{before}{start}{}{end}{after}", table());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(PAGE, &fresh).unwrap();
        } else {
            assert!(
                page == fresh,
                "docs/filter.md is stale; run the tests with UPDATE=1"
            );
        }
    }

    #[test]
    fn the_examples_of_the_page_are_filters() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (_, rest) = page.split_once("```filter\n").unwrap();
        let (examples, _) = rest.split_once("```").unwrap();
        assert!(examples.lines().count() > 20);
        for example in examples.lines() {
            let filter =
                super::super::Filter::parse(example).unwrap_or_else(|error| panic!("{error}"));
            assert!(
                !filter.scope().is_empty(),
                "no row has all fields of {example}"
            );
        }
    }

    #[test]
    fn the_error_of_the_page_is_the_error() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let error = super::super::Filter::parse("tcp && websocket.opcod == 1").unwrap_err();
        assert!(page.contains(&error.to_string()), "{error}");
    }
}
