//! What a client says: its part of the handshake, then messages (RFC 6143 7.5 and the extensions).

use super::rectangle::Pixels;
use super::table as t;
use super::talk::{ClientPhase, ServerPhase, Step, Talk, VERSION, may_be_version, version};
use super::write::{
    begin, begin_broken, cut_text, opaque, pixel_format, security_name, unknown, write_version,
};
use crate::base::Cursor;
use crate::payload::{Datum, Out};

/// Encodings shown of a list.
const ENCODINGS: usize = 64;

impl Talk {
    /// Whether bytes are exactly one message of a client.
    pub(super) fn client_finds(&mut self, bytes: &[u8]) -> bool {
        let is_one = matches!(message_len(bytes, self.has_more_buttons), Some(Some(len)) if len == bytes.len() as u64);
        if is_one {
            self.client = ClientPhase::Messages;
        }
        is_one
    }

    pub(super) fn client_step<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
        match self.client {
            ClientPhase::Version => self.client_version(bytes, out),
            ClientPhase::SecurityType => self.security_type(bytes, out),
            ClientPhase::Authentication => self.response(bytes, out),
            ClientPhase::Init => {
                self.client = ClientPhase::Messages;
                begin("ClientInit", out);
                let flag = bytes.get(..1).unwrap_or_default();
                let is_shared = flag != [0];
                out.field_at(&t::SHARED, is_shared, flag);
                out.summary(if is_shared {
                    "ClientInit shared"
                } else {
                    "ClientInit"
                });
                Step::Took(1)
            }
            ClientPhase::Messages => self.client_message(bytes, out),
        }
    }

    fn client_version<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
        if self.version > 0 && !may_be_version(bytes) && self.client_finds(bytes) {
            return self.client_message(bytes, out);
        }
        let Some(text) = bytes.get(..VERSION) else {
            return Step::Wait(Some(VERSION as u64));
        };
        let Some(minor) = version(bytes) else {
            begin_broken(out);
            return Step::Lost;
        };
        // Versions beyond 3.8 are vendors' own, and go on like it; 3.3 has no list of security types.
        self.version = match minor {
            ..7 => 3,
            7 => 7,
            _ => 8,
        };
        self.client = match self.version {
            3 => ClientPhase::Init,
            _ => ClientPhase::SecurityType,
        };
        begin("ProtocolVersion", out);
        write_version(text, out);
        Step::Took(VERSION)
    }

    fn security_type<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
        let kind = bytes.first().copied().unwrap_or_default();
        self.choose_security(kind);
        begin("SecurityType", out);
        let name = security_name(kind);
        out.field_at(&t::SECURITY_TYPE, kind, bytes.get(..1).unwrap_or_default())
            .words(name);
        out.summary(format!("SecurityType {name}"));
        Step::Took(1)
    }

    /// What follows a security type: nothing but the result, the challenge of VNC, or what nobody can tell apart here.
    pub(super) fn choose_security(&mut self, kind: u8) {
        self.security = Some(kind);
        match kind {
            1 => {
                self.client = ClientPhase::Init;
                // Version 3.7 has no result where nothing was to be proved.
                self.server = match self.version {
                    8 => ServerPhase::Result,
                    _ => ServerPhase::Init,
                };
            }
            _ => {
                self.client = ClientPhase::Authentication;
                self.server = ServerPhase::Challenge;
            }
        }
    }

    fn response<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
        if self.security != Some(2) {
            return opaque(self.security, bytes, out);
        }
        let Some(response) = bytes.get(..16) else {
            return Step::Wait(Some(16));
        };
        self.client = ClientPhase::Init;
        begin("Authentication", out);
        out.field_at(&t::AUTHENTICATION, response, response);
        out.request("security", "Authentication");
        out.summary("Authentication, the response");
        Step::Took(16)
    }

    fn client_message<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
        let len = match message_len(bytes, self.has_more_buttons) {
            Some(Some(len)) => len,
            Some(None) => return Step::Wait(None),
            None => return unknown(bytes, out),
        };
        let Some(message) = usize::try_from(len).ok().and_then(|len| bytes.get(..len)) else {
            return Step::Wait(Some(len));
        };
        if message.first() == Some(&0)
            && let Some(pixels) = message.get(4..).and_then(Pixels::read)
        {
            self.pixels = pixels;
        }
        write(message, out);
        Step::Took(message.len())
    }
}

