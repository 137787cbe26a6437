//! The compiled filter and its evaluation: no names, no text, no allocation on fields of the headers.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;
use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::ast::{Arithmetic, Comparison, Function, Quantifier, SliceRange};
use super::literal::Constant;
use super::{FieldId, FieldRef, PathStep, Value, Values};
use crate::base::Timestamp;

type Each<'e> = dyn FnMut(Value<'_>) -> bool + 'e;

/// A test of one row.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Every row passes: the empty filter.
    Everything,
    Not(Box<Node>),
    All(Box<[Node]>),
    Any(Box<[Node]>),
    /// An odd number of them passes.
    Odd(Box<[Node]>),
    Exists(Operand),
    /// A field of unsigned numbers against a constant, the most common test of all.
    Number(FieldRef, Quantifier, Comparison, u64),
    Test(Operand, Quantifier, Test),
    Compare(Box<[Operand; 2]>, Quantifier, Comparison),
}

/// Where values come from.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Field(FieldRef),
    /// A field with the addresses of one family only.
    Address(FieldRef, Family),
    Json(Box<[PathStep]>),
    Constant(Constant),
    Slice(Box<Operand>, Box<[SliceRange]>),
    Call(Function, Box<[Operand]>),
    Arithmetic(Arithmetic, Box<[Operand; 2]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// What one value must pass.
#[derive(Clone, Debug)]
pub(super) enum Test {
    True,
    NotZero,
    Is(Comparison, Constant),
    Inside(IpNet),
    Outside(IpNet),
    Numbers(Box<[RangeInclusive<u64>]>),
    Set(Box<[Element]>),
    Contains(Box<Finder<'static>>),
    Matches(Box<Regex>),
}

/// An element of a set.
#[derive(Clone, Debug)]
pub(super) enum Element {
    One(Constant),
    Range(Constant, Constant),
    Network(IpNet),
}

impl Node {
    pub(super) fn matches<V: Values + ?Sized>(&self, values: &V) -> bool {
        match self {
            Node::Everything => true,
            Node::Not(inner) => !inner.matches(values),
            Node::All(list) => list.iter().all(|node| node.matches(values)),
            Node::Any(list) => list.iter().any(|node| node.matches(values)),
            Node::Odd(list) => list.iter().filter(|node| node.matches(values)).count() % 2 == 1,
            Node::Exists(operand) => {
                let mut found = false;
                operand.visit(values, &mut |_| {
                    found = true;
                    true
                });
                found
            }
            Node::Number(field, quantifier, comparison, number) => {
                let mut verdict = Verdict::new(*quantifier);
                values.visit(*field, &mut |value| {
                    verdict.add(
                        value
                            .unsigned()
                            .is_some_and(|found| comparison.holds(found.cmp(number))),
                    )
                });
                verdict.passed()
            }
            Node::Test(operand, quantifier, test) => {
                let mut verdict = Verdict::new(*quantifier);
                operand.visit(values, &mut |value| verdict.add(test.passes(value)));
                verdict.passed()
            }
            Node::Compare(sides, quantifier, comparison) => {
                let [left, right] = &**sides;
                let mut verdict = Verdict::new(*quantifier);
                left.visit(values, &mut |a| {
                    let mut done = false;
                    right.visit(values, &mut |b| {
                        done = verdict.add(holds(a, *comparison, b));
                        done
                    });
                    done
                });
                verdict.passed()
            }
        }
    }
}

/// The result over several values: none decides when one must pass, or all.
struct Verdict {
    quantifier: Quantifier,
    seen: bool,
    decided: bool,
}

impl Verdict {
    fn new(quantifier: Quantifier) -> Self {
        Self {
            quantifier,
            seen: false,
            decided: false,
        }
    }

    /// Takes one value's result; whether no other can change the verdict.
    fn add(&mut self, passes: bool) -> bool {
        self.seen = true;
        self.decided |= passes == (self.quantifier == Quantifier::Any);
        self.decided
    }

    fn passed(&self) -> bool {
        match self.quantifier {
            Quantifier::Any => self.decided,
            Quantifier::All => self.seen && !self.decided,
        }
    }
}

impl Comparison {
    #[inline]
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Comparison::AnyEqual | Comparison::AllEqual => order.is_eq(),
            Comparison::AnyNotEqual | Comparison::AllNotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterEqual => order.is_ge(),
            Comparison::Contains | Comparison::Matches => false,
        }
    }
}

