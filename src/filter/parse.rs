//! Tokens to an expression, by precedence climbing. From loosest to tightest: `||`, `^^`, `&&`, `!`, comparisons, `&`,
//! `+ -`, `* / %`, brackets.
//!
//! Depth and length of the text are limited, so no text overflows the stack.

use std::ops::Range;

use super::FilterError;
use super::ast::{
    Arithmetic, Comparison, Expr, ExprKind, Function, Quantifier, Quoted, SliceEnd, SliceRange,
};
use super::error::shown;
use super::lex::{Kind, Sign, Token, tokens};
use crate::payload::json;

/// Bytes of one filter.
pub(super) const MAX_TEXT: usize = 64 << 10;
/// Expressions inside each other: parentheses, right sides, arithmetic.
const MAX_DEPTH: usize = 64;

/// Words that are operators and so never names or values.
pub(super) const OPERATOR_WORDS: &[&str] = &[
    "and",
    "or",
    "xor",
    "not",
    "in",
    "contains",
    "matches",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "any_eq",
    "any_ne",
    "all_eq",
    "all_ne",
    "bitwise_and",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    Xor,
    And,
    Compare(Comparison),
    In { negated: bool },
    Arithmetic(Arithmetic),
}

const PREFIX_NOT: u8 = 4;
const RELATION: u8 = 5;

impl Operator {
    fn precedence(self) -> u8 {
        match self {
            Operator::Or => 1,
            Operator::Xor => 2,
            Operator::And => 3,
            Operator::Compare(_) | Operator::In { .. } => RELATION,
            Operator::Arithmetic(Arithmetic::BitAnd) => 6,
            Operator::Arithmetic(Arithmetic::Plus | Arithmetic::Minus) => 7,
            Operator::Arithmetic(_) => 8,
        }
    }
}

