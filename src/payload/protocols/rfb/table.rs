//! The fields and rules of RFB, and the names of its numbers.

use crate::payload::table::{fields, rules};

fields! {
    MESSAGE = "rfb.message", "Message", Text, "What an RFB (VNC) unit is, by RFC 6143's names and those of the extensions.", words(MESSAGES);
    VERSION = "rfb.version", "Version", Text, "Version of RFB an endpoint says.";
    SECURITY_TYPE = "rfb.security_type", "Security type", Unsigned, "Each security type an RFB server offers, or the one that is chosen.", named(SECURITY), max(255);
    AUTHENTICATION = "rfb.authentication", "Authentication", Bytes, "Challenge of an RFB server, or what a client answers.", secret();
    RESULT = "rfb.security_result", "Result", Unsigned, "How an RFB server answers the authentication.", named(&[("OK", 0), ("failed", 1), ("too many attempts", 2)]);
    REASON = "rfb.reason", "Reason", Text, "Why an RFB server refuses.";
    SHARED = "rfb.shared", "Shared", Bool, "The RFB client leaves others connected.";
    WIDTH = "rfb.width", "Width", Unsigned, "Width of an RFB screen or of what is asked for.", max(65535);
    HEIGHT = "rfb.height", "Height", Unsigned, "Height of an RFB screen or of what is asked for.", max(65535);
    X = "rfb.x", "X", Unsigned, "Place of an RFB pointer, or of what is asked for.", max(65535);
    Y = "rfb.y", "Y", Unsigned, "Place of an RFB pointer, or of what is asked for.", max(65535);
    BITS = "rfb.bits_per_pixel", "Bits per pixel", Unsigned, "Bits of a pixel of RFB.", max(255);
    DEPTH = "rfb.depth", "Depth", Unsigned, "Bits of a pixel of RFB that count.", max(255);
    NAME = "rfb.name", "Name", Text, "Name of an RFB screen.";
    ENCODING = "rfb.encoding", "Encoding", Signed, "Each encoding an RFB client can read, or of a rectangle.", named(ENCODINGS_NAMED);
    RECTANGLES = "rfb.rectangles", "Rectangles", Unsigned, "How many rectangles an RFB update has.";
    INCREMENTAL = "rfb.incremental", "Incremental", Bool, "The RFB client wants only what changed.";
    KEY = "rfb.key", "Key", Unsigned, "Symbol (X11) of a key.", secret();
    DOWN = "rfb.key_down", "Down", Bool, "The key is pressed.";
    BUTTONS = "rfb.buttons", "Buttons", Unsigned, "Buttons of the pointer that are down, a bit each.";
    CUT_TEXT = "rfb.cut_text", "Text", Text, "What is in the clipboard.", secret();
    FENCE = "rfb.fence", "Fence", Unsigned, "Flags of an RFB fence.";
    ENABLED = "rfb.enabled", "Enabled", Bool, "Continuous RFB updates are wanted.";
}

rules! {
    UNKNOWN = "rfb-message-unknown", Warning, "RFC 6143 7.5",
        "An RFB message has an unknown type, so nothing behind it can be told apart.";
    REFUSED = "rfb-security-failed", Warning, "RFC 6143 7.1.3",
        "The RFB server refuses the client.";
    VERSION_INVALID = "rfb-version-invalid", Error, "RFC 6143 7.1.1",
        "An RFB connection does not begin with a version.";
}

const MESSAGES: &[&str] = &[
    "ProtocolVersion",
    "SecurityTypes",
    "SecurityType",
    "Authentication",
    "SecurityResult",
    "ClientInit",
    "ServerInit",
    "SetPixelFormat",
    "SetEncodings",
    "FramebufferUpdateRequest",
    "KeyEvent",
    "PointerEvent",
    "ClientCutText",
    "EnableContinuousUpdates",
    "ClientFence",
    "ClientXvp",
    "SetDesktopSize",
    "QEMUExtendedKeyEvent",
    "QEMUAudioClient",
    "FramebufferUpdate",
    "SetColorMapEntries",
    "Bell",
    "ServerCutText",
    "EndOfContinuousUpdates",
    "ServerFence",
    "ServerXvp",
    "QEMUAudioServer",
];

/// Security types (RFC 6143 7.1.2 and IANA's registry).
pub(super) const SECURITY: &[(&str, u64)] = &[
    ("Invalid", 0),
    ("None", 1),
    ("VNC Authentication", 2),
    ("RA2", 5),
    ("RA2ne", 6),
    ("Tight", 16),
    ("Ultra", 17),
    ("TLS", 18),
    ("VeNCrypt", 19),
    ("SASL", 20),
    ("MD5", 21),
    ("Apple Remote Desktop", 30),
];

/// Encodings that are not negative, as filters know them.
const ENCODINGS_NAMED: &[(&str, u64)] = &[
    ("Raw", 0),
    ("CopyRect", 1),
    ("RRE", 2),
    ("CoRRE", 4),
    ("Hextile", 5),
    ("Zlib", 6),
    ("Tight", 7),
    ("TRLE", 15),
    ("ZRLE", 16),
    ("H.264", 50),
];

/// The name of an encoding (RFC 6143 7.7 and 7.8, and the community's).
pub(super) fn encoding(number: i32) -> &'static str {
    match number {
        -32..=-23 => "JPEG quality",
        -256..=-247 => "compression level",
        -223 => "DesktopSize",
        -224 => "LastRect",
        -232 => "PointerPos",
        -239 => "Cursor",
        -240 => "XCursor",
        -257 => "QEMU pointer motion",
        -258 => "QEMU extended key event",
        -259 => "QEMU audio",
        -260 => "TightPNG",
        -261 => "LED state",
        -307 => "DesktopName",
        -308 => "ExtendedDesktopSize",
        -309 => "xvp",
        -312 => "Fence",
        -313 => "ContinuousUpdates",
        -314 => "cursor with alpha",
        -316 => "extended mouse buttons",
        0x574d_5664 => "VMware cursor",
        -1_063_131_698 => "extended clipboard",
        number => u64::try_from(number)
            .ok()
            .and_then(|number| ENCODINGS_NAMED.iter().find(|(_, known)| *known == number))
            .map_or("", |(name, _)| name),
    }
}
