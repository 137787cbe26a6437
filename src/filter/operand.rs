//! Values: the operands of a comparison, with their types.

use std::ops::Range;

use super::ast::{Arithmetic, Expr, ExprKind, Function};
use super::error::nearest;
use super::fields::{FieldRef, field, fields};
use super::literal::{Constant, Wanted, Written, constant};
use super::node::{Family, Operand, calculate, scalar};
use super::table::FieldId;
use super::{FilterError, Known, Rows, Type};

/// An operand, its type, and where it exists.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub(super) operand: Operand,
    pub(super) kind: Type,
    pub(super) rows: Rows,
    pub(super) span: Range<usize>,
    /// The field, when it is nothing more.
    field: Option<FieldRef>,
    known: Known,
}

/// One side of a comparison: a value with a type, or one of the text, whose type the other side decides.
pub(super) enum Side<'e> {
    Typed(Typed),
    /// A value and whether a minus stands before it.
    Literal(Written<'e>, bool),
}

impl Typed {
    fn new(operand: Operand, kind: Type, rows: Rows, span: Range<usize>) -> Self {
        Self {
            operand,
            kind,
            rows,
            span,
            field: None,
            known: Known::Any,
        }
    }

    fn of_field(id: FieldRef, span: Range<usize>) -> Self {
        let info = id.info();
        let operand = match info.kind {
            Type::Ipv4 => Operand::Address(id, Family::V4),
            Type::Ipv6 => Operand::Address(id, Family::V6),
            _ => Operand::Field(id),
        };
        Self {
            field: Some(id),
            known: info.known,
            ..Typed::new(operand, info.kind, info.on, span)
        }
    }

    /// A protocol's bytes, or a message's, in the place of what has no bytes itself.
    pub(super) fn with_bytes(self) -> Self {
        match self.field.and_then(FieldRef::bytes) {
            Some(bytes) => Typed::of_field(bytes, self.span),
            None => self,
        }
    }

    /// The same for a search, which may look for a part of a known word.
    pub(super) fn without_known(mut self) -> Self {
        self.known = Known::Any;
        self
    }

    /// The field and its type for a message.
    pub(super) fn described(&self) -> String {
        match self.field {
            Some(id) => format!("`{}` ({})", id.info().name, self.kind.name()),
            None => format!("this ({})", self.kind.name()),
        }
    }

    /// The constant a literal is when it is compared with this.
    pub(super) fn constant(
        &self,
        written: Written<'_>,
        negative: bool,
        literal: &Expr,
    ) -> Result<Constant, FilterError> {
        let wanted = Wanted {
            kind: self.kind,
            known: self.known,
            max: self.field.map_or(u64::MAX, |field| field.info().max),
            name: self.field.map_or("this", |id| id.info().name),
            span: literal.span.clone(),
        };
        constant(written, negative, &wanted).map_err(|error| match written {
            // A name was meant, of a field.
            Written::Word(word)
                if error.suggestion.is_none() && word.contains(char::is_alphabetic) =>
            {
                error.suggest(nearest(word, fields().map(|field| field.info().name)))
            }
            _ => error,
        })
    }

    fn knows(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Word(word) => self
                .known
                .names()
                .any(|name| name.eq_ignore_ascii_case(word)),
            _ => false,
        }
    }
}

