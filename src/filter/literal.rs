//! A value in the text to a constant of the type it is compared with.

use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;
use jiff::civil::DateTime;

use super::ast::Quoted;
use super::error::{nearest, shown};
use super::{FilterError, Known, Type, Value};
use crate::base::Timestamp;

/// A value of the filter's own.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bytes(Box<[u8]>),
    Ip(IpAddr),
    Network(IpNet),
    Time(Timestamp),
    Duration(i64),
}

impl Constant {
    /// The constant as a row's value would be; `None` for a network, which is many.
    pub(super) fn value(&self) -> Option<Value<'_>> {
        Some(match self {
            Constant::Null => Value::Null,
            Constant::Bool(yes) => Value::Bool(*yes),
            Constant::Unsigned(number) => Value::Unsigned(*number),
            Constant::Signed(number) => Value::Signed(*number),
            Constant::Float(number) => Value::Float(*number),
            Constant::Bytes(bytes) => Value::Bytes(bytes),
            Constant::Ip(address) => Value::Ip(*address),
            Constant::Network(_) => return None,
            Constant::Time(time) => Value::Time(*time),
            Constant::Duration(nanoseconds) => Value::Duration(*nanoseconds),
        })
    }
}

/// A literal as the text has it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Written<'a> {
    Word(&'a str),
    Quoted(&'a Quoted),
}

/// Where a constant stands and what it is for.
pub(super) struct Wanted<'a> {
    pub(super) kind: Type,
    pub(super) known: Known,
    pub(super) max: u64,
    /// The field's name, for messages.
    pub(super) name: &'a str,
    pub(super) span: Range<usize>,
}

/// The constant that `written` is when it stands for a value of the wanted type.
pub(super) fn constant(
    written: Written<'_>,
    negative: bool,
    wanted: &Wanted<'_>,
) -> Result<Constant, FilterError> {
    if negative {
        return match written {
            Written::Word(word) => negated(word, wanted),
            Written::Quoted(_) => Err(wanted.error("text has no sign")),
        };
    }
    let text = match written {
        Written::Word(word) => word.as_bytes().into(),
        Written::Quoted(quoted) => quoted_bytes(quoted, &wanted.span)?,
    };
    let bare = matches!(written, Written::Word(_));
    match wanted.kind {
        Type::Text => wanted.known_word(text),
        Type::Bytes => match written {
            Written::Word(word) => bytes_word(word).map_or_else(|| wanted.bytes_word(word), Ok),
            Written::Quoted(_) => Ok(Constant::Bytes(text)),
        },
        Type::Json if bare => Ok(json_constant(&String::from_utf8_lossy(&text))),
        Type::Json => Ok(Constant::Bytes(text)),
        Type::Unsigned if matches!(written, Written::Quoted(Quoted::Char(_))) => {
            Ok(Constant::Unsigned(
                text.iter()
                    .fold(0, |code, byte| code << 8 | u64::from(*byte)),
            ))
        }
        _ => wanted.typed(&String::from_utf8_lossy(&text)),
    }
}

