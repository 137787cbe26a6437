//! What records hold in the clear: handshake messages, alerts, application data.

use super::{Connection, RecordSink};
use crate::base::{Code, Finding, Side, Span};
use crate::tls::agreed::{Choice, Offer};
use crate::tls::alert::{AlertDescription, AlertLevel};
use crate::tls::certificate;
use crate::tls::handshake::{ClientHello, HandshakeType, ServerHello, encrypted_extensions};
use crate::tls::record::{ContentType, Version};
use crate::tls::summary::{EarlyData, KEPT_ALERTS, KeyName};

impl Connection {
    /// The content of one record, in the clear.
    pub(super) fn content(
        &mut self,
        side: Side,
        content_type: ContentType,
        bytes: &[u8],
        span: Span,
        out: &mut impl RecordSink,
    ) {
        match content_type {
            ContentType::APPLICATION_DATA => self.application_data(side, bytes, span, out),
            ContentType::ALERT => self.alerts(side, bytes, span, out),
            ContentType::CHANGE_CIPHER_SPEC => self.change_cipher_spec(side),
            ContentType::HANDSHAKE => {
                let mut joiner = std::mem::take(&mut self.sides[side].joiner);
                joiner.push(bytes, self.handshake_limit, |kind, body| {
                    self.message(side, kind, body)
                });
                self.sides[side].joiner = joiner;
            }
            _ => {}
        }
    }

    pub(super) fn application_data(
        &mut self,
        side: Side,
        bytes: &[u8],
        span: Span,
        out: &mut impl RecordSink,
    ) {
        let is_dropped =
            self.sides[side].decrypter.is_early() && self.summary.early_data == EarlyData::Rejected;
        if !bytes.is_empty() && !is_dropped {
            out.plaintext(side, bytes, span);
        }
    }

    pub(super) fn alerts(
        &mut self,
        side: Side,
        bytes: &[u8],
        span: Span,
        out: &mut impl RecordSink,
    ) {
        for [level, description] in bytes.as_chunks().0.iter().copied() {
            let (level, description) = (AlertLevel(level), AlertDescription(description));
            if self.summary.alerts.len() < KEPT_ALERTS {
                self.summary.alerts.push((side, level, description));
            }
            if description == AlertDescription::CLOSE_NOTIFY {
                out.close_notify(side);
                continue;
            }
            out.alert(side, level, description, span);
            // TLS 1.3 has two alerts that are not errors whatever their level says; the other is close_notify.
            if level == AlertLevel::FATAL && description != AlertDescription::USER_CANCELED {
                let text = format!("the {side} ended the connection: {description}");
                out.finding(side, Finding::new(Code::TlsAlert, text).at(span));
            }
        }
    }

    pub(super) fn change_cipher_spec(&mut self, side: Side) {
        let role = self.role(side);
        match self.agreed.version() {
            None => self.sides[side].is_changed = true,
            Some(Version::TLS1_3) => {} // for middleboxes only (RFC 8446 D.4)
            Some(_) => {
                if role == Side::Server && !self.full_handshake && self.agreed.choice.is_some() {
                    self.summary.resumed = true;
                }
                self.sides[side].decrypter.change_cipher(&self.agreed, role);
            }
        }
    }

    pub(super) fn message(&mut self, side: Side, kind: HandshakeType, body: &[u8]) {
        let is_tls13 = self.agreed.version() == Some(Version::TLS1_3);
        let decrypter = &mut self.sides[side].decrypter;
        match kind {
            HandshakeType::CLIENT_HELLO => self.client_hello(side, body),
            HandshakeType::SERVER_HELLO => self.server_hello(side, body),
            HandshakeType::SERVER_HELLO_DONE => self.full_handshake = true,
            HandshakeType::CERTIFICATE => self.certificate(side, body, is_tls13),
            HandshakeType::CERTIFICATE_REQUEST => self.summary.certificate_requested = true,
            HandshakeType::END_OF_EARLY_DATA => decrypter.early_data_ended(),
            HandshakeType::FINISHED => decrypter.finished(),
            HandshakeType::KEY_UPDATE => decrypter.key_updated(),
            HandshakeType::ENCRYPTED_EXTENSIONS => {
                let (alpn, early_data) = encrypted_extensions(body);
                self.summary.alpn = alpn;
                if self.summary.early_data == EarlyData::Offered {
                    self.summary.early_data = match early_data {
                        true => EarlyData::Accepted,
                        false => EarlyData::Rejected,
                    };
                }
            }
            _ => {}
        }
    }