/// The literal an expression is, and whether a minus stands before it.
pub(super) fn literal(expr: &Expr) -> Option<(Written<'_>, bool)> {
    match &expr.kind {
        ExprKind::Word(word) => Some((Written::Word(word), false)),
        ExprKind::Literal(quoted) => Some((Written::Quoted(quoted), false)),
        ExprKind::Negative(inner) => match literal(inner)? {
            (Written::Word(word), false) if field(word).is_none() => {
                Some((Written::Word(word), true))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Both sides of a comparison. A word that names a value of the other side is that value, even where a field has the
/// same name: `from == client`.
pub(super) fn sides<'e>(
    left: &'e Expr,
    right: &'e Expr,
) -> Result<(Side<'e>, Side<'e>), FilterError> {
    let (a, b) = (side(left)?, side(right)?);
    if let (Side::Typed(typed), Some((written, negative))) = (&a, literal(right))
        && typed.knows(right)
    {
        return Ok((a, Side::Literal(written, negative)));
    }
    if let (Some((written, negative)), Side::Typed(typed)) = (literal(left), &b)
        && typed.knows(left)
    {
        return Ok((Side::Literal(written, negative), b));
    }
    Ok((a, b))
}

/// An element of a set of values for `typed`.
pub(super) fn element<'e>(typed: &Typed, expr: &'e Expr) -> Result<Side<'e>, FilterError> {
    match literal(expr) {
        Some((written, negative)) if typed.knows(expr) => Ok(Side::Literal(written, negative)),
        _ => side(expr),
    }
}

/// A value of any kind.
pub(super) fn side(expr: &Expr) -> Result<Side<'_>, FilterError> {
    let span = expr.span.clone();
    let typed = match &expr.kind {
        ExprKind::Word(word) => match field(word) {
            Some(field) => Typed::of_field(field, span),
            None => return Ok(Side::Literal(Written::Word(word), false)),
        },
        ExprKind::Json(path) => Typed::new(
            Operand::Json(path.clone()),
            Type::Json,
            FieldId::Json.info().on,
            span,
        ),
        ExprKind::Slice(inner, ranges) => {
            let inner = typed(inner)?.with_bytes();
            if !(matches!(inner.kind, Type::Text | Type::Bytes | Type::Json) || inner.kind.is_ip())
            {
                let message = format!("{} cannot be sliced", inner.described());
                return Err(
                    FilterError::new(inner.span, message).expected("text, bytes or an address")
                );
            }
            let operand = Operand::Slice(Box::new(inner.operand), ranges.clone());
            Typed::new(operand, Type::Bytes, inner.rows, span)
        }
        ExprKind::Call(function, arguments) => call(*function, arguments, span)?,
        ExprKind::Arithmetic(operator, sides) => arithmetic(*operator, &sides[0], &sides[1], span)?,
        ExprKind::Negative(inner) => match literal(expr) {
            Some((written, negative)) => return Ok(Side::Literal(written, negative)),
            None => negative(inner, span)?,
        },
        ExprKind::Literal(quoted) => return Ok(Side::Literal(Written::Quoted(quoted), false)),
        _ => {
            return Err(
                FilterError::new(span, "a test stands where a value belongs")
                    .expected("a field or a value"),
            );
        }
    };
    Ok(Side::Typed(typed))
}

/// A value that must not be a literal.
fn typed(expr: &Expr) -> Result<Typed, FilterError> {
    match side(expr)? {
        Side::Typed(typed) => Ok(typed),
        Side::Literal(written, _) => Err(no_field(written, expr)),
    }
}

