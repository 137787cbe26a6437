//! The detail tree of a record and of a handshake message, under Wireshark's field names.
//!
//! Made for the row someone looks at. It shows what the bytes say and stops where they break off; a protected fragment
//! is shown as that. Every field has its span, so it can be found in the bytes.

mod extensions;
mod reader;

use crate::base::{Cursor, Field, Layer, escape};
use crate::tls::alert::{AlertDescription, AlertLevel};
use crate::tls::certificate;
use crate::tls::handshake::HandshakeType;
use crate::tls::record::{ContentType, HEADER_LEN, RecordHeader, Version};
use crate::tls::suite::CipherSuite;

use reader::FieldReader;

/// The tree of one record as it crossed the wire, `at` being its position in the sender's stream. `None` where the
/// bytes do not begin with a record header.
#[must_use]
pub fn fields(record: &[u8], at: u64) -> Option<Field> {
    let header = record
        .first_chunk()
        .copied()
        .and_then(RecordHeader::parse)?;
    let record = record.get(..header.record_len()).unwrap_or(record);
    let mut reader = FieldReader::new(record, Layer::Stream, at);
    let name = header.content_type.name();
    let mut tree = reader
        .parent("tls.record", "TLS record", name)
        .section("RFC 8446 5.1");
    tree.children.extend(
        [
            reader.u8("tls.record.content_type", "Content type", |kind| {
                format!("{kind} ({name})")
            }),
            reader.u16("tls.record.version", "Version", version),
            reader.u16("tls.record.length", "Length", |len| len.to_string()),
        ]
        .into_iter()
        .flatten(),
    );
    let fragment = record.get(HEADER_LEN..).unwrap_or_default();
    let at = at + HEADER_LEN as u64;
    tree.children.extend(content_fields(
        header.content_type,
        fragment,
        Layer::Stream,
        at,
    ));
    Some(tree)
}

/// The tree of a record's content: of a fragment in the clear, or of what came out of decryption (the caller then says
/// in which layer and where it lies).
#[must_use]
pub fn content_fields(
    content_type: ContentType,
    bytes: &[u8],
    layer: Layer,
    at: u64,
) -> Vec<Field> {
    let mut reader = FieldReader::new(bytes, layer, at);
    match content_type {
        ContentType::HANDSHAKE => messages(bytes, layer, at),
        ContentType::ALERT => alert(bytes, &mut reader),
        ContentType::CHANGE_CIPHER_SPEC => {
            vec![reader.rest(
                "tls.change_cipher_spec",
                "Change cipher spec message",
                |_| "1".to_owned(),
            )]
        }
        ContentType::APPLICATION_DATA => {
            vec![reader.rest("tls.app_data", "Application data", |data| {
                format!("{} bytes", data.len())
            })]
        }
        _ => vec![reader.rest("", "Content", |data| format!("{} bytes", data.len()))],
    }
}

fn alert(bytes: &[u8], reader: &mut FieldReader<'_>) -> Vec<Field> {
    if bytes.len() != 2 {
        return vec![reader.rest("tls.alert_message", "Encrypted alert", |data| {
            format!("{} bytes", data.len())
        })];
    }
    let mut tree = reader
        .parent("tls.alert_message", "Alert", "")
        .section("RFC 8446 6");
    tree.children
        .extend(reader.u8("tls.alert_message.level", "Level", |level| {
            format!("{level} ({})", AlertLevel(level))
        }));
    tree.children.extend(
        reader.u8("tls.alert_message.desc", "Description", |description| {
            format!("{description} ({})", AlertDescription(description))
        }),
    );
    vec![tree]
}

/// The handshake messages that lie whole in `bytes`; what is left over is shown as a piece, or as encrypted.
fn messages(bytes: &[u8], layer: Layer, at: u64) -> Vec<Field> {
    let mut reader = FieldReader::new(bytes, layer, at);
    let mut all = Vec::new();
    while !reader.cursor.is_empty() {
        let rest = reader.cursor.rest();
        let position = reader.position();
        let mut peek = Cursor::new(rest);
        let (Some(kind), Some(len)) = (peek.u8(), peek.u24()) else {
            break;
        };
        let Some(message) = rest.get(..4 + len as usize) else {
            break;
        };
        if HandshakeType(kind).name() == "unknown" {
            break;
        }
        let _ = reader.cursor.skip(message.len());
        all.push(handshake_fields(message, layer, position));
    }
    if !reader.cursor.is_empty() {
        let label = match all.is_empty() {
            true => "Encrypted handshake message, or a piece of one",
            false => "Piece of a handshake message",
        };
        all.push(reader.rest("tls.handshake", label, |data| {
            format!("{} bytes", data.len())
        }));
    }
    all
}