fn holds(a: Value<'_>, comparison: Comparison, b: Value<'_>) -> bool {
    if comparison == Comparison::Contains {
        return match (a.bytes(), b.bytes()) {
            (Some(a), Some(b)) => memchr::memmem::find(a, b).is_some(),
            _ => false,
        };
    }
    match a.compare(b) {
        Some(order) => comparison.holds(order),
        // Values of different kinds differ, and have no order.
        None => matches!(
            comparison,
            Comparison::AnyNotEqual | Comparison::AllNotEqual
        ),
    }
}

impl Test {
    fn passes(&self, value: Value<'_>) -> bool {
        match self {
            Test::True => value == Value::Bool(true),
            Test::NotZero => match value {
                Value::Float(number) => number != 0.0,
                Value::Duration(nanoseconds) => nanoseconds != 0,
                value => value.unsigned() != Some(0),
            },
            Test::Is(comparison, constant) => constant
                .value()
                .is_some_and(|constant| holds(value, *comparison, constant)),
            Test::Inside(network) => inside(value, network),
            Test::Outside(network) => !inside(value, network),
            Test::Numbers(ranges) => value
                .unsigned()
                .is_some_and(|number| ranges.iter().any(|range| range.contains(&number))),
            Test::Set(elements) => elements.iter().any(|element| element.has(value)),
            Test::Contains(finder) => value
                .bytes()
                .is_some_and(|bytes| finder.find(bytes).is_some()),
            Test::Matches(regex) => value.bytes().is_some_and(|bytes| regex.is_match(bytes)),
        }
    }
}

fn inside(value: Value<'_>, network: &IpNet) -> bool {
    matches!(value, Value::Ip(address) if network.contains(&address))
}

impl Element {
    fn has(&self, value: Value<'_>) -> bool {
        let holds = |constant: &Constant, comparison| {
            constant
                .value()
                .is_some_and(|constant| holds(value, comparison, constant))
        };
        match self {
            Element::One(constant) => holds(constant, Comparison::AnyEqual),
            Element::Range(first, last) => {
                holds(first, Comparison::GreaterEqual) && holds(last, Comparison::LessEqual)
            }
            Element::Network(network) => inside(value, network),
        }
    }
}

impl Operand {
    fn visit<V: Values + ?Sized>(&self, values: &V, each: &mut Each<'_>) {
        match self {
            Operand::Field(field) => values.visit(*field, each),
            Operand::Address(field, family) => {
                values.visit(*field, &mut |value| match (value, family) {
                    (Value::Ip(IpAddr::V4(_)), Family::V4)
                    | (Value::Ip(IpAddr::V6(_)), Family::V6) => each(value),
                    _ => false,
                })
            }
            Operand::Json(path) => values.json(path, each),
            Operand::Constant(constant) => {
                if let Some(value) = constant.value() {
                    each(value);
                }
            }
            Operand::Slice(inner, ranges) => {
                inner.visit(values, &mut |value| {
                    with_bytes(value, |bytes| slice(bytes, ranges, each))
                });
            }
            Operand::Call(function, arguments) => call(*function, arguments, values, each),
            Operand::Arithmetic(arithmetic, sides) => {
                let [left, right] = &**sides;
                left.visit(values, &mut |a| {
                    let mut stop = false;
                    right.visit(values, &mut |b| {
                        stop = calculate(*arithmetic, a, b).is_some_and(&mut *each);
                        stop
                    });
                    stop
                });
            }
        }
    }
}

