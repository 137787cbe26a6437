//! What both sides' messages are written with.

use super::table as t;
use super::talk::{Step, TITLE};
use crate::payload::{Out, summary};

/// The clipboard, which stands in no line either.
pub(super) fn cut_text<'a>(text: &'a [u8], out: &mut Out<'_, 'a>) -> String {
    match std::str::from_utf8(text) {
        Ok(text) => out.field_at(&t::CUT_TEXT, text, text.as_bytes()),
        Err(_) => out.field_at(&t::CUT_TEXT, text, text),
    };
    format!("{} bytes", text.len())
}

/// Writes a pixel format of sixteen bytes.
pub(super) fn pixel_format<'a>(format: &'a [u8], out: &mut Out<'_, 'a>) -> String {
    let bits = format.first().copied().unwrap_or_default();
    let depth = format.get(1).copied().unwrap_or_default();
    out.field_at(&t::BITS, bits, format.get(..1).unwrap_or_default());
    out.field_at(&t::DEPTH, depth, format.get(1..2).unwrap_or_default());
    format!("{bits} bits")
}

pub(super) fn security_name(kind: u8) -> &'static str {
    let mut known = t::SECURITY.iter();
    known
        .find_map(|(name, number)| (*number == u64::from(kind)).then_some(*name))
        .unwrap_or("unknown")
}

pub(super) fn write_version<'a>(text: &'a [u8], out: &mut Out<'_, 'a>) {
    let said = String::from_utf8_lossy(text.trim_ascii()).into_owned();
    out.summary(format!("ProtocolVersion {}", summary::part(&said)));
    out.field_at(&t::VERSION, said, text);
}

/// The unit of a message.
pub(super) fn begin(name: &'static str, out: &mut Out<'_, '_>) {
    out.unit(TITLE).words(name);
    out.field(&t::MESSAGE, name);
}

pub(super) fn begin_broken(out: &mut Out<'_, '_>) {
    out.unit(TITLE).words("no version");
    out.summary("no version");
    out.finding(
        &t::VERSION_INVALID,
        "the connection does not begin with a version",
    );
}

/// Bytes of an authentication that is not known here.
pub(super) fn opaque<'a>(security: Option<u8>, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
    begin("Authentication", out);
    out.field_at(&t::AUTHENTICATION, bytes, bytes);
    let name = security_name(security.unwrap_or_default());
    out.summary(format!("Authentication of {name}, {} bytes", bytes.len()));
    Step::Took(bytes.len())
}

/// A message of an unknown type.
pub(super) fn unknown<'a>(bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
    let kind = bytes.first().copied().unwrap_or_default();
    out.unit(TITLE).words("unknown");
    out.summary(format!("message of the unknown type {kind}"));
    out.finding(&t::UNKNOWN, format!("a message of type {kind}"));
    Step::Lost
}
