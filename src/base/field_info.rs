//! A field that rows have: its name, its type, what it costs and what it means.
//!
//! Folders contribute tables of these: `filter` the fields of frames, messages, connections and findings, and each
//! decoder of `payload` the fields of its protocol. Help, documentation, completion and columns are made from them.

use super::{Code, Needs, Rows, Type};

/// One field, described.
#[derive(Clone, Copy, Debug)]
pub struct FieldInfo {
    /// Its name, Wireshark's where Wireshark has the field.
    pub name: &'static str,
    /// What a reader of the detail tree sees first; empty where the tree says it in its own way.
    pub label: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// What its values are.
    pub kind: Type,
    /// What must be computed for it.
    pub needs: Needs,
    /// The rows that can have it.
    pub on: Rows,
    /// One sentence for the table.
    pub meaning: &'static str,
    /// The values it takes, where they are few.
    pub known: Known,
    /// The greatest value a number can have.
    pub max: u64,
    /// The header line it shows the values of, where it is one.
    pub header: Option<&'static str>,
    /// The field with the bytes of a protocol, or of what is otherwise a number.
    pub bytes: Option<&'static str>,
    /// Whether its values are secrets, which `--redact` masks.
    pub secret: bool,
    /// Whether its value is what a unit carries as a whole, which outputs that have the message do not repeat.
    pub is_body: bool,
}

impl FieldInfo {
    /// A field of what a message carries; the methods below say more of it.
    #[must_use]
    pub const fn new(
        name: &'static str,
        label: &'static str,
        kind: Type,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            label,
            aliases: &[],
            kind,
            needs: Needs::DECODED,
            on: Rows::MESSAGES,
            meaning,
            known: Known::Any,
            max: u64::MAX,
            header: None,
            bytes: None,
            secret: false,
            is_body: false,
        }
    }

    /// The same, which takes these values only.
    #[must_use]
    pub const fn known(mut self, known: Known) -> Self {
        self.known = known;
        self
    }

    /// The same, whose values are these words.
    #[must_use]
    pub const fn words(self, words: &'static [&'static str]) -> Self {
        self.known(Known::Words(words))
    }

    /// The same, whose numbers have these names.
    #[must_use]
    pub const fn named(self, names: &'static [(&'static str, u64)]) -> Self {
        self.known(Known::Named(names))
    }

    /// The same, which also answers to other names.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// The same, whose numbers are no greater.
    #[must_use]
    pub const fn max(mut self, max: u64) -> Self {
        self.max = max;
        self
    }

    /// The same, whose value is what a unit carries as a whole.
    #[must_use]
    pub const fn body(mut self) -> Self {
        self.is_body = true;
        self
    }

    /// The same, whose values are secrets.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// The values a field is known to take.
#[derive(Clone, Copy, Debug)]
pub enum Known {
    /// Any value.
    Any,
    /// Numbers that have names.
    Named(&'static [(&'static str, u64)]),
    /// These words and no others.
    Words(&'static [&'static str]),
    /// The names of the findings.
    Findings,
}

impl Known {
    /// The names, in their order.
    pub fn names(self) -> Box<dyn Iterator<Item = &'static str>> {
        match self {
            Known::Any => Box::new(std::iter::empty()),
            Known::Named(names) => Box::new(names.iter().map(|(name, _)| *name)),
            Known::Words(words) => Box::new(words.iter().copied()),
            Known::Findings => Box::new(Code::ALL.iter().map(|code| code.name())),
        }
    }
}
