//! Tests: an expression's names found, its types checked, and what passes compiled. [`super::operand`] does the values.

use std::ops::RangeInclusive;

use ipnet::IpNet;
use memchr::memmem::Finder;
use regex::bytes::RegexBuilder;

use super::ast::{Arithmetic, Comparison, Expr, ExprKind, Quantifier};
use super::literal::{Constant, Written, pattern};
use super::node::{Element, Node, Operand, Test};
use super::operand::{self, Side, Typed};
use super::{FilterError, Rows, Type};

/// Bytes a compiled regular expression may take.
const REGEX_BYTES: usize = 1 << 20;

/// A compiled test and the rows it speaks of.
pub(super) type Checked = (Node, Rows);

/// Compiles what must be a test.
pub(super) fn test(expr: &Expr) -> Result<Checked, FilterError> {
    match &expr.kind {
        ExprKind::And(list) => {
            let (nodes, rows) = tests(list)?;
            Ok((
                Node::All(nodes),
                rows.into_iter().fold(Rows::ALL, |all, rows| all & rows),
            ))
        }
        ExprKind::Or(list) => {
            let (nodes, rows) = tests(list)?;
            Ok((
                Node::Any(nodes),
                rows.into_iter().fold(Rows::NONE, |all, rows| all | rows),
            ))
        }
        ExprKind::Xor(list) => {
            let (nodes, rows) = tests(list)?;
            Ok((
                Node::Odd(nodes),
                rows.into_iter().fold(Rows::NONE, |all, rows| all | rows),
            ))
        }
        ExprKind::Not(inner) => {
            let (node, rows) = test(inner)?;
            Ok((Node::Not(Box::new(node)), rows))
        }
        ExprKind::Compare {
            quantifier,
            first,
            rest,
        } => chain(*quantifier, first, rest),
        ExprKind::In {
            quantifier,
            negated,
            value,
            set,
        } => {
            let (node, rows) = membership(*quantifier, value, set)?;
            match negated {
                true => Ok((Node::Not(Box::new(node)), rows)),
                false => Ok((node, rows)),
            }
        }
        _ => bare(expr),
    }
}

fn tests(list: &[Expr]) -> Result<(Box<[Node]>, Vec<Rows>), FilterError> {
    let checked: Result<Vec<Checked>, FilterError> = list.iter().map(test).collect();
    let (nodes, rows): (Vec<Node>, Vec<Rows>) = checked?.into_iter().unzip();
    Ok((nodes.into(), rows))
}

/// A value that stands alone: is it there.
fn bare(expr: &Expr) -> Result<Checked, FilterError> {
    let typed = match operand::side(expr)? {
        Side::Typed(typed) => typed,
        Side::Literal(written, _) => return Err(operand::no_field(written, expr)),
    };
    let node = match &typed.operand {
        Operand::Field(_) if typed.kind == Type::Flag => {
            Node::Test(typed.operand, Quantifier::Any, Test::True)
        }
        Operand::Arithmetic(Arithmetic::BitAnd, _) => {
            Node::Test(typed.operand, Quantifier::Any, Test::NotZero)
        }
        Operand::Arithmetic(..) | Operand::Call(..) | Operand::Constant(_) => {
            let message = format!("this is a {}, no test", typed.kind.name());
            return Err(FilterError::new(expr.span.clone(), message)
                .expected("a comparison, such as `> 5`"));
        }
        _ => Node::Exists(typed.operand),
    };
    Ok((node, typed.rows))
}

/// `a < b < c`: every pair must hold.
fn chain(
    quantifier: Option<Quantifier>,
    first: &Expr,
    rest: &[(Comparison, Expr)],
) -> Result<Checked, FilterError> {
    let mut left = first;
    let mut nodes = Vec::with_capacity(rest.len());
    let mut rows = Rows::ALL;
    for (comparison, right) in rest {
        let (node, of) = compare(quantifier, left, *comparison, right)?;
        nodes.push(node);
        rows = rows & of;
        left = right;
    }
    let node = match nodes.pop() {
        Some(node) if nodes.is_empty() => node,
        last => {
            nodes.extend(last);
            Node::All(nodes.into())
        }
    };
    Ok((node, rows))
}

fn compare(
    quantifier: Option<Quantifier>,
    left: &Expr,
    comparison: Comparison,
    right: &Expr,
) -> Result<Checked, FilterError> {
    let (a, b) = operand::sides(left, right)?;
    let quantifier = quantifier.unwrap_or(comparison.quantifier());
    match (a, b) {
        (Side::Typed(a), Side::Typed(b)) => between(quantifier, a, comparison, b),
        (Side::Typed(typed), Side::Literal(written, negative)) => {
            against(quantifier, typed, comparison, (written, negative), right)
        }
        (Side::Literal(written, negative), Side::Typed(typed)) => match comparison.mirrored() {
            Some(mirrored) => against(quantifier, typed, mirrored, (written, negative), left),
            None => Err(
                FilterError::new(left.span.clone(), "a value cannot stand here")
                    .expected("a field"),
            ),
        },
        (Side::Literal(written, _), Side::Literal(..)) if operand::may_be_field(written) => {
            Err(operand::no_field(written, left))
        }
        (Side::Literal(..), Side::Literal(..)) => Err(FilterError::new(
            left.span.start..right.span.end,
            "two values, and no field",
        )
        .expected("a field")),
    }
}

