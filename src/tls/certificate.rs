//! What a certificate says of itself: the few steps of DER that lead to subject, issuer, validity and names (RFC 5280 4.1).
//!
//! It verifies no signature, and walks only definite lengths, which is all that DER has.

use std::net::IpAddr;

use crate::base::{Cursor, Timestamp};
use crate::tls::handshake::{vector8, vector16, vector24};

/// Whom a certificate names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateNames {
    /// Whose it is, such as `CN=example.org, O=Example`.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// From when on it is valid.
    pub valid_from: Option<Timestamp>,
    /// Until when it is valid.
    pub valid_until: Option<Timestamp>,
    /// The host names and addresses it is for (subjectAltName), the first of many.
    pub hosts: Vec<String>,
}

impl CertificateNames {
    /// Whether whoever it is for has signed it.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether it is for this host: a name, or an address as text (RFC 9525 6).
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        self.hosts
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                Some(rest) => host
                    .split_once('.')
                    .is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest)),
                None => pattern.eq_ignore_ascii_case(host),
            })
    }
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const EXPLICIT_VERSION: u8 = 0xa0;
const BMP_STRING: u8 = 0x1e;
const UTC_TIME: u8 = 0x17;
const OCTET_STRING: u8 = 0x04;
const EXPLICIT_EXTENSIONS: u8 = 0xa3;
/// dNSName and iPAddress among the kinds of a GeneralName (RFC 5280 4.2.1.6).
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
/// id-ce-subjectAltName.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
/// Names kept of one certificate; some have hundreds.
const HOSTS: usize = 64;

/// The names in the first certificate of a Certificate message up to TLS 1.2 (RFC 5246 7.4.2).
pub(crate) fn names_tls12(body: &[u8]) -> Option<CertificateNames> {
    let mut list = Cursor::new(vector24(&mut Cursor::new(body))?);
    names(vector24(&mut list)?)
}

/// The same of TLS 1.3, where a request context comes first (RFC 8446 4.4.2).
pub(crate) fn names_tls13(body: &[u8]) -> Option<CertificateNames> {
    let mut cursor = Cursor::new(body);
    let _context = vector8(&mut cursor)?;
    let mut list = Cursor::new(vector24(&mut cursor)?);
    let certificate = vector24(&mut list)?;
    let _extensions = vector16(&mut list);
    names(certificate)
}

/// Subject and issuer of a DER certificate.
pub(crate) fn names(der: &[u8]) -> Option<CertificateNames> {
    let mut certificate = Cursor::new(expect(&mut Cursor::new(der), SEQUENCE)?);
    let mut fields = Cursor::new(expect(&mut certificate, SEQUENCE)?);
    let (first, _) = element(&mut fields)?;
    if first == EXPLICIT_VERSION {
        let _serial_number = element(&mut fields)?;
    }
    let _signature_algorithm = expect(&mut fields, SEQUENCE)?;
    let issuer = expect(&mut fields, SEQUENCE)?;
    let mut validity = Cursor::new(expect(&mut fields, SEQUENCE)?);
    let subject = expect(&mut fields, SEQUENCE)?;
    Some(CertificateNames {
        subject: name(subject),
        issuer: name(issuer),
        valid_from: time(&mut validity),
        valid_until: time(&mut validity),
        hosts: hosts(&mut fields).unwrap_or_default(),
    })
}

/// UTCTime or GeneralizedTime in UTC, the only forms certificates may have (RFC 5280 4.1.2.5).
fn time(cursor: &mut Cursor<'_>) -> Option<Timestamp> {
    let (tag, text) = element(cursor)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = text.split_at_checked(if tag == UTC_TIME { 2 } else { 4 })?;
    let year: i16 = year.parse().ok()?;
    let year = match tag {
        UTC_TIME if year < 50 => year + 2000,
        UTC_TIME => year + 1900,
        _ => year,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
    let date =
        jiff::civil::DateTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?, 0);
    let time = date.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_parts(time.timestamp().as_second(), 0))
}

/// What the extension subjectAltName lists, in what follows the subject.
fn hosts(fields: &mut Cursor<'_>) -> Option<Vec<String>> {
    let extensions = std::iter::from_fn(|| element(fields))
        .find(|(tag, _)| *tag == EXPLICIT_EXTENSIONS)
        .map(|(_, value)| value)?;
    let mut extensions = Cursor::new(expect(&mut Cursor::new(extensions), SEQUENCE)?);
    while let Some(extension) = expect(&mut extensions, SEQUENCE) {
        let mut parts = Cursor::new(extension);
        if expect(&mut parts, OBJECT_IDENTIFIER) != Some(SUBJECT_ALT_NAME) {
            continue;
        }
        // Whether it is critical may stand in between.
        let value =
            std::iter::from_fn(|| element(&mut parts)).find(|(tag, _)| *tag == OCTET_STRING)?;
        let mut names = Cursor::new(expect(&mut Cursor::new(value.1), SEQUENCE)?);
        let names = std::iter::from_fn(|| element(&mut names));
        return Some(
            names
                .filter_map(|(tag, value)| host(tag, value))
                .take(HOSTS)
                .collect(),
        );
    }
    None
}

