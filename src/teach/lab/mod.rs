//! Labs: data files with a text, material and questions, whose answers the program works out itself.
//!
//! ```text
//! LabFile (TOML) ─► with a student's seed ─► Lab: texts, material ─► Opened: rows, verdicts ─► solve ─► answer keys
//!                                             │                                                     │
//!                                             └─► quiz, sheet                        Results ─► grade by solving again
//! ```
//!
//! No answer is taken on trust: each question says how it is worked out from the lab's material, by the same decoder, filter
//! language and diagnosis that everyone uses. A literal `expect` beside it is held against that (`lab check`).

mod arithmetic;
mod draw;
mod file;
mod judge;
mod library;
mod opened;
mod prepared;
mod results;
pub mod sheet;
mod solve;

pub use file::{Kind, LabFile};
pub use judge::{Judgement, judge, shown};
pub use library::{capture, names, source};
pub use opened::Opened;
pub use prepared::{Lab, LabError, Question, load};
pub use results::{Given, Grade, Results, grade, points};