    pub(super) fn client_hello(&mut self, side: Side, body: &[u8]) {
        let Some(hello) = ClientHello::parse(body) else {
            return;
        };
        if self.agreed.offer.is_none() && self.agreed.choice.is_none() {
            self.summary.sides_swapped = side == Side::Server;
        }
        let mut offer = Offer::from(&hello);
        let summary = &mut self.summary;
        if self.agreed.retried && self.agreed.choice.is_none() {
            // The second hello of one handshake: early data went with the first.
            offer.early_data |= self
                .agreed
                .offer
                .as_ref()
                .is_some_and(|first| first.early_data);
        } else {
            summary.renegotiated |= self.agreed.offer.is_some() && self.agreed.choice.is_some();
            if offer.early_data {
                summary.early_data = EarlyData::Offered;
            }
        }
        if self.agreed.offer.replace(offer).is_some() {
            self.agreed.choice = None;
        }
        summary.client_random = Some(hello.random);
        if summary.key_names.len() < KeyName::KEPT {
            let mut name = KeyName {
                client_random: hello.random,
                ..KeyName::default()
            };
            name.session(&hello.session_id);
            summary.key_names.push(name);
        }
        summary.server_name = hello.server_name;
        summary.alpn_offered = hello.alpn;
        summary.encrypted_client_hello = hello.encrypted_hello;
        let versions = hello
            .versions
            .iter()
            .copied()
            .filter(|version| version >> 8 == 3);
        summary.version_offered = versions.max().or(Some(hello.version)).map(Version);
    }

    pub(super) fn server_hello(&mut self, side: Side, body: &[u8]) {
        let Some(hello) = ServerHello::parse(body) else {
            return;
        };
        if self.agreed.offer.is_none() && self.agreed.choice.is_none() {
            self.summary.sides_swapped = side == Side::Client;
        }
        let choice = Choice::from(&hello);
        let summary = &mut self.summary;
        summary.version = Some(choice.version);
        summary.suite = Some(choice.suite);
        if let Some(name) = summary.key_names.last_mut() {
            name.session(&choice.session_id);
        }
        let is_tls13 = choice.version == Version::TLS1_3;
        let is_retry = hello.is_retry_request();
        if is_tls13
            && summary.early_data == EarlyData::Offered
            && (is_retry || !hello.pre_shared_key)
        {
            summary.early_data = EarlyData::Rejected;
        }
        if is_retry {
            self.agreed.retried = true;
            summary.retried = true;
            return;
        }
        if !is_tls13 {
            summary.alpn = hello.alpn.or(summary.alpn.take());
        }
        summary.resumed = is_tls13 && hello.pre_shared_key;
        self.full_handshake = false;
        self.agreed.choice = Some(choice);
    }

    pub(super) fn certificate(&mut self, side: Side, body: &[u8], is_tls13: bool) {
        if self.role(side) != Side::Server {
            // An empty list, in TLS 1.3 behind an empty context, says that the client has none (RFC 8446 4.4.2.4).
            let is_sent = body.len() > if is_tls13 { 4 } else { 3 };
            self.summary.client_certificate = Some(is_sent);
            return;
        }
        let names = match is_tls13 {
            true => certificate::names_tls13(body),
            false => certificate::names_tls12(body),
        };
        self.summary.certificate = names.or(self.summary.certificate.take());
    }
}
