//! The vocabulary every other part speaks: ids, sides, time, spans, findings, limits, parsed heads, fields.
//!
//! Nothing here knows a protocol's state or opens a file. Everything above imports from here; this imports from nobody.

mod cursor;
pub mod escape;
mod field;
mod field_info;
mod finding;
mod head;
mod ids;
mod limits;
mod link;
mod needs;
mod plural;
pub mod process;
mod rows;
mod side;
mod span;
mod spool;
mod time;
mod value;

pub use cursor::Cursor;
pub use field::{Field, Layer};
pub use field_info::{FieldInfo, Known};
pub use finding::{Code, Finding, Quotes, Rule, Severity, Shape};
pub use head::{Head, HeaderLine, StartLine};
pub use ids::{ConnectionId, PacketNumber};
pub use limits::Limits;
pub use link::LinkType;
pub use needs::Needs;
pub use plural::{counted, grouped, plural};
pub use process::{Attribution, Named, Owners, Process};
pub use rows::Rows;
pub use side::{PerSide, Side};
pub use span::{Extent, Span};
pub use spool::{Spool, Spools};
pub use time::{Rfc3339, Timestamp};
pub use value::{OwnedValue, Type, Value};