/// The length of the message that bytes begin with; `Some(None)` where more is needed, `None` where nobody knows.
fn message_len(bytes: &[u8], has_more_buttons: bool) -> Option<Option<u64>> {
    let at = |index: usize| bytes.get(index).copied();
    let u16_at = |index: usize| {
        Some(u64::from(u16::from_be_bytes(
            *bytes.get(index..)?.first_chunk()?,
        )))
    };
    let i32_at = |index: usize| Some(i32::from_be_bytes(*bytes.get(index..)?.first_chunk()?));
    Some(match bytes.first()? {
        0 => Some(20),
        2 => u16_at(2).map(|count| 4 + 4 * count),
        3 | 150 => Some(10),
        4 => Some(8),
        5 => at(1).map(|buttons| match has_more_buttons && buttons & 0x80 != 0 {
            true => 7,
            false => 6,
        }),
        // The extended clipboard has lengths below zero.
        6 => i32_at(4).map(|len| 8 + u64::from(len.unsigned_abs())),
        248 => at(8).map(|len| 9 + u64::from(len)),
        250 => Some(4),
        251 => at(6).map(|screens| 8 + 16 * u64::from(screens)),
        255 => match at(1) {
            None => None,
            Some(0) => Some(12),
            Some(1) => u16_at(2).map(|operation| if operation == 2 { 10 } else { 4 }),
            Some(_) => return None,
        },
        _ => return None,
    })
}

fn write<'a>(message: &'a [u8], out: &mut Out<'_, 'a>) {
    let kind = message.first().copied().unwrap_or_default();
    let name = name(message);
    begin(name, out);
    let mut cursor = Cursor::new(message);
    let line = fields(kind, &mut cursor, out);
    out.summary(format!("{name} {}", line.unwrap_or_default()).trim_end());
}

fn name(message: &[u8]) -> &'static str {
    match message {
        [0, ..] => "SetPixelFormat",
        [2, ..] => "SetEncodings",
        [3, ..] => "FramebufferUpdateRequest",
        [4, ..] => "KeyEvent",
        [5, ..] => "PointerEvent",
        [6, ..] => "ClientCutText",
        [150, ..] => "EnableContinuousUpdates",
        [248, ..] => "ClientFence",
        [250, ..] => "ClientXvp",
        [251, ..] => "SetDesktopSize",
        [255, 0, ..] => "QEMUExtendedKeyEvent",
        _ => "QEMUAudioClient",
    }
}

/// Writes the fields of a message; the rest of its line.
fn fields<'a>(kind: u8, cursor: &mut Cursor<'a>, out: &mut Out<'_, 'a>) -> Option<String> {
    cursor.skip(1)?;
    match kind {
        0 => {
            cursor.skip(3)?;
            Some(pixel_format(cursor.take(16)?, out))
        }
        2 => {
            cursor.skip(1)?;
            let count = cursor.u16()?;
            for _ in 0..usize::from(count).min(ENCODINGS) {
                let bytes = cursor.take(4)?;
                encoding(bytes, out);
            }
            Some(format!("{count} encodings"))
        }
        3 | 150 => {
            let flag = cursor.u8()? != 0;
            match kind {
                3 => out.field(&t::INCREMENTAL, flag),
                _ => out.field(&t::ENABLED, flag),
            };
            let [x, y, w, h] = [cursor.u16()?, cursor.u16()?, cursor.u16()?, cursor.u16()?];
            for (info, value) in [(&t::X, x), (&t::Y, y), (&t::WIDTH, w), (&t::HEIGHT, h)] {
                out.field(info, value);
            }
            let word = match (kind, flag) {
                (3, true) => "incremental ",
                (150, false) => "off ",
                _ => "",
            };
            Some(format!("{word}{w}x{h} at {x},{y}"))
        }
        4 => {
            let is_down = cursor.u8()? != 0;
            cursor.skip(2)?;
            key(cursor.take(4)?, is_down, out)
        }
        5 => {
            let buttons = cursor.u8()?;
            let (x, y) = (cursor.u16()?, cursor.u16()?);
            out.field(&t::BUTTONS, buttons);
            out.field(&t::X, x);
            out.field(&t::Y, y);
            Some(format!("{x},{y} buttons {buttons:08b}"))
        }
        6 => {
            cursor.skip(7)?;
            Some(cut_text(cursor.rest(), out))
        }
        248 => {
            cursor.skip(3)?;
            out.field(&t::FENCE, cursor.u32()?);
            None
        }
        251 => {
            cursor.skip(1)?;
            let (w, h) = (cursor.u16()?, cursor.u16()?);
            out.field(&t::WIDTH, w);
            out.field(&t::HEIGHT, h);
            Some(format!("{w}x{h}"))
        }
        255 if cursor.u8()? == 0 => {
            let is_down = cursor.u16()? != 0;
            key(cursor.take(4)?, is_down, out)
        }
        _ => None,
    }
}

/// A key: what is typed may be a password, so it stands in no line.
fn key<'a>(symbol: &'a [u8], is_down: bool, out: &mut Out<'_, 'a>) -> Option<String> {
    let number = u32::from_be_bytes(symbol.try_into().ok()?);
    out.field(&t::DOWN, is_down);
    out.field_at(&t::KEY, number, symbol);
    Some(if is_down { "down" } else { "up" }.to_owned())
}

/// Writes an encoding of four bytes.
fn encoding<'a>(bytes: &'a [u8], out: &mut Out<'_, 'a>) {
    let number = bytes.try_into().map(i32::from_be_bytes).unwrap_or_default();
    out.field_at(&t::ENCODING, Datum::Signed(number.into()), bytes)
        .words(t::encoding(number));
}