/// The tree of one whole handshake message, header included, such as one put together from several records.
#[must_use]
pub fn handshake_fields(message: &[u8], layer: Layer, at: u64) -> Field {
    let mut reader = FieldReader::new(message, layer, at);
    let kind = HandshakeType(message.first().copied().unwrap_or_default());
    let mut tree = reader
        .parent("tls.handshake", "Handshake", kind.name())
        .section("RFC 8446 4");
    let children = &mut tree.children;
    children.extend(reader.u8("tls.handshake.type", "Type", |number| {
        format!("{number} ({})", kind.name())
    }));
    children.extend(reader.bytes("tls.handshake.length", "Length", 3, |len| {
        Cursor::new(len).u24().unwrap_or_default().to_string()
    }));
    match kind {
        HandshakeType::CLIENT_HELLO => client_hello(&mut reader, children),
        HandshakeType::SERVER_HELLO => server_hello(&mut reader, children),
        HandshakeType::ENCRYPTED_EXTENSIONS => extensions::all(&mut reader, kind, children),
        HandshakeType::CERTIFICATE => certificates(&mut reader, children),
        HandshakeType::FINISHED => {
            children.push(reader.rest("tls.handshake.verify_data", "Verify data", hex::encode));
        }
        HandshakeType::KEY_UPDATE => {
            children.extend(reader.u8(
                "tls.handshake.key_update.request_update",
                "Request update",
                |it| it.to_string(),
            ));
        }
        _ if reader.cursor.is_empty() => {}
        _ => children.push(reader.rest("", "Body", |body| format!("{} bytes", body.len()))),
    }
    tree
}

fn client_hello(reader: &mut FieldReader<'_>, children: &mut Vec<Field>) {
    hello_start(reader, children);
    children.extend(reader.u16(
        "tls.handshake.cipher_suites_length",
        "Cipher suites length",
        |len| len.to_string(),
    ));
    let len = reader.last_u16();
    if let Some(mut suites) = reader.inner(len) {
        let mut list = suites.parent(
            "tls.handshake.ciphersuites",
            "Cipher suites",
            format!("{} suites", len / 2),
        );
        while let Some(suite) = suites.u16("tls.handshake.ciphersuite", "Cipher suite", suite) {
            list.children.push(suite);
        }
        children.push(list);
    }
    children.extend(reader.u8(
        "tls.handshake.comp_methods_length",
        "Compression methods length",
        |len| len.to_string(),
    ));
    let len = usize::from(reader.last_u8());
    children.extend(reader.bytes(
        "tls.handshake.comp_methods",
        "Compression methods",
        len,
        hex::encode,
    ));
    extensions::all(reader, HandshakeType::CLIENT_HELLO, children);
}

fn server_hello(reader: &mut FieldReader<'_>, children: &mut Vec<Field>) {
    hello_start(reader, children);
    children.extend(reader.u16("tls.handshake.ciphersuite", "Cipher suite", suite));
    children.extend(reader.u8(
        "tls.handshake.comp_method",
        "Compression method",
        |method| method.to_string(),
    ));
    extensions::all(reader, HandshakeType::SERVER_HELLO, children);
}

fn hello_start(reader: &mut FieldReader<'_>, children: &mut Vec<Field>) {
    children.extend(reader.u16("tls.handshake.version", "Version", version));
    children.extend(reader.bytes("tls.handshake.random", "Random", 32, hex::encode));
    children.extend(reader.u8(
        "tls.handshake.session_id_length",
        "Session id length",
        |len| len.to_string(),
    ));
    let len = usize::from(reader.last_u8());
    if len > 0 {
        children.extend(reader.bytes("tls.handshake.session_id", "Session id", len, hex::encode));
    }
}

