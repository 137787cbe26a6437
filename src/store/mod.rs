//! Rows of a capture: what is known of a frame, message, connection or finding, by field name.

mod row;

pub use row::{Row, RowValues};