/// The bytes of text, bytes or an address.
fn with_bytes(value: Value<'_>, then: impl FnOnce(&[u8]) -> bool) -> bool {
    match value {
        Value::Ip(IpAddr::V4(address)) => then(&address.octets()),
        Value::Ip(IpAddr::V6(address)) => then(&address.octets()),
        value => value.bytes().is_some_and(then),
    }
}

/// Gives the bytes of the ranges put together, nothing when one does not lie inside.
fn slice(bytes: &[u8], ranges: &[SliceRange], each: &mut Each<'_>) -> bool {
    let part = |range: &SliceRange| bytes.get(range.of(bytes.len())?);
    if let [range] = ranges {
        return part(range).is_some_and(|part| each(Value::Bytes(part)));
    }
    let parts: Option<Vec<&[u8]>> = ranges.iter().map(part).collect();
    parts.is_some_and(|parts| each(Value::Bytes(&parts.concat())))
}

fn call<V: Values + ?Sized>(
    function: Function,
    arguments: &[Operand],
    values: &V,
    each: &mut Each<'_>,
) {
    let Some(first) = arguments.first() else {
        return;
    };
    match function {
        Function::Len => first.visit(values, &mut |value| {
            with_bytes(value, |bytes| each(Value::Unsigned(bytes.len() as u64)))
        }),
        Function::Count => {
            let mut count = 0;
            first.visit(values, &mut |_| {
                count += 1;
                false
            });
            // As in Wireshark, a field that is missing has no count.
            if count > 0 {
                each(Value::Unsigned(count));
            }
        }
        Function::Lower => first.visit(values, &mut |value| {
            value
                .bytes()
                .is_some_and(|bytes| each(Value::Bytes(&bytes.to_ascii_lowercase())))
        }),
        Function::Upper => first.visit(values, &mut |value| {
            value
                .bytes()
                .is_some_and(|bytes| each(Value::Bytes(&bytes.to_ascii_uppercase())))
        }),
        Function::Text => first.visit(values, &mut |value| match value {
            Value::Text(_) | Value::Bytes(_) => each(value),
            value => text(value).is_some_and(|text| each(Value::Text(&text))),
        }),
        Function::Abs => first.visit(values, &mut |value| {
            each(match value {
                Value::Signed(number) => Value::Unsigned(number.unsigned_abs()),
                Value::Float(number) => Value::Float(number.abs()),
                Value::Duration(nanoseconds) => Value::Duration(nanoseconds.saturating_abs()),
                value => value,
            })
        }),
        Function::Min => extreme(arguments, values, Comparison::Less, each),
        Function::Max => extreme(arguments, values, Comparison::Greater, each),
    }
}

/// The least or greatest of all values of all arguments.
fn extreme<V: Values + ?Sized>(
    arguments: &[Operand],
    values: &V,
    wanted: Comparison,
    each: &mut Each<'_>,
) {
    let mut best: Option<Constant> = None;
    for argument in arguments {
        argument.visit(values, &mut |value| {
            let known = best.as_ref().and_then(Constant::value);
            if known.is_none_or(|known| holds(value, wanted, known)) {
                best = scalar(value).or(best.take());
            }
            false
        });
    }
    if let Some(value) = best.as_ref().and_then(Constant::value) {
        each(value);
    }
}

/// A value that has a size, kept.
pub(super) fn scalar(value: Value<'_>) -> Option<Constant> {
    Some(match value {
        Value::Unsigned(number) => Constant::Unsigned(number),
        Value::Signed(number) => Constant::Signed(number),
        Value::Float(number) => Constant::Float(number),
        Value::Time(time) => Constant::Time(time),
        Value::Duration(nanoseconds) => Constant::Duration(nanoseconds),
        _ => return None,
    })
}

/// A value in words, as the outputs write it.
fn text(value: Value<'_>) -> Option<String> {
    Some(match value {
        Value::Bool(yes) => yes.to_string(),
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Ip(address) => address.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Duration(nanoseconds) => (nanoseconds as f64 / 1e9).to_string(),
        _ => return None,
    })
}