impl Wanted<'_> {
    fn error(&self, message: impl Into<String>) -> FilterError {
        FilterError::new(self.span.clone(), message).expected(self.expectation())
    }

    fn expectation(&self) -> String {
        match self.kind {
            Type::Bool | Type::Flag => "`true` or `false`".into(),
            Type::Unsigned => match self.known {
                Known::Any => "a number, such as `42` or `0x2a`".into(),
                known => format!("a number or one of {}", list(known)),
            },
            Type::Signed | Type::Float => "a number".into(),
            Type::Text => match self.known {
                Known::Any => "a text in quotes".into(),
                Known::Findings => "the code of a finding".into(),
                known => format!("one of {}", list(known)),
            },
            Type::Bytes => "bytes such as `81:05`, or a text in quotes".into(),
            Type::Ipv4 => "an IPv4 address or network, such as `10.0.0.1` or `10.0.0.0/8`".into(),
            Type::Ipv6 => {
                "an IPv6 address or network, such as `2001:db8::1` or `2001:db8::/32`".into()
            }
            Type::Ip => "an address or network, such as `10.0.0.1` or `2001:db8::/32`".into(),
            Type::Time => {
                "a time in quotes, such as `\"2026-11-22 10:00:00\"` (UTC), or seconds since 1970"
                    .into()
            }
            Type::Duration => "a duration such as `1.5s`, `200ms` or `3m`, or seconds".into(),
            Type::Layer | Type::Json => "a value".into(),
        }
    }

    fn typed(&self, text: &str) -> Result<Constant, FilterError> {
        let constant = match self.kind {
            Type::Bool | Type::Flag => boolean(text),
            Type::Unsigned => return self.unsigned(text),
            Type::Signed | Type::Float => number(text),
            Type::Ipv4 | Type::Ipv6 | Type::Ip => return self.address(text),
            Type::Time => time(text).map(Constant::Time),
            Type::Duration => duration(text).map(Constant::Duration),
            _ => None,
        };
        constant.ok_or_else(|| self.error(format!("`{}` is no {}", shown(text), self.kind.name())))
    }

    fn unsigned(&self, text: &str) -> Result<Constant, FilterError> {
        if let Known::Named(names) = self.known
            && let Some((_, number)) = names
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(text))
        {
            return Ok(Constant::Unsigned(*number));
        }
        match number(text) {
            Some(Constant::Unsigned(number)) if number > self.max => Err(FilterError::new(
                self.span.clone(),
                format!(
                    "{number} is too big for `{}`, whose greatest value is {}",
                    self.name, self.max
                ),
            )),
            Some(constant) => Ok(constant),
            None => {
                let near = nearest(text, self.known.names());
                Err(self
                    .error(format!("`{}` is no value of `{}`", shown(text), self.name))
                    .suggest(near))
            }
        }
    }

    fn known_word(&self, text: Box<[u8]>) -> Result<Constant, FilterError> {
        let word = String::from_utf8_lossy(&text);
        if matches!(self.known, Known::Any) {
            return Ok(Constant::Bytes(text));
        }
        let found = self
            .known
            .names()
            .find(|name| name.eq_ignore_ascii_case(&word));
        match found {
            Some(name) => Ok(Constant::Bytes(name.as_bytes().into())),
            None => {
                let near = nearest(&word, self.known.names());
                Err(self
                    .error(format!("`{}` is no value of `{}`", shown(&word), self.name))
                    .suggest(near))
            }
        }
    }

    fn bytes_word(&self, word: &str) -> Result<Constant, FilterError> {
        if word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            // `7` or `127`: a number was meant, and guessing how would be wrong half the time.
            return Err(self.error(format!(
                "`{}` is half a byte too long or too short",
                shown(word)
            )));
        }
        Ok(Constant::Bytes(word.as_bytes().into()))
    }

    fn address(&self, text: &str) -> Result<Constant, FilterError> {
        let (constant, is_v4) = if let Ok(address) = text.parse::<IpAddr>() {
            (Constant::Ip(address), address.is_ipv4())
        } else if let Ok(network) = text.parse::<IpNet>() {
            (Constant::Network(network.trunc()), network.addr().is_ipv4())
        } else {
            return Err(self.error(format!("`{}` is no {}", shown(text), self.kind.name())));
        };
        let (wrong, name) = match self.kind {
            Type::Ipv4 => (!is_v4, self.name.replacen("ip", "ipv6", 1)),
            Type::Ipv6 => (is_v4, self.name.replacen("ipv6", "ip", 1)),
            _ => (false, String::new()),
        };
        if wrong {
            return Err(self
                .error(format!("`{}` is of the other family", shown(text)))
                .suggest(Some(name)));
        }
        Ok(constant)
    }
}