fn host(tag: u8, value: &[u8]) -> Option<String> {
    match (tag, value.len()) {
        (DNS_NAME, _) => Some(String::from_utf8_lossy(value).into_owned()),
        (IP_ADDRESS, 4) => Some(IpAddr::from(<[u8; 4]>::try_from(value).ok()?).to_string()),
        (IP_ADDRESS, 16) => Some(IpAddr::from(<[u8; 16]>::try_from(value).ok()?).to_string()),
        _ => None,
    }
}

/// A distinguished name as `CN=…, O=…`, in the certificate's order.
fn name(der: &[u8]) -> String {
    let mut text = String::new();
    let mut sets = Cursor::new(der);
    while let Some(set) = expect(&mut sets, SET) {
        let mut attributes = Cursor::new(set);
        while let Some(attribute) = expect(&mut attributes, SEQUENCE) {
            let mut parts = Cursor::new(attribute);
            let (Some(kind), Some((tag, value))) =
                (expect(&mut parts, OBJECT_IDENTIFIER), element(&mut parts))
            else {
                continue;
            };
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(&attribute_name(kind));
            text.push('=');
            text.push_str(&string(tag, value));
        }
    }
    text
}

fn attribute_name(oid: &[u8]) -> String {
    let short = match oid {
        [0x55, 4, 3] => "CN",
        [0x55, 4, 5] => "serialNumber",
        [0x55, 4, 6] => "C",
        [0x55, 4, 7] => "L",
        [0x55, 4, 8] => "ST",
        [0x55, 4, 9] => "street",
        [0x55, 4, 10] => "O",
        [0x55, 4, 11] => "OU",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1] => "emailAddress",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => "DC",
        _ => return format!("OID {}", hex::encode(oid)),
    };
    short.to_owned()
}

fn string(tag: u8, value: &[u8]) -> String {
    if tag == BMP_STRING {
        let units = value
            .as_chunks()
            .0
            .iter()
            .map(|pair| u16::from_be_bytes(*pair));
        return char::decode_utf16(units)
            .map(|c| c.unwrap_or('\u{fffd}'))
            .collect();
    }
    String::from_utf8_lossy(value).into_owned()
}

fn expect<'a>(cursor: &mut Cursor<'a>, tag: u8) -> Option<&'a [u8]> {
    element(cursor)
        .filter(|(found, _)| *found == tag)
        .map(|(_, value)| value)
}

/// One DER element: tag and contents.
fn element<'a>(cursor: &mut Cursor<'a>) -> Option<(u8, &'a [u8])> {
    let tag = cursor.u8()?;
    let len = match cursor.u8()? {
        short @ ..=0x7f => usize::from(short),
        0x81 => usize::from(cursor.u8()?),
        0x82 => usize::from(cursor.u16()?),
        0x83 => cursor.u24()? as usize,
        _ => return None,
    };
    Some((tag, cursor.take(len)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_star_stands_for_one_label() {
        let hosts = ["chat.example", "*.apps.example", "10.0.0.1"];
        let certificate = CertificateNames {
            hosts: hosts.map(str::to_owned).to_vec(),
            ..CertificateNames::default()
        };
        for host in [
            "chat.example",
            "CHAT.example.",
            "a.apps.example",
            "10.0.0.1",
        ] {
            assert!(certificate.is_for(host), "{host}");
        }
        for host in [
            "apps.example",
            "a.b.apps.example",
            "example",
            "10.0.0.11",
            "",
        ] {
            assert!(!certificate.is_for(host), "{host}");
        }
    }

    #[test]
    fn times_of_both_forms_are_read_and_broken_ones_passed_over() {
        let read = |tag: u8, text: &str| {
            let der = [&[tag, text.len() as u8], text.as_bytes()].concat();
            time(&mut Cursor::new(&der)).map(|time| time.0 / 1_000_000_000)
        };
        assert_eq!(read(UTC_TIME, "700101000001Z"), Some(1));
        assert_eq!(read(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(read(0x18, "20500101000000Z"), Some(2_524_608_000));
        for broken in [
            "",
            "Z",
            "991301000000Z",
            "9901010000Z",
            "99010100000éZ",
            "-90101000000Z",
        ] {
            assert_eq!(read(UTC_TIME, broken), None, "{broken}");
        }
    }
}