/// The result of one step of arithmetic; `None` where it has none (overflow, division by zero).
pub(super) fn calculate(
    arithmetic: Arithmetic,
    a: Value<'_>,
    b: Value<'_>,
) -> Option<Value<'static>> {
    match (a, b) {
        (Value::Time(a), Value::Time(b)) if arithmetic == Arithmetic::Minus => {
            a.0.checked_sub(b.0).map(Value::Duration)
        }
        (Value::Time(a), Value::Duration(b)) => {
            integers(arithmetic, a.0.into(), b.into()).map(|sum| Value::Time(Timestamp(sum)))
        }
        (Value::Duration(a), Value::Duration(b)) => match arithmetic {
            Arithmetic::Divide => (b != 0).then(|| Value::Float(a as f64 / b as f64)),
            _ => integers(arithmetic, a.into(), b.into()).map(Value::Duration),
        },
        (Value::Duration(a), b) => {
            let scaled = floats(arithmetic, a as f64, b.float()?)?;
            // A cast saturates; what does not fit has no value.
            (scaled.abs() < i64::MAX as f64).then_some(Value::Duration(scaled as i64))
        }
        (Value::Float(_), _) | (_, Value::Float(_)) => {
            floats(arithmetic, a.float()?, b.float()?).map(Value::Float)
        }
        (a, b) => {
            let wide = |value: Value<'_>| match value {
                Value::Unsigned(number) => Some(i128::from(number)),
                Value::Signed(number) => Some(i128::from(number)),
                Value::Bool(yes) => Some(i128::from(yes)),
                _ => None,
            };
            let (a, b) = (wide(a)?, wide(b)?);
            let result: i128 = wide_integers(arithmetic, a, b)?;
            match u64::try_from(result) {
                Ok(number) => Some(Value::Unsigned(number)),
                Err(_) => i64::try_from(result).ok().map(Value::Signed),
            }
        }
    }
}

fn integers(arithmetic: Arithmetic, a: i128, b: i128) -> Option<i64> {
    i64::try_from(wide_integers(arithmetic, a, b)?).ok()
}

fn wide_integers(arithmetic: Arithmetic, a: i128, b: i128) -> Option<i128> {
    match arithmetic {
        Arithmetic::BitAnd => Some(a & b),
        Arithmetic::Plus => a.checked_add(b),
        Arithmetic::Minus => a.checked_sub(b),
        Arithmetic::Times => a.checked_mul(b),
        Arithmetic::Divide => a.checked_div(b),
        Arithmetic::Remainder => a.checked_rem(b),
    }
}

fn floats(arithmetic: Arithmetic, a: f64, b: f64) -> Option<f64> {
    let result = match arithmetic {
        Arithmetic::BitAnd => return None,
        Arithmetic::Plus => a + b,
        Arithmetic::Minus => a - b,
        Arithmetic::Times => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::Remainder => a % b,
    };
    result.is_finite().then_some(result)
}

impl Node {
    /// Appends every field the tests ask for.
    pub(super) fn fields(&self, out: &mut Vec<FieldRef>) {
        match self {
            Node::Everything => {}
            Node::Not(inner) => inner.fields(out),
            Node::All(list) | Node::Any(list) | Node::Odd(list) => {
                list.iter().for_each(|node| node.fields(out))
            }
            Node::Exists(operand) | Node::Test(operand, ..) => operand.fields(out),
            Node::Number(field, ..) => out.push(*field),
            Node::Compare(sides, ..) => sides.iter().for_each(|side| side.fields(out)),
        }
    }
}

impl Operand {
    fn fields(&self, out: &mut Vec<FieldRef>) {
        match self {
            Operand::Field(field) | Operand::Address(field, _) => out.push(*field),
            Operand::Json(_) => out.push(FieldId::Json.into()),
            Operand::Constant(_) => {}
            Operand::Slice(inner, _) => inner.fields(out),
            Operand::Call(_, arguments) => {
                arguments.iter().for_each(|argument| argument.fields(out))
            }
            Operand::Arithmetic(_, sides) => sides.iter().for_each(|side| side.fields(out)),
        }
    }
}