fn list(known: Known) -> String {
    let names: Vec<_> = known.names().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn negated(word: &str, wanted: &Wanted<'_>) -> Result<Constant, FilterError> {
    let none = || wanted.error(format!("`-{}` is no {}", shown(word), wanted.kind.name()));
    if wanted.kind == Type::Duration {
        return duration(word)
            .and_then(i64::checked_neg)
            .map(Constant::Duration)
            .ok_or_else(none);
    }
    if !(wanted.kind.is_number() || wanted.kind == Type::Json) {
        return Err(none());
    }
    match number(word) {
        Some(Constant::Unsigned(number)) => 0i64
            .checked_sub_unsigned(number)
            .map(Constant::Signed)
            .ok_or_else(none),
        Some(Constant::Float(number)) => Ok(Constant::Float(-number)),
        _ => Err(none()),
    }
}

/// A number without a sign: decimal, `0x`, `0b`, `0o` or octal with a leading zero as in Wireshark, or a fraction.
pub(super) fn number(text: &str) -> Option<Constant> {
    let lower = text.to_ascii_lowercase();
    let integer = if let Some(digits) = lower.strip_prefix("0x") {
        radix(digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        radix(digits, 2)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        radix(digits, 8)
    } else if lower.len() > 1 && lower.starts_with('0') && lower.bytes().all(|b| b.is_ascii_digit())
    {
        radix(&lower, 8)
    } else {
        radix(&lower, 10)
    };
    if integer.is_some() {
        return integer.map(Constant::Unsigned);
    }
    let is_fraction = lower.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && lower.contains(['.', 'e'])
        && !lower.starts_with("0x");
    let float = is_fraction.then(|| lower.parse::<f64>().ok()).flatten()?;
    float.is_finite().then_some(Constant::Float(float))
}

fn radix(digits: &str, base: u32) -> Option<u64> {
    // `from_str_radix` takes a sign, which no word has a right to.
    digits
        .starts_with(|c: char| c.is_ascii_alphanumeric())
        .then(|| u64::from_str_radix(digits, base).ok())
        .flatten()
}

fn boolean(text: &str) -> Option<Constant> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" => Some(Constant::Bool(true)),
        "false" | "no" => Some(Constant::Bool(false)),
        text => match number(text)? {
            Constant::Unsigned(number) => Some(Constant::Bool(number != 0)),
            _ => None,
        },
    }
}

fn json_constant(word: &str) -> Constant {
    match word {
        "null" => Constant::Null,
        "true" => Constant::Bool(true),
        "false" => Constant::Bool(false),
        word => number(word).unwrap_or_else(|| Constant::Bytes(word.as_bytes().into())),
    }
}

/// `81:05`, `81-05`, `81.05`, `8105` or `0x8105`.
fn bytes_word(word: &str) -> Option<Constant> {
    if let Some(separator) = [':', '-', '.'].into_iter().find(|c| word.contains(*c)) {
        let bytes: Option<Vec<u8>> = word
            .split(separator)
            .map(|pair| match pair.len() {
                1 | 2 => u8::from_str_radix(pair, 16).ok(),
                _ => None,
            })
            .collect();
        return bytes.map(|bytes| Constant::Bytes(bytes.into()));
    }
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let bytes = hex::decode(digits).ok().filter(|bytes| !bytes.is_empty())?;
    Some(Constant::Bytes(bytes.into()))
}

/// `2026-11-22 10:00:00.5`, the same with `T`, with a zone, without a time, in Wireshark's `Nov 22, 2026 10:00:00`, or
/// seconds since 1970. Without a zone it is UTC, as everything this program prints.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    match number(text) {
        Some(Constant::Unsigned(seconds)) => {
            return i64::try_from(seconds)
                .ok()?
                .checked_mul(NANOS)
                .map(Timestamp);
        }
        Some(Constant::Float(_)) => return decimal(text, NANOS).map(Timestamp),
        _ => {}
    }
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let moment = zoned.or_else(|| {
        let plain = text.strip_suffix("UTC").unwrap_or(text).trim_ascii_end();
        let civil = plain.parse::<DateTime>().ok().or_else(|| {
            ["%b %d, %Y %H:%M:%S%.f", "%b %d, %Y %H:%M:%S", "%b %d, %Y"]
                .iter()
                .find_map(|format| in_words(format, plain))
        })?;
        civil
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    })?;
    i64::try_from(moment.as_nanosecond()).ok().map(Timestamp)
}

