//! The display filter language: parsed, checked, compiled, evaluated.
//!
//! ```text
//! text --lex--> tokens --parse--> expression --check--> compiled tree --matches(values)--> bool
//! ```
//!
//! It knows a row only through the trait [`Values`], and fields only through tables ([`fields()`]). It reads no captured
//! bytes itself. No text makes it panic or recurse without bound, and no row makes evaluation fail.

mod ast;
mod check;
mod complete;
mod error;
mod fields;
mod lex;
mod literal;
mod node;
mod operand;
mod parse;
mod quote;
mod table;
mod value;

use std::fmt;
use std::str::FromStr;

use crate::base::Needs;

pub use crate::payload::json::{PathStep, visit as visit_json};
pub use complete::{Completion, complete};
pub use error::FilterError;
#[cfg(any(feature = "cli", feature = "tui"))]
pub(crate) use error::nearest;
pub use fields::{Column, FieldRef, field, fields, meaning, table};
pub use quote::equals;
pub use table::FieldId;
pub use value::Values;

pub use crate::base::{FieldInfo, Known, Rows, Type, Value};

/// A filter ready to be asked about rows.
///
/// ```
/// use wireloupe::filter::{FieldId, FieldRef, Filter, PathStep, Value, Values};
///
/// struct Ping;
/// impl Values for Ping {
///     fn visit(&self, field: FieldRef, each: &mut dyn FnMut(Value<'_>) -> bool) {
///         if field == FieldId::WebSocketOpcode {
///             each(Value::Unsigned(9));
///         }
///     }
///     fn json(&self, _: &[PathStep], _: &mut dyn FnMut(Value<'_>) -> bool) {}
/// }
///
/// let filter = Filter::parse("websocket.opcode in {ping, pong} && !(tcp.port == 80)")?;
/// assert!(filter.matches(&Ping));
/// # Ok::<(), wireloupe::filter::FilterError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Filter {
    text: Box<str>,
    node: node::Node,
    fields: Box<[FieldRef]>,
    scope: Rows,
}

impl Filter {
    /// Parses, checks and compiles a filter. An empty text passes every row.
    ///
    /// # Errors
    /// When the text is no filter; the error says where, what was expected and what was probably meant.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        let located = |error: FilterError| error.in_text(text);
        let (node, scope) = match parse::parse(text).map_err(located)? {
            Some(expr) => check::test(&expr).map_err(located)?,
            None => (node::Node::Everything, Rows::ALL),
        };
        let mut fields = Vec::new();
        node.fields(&mut fields);
        fields.sort_unstable_by_key(|field: &FieldRef| field.info().name);
        fields.dedup();
        Ok(Filter {
            text: text.into(),
            node,
            fields: fields.into(),
            scope,
        })
    }

    /// Whether a row with these values passes.
    pub fn matches<V: Values + ?Sized>(&self, values: &V) -> bool {
        self.node.matches(values)
    }

    /// What must be computed for the fields it names.
    #[must_use]
    pub fn needs(&self) -> Needs {
        self.fields
            .iter()
            .fold(Needs::HEADERS, |needs, field| needs | field.info().needs)
    }

    /// The fields it asks for, each once.
    #[must_use]
    pub fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    /// Whether it asks for this field.
    #[must_use]
    pub fn asks(&self, field: FieldId) -> bool {
        self.fields.contains(&FieldRef::Row(field))
    }

    /// The kinds of rows it speaks of: those that have the fields of all parts joined by `&&`, and of any part joined
    /// by `||`. No kind, when no row has all of them.
    #[must_use]
    pub fn scope(&self) -> Rows {
        self.scope
    }

    /// Whether it passes every row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.node, node::Node::Everything)
    }

    /// The text it was parsed from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl FromStr for Filter {
    type Err = FilterError;
    fn from_str(text: &str) -> Result<Filter, FilterError> {
        Filter::parse(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
