//! What stands for a schema where the program was built without what reads one: nothing makes it.

/// The type of message that binary messages are to be read as.
#[derive(Clone, Debug, PartialEq)]
pub enum Schema {}