fn in_words(format: &str, text: &str) -> Option<DateTime> {
    let broken = jiff::fmt::strtime::parse(format, text).ok()?;
    broken
        .to_datetime()
        .ok()
        .or_else(|| broken.to_date().ok().map(|date| date.at(0, 0, 0, 0)))
}

const NANOS: i64 = 1_000_000_000;

/// `1.5s`, `200ms`, `1m30s`, or seconds without a unit, in nanoseconds.
pub(super) fn duration(text: &str) -> Option<i64> {
    if text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return decimal(text, NANOS);
    }
    let mut total = 0i64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let letters = rest[digits..]
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len() - digits);
        let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
        total = total.checked_add(decimal(number, unit_nanoseconds(unit)?)?)?;
        rest = &rest[digits + letters..];
    }
    Some(total)
}

fn unit_nanoseconds(unit: &str) -> Option<i64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" | "sec" => NANOS,
        "m" | "min" => 60 * NANOS,
        "h" => 3600 * NANOS,
        "d" => 86_400 * NANOS,
        _ => return None,
    })
}

/// A decimal fraction times `unit`, exactly, what is below one cut off.
fn decimal(text: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut total = whole.checked_mul(unit)?;
    let mut place = i128::from(unit);
    let mut part = 0i128;
    // Scaled so that units that are no powers of ten lose nothing on the way.
    const SCALE: i128 = 1_000_000_000_000;
    place *= SCALE;
    for digit in fraction.bytes() {
        place /= 10;
        part += place * i128::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    total = total.checked_add(i64::try_from(part / SCALE).ok()?)?;
    Some(total)
}

/// The bytes of a quoted value, its escapes resolved.
pub(super) fn quoted_bytes(quoted: &Quoted, span: &Range<usize>) -> Result<Box<[u8]>, FilterError> {
    match quoted {
        Quoted::Raw(text) => Ok(text.as_bytes().into()),
        Quoted::Text(text) | Quoted::Char(text) => unescape(text, span.start + 1).map(Into::into),
    }
}

/// The bytes of the text between quotes; `start` is where it begins in the filter.
pub(super) fn unescape(text: &str, start: usize) -> Result<Vec<u8>, FilterError> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        out.extend_from_slice(&text.as_bytes()[at..at + found]);
        at += found;
        let len = escape(&text[at..], &mut out).ok_or_else(|| {
            let len = 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8);
            FilterError::new(
                start + at..start + at + len,
                format!("`{}` is no escape", shown(&text[at + 1..at + len])),
            )
            .expected(r#"`\\`, `\"`, `\n`, `\r`, `\t`, `\0`, `\xff` or `\u20ac`; a raw text `r"..."` has none"#)
        })?;
        at += len;
    }
    out.extend_from_slice(&text.as_bytes()[at..]);
    Ok(out)
}

/// Appends what the escape at the start of `text` stands for; its length.
fn escape(text: &str, out: &mut Vec<u8>) -> Option<usize> {
    let kind = *text.as_bytes().get(1)?;
    let simple = match kind {
        b'\\' | b'"' | b'\'' => kind,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        b'x' => {
            out.push(u8::from_str_radix(hex_digits(text, 2)?, 16).ok()?);
            return Some(4);
        }
        b'u' | b'U' => {
            let digits = hex_digits(text, if kind == b'u' { 4 } else { 8 })?;
            let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(2 + digits.len());
        }
        b'0'..=b'7' => {
            let digits = text[1..]
                .bytes()
                .take(3)
                .take_while(|b| (b'0'..=b'7').contains(b))
                .count();
            out.push(u8::from_str_radix(&text[1..1 + digits], 8).ok()?);
            return Some(1 + digits);
        }
        _ => return None,
    };
    out.push(simple);
    Some(2)
}

fn hex_digits(text: &str, count: usize) -> Option<&str> {
    let digits = text.get(2..2 + count)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then_some(digits)
}

