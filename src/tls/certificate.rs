//! Names out of a certificate: the few steps of DER that lead to subject and issuer (RFC 5280 4.1).
//!
//! It verifies nothing, and walks only definite lengths, which is all that DER has.

use crate::base::Cursor;
use crate::tls::handshake::{vector8, vector16, vector24};

/// Whom a certificate names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateNames {
    /// Whose it is, such as `CN=example.org, O=Example`.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const EXPLICIT_VERSION: u8 = 0xa0;
const BMP_STRING: u8 = 0x1e;

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
    let _validity = expect(&mut fields, SEQUENCE)?;
    let subject = expect(&mut fields, SEQUENCE)?;
    Some(CertificateNames {
        subject: name(subject),
        issuer: name(issuer),
    })
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
