//! What the parser makes of the tokens: grammar only, names and types unresolved.

use std::ops::Range;

use super::PathStep;

/// A piece of the expression and the bytes of the text it was read from.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) kind: ExprKind,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum ExprKind {
    /// A field's name, or a value without quotes.
    Word(Box<str>),
    /// `json.` and a path.
    Json(Box<[PathStep]>),
    Literal(Quoted),
    /// A minus before a number.
    Negative(Box<Expr>),
    Slice(Box<Expr>, Box<[SliceRange]>),
    Call(Function, Box<[Expr]>),
    Arithmetic(Arithmetic, Box<[Expr; 2]>),
    /// `first op second op third`, each pair compared.
    Compare {
        quantifier: Option<Quantifier>,
        first: Box<Expr>,
        rest: Vec<(Comparison, Expr)>,
    },
    In {
        quantifier: Option<Quantifier>,
        negated: bool,
        value: Box<Expr>,
        set: Box<[(Expr, Option<Expr>)]>,
    },
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Xor(Vec<Expr>),
}

/// A value in quotes, its escapes not yet resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Quoted {
    Text(Box<str>),
    Raw(Box<str>),
    Char(Box<str>),
}

/// Whether one value must pass or every value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    AnyEqual,
    AllEqual,
    AnyNotEqual,
    AllNotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Contains,
    Matches,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    BitAnd,
    Plus,
    Minus,
    Times,
    Divide,
    Remainder,
}

impl Arithmetic {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Arithmetic::BitAnd => "&",
            Arithmetic::Plus => "+",
            Arithmetic::Minus => "-",
            Arithmetic::Times => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Remainder => "%",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Len,
    Count,
    Lower,
    Upper,
    Text,
    Min,
    Max,
    Abs,
}

impl Function {
    pub(super) const ALL: [(&'static str, Function); 8] = [
        ("len", Function::Len),
        ("count", Function::Count),
        ("lower", Function::Lower),
        ("upper", Function::Upper),
        ("string", Function::Text),
        ("min", Function::Min),
        ("max", Function::Max),
        ("abs", Function::Abs),
    ];

    pub(super) fn of(name: &str) -> Option<Function> {
        let found = Function::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, function)| *function)
    }

    pub(super) fn name(self) -> &'static str {
        let found = Function::ALL.iter().find(|(_, known)| *known == self);
        found.map_or("", |(name, _)| name)
    }
}

/// Bytes to take: from `start`, which counts from the end when negative, to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SliceRange {
    pub(super) start: i64,
    pub(super) end: SliceEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SliceEnd {
    /// `[a:n]`, and `[a]` for one.
    Len(u64),
    /// `[a-b]`, b included.
    Last(i64),
    /// `[a:]`.
    Open,
}

impl SliceRange {
    /// The range in `len` bytes; `None` when it does not lie inside.
    pub(super) fn of(self, len: usize) -> Option<Range<usize>> {
        let start = position(self.start, len)?;
        let end = match self.end {
            SliceEnd::Open => len,
            SliceEnd::Len(count) => start.checked_add(usize::try_from(count).ok()?)?,
            SliceEnd::Last(last) => position(last, len)?.checked_add(1)?,
        };
        (start <= end && end <= len).then_some(start..end)
    }
}

fn position(at: i64, len: usize) -> Option<usize> {
    if at >= 0 {
        return usize::try_from(at).ok();
    }
    len.checked_sub(usize::try_from(at.unsigned_abs()).ok()?)
}