/// The list of certificates. TLS 1.3 puts a context before it and extensions after each; which of the two shapes it is
/// shows in the lengths.
fn certificates(reader: &mut FieldReader<'_>, children: &mut Vec<Field>) {
    let body = reader.cursor.rest();
    let list_len = |at: usize| {
        Cursor::new(body.get(at..).unwrap_or_default())
            .u24()
            .map(|len| len as usize + at + 3)
    };
    let is_tls13 = list_len(0) != Some(body.len());
    if is_tls13 {
        let name = "tls.handshake.certificate_request_context_length";
        children.extend(reader.u8(name, "Request context length", |len| len.to_string()));
        let context_len = usize::from(reader.last_u8());
        let _ = reader.cursor.skip(context_len);
    }
    children.extend(reader.bytes(
        "tls.handshake.certificates_length",
        "Certificates length",
        3,
        u24_text,
    ));
    while let Some(len) = reader.bytes(
        "tls.handshake.certificate_length",
        "Certificate length",
        3,
        u24_text,
    ) {
        let der_len = reader.last_u24();
        children.push(len);
        children.extend(
            reader.bytes("tls.handshake.certificate", "Certificate", der_len, |der| {
                let names = certificate::names(der).unwrap_or_default();
                escape::text(format!("{}, issued by {}", names.subject, names.issuer).as_bytes())
            }),
        );
        if is_tls13 {
            children.extend(reader.u16(
                "tls.handshake.extensions_length",
                "Extensions length",
                |len| len.to_string(),
            ));
            let extensions_len = reader.last_u16();
            let _ = reader.cursor.skip(extensions_len);
        }
    }
}

fn version(version: u16) -> String {
    format!("0x{version:04x} ({})", Version(version))
}

fn suite(suite: u16) -> String {
    format!("0x{suite:04x} ({})", CipherSuite(suite))
}

fn u24_text(bytes: &[u8]) -> String {
    Cursor::new(bytes).u24().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ClientHello of RFC 8448 3, as a record.
    const CLIENT_HELLO: &str = "16030100c4010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283\
        024dece7000006130113031302010000910000000b0009000006736572766572ff01000100000a00140012001d0017001800190100\
        010101020103010400230000003300260024001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c\
        002b0003020304000d0020001e040305030603020308040805080604010501060102010402050206020202002d00020101001c00024001";

    fn walk<'a>(field: &'a Field, all: &mut Vec<&'a Field>) {
        all.push(field);
        field.children.iter().for_each(|child| walk(child, all));
    }

    #[test]
    fn a_client_hello_is_laid_out_with_its_places() {
        let record = hex::decode(CLIENT_HELLO).unwrap();
        let tree = fields(&record, 1000).unwrap();
        let mut all = Vec::new();
        walk(&tree, &mut all);
        let value = |name| {
            all.iter()
                .find(|field| field.name == name)
                .map(|field| field.value.as_str())
        };
        assert_eq!(
            value("tls.handshake.extensions_server_name"),
            Some("server")
        );
        assert_eq!(
            value("tls.handshake.extensions.supported_version"),
            Some("0x0304 (TLS 1.3)")
        );
        assert_eq!(
            value("tls.handshake.ciphersuite"),
            Some("0x1301 (TLS_AES_128_GCM_SHA256)")
        );
        let name = all
            .iter()
            .find(|field| field.name == "tls.handshake.extensions_server_name")
            .unwrap();
        let span = name.span.unwrap();
        assert_eq!(
            &record[span.start as usize - 1000..span.end as usize - 1000],
            b"server"
        );
        for field in &all {
            let span = field.span.unwrap();
            assert!(
                field
                    .children
                    .iter()
                    .all(|child| child.span.unwrap().intersection(span) == child.span.unwrap())
            );
        }
    }

    #[test]
    fn cut_and_odd_records_are_shown_as_far_as_they_go() {
        let record = hex::decode(CLIENT_HELLO).unwrap();
        for len in 5..record.len() {
            assert!(fields(&record[..len], 0).is_some());
        }
        for at in 0..record.len() {
            let mut odd = record.clone();
            odd[at] ^= 0xff;
            let _ = fields(&odd, u64::MAX - 1000);
        }
        assert!(fields(b"GET / HTTP/1.1", 0).is_none());
        let finished = fields(&[22, 3, 3, 0, 6, 0x8a, 9, 9, 9, 9, 9], 0).unwrap();
        assert!(finished.children[3].label.starts_with("Encrypted"));
        let alert = fields(&[21, 3, 3, 0, 2, 2, 40], 0).unwrap();
        assert_eq!(
            alert.children[3].children[1].value,
            "40 (handshake_failure)"
        );
    }
}
