//! What was found wrong, or worth a note, and the table of everything that can be.

use std::fmt;

use super::Span;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Allowed or harmless, yet often the sign of a problem.
    Warning,
    /// Against a standard, or fatal to the connection.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the text of a finding may repeat of what someone sent, which decides what `--redact` does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quotes {
    /// Numbers and names of the standards only: it is shown as it is.
    Nothing,
    /// Values of heads: credentials that the connection's heads carry are masked in it.
    Heads,
    /// Payload, or what cannot be told from it: the meaning of the code is shown instead.
    Payload,
}

/// A rule of an application protocol, and the finding that says it was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule {
    /// Its stable name in kebab-case.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The section that states it, such as `STOMP 1.2, Value Encoding`.
    pub section: Option<&'static str>,
    /// One sentence for people who meet it the first time.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = ($name:literal, $severity:ident, $section:expr, $quotes:ident),)+) => {
        /// What kind of finding; the names are stable and are what scripts match on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
            /// A rule of an application protocol, which its decoder states.
            Protocol(&'static Rule),
        }

        impl Code {
            /// Every code of the table, in its order; application protocols have theirs in their decoders.
            pub const ALL: &[Code] = &[$(Code::$variant,)+];

            /// The stable kebab-case name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)+ Code::Protocol(rule) => rule.name }
            }

            /// How bad it is.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)+ Code::Protocol(rule) => rule.severity }
            }

            /// The section of the standard it is measured by, such as `RFC 6455 5.1`.
            #[must_use]
            pub fn section(self) -> Option<&'static str> {
                match self { $(Code::$variant => $section,)+ Code::Protocol(rule) => rule.section }
            }

            /// What its text may repeat of what someone sent.
            #[must_use]
            pub fn quotes(self) -> Quotes {
                match self { $(Code::$variant => Quotes::$quotes,)+ Code::Protocol(_) => Quotes::Payload }
            }

            /// One sentence for people who meet it the first time.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$variant => concat!($($doc),+).trim_ascii_start(),)+ Code::Protocol(rule) => rule.meaning }
            }
        }
    };
}