/// The expression of a text; `None` for one that is empty.
pub(super) fn parse(text: &str) -> Result<Option<Expr>, FilterError> {
    if text.len() > MAX_TEXT {
        let message = format!("the filter is longer than {MAX_TEXT} bytes");
        return Err(FilterError::new(text.len()..text.len(), message));
    }
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    if parser.peek().kind == Kind::End {
        return Ok(None);
    }
    let expr = parser.expression(0)?;
    match parser.peek().kind {
        Kind::End => Ok(Some(expr)),
        _ => Err(parser.unexpected("an operator such as `==`, `&&` or `||`, or the end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &Token {
        // The list ends with `End`, which is never passed.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn slice(&self, token: &Token) -> &'a str {
        &self.text[token.span.clone()]
    }

    fn word(&self) -> Option<&'a str> {
        (self.peek().kind == Kind::Word).then(|| self.slice(self.peek()))
    }

    fn accept(&mut self, sign: Sign) -> bool {
        let found = self.peek().kind == Kind::Sign(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: Sign, what: &str) -> Result<Range<usize>, FilterError> {
        let span = self.peek().span.clone();
        if self.accept(sign) {
            return Ok(span);
        }
        Err(self.unexpected(what))
    }

    fn unexpected(&self, expected: &str) -> FilterError {
        let token = self.peek();
        let error = match token.kind {
            Kind::End => FilterError::new(token.span.clone(), "the filter ends here"),
            _ => {
                let message = format!("`{}` cannot stand here", shown(self.slice(token)));
                FilterError::new(token.span.clone(), message)
            }
        };
        let word = self.word().map(str::to_ascii_lowercase);
        let operator = OPERATOR_WORDS
            .iter()
            .find(|known| Some(**known) == word.as_deref());
        error.expected(expected).suggest(
            operator
                .filter(|known| self.word() != Some(**known))
                .copied(),
        )
    }

    fn deeper(&mut self, span: &Range<usize>) -> Result<(), FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("more than {MAX_DEPTH} levels inside each other");
            return Err(FilterError::new(span.clone(), message));
        }
        Ok(())
    }

    /// An expression of operators that bind at least as tightly as `floor`.
    fn expression(&mut self, floor: u8) -> Result<Expr, FilterError> {
        let depth = self.depth;
        let start = self.peek().span.clone();
        self.deeper(&start)?;
        let mut left = self.prefix()?;
        // Whether `left` is a comparison made here, not one in parentheses.
        let mut open_comparison = false;
        let mut joined = None;
        while let Some((operator, len)) = self.operator() {
            if operator.precedence() < floor {
                break;
            }
            let span = self.peek().span.clone();
            self.at += len;
            if matches!(operator, Operator::Arithmetic(_)) {
                // A chain makes a tree as deep as it is long.
                self.deeper(&span)?;
            }
            left = match operator {
                Operator::Compare(comparison) => {
                    let right = self.expression(RELATION + 1)?;
                    compare(left, comparison, right, open_comparison)
                }
                Operator::In { negated } => self.membership(left, negated)?,
                Operator::Arithmetic(arithmetic) => {
                    let right = self.expression(operator.precedence() + 1)?;
                    let span = left.span.start..right.span.end;
                    let kind = ExprKind::Arithmetic(arithmetic, Box::new([left, right]));
                    Expr { kind, span }
                }
                _ => {
                    let right = self.expression(operator.precedence() + 1)?;
                    join(operator, left, right, joined == Some(operator))
                }
            };
            open_comparison = matches!(operator, Operator::Compare(_));
            joined = Some(operator);
        }
        self.depth = depth;
        Ok(left)
    }

    /// The operator at the current token and how many tokens it takes.
    fn operator(&self) -> Option<(Operator, usize)> {
        let operator = match self.peek().kind {
            Kind::Sign(sign) => sign_operator(sign)?,
            Kind::Word => {
                let word = self.word()?;
                if word == "not" {
                    let next = self.tokens.get(self.at + 1)?;
                    let is_in = next.kind == Kind::Word && self.slice(next) == "in";
                    return is_in.then_some((Operator::In { negated: true }, 2));
                }
                word_operator(word)?
            }
            _ => return None,
        };
        Some((operator, 1))
    }

    fn prefix(&mut self) -> Result<Expr, FilterError> {
        let token = self.peek().clone();
        match token.kind {
            Kind::Sign(Sign::Not) => self.negation(),
            Kind::Word if self.slice(&token) == "not" => self.negation(),
            Kind::Sign(Sign::Minus | Sign::Plus) => self.signed(),
            Kind::Word => match self.slice(&token) {
                "any" if self.starts_operand() => self.quantified(Quantifier::Any),
                "all" if self.starts_operand() => self.quantified(Quantifier::All),
                _ => self.postfix(),
            },
            _ => self.postfix(),
        }
    }

    /// Whether the token after the current one begins an operand.
    fn starts_operand(&self) -> bool {
        self.tokens
            .get(self.at + 1)
            .is_some_and(|next| match next.kind {
                Kind::Word => !OPERATOR_WORDS.contains(&self.slice(next)),
                Kind::Sign(sign) => matches!(sign, Sign::OpenBrace | Sign::OpenParen),
                _ => false,
            })
    }

    fn negation(&mut self) -> Result<Expr, FilterError> {
        let start = self.next().span;
        let inner = self.expression(PREFIX_NOT)?;
        Ok(Expr {
            span: start.start..inner.span.end,
            kind: ExprKind::Not(Box::new(inner)),
        })
    }

    fn signed(&mut self) -> Result<Expr, FilterError> {
        let token = self.next();
        let inner = self.postfix()?;
        if token.kind == Kind::Sign(Sign::Plus) {
            return Ok(inner);
        }
        Ok(Expr {
            span: token.span.start..inner.span.end,
            kind: ExprKind::Negative(Box::new(inner)),
        })
    }

    fn quantified(&mut self, wanted: Quantifier) -> Result<Expr, FilterError> {
        let start = self.next().span;
        let mut inner = self.expression(RELATION)?;
        match &mut inner.kind {
            ExprKind::Compare { quantifier, .. } | ExprKind::In { quantifier, .. } => {
                *quantifier = Some(wanted)
            }
            _ => {
                let word = &self.text[start.clone()];
                return Err(FilterError::new(
                    inner.span,
                    format!("`{word}` has nothing to compare"),
                )
                .expected(format!("a comparison, such as `{word} tcp.port > 1024`")));
            }
        }
        inner.span.start = start.start;
        Ok(inner)
    }

    fn membership(&mut self, value: Expr, negated: bool) -> Result<Expr, FilterError> {
        self.expect(Sign::OpenBrace, "a set, such as `{1, 2, 8..10}`")?;
        let mut set = Vec::new();
        loop {
            let first = self.element()?;
            let last = match self.accept(Sign::Range) {
                true => Some(self.element()?),
                false => None,
            };
            set.push((first, last));
            self.accept(Sign::Comma);
            if self.peek().kind == Kind::Sign(Sign::CloseBrace) {
                break;
            }
        }
        let end = self.next().span.end;
        Ok(Expr {
            span: value.span.start..end,
            kind: ExprKind::In {
                quantifier: None,
                negated,
                value: Box::new(value),
                set: set.into(),
            },
        })
    }

    /// One value of a set.
    fn element(&mut self) -> Result<Expr, FilterError> {
        let minus = self.peek().span.clone();
        let negative = self.accept(Sign::Minus);
        let token = self.peek().clone();
        let inner = match token.kind {
            Kind::Word | Kind::Quoted | Kind::Raw | Kind::Char => self.literal(),
            _ => return Err(self.unexpected("a value, or `}`")),
        };
        if !negative {
            return Ok(inner);
        }
        Ok(Expr {
            span: minus.start..inner.span.end,
            kind: ExprKind::Negative(Box::new(inner)),
        })
    }

    fn literal(&mut self) -> Expr {
        let token = self.next();
        let text = self.slice(&token);
        let inside = |from: usize| {
            text.get(from..text.len().max(1) - 1)
                .unwrap_or_default()
                .into()
        };
        let kind = match token.kind {
            Kind::Quoted => ExprKind::Literal(Quoted::Text(inside(1))),
            Kind::Raw => ExprKind::Literal(Quoted::Raw(inside(2))),
            Kind::Char => ExprKind::Literal(Quoted::Char(inside(1))),
            _ => ExprKind::Word(text.into()),
        };
        Expr {
            kind,
            span: token.span,
        }
    }

    fn postfix(&mut self) -> Result<Expr, FilterError> {
        let mut expr = self.primary()?;
        while self.peek().kind == Kind::Sign(Sign::OpenBracket) {
            self.at += 1;
            let ranges = self.ranges()?;
            let end = self.expect(Sign::CloseBracket, "`]`")?.end;
            expr = Expr {
                span: expr.span.start..end,
                kind: ExprKind::Slice(Box::new(expr), ranges),
            };
            self.deeper(&expr.span)?;
        }
        Ok(expr)
    }

    fn primary(&mut self) -> Result<Expr, FilterError> {
        let token = self.peek().clone();
        match token.kind {
            Kind::Sign(Sign::OpenParen) => self.group(Sign::CloseParen, "`)`"),
            Kind::Sign(Sign::OpenBrace) => self.group(Sign::CloseBrace, "`}`"),
            Kind::Quoted | Kind::Raw | Kind::Char => Ok(self.literal()),
            Kind::Word => {
                let word = self.slice(&token);
                if OPERATOR_WORDS.contains(&word) {
                    return Err(self.unexpected("a field"));
                }
                let call = self.tokens.get(self.at + 1);
                if call.is_some_and(|next| next.kind == Kind::Sign(Sign::OpenParen)) {
                    return self.call(word);
                }
                if word.starts_with("json.") || word == "json" {
                    return self.json_path();
                }
                Ok(self.literal())
            }
            _ => Err(self.unexpected("a field, a value or `(`")),
        }
    }

    fn group(&mut self, close: Sign, what: &str) -> Result<Expr, FilterError> {
        let start = self.next().span;
        let mut inner = self.expression(0)?;
        let end = self.expect(close, &format!("{what} or an operator"))?;
        inner.span = start.start..end.end;
        Ok(inner)
    }

    fn call(&mut self, name: &str) -> Result<Expr, FilterError> {
        let start = self.next().span;
        let Some(function) = Function::of(name) else {
            let names = Function::ALL.iter().map(|(known, _)| *known);
            return Err(
                FilterError::new(start, format!("there is no function `{}`", shown(name)))
                    .suggest(super::error::nearest(name, names)),
            );
        };
        self.at += 1;
        let mut arguments = vec![self.expression(RELATION + 1)?];
        while self.accept(Sign::Comma) {
            arguments.push(self.expression(RELATION + 1)?);
        }
        let end = self
            .expect(Sign::CloseParen, "`)`, `,` or an operator")?
            .end;
        Ok(Expr {
            kind: ExprKind::Call(function, arguments.into()),
            span: start.start..end,
        })
    }

    /// `json.a.b`, then `[0]` and `.c` that follow without a space.
    fn json_path(&mut self) -> Result<Expr, FilterError> {
        let token = self.next();
        let span = token.span.clone();
        let mut steps = Vec::new();
        let dotted = self.slice(&token).strip_prefix("json").unwrap_or_default();
        if !dotted.is_empty() {
            steps = json::dotted_steps(dotted).ok_or_else(|| bad_path(span.clone()))?;
        }
        let mut end = span.end;
        loop {
            let next = self.peek().clone();
            if next.span.start != end {
                break;
            }
            if let Some(step) = self.bracket_step() {
                steps.push(step);
            } else if next.kind == Kind::Word && self.slice(&next).starts_with('.') {
                self.at += 1;
                steps.extend(
                    json::dotted_steps(self.slice(&next))
                        .ok_or_else(|| bad_path(next.span.clone()))?,
                );
            } else {
                break;
            }
            end = self.tokens[self.at - 1].span.end;
        }
        let span = span.start..end;
        if steps.len() > json::MAX_STEPS {
            let message = format!("the path has more than {} steps", json::MAX_STEPS);
            return Err(FilterError::new(span, message));
        }
        Ok(Expr {
            kind: ExprKind::Json(steps.into()),
            span,
        })
    }

    /// `[0]`, `[*]` or `["key"]`; anything else in brackets is a slice.
    fn bracket_step(&mut self) -> Option<super::PathStep> {
        let [open, inside, close] = self.tokens.get(self.at..self.at + 3)? else {
            return None;
        };
        if open.kind != Kind::Sign(Sign::OpenBracket)
            || close.kind != Kind::Sign(Sign::CloseBracket)
        {
            return None;
        }
        let text = self.slice(inside);
        let step = match inside.kind {
            Kind::Word => json::index_step(text)?,
            Kind::Quoted => {
                let key = super::literal::unescape(&text[1..text.len() - 1], inside.span.start + 1)
                    .ok()?;
                super::PathStep::Key(String::from_utf8(key).ok()?.into())
            }
            _ => return None,
        };
        self.at += 3;
        Some(step)
    }

    fn ranges(&mut self) -> Result<Box<[SliceRange]>, FilterError> {
        let mut ranges = vec![self.range()?];
        while self.accept(Sign::Comma) {
            ranges.push(self.range()?);
        }
        Ok(ranges.into())
    }

    fn range(&mut self) -> Result<SliceRange, FilterError> {
        if self.accept(Sign::Colon) {
            let end = SliceEnd::Len(self.integer()?.unsigned_abs());
            return Ok(SliceRange { start: 0, end });
        }
        let start = self.integer()?;
        let end = if self.accept(Sign::Colon) {
            match self.peek().kind {
                Kind::Word => SliceEnd::Len(self.integer()?.unsigned_abs()),
                _ => SliceEnd::Open,
            }
        } else if self.accept(Sign::Minus) {
            SliceEnd::Last(self.integer()?)
        } else {
            SliceEnd::Len(1)
        };
        Ok(SliceRange { start, end })
    }

    fn integer(&mut self) -> Result<i64, FilterError> {
        let negative = self.accept(Sign::Minus);
        let number = self.word().and_then(|word| word.parse::<u32>().ok());
        let Some(number) = number else {
            return Err(self.unexpected("a position, as in `[0:4]`, `[1-3]`, `[-4:]` or `[2]`"));
        };
        self.at += 1;
        let number = i64::from(number);
        Ok(if negative { -number } else { number })
    }
}

