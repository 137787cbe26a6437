//! The extensions of hellos, as fields (RFC 8446 4.2).

use super::reader::FieldReader;
use crate::base::{Field, escape};
use crate::tls::handshake::HandshakeType;
use crate::tls::record::Version;

/// The length and every extension that follows.
pub(super) fn all(reader: &mut FieldReader<'_>, message: HandshakeType, children: &mut Vec<Field>) {
    children.extend(reader.u16(
        "tls.handshake.extensions_length",
        "Extensions length",
        |len| len.to_string(),
    ));
    while let Some(extension) = one(reader, message) {
        children.push(extension);
    }
}

fn one(reader: &mut FieldReader<'_>, message: HandshakeType) -> Option<Field> {
    let rest = reader.cursor.rest();
    let &[kind_high, kind_low, len_high, len_low] = rest.first_chunk()?;
    let kind = u16::from_be_bytes([kind_high, kind_low]);
    let len = u16::from_be_bytes([len_high, len_low]);
    let mut inner = reader.inner(4 + usize::from(len))?;
    let mut tree = inner.parent(
        "tls.handshake.extension",
        &format!("Extension: {}", name(kind)),
        format!("{len} bytes"),
    );
    tree = tree.section("RFC 8446 4.2");
    let children = &mut tree.children;
    children.extend(inner.u16("tls.handshake.extension.type", "Type", |kind| {
        format!("{kind} ({})", name(kind))
    }));
    children.extend(inner.u16("tls.handshake.extension.len", "Length", |len| {
        len.to_string()
    }));
    data(&mut inner, kind, message, children);
    if !inner.cursor.is_empty() {
        children.push(inner.rest("tls.handshake.extension.data", "Data", hex::encode));
    }
    Some(tree)
}

/// The extensions worth reading one by one; of others the data is shown.
fn data(inner: &mut FieldReader<'_>, kind: u16, message: HandshakeType, children: &mut Vec<Field>) {
    let is_client = message == HandshakeType::CLIENT_HELLO;
    match kind {
        0 if !inner.cursor.is_empty() => server_name(inner, children),
        16 => alpn(inner, children),
        10 => numbers(
            inner,
            (
                "tls.handshake.extensions_supported_group",
                "Supported group",
            ),
            group,
            children,
        ),
        13 => numbers(
            inner,
            ("tls.handshake.sig_hash_alg", "Signature algorithm"),
            |it| format!("0x{it:04x}"),
            children,
        ),
        43 if is_client => {
            children.extend(inner.u8(
                "tls.handshake.extensions.supported_versions_len",
                "Versions length",
                |len| len.to_string(),
            ));
            while let Some(version) = inner.u16(
                "tls.handshake.extensions.supported_version",
                "Version",
                version,
            ) {
                children.push(version);
            }
        }
        43 => children.extend(inner.u16(
            "tls.handshake.extensions.supported_version",
            "Version",
            version,
        )),
        51 => key_share(inner, is_client, children),
        _ => {}
    }
}

fn server_name(inner: &mut FieldReader<'_>, children: &mut Vec<Field>) {
    children.extend(inner.u16(
        "tls.handshake.extensions_server_name_list_len",
        "List length",
        |len| len.to_string(),
    ));
    while let Some(kind) = inner.u8(
        "tls.handshake.extensions_server_name_type",
        "Name type",
        |kind| kind.to_string(),
    ) {
        children.push(kind);
        children.extend(inner.u16(
            "tls.handshake.extensions_server_name_len",
            "Name length",
            |len| len.to_string(),
        ));
        let len = inner.last_u16();
        children.extend(inner.bytes(
            "tls.handshake.extensions_server_name",
            "Server name",
            len,
            escape::text,
        ));
    }
}

fn alpn(inner: &mut FieldReader<'_>, children: &mut Vec<Field>) {
    children.extend(
        inner.u16("tls.handshake.extensions_alpn_len", "List length", |len| {
            len.to_string()
        }),
    );
    while let Some(len) = inner.u8(
        "tls.handshake.extensions_alpn_str_len",
        "Protocol length",
        |len| len.to_string(),
    ) {
        children.push(len);
        let len = usize::from(inner.last_u8());
        children.extend(inner.bytes(
            "tls.handshake.extensions_alpn_str",
            "Protocol",
            len,
            escape::text,
        ));
    }
}

/// A length of two bytes and numbers of two.
fn numbers(
    inner: &mut FieldReader<'_>,
    (field, label): (&'static str, &str),
    text: fn(u16) -> String,
    children: &mut Vec<Field>,
) {
    let _ = inner.cursor.skip(2);
    while let Some(number) = inner.u16(field, label, text) {
        children.push(number);
    }
}

fn key_share(inner: &mut FieldReader<'_>, is_client: bool, children: &mut Vec<Field>) {
    if is_client {
        let name = "tls.handshake.extensions_key_share_client_length";
        children.extend(inner.u16(name, "Client key share length", |len| len.to_string()));
    } else if inner.cursor.rest().len() == 2 {
        let name = "tls.handshake.extensions_key_share_selected_group";
        children.extend(inner.u16(name, "Selected group", group));
        return;
    }
    while let Some(share) = inner.u16("tls.handshake.extensions_key_share_group", "Group", group) {
        children.push(share);
        let name = "tls.handshake.extensions_key_share_key_exchange_length";
        children.extend(inner.u16(name, "Key exchange length", |len| len.to_string()));
        let len = inner.last_u16();
        let name = "tls.handshake.extensions_key_share_key_exchange";
        children.extend(inner.bytes(name, "Key exchange", len, hex::encode));
    }
}

fn version(version: u16) -> String {
    format!("0x{version:04x} ({})", Version(version))
}

fn group(group: u16) -> String {
    let name = match group {
        0x0017 => "secp256r1",
        0x0018 => "secp384r1",
        0x0019 => "secp521r1",
        0x001d => "x25519",
        0x001e => "x448",
        0x0100..=0x0104 => "ffdhe",
        0x11ec => "X25519MLKEM768",
        _ => "unknown",
    };
    format!("0x{group:04x} ({name})")
}

/// IANA's TLS ExtensionType Values, those that are met.
fn name(kind: u16) -> &'static str {
    match kind {
        0 => "server_name",
        1 => "max_fragment_length",
        5 => "status_request",
        10 => "supported_groups",
        11 => "ec_point_formats",
        13 => "signature_algorithms",
        16 => "application_layer_protocol_negotiation",
        18 => "signed_certificate_timestamp",
        21 => "padding",
        22 => "encrypt_then_mac",
        23 => "extended_master_secret",
        27 => "compress_certificate",
        28 => "record_size_limit",
        35 => "session_ticket",
        41 => "pre_shared_key",
        42 => "early_data",
        43 => "supported_versions",
        44 => "cookie",
        45 => "psk_key_exchange_modes",
        47 => "certificate_authorities",
        49 => "post_handshake_auth",
        50 => "signature_algorithms_cert",
        51 => "key_share",
        57 => "quic_transport_parameters",
        13172 => "next_protocol_negotiation",
        17513 | 17613 => "application_settings",
        0xfe0d => "encrypted_client_hello",
        0xff01 => "renegotiation_info",
        _ if kind & 0x0f0f == 0x0a0a && kind >> 8 == kind & 0xff => "GREASE",
        _ => "unknown",
    }
}