/// The pattern of a quoted value: a regular expression has its own escapes, so only `\\` and `\"` are resolved.
pub(super) fn pattern(written: Written<'_>) -> String {
    match written {
        Written::Word(text) => text.to_owned(),
        Written::Quoted(Quoted::Raw(text)) => text.to_string(),
        Written::Quoted(Quoted::Text(text) | Quoted::Char(text)) => {
            let mut out = String::with_capacity(text.len());
            let mut chars = text.chars();
            while let Some(c) = chars.next() {
                match (c, c == '\\') {
                    (_, false) => out.push(c),
                    _ => match chars.next() {
                        Some(c @ ('\\' | '"')) => out.push(c),
                        Some(c) => out.extend(['\\', c]),
                        None => out.push('\\'),
                    },
                }
            }
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        for (text, nanoseconds) in [
            ("1.5s", Some(1_500_000_000)),
            ("200ms", Some(200_000_000)),
            ("1m30s", Some(90_000_000_000)),
            ("3m", Some(180_000_000_000)),
            ("0.1", Some(100_000_000)),
            ("0.000000001", Some(1)),
            (".5h", Some(1_800_000_000_000)),
            ("10us", Some(10_000)),
            ("7ns", Some(7)),
            ("1d", Some(86_400_000_000_000)),
            ("1x", None),
            ("s", None),
            ("1.2.3", None),
            ("99999999999999999999s", None),
            ("", None),
        ] {
            assert_eq!(duration(text), nanoseconds, "{text}");
        }
    }

    #[test]
    fn times_are_utc_unless_they_say_otherwise() {
        let ten = Some(Timestamp(1_795_341_600_000_000_000));
        for text in [
            "2026-11-22 10:00:00",
            "2026-11-22T10:00:00Z",
            "2026-11-22T11:00:00+01:00",
            "2026-11-22 10:00",
            "Nov 22, 2026 10:00:00",
            "Nov 22, 2026 10:00:00.000000 UTC",
            "1795341600",
            "1795341600.0",
        ] {
            assert_eq!(time(text), ten, "{text}");
        }
        assert_eq!(
            time("2026-11-22 10:00:00.000000001"),
            Some(Timestamp(1_795_341_600_000_000_001))
        );
        assert!(time("2026-11-22").is_some());
        assert_eq!(time("yesterday"), None);
        assert_eq!(time("99999999999999999999"), None);
    }

    #[test]
    fn numbers_in_every_base() {
        for (text, constant) in [
            ("42", Some(Constant::Unsigned(42))),
            ("0x2A", Some(Constant::Unsigned(42))),
            ("0b101010", Some(Constant::Unsigned(42))),
            ("052", Some(Constant::Unsigned(42))),
            ("0o52", Some(Constant::Unsigned(42))),
            ("4.2e1", Some(Constant::Float(42.0))),
            ("0", Some(Constant::Unsigned(0))),
            ("09", None),
            ("0x", None),
            ("0x+1", None),
            ("1e999", None),
            ("nan", None),
            ("18446744073709551616", None),
        ] {
            assert_eq!(number(text), constant, "{text}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(
            unescape(r#"a\n\x41\u20ac\101\0\\\"\""#, 0).unwrap(),
            "a\nA€A\0\\\"\"".as_bytes()
        );
        for (text, span) in [
            (r"a\q", 11..13),
            (r"\xg0", 10..12),
            (r"\ud800", 10..12),
            (r"\777", 10..12),
        ] {
            assert_eq!(unescape(text, 10).unwrap_err().span, span, "{text}");
        }
    }

    #[test]
    fn byte_strings() {
        let bytes = |bytes: &[u8]| Some(Constant::Bytes(bytes.into()));
        for (text, constant) in [
            ("81:05", bytes(&[0x81, 5])),
            ("81-5", bytes(&[0x81, 5])),
            ("01.02.03", bytes(&[1, 2, 3])),
            ("8105", bytes(&[0x81, 5])),
            ("0x8105", bytes(&[0x81, 5])),
            ("810", None),
            ("81:zz", None),
            ("hello", None),
        ] {
            assert_eq!(bytes_word(text), constant, "{text}");
        }
    }
}