fn bad_path(span: Range<usize>) -> FilterError {
    FilterError::new(span, "the path has an empty key")
        .expected("a path such as `json.user.items[0].id`")
}

fn compare(left: Expr, comparison: Comparison, right: Expr, open: bool) -> Expr {
    let span = left.span.start..right.span.end;
    let kind = match left.kind {
        ExprKind::Compare {
            quantifier,
            first,
            mut rest,
        } if open => {
            rest.push((comparison, right));
            ExprKind::Compare {
                quantifier,
                first,
                rest,
            }
        }
        kind => ExprKind::Compare {
            quantifier: None,
            first: Box::new(Expr {
                kind,
                span: left.span,
            }),
            rest: vec![(comparison, right)],
        },
    };
    Expr { kind, span }
}

/// Joins two tests; a chain of one operator becomes one flat list.
fn join(operator: Operator, left: Expr, right: Expr, chain: bool) -> Expr {
    let span = left.span.start..right.span.end;
    let kind = match (operator, left.kind) {
        (Operator::And, ExprKind::And(mut list)) if chain => {
            list.push(right);
            ExprKind::And(list)
        }
        (Operator::Or, ExprKind::Or(mut list)) if chain => {
            list.push(right);
            ExprKind::Or(list)
        }
        (Operator::Xor, ExprKind::Xor(mut list)) if chain => {
            list.push(right);
            ExprKind::Xor(list)
        }
        (operator, kind) => {
            let list = vec![
                Expr {
                    kind,
                    span: left.span,
                },
                right,
            ];
            match operator {
                Operator::And => ExprKind::And(list),
                Operator::Xor => ExprKind::Xor(list),
                _ => ExprKind::Or(list),
            }
        }
    };
    Expr { kind, span }
}