/// Whether a literal looks like the name of a field.
pub(super) fn may_be_field(written: Written<'_>) -> bool {
    matches!(written, Written::Word(word) if word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

/// The error for a literal where a field must stand.
pub(super) fn no_field(written: Written<'_>, expr: &Expr) -> FilterError {
    let error = match written {
        Written::Word(word) if may_be_field(written) => {
            super::error::unknown_field(word, expr.span.clone(), super::fields::names())
        }
        _ => FilterError::new(expr.span.clone(), "a value cannot stand here alone"),
    };
    error.expected("a field, as in `websocket.opcode == 1`")
}

fn negative(inner: &Expr, span: Range<usize>) -> Result<Typed, FilterError> {
    let inner = typed(inner)?;
    let zero = match inner.kind {
        Type::Duration => Constant::Duration(0),
        kind if kind.is_number() || kind == Type::Json => Constant::Signed(0),
        _ => {
            let message = format!("{} has no sign", inner.described());
            return Err(FilterError::new(inner.span, message).expected("a number or a duration"));
        }
    };
    let kind = if inner.kind == Type::Unsigned {
        Type::Signed
    } else {
        inner.kind
    };
    let sides = Box::new([Operand::Constant(zero), inner.operand]);
    Ok(Typed::new(
        Operand::Arithmetic(Arithmetic::Minus, sides),
        kind,
        inner.rows,
        span,
    ))
}

fn call(function: Function, arguments: &[Expr], span: Range<usize>) -> Result<Typed, FilterError> {
    let name = function.name();
    let several = matches!(function, Function::Min | Function::Max);
    let first = match arguments {
        [first] => first,
        [first, ..] if several => first,
        _ => return Err(FilterError::new(span, format!("`{name}` takes one field"))),
    };
    let mut first = typed(first)?;
    if matches!(function, Function::Len) {
        first = first.with_bytes();
    }
    let (fits, kind, expected) = match function {
        Function::Len => (is_text(first.kind), Type::Unsigned, "text or bytes"),
        Function::Count => (
            matches!(
                first.operand,
                Operand::Field(_) | Operand::Address(..) | Operand::Json(_)
            ),
            Type::Unsigned,
            "a field",
        ),
        Function::Lower | Function::Upper => (is_text(first.kind), Type::Text, "text"),
        Function::Text => (
            first.kind != Type::Layer,
            Type::Text,
            "a field with a value",
        ),
        Function::Abs => (
            has_size(first.kind) && first.kind != Type::Time,
            first.kind,
            "a number or a duration",
        ),
        Function::Min | Function::Max => (
            has_size(first.kind),
            first.kind,
            "a number, a time or a duration",
        ),
    };
    if !fits {
        let message = format!("{} cannot be used with `{name}`", first.described());
        return Err(FilterError::new(first.span, message).expected(expected));
    }
    let mut operands = vec![first.operand.clone()];
    let mut rows = first.rows;
    for argument in &arguments[1..] {
        let other = beside(&first, argument)?;
        if !first.kind.fits(other.kind) {
            let message = format!(
                "{} does not go with {}",
                other.described(),
                first.described()
            );
            return Err(FilterError::new(other.span, message));
        }
        rows = rows & other.rows;
        operands.push(other.operand);
    }
    Ok(Typed::new(
        Operand::Call(function, operands.into()),
        kind,
        rows,
        span,
    ))
}

fn is_text(kind: Type) -> bool {
    matches!(kind, Type::Text | Type::Bytes | Type::Json)
}

fn has_size(kind: Type) -> bool {
    kind.is_number() || matches!(kind, Type::Time | Type::Duration | Type::Json)
}

/// A value beside `typed`: a literal takes its type.
fn beside(typed: &Typed, expr: &Expr) -> Result<Typed, FilterError> {
    match side(expr)? {
        Side::Typed(typed) => Ok(typed),
        Side::Literal(written, negative) => {
            let constant = typed.constant(written, negative, expr)?;
            Ok(Typed::new(
                Operand::Constant(constant),
                typed.kind,
                Rows::ALL,
                expr.span.clone(),
            ))
        }
    }
}

fn arithmetic(
    operator: Arithmetic,
    left: &Expr,
    right: &Expr,
    span: Range<usize>,
) -> Result<Typed, FilterError> {
    let (mut left, mut right) = match (side(left)?, side(right)?) {
        (Side::Typed(a), Side::Typed(b)) => (a, b),
        (Side::Typed(a), Side::Literal(..)) => {
            let b = scale(operator, &a, right, false)?;
            (a, b)
        }
        (Side::Literal(..), Side::Typed(b)) => (scale(operator, &b, left, true)?, b),
        (Side::Literal(..), Side::Literal(..)) => (plain(left)?, plain(right)?),
    };
    if operator == Arithmetic::Times && right.kind == Type::Duration {
        std::mem::swap(&mut left, &mut right);
    }
    let Some(kind) = result(operator, left.kind, right.kind) else {
        let message = format!(
            "{} and {} have no `{}`",
            left.described(),
            right.described(),
            operator.sign()
        );
        return Err(FilterError::new(span, message).expected("numbers, durations or times"));
    };
    let rows = left.rows & right.rows;
    let operand = match (&left.operand, &right.operand) {
        (Operand::Constant(a), Operand::Constant(b)) => {
            Operand::Constant(folded(operator, a, b, &span)?)
        }
        _ => Operand::Arithmetic(operator, Box::new([left.operand, right.operand])),
    };
    Ok(Typed::new(operand, kind, rows, span))
}

fn folded(
    operator: Arithmetic,
    a: &Constant,
    b: &Constant,
    span: &Range<usize>,
) -> Result<Constant, FilterError> {
    a.value()
        .zip(b.value())
        .and_then(|(a, b)| calculate(operator, a, b))
        .and_then(scalar)
        .ok_or_else(|| FilterError::new(span.clone(), "this has no result"))
}

/// A literal beside `typed` in arithmetic: what scales a duration is a number, what moves a time is a duration.
fn scale(
    operator: Arithmetic,
    typed: &Typed,
    expr: &Expr,
    is_left: bool,
) -> Result<Typed, FilterError> {
    let kind = match (typed.kind, operator) {
        (Type::Duration, Arithmetic::Times | Arithmetic::Divide) => Type::Float,
        (Type::Time, Arithmetic::Plus | Arithmetic::Minus)
            if !is_left && !matches!(expr.kind, ExprKind::Literal(_)) =>
        {
            Type::Duration
        }
        (kind, _)
            if kind.is_number() || matches!(kind, Type::Time | Type::Duration | Type::Json) =>
        {
            kind
        }
        _ => {
            let message = format!(
                "{} cannot be used with `{}`",
                typed.described(),
                operator.sign()
            );
            return Err(FilterError::new(typed.span.clone(), message)
                .expected("a number, a time or a duration"));
        }
    };
    beside(
        &Typed::new(typed.operand.clone(), kind, Rows::ALL, typed.span.clone()),
        expr,
    )
}

/// A literal number with nothing beside it that says of what kind.
fn plain(expr: &Expr) -> Result<Typed, FilterError> {
    let number = Typed::new(
        Operand::Constant(Constant::Null),
        Type::Float,
        Rows::ALL,
        expr.span.clone(),
    );
    let mut typed = beside(&number, expr)?;
    typed.kind = match typed.operand {
        Operand::Constant(Constant::Unsigned(_)) => Type::Unsigned,
        Operand::Constant(Constant::Signed(_)) => Type::Signed,
        _ => Type::Float,
    };
    Ok(typed)
}

/// The type of `left operator right`; `None` where there is none.
fn result(operator: Arithmetic, left: Type, right: Type) -> Option<Type> {
    use Arithmetic::*;
    if left == Type::Json || right == Type::Json {
        return Some(Type::Json);
    }
    match (left, right) {
        (a, b) if a.is_number() && b.is_number() => {
            match (operator, a == Type::Float || b == Type::Float) {
                (BitAnd, true) => None,
                (_, true) => Some(Type::Float),
                (Minus, _) => Some(Type::Signed),
                _ if a == Type::Signed || b == Type::Signed => Some(Type::Signed),
                _ => Some(Type::Unsigned),
            }
        }
        (Type::Duration, Type::Duration) => match operator {
            Plus | Minus | Remainder => Some(Type::Duration),
            Divide => Some(Type::Float),
            _ => None,
        },
        (Type::Duration, number) if number.is_number() => {
            matches!(operator, Times | Divide).then_some(Type::Duration)
        }
        (Type::Time, Type::Time) => (operator == Minus).then_some(Type::Duration),
        (Type::Time, Type::Duration) => matches!(operator, Plus | Minus).then_some(Type::Time),
        _ => None,
    }
}