codes! {
    /// The server's Sec-WebSocket-Accept is not the one that follows from the client's key.
    AcceptMismatch = ("accept-mismatch", Error, Some("RFC 6455 4.1"), Heads),
    /// A 101 response carries no Sec-WebSocket-Accept.
    AcceptMissing = ("accept-missing", Error, Some("RFC 6455 4.1"), Heads),
    /// Sec-WebSocket-Key is missing or not the base64 of 16 bytes.
    KeyInvalid = ("key-invalid", Error, Some("RFC 6455 4.1"), Heads),
    /// A header that may stand once stands several times.
    HeaderDuplicate = ("header-duplicate", Warning, Some("RFC 6455 11.3"), Heads),
    /// Upgrade or Connection do not say what an upgrade needs.
    UpgradeHeaderInvalid = ("upgrade-header-invalid", Error, Some("RFC 6455 4.2.1"), Heads),
    /// The version asked for is not 13, or the server refuses it.
    VersionUnsupported = ("version-unsupported", Error, Some("RFC 6455 4.4"), Heads),
    /// The server chose a subprotocol the client did not offer.
    SubprotocolNotOffered = ("subprotocol-not-offered", Error, Some("RFC 6455 4.1"), Heads),
    /// The server chose an extension the client did not offer.
    ExtensionNotOffered = ("extension-not-offered", Error, Some("RFC 6455 4.1"), Heads),
    /// A parameter of permessage-deflate is unknown, repeated or out of range.
    ExtensionParameterInvalid = ("extension-parameter-invalid", Error, Some("RFC 7692 7.1"), Heads),
    /// A client must mask every frame.
    ClientFrameUnmasked = ("client-frame-unmasked", Error, Some("RFC 6455 5.1"), Nothing),
    /// A server must not mask a frame.
    ServerFrameMasked = ("server-frame-masked", Error, Some("RFC 6455 5.1"), Nothing),
    /// A reserved bit is set and no extension was negotiated that defines it.
    ReservedBitSet = ("reserved-bit-set", Error, Some("RFC 6455 5.2"), Nothing),
    /// The opcode is reserved.
    ReservedOpcode = ("reserved-opcode", Error, Some("RFC 6455 5.2"), Nothing),
    /// A control frame must not be fragmented.
    ControlFrameFragmented = ("control-frame-fragmented", Error, Some("RFC 6455 5.5"), Nothing),
    /// A control frame's payload has more than 125 bytes.
    ControlFrameTooLong = ("control-frame-too-long", Error, Some("RFC 6455 5.5"), Nothing),
    /// The length is written in more bytes than it needs.
    LengthNotMinimal = ("length-not-minimal", Error, Some("RFC 6455 5.2"), Nothing),
    /// The 64-bit length has its most significant bit set.
    LengthInvalid = ("length-invalid", Error, Some("RFC 6455 5.2"), Nothing),
    /// A continuation frame with no message to continue.
    ContinuationWithoutStart = ("continuation-without-start", Error, Some("RFC 6455 5.4"), Nothing),
    /// A new message starts before the last one ended.
    MessageInterrupted = ("message-interrupted", Error, Some("RFC 6455 5.4"), Nothing),
    /// A text message, or a close reason, is not valid UTF-8.
    InvalidUtf8 = ("invalid-utf8", Error, Some("RFC 6455 8.1"), Payload),
    /// The close code must not be sent.
    CloseCodeInvalid = ("close-code-invalid", Error, Some("RFC 6455 7.4"), Nothing),
    /// A close body of one byte holds no code.
    CloseBodyInvalid = ("close-body-invalid", Error, Some("RFC 6455 5.5.1"), Nothing),
    /// A frame follows this side's close frame.
    DataAfterClose = ("data-after-close", Error, Some("RFC 6455 5.5.1"), Nothing),
    /// The side ended the connection in the middle of a frame.
    FrameCutOff = ("frame-cut-off", Warning, Some("RFC 6455 5.2"), Nothing),
    /// The side ended the connection between the fragments of a message.
    MessageCutOff = ("message-cut-off", Warning, Some("RFC 6455 5.4"), Nothing),
    /// The masking key is zero, so nothing is masked.
    MaskingKeyZero = ("masking-key-zero", Warning, Some("RFC 6455 5.3"), Nothing),
    /// The masking key is the one of the frame before.
    MaskingKeyReused = ("masking-key-reused", Warning, Some("RFC 6455 5.3"), Nothing),
    /// The compressed message does not inflate.
    DeflateInvalid = ("deflate-invalid", Error, Some("RFC 7692 7.2.2"), Nothing),
    /// Bytes that later messages refer to are missing from the capture.
    DeflateContextLost = ("deflate-context-lost", Warning, Some("RFC 7692 7.2.3.2"), Nothing),
    /// Inflating stopped at the limit.
    InflateLimit = ("inflate-limit", Warning, None, Nothing),
    /// The next frame's boundary is unknown; bytes were passed over to find one.
    LostSync = ("lost-sync", Warning, None, Nothing),
    /// Bytes of the TCP stream are missing from the capture.
    TcpGap = ("tcp-gap", Warning, None, Nothing),
    /// Bytes sent twice differ; the first arrival is shown.
    TcpOverlapConflict = ("tcp-overlap-conflict", Warning, Some("RFC 9293 3.10"), Nothing),
    /// HTTP text where a frame should begin.
    HttpInsideFrames = ("http-inside-frames", Error, None, Payload),
    /// Text where the first frame should begin: lines, JSON or XML as they are, without frames around them.
    NotFrames = ("not-frames", Error, Some("RFC 6455 5.2"), Payload),
    /// What was taken for frames, without a handshake in the capture, is something else.
    RecognitionRevoked = ("recognition-revoked", Note, None, Nothing),
    /// The frames are not those of the draft that the handshake names.
    DraftFramingMismatch = ("draft-framing-mismatch", Warning, Some("RFC 6455 5.2"), Nothing),
    /// A 101 has a body, which no answer of this status may have.
    SwitchingWithBody = ("switching-with-body", Warning, Some("RFC 9112 6.3"), Nothing),
    /// An HTTP head is longer than the limit and was not read.
    HeadTooLong = ("head-too-long", Warning, None, Nothing),
    /// What was kept of a flow was given up, since all flows together kept more than the limit.
    MemoryLimit = ("memory-limit", Warning, None, Nothing),
    /// A request inside the messages was not answered before the connection ended.
    CallUnanswered = ("call-unanswered", Note, None, Payload),
    /// More findings of one code than the limit were counted, not listed.
    FindingsSuppressed = ("findings-suppressed", Note, None, Nothing),
    /// A TLS record does not authenticate with the keys at hand.
    TlsRecordInvalid = ("tls-record-invalid", Error, Some("RFC 8446 5.2"), Payload),
    /// A TLS alert.
    TlsAlert = ("tls-alert", Warning, Some("RFC 8446 6"), Nothing),
    /// No secret for this TLS connection in the key log.
    TlsNoKey = ("tls-no-key", Note, None, Nothing),
    /// A page of another origin asked with the user's cookies or Authorization, and got in: cross-site WebSocket hijacking.
    CrossOriginAccepted = ("cross-origin-accepted", Warning, Some("RFC 6455 10.2"), Heads),
    /// The target of the request holds a token, key or password, and targets stay in logs and histories.
    SecretInUrl = ("secret-in-url", Warning, Some("RFC 9110 17.9"), Heads),
    /// A password, token or session cookie crosses the network without TLS.
    CredentialsInClear = ("credentials-in-clear", Warning, Some("RFC 6455 10.6"), Heads),
    /// A token is offered as a subprotocol, in a header that proxies log.
    TokenInSubprotocol = ("token-in-subprotocol", Note, Some("RFC 6455 11.3.4"), Heads),
    /// The server says a token that was offered as a subprotocol back.
    TokenEchoed = ("token-echoed", Warning, Some("RFC 6455 11.3.4"), Heads),
    /// A session cookie is set without Secure, HttpOnly or SameSite.
    CookieAttributesMissing = ("cookie-attributes-missing", Warning, Some("RFC 6265 4.1.2"), Heads),
    /// Messages with a secret are compressed in one context with others, whose lengths then give it away.
    CompressionBesideSecrets = ("compression-beside-secrets", Note, Some("RFC 7692 8"), Heads),
    /// TLS 1.0 or 1.1, which are out of use.
    TlsVersionDeprecated = ("tls-version-deprecated", Warning, Some("RFC 8996"), Nothing),
    /// The cipher suite does not protect any more.
    TlsSuiteBroken = ("tls-suite-broken", Warning, Some("RFC 9325 4.1"), Nothing),
    /// The cipher suite lacks forward secrecy, or uses CBC with SHA-1.
    TlsSuiteWeak = ("tls-suite-weak", Note, Some("RFC 9325 4.1"), Nothing),
    /// The server's certificate has expired, and the client takes it.
    CertificateExpired = ("certificate-expired", Warning, Some("RFC 5280 4.1.2.5"), Heads),
    /// The server's certificate is for other names, and the client takes it.
    CertificateNameMismatch = ("certificate-name-mismatch", Warning, Some("RFC 9525 6"), Heads),
    /// The version or cipher suite of this TLS connection is not decrypted here, whatever keys there are.
    TlsUnsupported = ("tls-unsupported", Note, None, Nothing),
    /// An HTTP/2 frame or header block breaks the protocol.
    Http2Invalid = ("http2-invalid", Error, Some("RFC 9113 5.4"), Heads),
    /// What one side sent over HTTP/3 breaks its rules.
    Http3Invalid = ("http3-invalid", Error, Some("RFC 9114 8"), Heads),
    /// A frame inside a QUIC packet breaks off or is of no known type.
    QuicFrameInvalid = ("quic-frame-invalid", Warning, Some("RFC 9000 12.4"), Nothing),
    /// QUIC, and the key log has no secret for it: whether a WebSocket is inside cannot be seen.
    QuicNoKey = ("quic-no-key", Note, None, Heads),
    /// An extended CONNECT without the server's SETTINGS_ENABLE_CONNECT_PROTOCOL.
    ExtendedConnectNotEnabled = ("extended-connect-not-enabled", Error, Some("RFC 8441 3"), Heads),
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What bytes look like that stand where something else belongs. Rules of diagnosis decide by it, since the text of a finding
/// may be masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// The head of an HTTP message.
    HttpHead,
    /// JSON.
    Json,
    /// HTML or XML.
    Markup,
    /// Any other text.
    Text,
}

/// One finding in one side's stream or head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub code: Code,
    /// What was expected and what was found, in one line. Bytes from the wire in it are already escaped.
    pub text: String,
    /// The stream bytes it is about, where they are known.
    pub span: Option<Span>,
    /// What these look like, where that matters.
    pub shape: Option<Shape>,
}

impl Finding {
    /// A finding with its text.
    #[must_use]
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
            span: None,
            shape: None,
        }
    }

    /// The same about bytes that look like this.
    #[must_use]
    pub fn like(mut self, shape: Shape) -> Self {
        self.shape = Some(shape);
        self
    }

    /// The same about these stream bytes.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_unique() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert!(names.iter().all(|name| {
            name.bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit())
        }));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