fn sign_operator(sign: Sign) -> Option<Operator> {
    Some(match sign {
        Sign::And => Operator::And,
        Sign::Or => Operator::Or,
        Sign::Xor => Operator::Xor,
        Sign::AnyEqual => Operator::Compare(Comparison::AnyEqual),
        Sign::AllEqual => Operator::Compare(Comparison::AllEqual),
        Sign::AnyNotEqual => Operator::Compare(Comparison::AnyNotEqual),
        Sign::AllNotEqual => Operator::Compare(Comparison::AllNotEqual),
        Sign::Less => Operator::Compare(Comparison::Less),
        Sign::LessEqual => Operator::Compare(Comparison::LessEqual),
        Sign::Greater => Operator::Compare(Comparison::Greater),
        Sign::GreaterEqual => Operator::Compare(Comparison::GreaterEqual),
        Sign::Matches => Operator::Compare(Comparison::Matches),
        Sign::BitAnd => Operator::Arithmetic(Arithmetic::BitAnd),
        Sign::Plus => Operator::Arithmetic(Arithmetic::Plus),
        Sign::Minus => Operator::Arithmetic(Arithmetic::Minus),
        Sign::Times => Operator::Arithmetic(Arithmetic::Times),
        Sign::Divide => Operator::Arithmetic(Arithmetic::Divide),
        Sign::Remainder => Operator::Arithmetic(Arithmetic::Remainder),
        _ => return None,
    })
}

fn word_operator(word: &str) -> Option<Operator> {
    Some(match word {
        "and" => Operator::And,
        "or" => Operator::Or,
        "xor" => Operator::Xor,
        "in" => Operator::In { negated: false },
        "eq" | "any_eq" => Operator::Compare(Comparison::AnyEqual),
        "all_eq" => Operator::Compare(Comparison::AllEqual),
        "ne" | "all_ne" => Operator::Compare(Comparison::AllNotEqual),
        "any_ne" => Operator::Compare(Comparison::AnyNotEqual),
        "lt" => Operator::Compare(Comparison::Less),
        "le" => Operator::Compare(Comparison::LessEqual),
        "gt" => Operator::Compare(Comparison::Greater),
        "ge" => Operator::Compare(Comparison::GreaterEqual),
        "contains" => Operator::Compare(Comparison::Contains),
        "matches" => Operator::Compare(Comparison::Matches),
        "bitwise_and" => Operator::Arithmetic(Arithmetic::BitAnd),
        _ => return None,
    })
}