/// A field or expression against a value of the filter's text.
fn against(
    quantifier: Quantifier,
    typed: Typed,
    comparison: Comparison,
    (written, negative): (Written<'_>, bool),
    literal: &Expr,
) -> Result<Checked, FilterError> {
    if comparison == Comparison::Matches {
        let typed = searchable(typed, comparison)?;
        let regex = regex(written, typed.kind, literal)?;
        return Ok((Node::Test(typed.operand, quantifier, regex), typed.rows));
    }
    if comparison == Comparison::Contains {
        let mut typed = searchable(typed, comparison)?;
        if typed.kind == Type::Json {
            typed.kind = Type::Text;
        }
        let constant = typed
            .clone()
            .without_known()
            .constant(written, negative, literal)?;
        let Constant::Bytes(bytes) = constant else {
            return Err(FilterError::new(
                literal.span.clone(),
                "`contains` looks for text or bytes",
            ));
        };
        let finder = Box::new(Finder::new(&bytes).into_owned());
        return Ok((
            Node::Test(typed.operand, quantifier, Test::Contains(finder)),
            typed.rows,
        ));
    }
    let typed = comparable(typed, comparison)?;
    let constant = typed.constant(written, negative, literal)?;
    let rows = typed.rows;
    if let Constant::Network(network) = constant {
        let test = network_test(comparison, network, literal)?;
        return Ok((Node::Test(typed.operand, quantifier, test), rows));
    }
    Ok((
        constant_test(quantifier, typed.operand, comparison, constant),
        rows,
    ))
}

fn constant_test(
    quantifier: Quantifier,
    operand: Operand,
    comparison: Comparison,
    constant: Constant,
) -> Node {
    match (operand, constant) {
        (Operand::Field(id), Constant::Unsigned(number)) if id.info().kind == Type::Unsigned => {
            Node::Number(id, quantifier, comparison, number)
        }
        (operand, constant) => Node::Test(operand, quantifier, Test::Is(comparison, constant)),
    }
}

fn network_test(
    comparison: Comparison,
    network: IpNet,
    literal: &Expr,
) -> Result<Test, FilterError> {
    match comparison {
        Comparison::AnyEqual | Comparison::AllEqual => Ok(Test::Inside(network)),
        Comparison::AnyNotEqual | Comparison::AllNotEqual => Ok(Test::Outside(network)),
        _ => {
            let message = "a network has no order";
            Err(FilterError::new(literal.span.clone(), message)
                .expected("`==`, `!=`, or an address"))
        }
    }
}

/// Two fields or expressions.
fn between(
    quantifier: Quantifier,
    left: Typed,
    comparison: Comparison,
    right: Typed,
) -> Result<Checked, FilterError> {
    let (left, right) = match comparison {
        Comparison::Matches => {
            return Err(
                FilterError::new(right.span, "`matches` compares with a fixed pattern")
                    .expected("a regular expression in quotes"),
            );
        }
        Comparison::Contains => (
            searchable(left, comparison)?,
            searchable(right, comparison)?,
        ),
        _ => (
            comparable(left, comparison)?,
            comparable(right, comparison)?,
        ),
    };
    if !left.kind.fits(right.kind) {
        let message = format!(
            "{} and {} cannot be compared",
            left.described(),
            right.described()
        );
        return Err(FilterError::new(left.span.start..right.span.end, message));
    }
    let rows = left.rows & right.rows;
    if let (Operand::Constant(constant), Comparison::AnyEqual | Comparison::AllEqual) =
        (&left.operand, comparison)
    {
        return Ok((
            constant_test(quantifier, right.operand, comparison, constant.clone()),
            rows,
        ));
    }
    let node = match right.operand {
        Operand::Constant(constant) if comparison != Comparison::Contains => {
            constant_test(quantifier, left.operand, comparison, constant)
        }
        right => Node::Compare(Box::new([left.operand, right]), quantifier, comparison),
    };
    Ok((node, rows))
}

/// What `contains` and `matches` can look into.
fn searchable(typed: Typed, comparison: Comparison) -> Result<Typed, FilterError> {
    let typed = typed.with_bytes();
    if matches!(typed.kind, Type::Text | Type::Bytes | Type::Json) {
        return Ok(typed);
    }
    let word = if comparison == Comparison::Contains {
        "contains"
    } else {
        "matches"
    };
    let message = format!("{} cannot be used with `{word}`", typed.described());
    Err(FilterError::new(typed.span, message).expected("text or bytes"))
}

/// What `==` and `<` can compare.
fn comparable(typed: Typed, comparison: Comparison) -> Result<Typed, FilterError> {
    let typed = if typed.kind == Type::Layer {
        typed.with_bytes()
    } else {
        typed
    };
    if typed.kind == Type::Layer {
        let message = format!("{} is there or not, and has no value", typed.described());
        return Err(FilterError::new(typed.span, message).expected("a field with a value"));
    }
    if matches!(typed.kind, Type::Bool | Type::Flag) && comparison.is_order() {
        let message = format!("{} has no order", typed.described());
        return Err(FilterError::new(typed.span, message).expected("`==` or `!=`"));
    }
    Ok(typed)
}

fn regex(written: Written<'_>, kind: Type, literal: &Expr) -> Result<Test, FilterError> {
    let pattern = pattern(written);
    let regex = RegexBuilder::new(&pattern)
        .case_insensitive(true)
        // In text a class such as `[é]` means characters; in bytes `\xff` means the byte.
        .unicode(kind != Type::Bytes)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .nest_limit(64)
        .build()
        .map_err(|error| {
            let message = match error {
                regex::Error::CompiledTooBig(_) => "the regular expression is too big".into(),
                error => {
                    let text = error.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    format!(
                        "no regular expression: {}",
                        last.trim_start_matches("error: ")
                    )
                }
            };
            FilterError::new(literal.span.clone(), message)
        })?;
    Ok(Test::Matches(Box::new(regex)))
}

fn membership(
    quantifier: Option<Quantifier>,
    value: &Expr,
    set: &[(Expr, Option<Expr>)],
) -> Result<Checked, FilterError> {
    let quantifier = quantifier.unwrap_or(Quantifier::Any);
    let typed = match operand::side(value)? {
        Side::Typed(typed) => comparable(typed, Comparison::AnyEqual)?,
        Side::Literal(written, _) => return Err(operand::no_field(written, value)),
    };
    let mut rows = typed.rows;
    let (mut elements, mut fields) = (Vec::new(), Vec::new());
    for (first, last) in set {
        if let (None, Side::Typed(other)) = (last, operand::element(&typed, first)?) {
            if quantifier == Quantifier::All {
                return Err(FilterError::new(
                    other.span,
                    "`all` takes a set of values, not of fields",
                ));
            }
            rows = rows & other.rows;
            fields.push(between(quantifier, typed.clone(), Comparison::AnyEqual, other)?.0);
            continue;
        }
        elements.push(element(&typed, first, last.as_ref())?);
    }
    let node =
        (!elements.is_empty()).then(|| Node::Test(typed.operand, quantifier, set_test(elements)));
    fields.extend(node);
    let node = match <[Node; 1]>::try_from(fields) {
        Ok([node]) => node,
        Err(nodes) => Node::Any(nodes.into()),
    };
    Ok((node, rows))
}

fn element(typed: &Typed, first: &Expr, last: Option<&Expr>) -> Result<Element, FilterError> {
    let constant = |expr: &Expr| match operand::literal(expr) {
        Some((written, negative)) => typed.constant(written, negative, expr),
        None => Err(
            FilterError::new(expr.span.clone(), "this cannot stand in a set").expected("a value"),
        ),
    };
    let start = constant(first)?;
    let Some(last) = last else {
        return Ok(match start {
            Constant::Network(network) => Element::Network(network),
            start => Element::One(start),
        });
    };
    let end = constant(last)?;
    let span = first.span.start..last.span.end;
    let order = match (start.value(), end.value()) {
        (Some(a), Some(b)) => a.compare(b),
        _ => {
            return Err(
                FilterError::new(span, "a network is a range already").expected("two addresses")
            );
        }
    };
    match order {
        Some(order) if order.is_le() => Ok(Element::Range(start, end)),
        _ => Err(FilterError::new(span, "nothing lies in this range")
            .expected("the smaller value first")),
    }
}

fn set_test(elements: Vec<Element>) -> Test {
    let ranges: Option<Vec<RangeInclusive<u64>>> = elements
        .iter()
        .map(|element| match element {
            Element::One(Constant::Unsigned(number)) => Some(*number..=*number),
            Element::Range(Constant::Unsigned(first), Constant::Unsigned(last)) => {
                Some(*first..=*last)
            }
            _ => None,
        })
        .collect();
    match ranges {
        Some(ranges) => Test::Numbers(ranges.into()),
        None => Test::Set(elements.into()),
    }
}

impl Comparison {
    fn quantifier(self) -> Quantifier {
        match self {
            Comparison::AllEqual | Comparison::AllNotEqual => Quantifier::All,
            _ => Quantifier::Any,
        }
    }

    fn is_order(self) -> bool {
        matches!(
            self,
            Comparison::Less
                | Comparison::LessEqual
                | Comparison::Greater
                | Comparison::GreaterEqual
        )
    }

    /// The comparison with its sides exchanged.
    fn mirrored(self) -> Option<Comparison> {
        Some(match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessEqual => Comparison::GreaterEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterEqual => Comparison::LessEqual,
            Comparison::Contains | Comparison::Matches => return None,
            same => same,
        })
    }
}
