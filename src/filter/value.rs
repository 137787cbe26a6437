//! What a row must be able to say so that a filter can be asked about it.

use super::{FieldRef, PathStep, Value};

/// What a row knows. The filter asks only for the fields its text names.
pub trait Values {
    /// Calls `each` with every value the row has for `field`, none when it has no such field. `each` answers `true`
    /// when further values would not change the result; going on all the same is allowed.
    fn visit(&self, field: FieldRef, each: &mut dyn FnMut(Value<'_>) -> bool);

    /// Calls `each` with every value at `path` of the row's JSON text; [`super::visit_json`] does it for a text.
    /// An empty path asks whether the row's text is JSON.
    fn json(&self, path: &[PathStep], each: &mut dyn FnMut(Value<'_>) -> bool);
}
