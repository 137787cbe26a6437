//! What a server says: its part of the handshake, then messages (RFC 6143 7.6 and the extensions).

use smallvec::SmallVec;

use super::rectangle::{Data, Pixels, data};
use super::table as t;
use super::talk::{ClientPhase, ServerPhase, Step, Talk, Update, VERSION, may_be_version, version};
use super::write::{
    begin, begin_broken, cut_text, opaque, pixel_format, security_name, unknown, write_version,
};
use crate::base::Cursor;
use crate::payload::{Datum, Out, summary};

/// Encodings remembered of one update.
const ENCODINGS: usize = 32;
/// An update ends with the pseudo-encoding for its end, not after a number of rectangles.
const WITHOUT_END: u16 = 0xffff;
const LAST_RECTANGLE: i32 = -224;
const MORE_BUTTONS: i32 = -316;

impl Talk {
    /// Whether bytes are exactly what a server begins its messages with, or one message.
    pub(super) fn server_finds(&mut self, bytes: &[u8]) -> bool {
        let is_init = is_init(bytes);
        let is_one = matches!(message_len(bytes), Some(Some(len)) if len == bytes.len() as u64);
        // Updates are long, and begin in their own message more often than not.
        let is_update = matches!(bytes, [0, 0, high, low, _, _, _, _, _, _, _, _, rest @ ..]
            if (*high, *low) != (0, 0) && rest.first_chunk().is_some_and(|encoding| !t::encoding(i32::from_be_bytes(*encoding)).is_empty()));
        if is_init {
            self.server = ServerPhase::Init;
            self.client = ClientPhase::Messages;
        } else if is_one || is_update {
            self.server = ServerPhase::Messages;
        }
        is_init || is_one || is_update
    }

    pub(super) fn server_step<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
        match self.server {
            ServerPhase::Version => self.server_version(bytes, out),
            ServerPhase::SecurityTypes => self.security_types(bytes, out),
            ServerPhase::Challenge => self.challenge(bytes, out),
            ServerPhase::Result => self.result(bytes, out),
            ServerPhase::Reason => reason(bytes, out),
            ServerPhase::Init => self.init(bytes, out),
            ServerPhase::Messages => match self.update.take() {
                Some(update) => self.rectangle(update, bytes, out),
                None => self.server_message(bytes, out),
            },
        }
    }

    fn server_version<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
        if self.version > 0 && !may_be_version(bytes) && self.server_finds(bytes) {
            return self.server_step(bytes, out);
        }
        let Some(text) = bytes.get(..VERSION) else {
            return Step::Wait(Some(VERSION as u64));
        };
        if version(bytes).is_none() {
            begin_broken(out);
            return Step::Lost;
        }
        self.server = ServerPhase::SecurityTypes;
        begin("ProtocolVersion", out);
        write_version(text, out);
        Step::Took(VERSION)
    }

    /// A list; in version 3.3 the one type that the server decided on.
    fn security_types<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
        if self.version == 3 {
            let Some(kind) = bytes.get(..4) else {
                return Step::Wait(Some(4));
            };
            let number = kind.last().copied().unwrap_or_default();
            begin("SecurityType", out);
            out.field_at(&t::SECURITY_TYPE, number, kind)
                .words(security_name(number));
            out.summary(format!("SecurityType {}", security_name(number)));
            match number {
                0 => self.server = ServerPhase::Reason,
                number => self.choose_security(number),
            }
            return Step::Took(4);
        }
        let count = usize::from(bytes.first().copied().unwrap_or_default());
        let Some(kinds) = bytes.get(1..1 + count) else {
            return Step::Wait(Some(1 + count as u64));
        };
        begin("SecurityTypes", out);
        for kind in kinds.chunks(1) {
            let number = kind.first().copied().unwrap_or_default();
            out.field_at(&t::SECURITY_TYPE, number, kind)
                .words(security_name(number));
        }
        let names: Vec<&str> = kinds
            .iter()
            .take(8)
            .map(|kind| security_name(*kind))
            .collect();
        out.summary(format!("SecurityTypes {}", names.join(", ")).trim_end());
        if count == 0 {
            self.server = ServerPhase::Reason;
        }
        Step::Took(1 + count)
    }

    fn challenge<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
        if self.security != Some(2) {
            if is_init(bytes) {
                self.client = ClientPhase::Messages;
                return self.init(bytes, out);
            }
            return opaque(self.security, bytes, out);
        }
        let Some(challenge) = bytes.get(..16) else {
            return Step::Wait(Some(16));
        };
        self.server = ServerPhase::Result;
        begin("Authentication", out);
        out.field_at(&t::AUTHENTICATION, challenge, challenge);
        out.summary("Authentication, the challenge");
        Step::Took(16)
    }

    fn result<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
        let Some(result) = bytes.first_chunk::<4>() else {
            return Step::Wait(Some(4));
        };
        let number = u32::from_be_bytes(*result);
        begin("SecurityResult", out);
        let words = match number {
            0 => "OK",
            1 => "failed",
            2 => "too many attempts",
            _ => "",
        };
        out.field_at(&t::RESULT, number, &bytes[..4]).words(words);
        if self.security != Some(1) {
            out.answer("security", number != 0);
        }
        self.server = if number == 0 {
            ServerPhase::Init
        } else {
            ServerPhase::Reason
        };
        let mut line = format!("SecurityResult {words}");
        // The reason comes with it; from version 3.8 on there is one.
        let mut len = 4;
        if number != 0 {
            let text = bytes
                .get(4..)
                .and_then(reason_text)
                .filter(|_| self.version == 8);
            let said = text.map_or_else(String::new, summary::part);
            if let Some(text) = text {
                len += 4 + text.len();
                out.field_at(&t::REASON, String::from_utf8_lossy(text), text);
            }
            line += &format!(" {said}");
            out.finding(&t::REFUSED, format!("result {number}: {said}"));
        }
        out.summary(line.trim_end());
        Step::Took(len)
    }

    fn init<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
        let Some(name_len) = bytes.get(20..).and_then(<[u8]>::first_chunk) else {
            return Step::Wait(None);
        };
        let len = 24 + u64::from(u32::from_be_bytes(*name_len));
        let Some(whole) = usize::try_from(len).ok().and_then(|len| bytes.get(..len)) else {
            return Step::Wait(Some(len));
        };
        let (head, name) = whole.split_at(24);
        begin("ServerInit", out);
        let (width, height, format) = (&head[..2], &head[2..4], &head[4..20]);
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0_u16, |number, byte| number << 8 | u16::from(*byte))
        };
        out.field_at(&t::WIDTH, number(width), width);
        out.field_at(&t::HEIGHT, number(height), height);
        pixel_format(format, out);
        out.field_at(&t::NAME, String::from_utf8_lossy(name), name);
        out.summary(format!(
            "ServerInit {}x{} {}",
            number(width),
            number(height),
            summary::part(name)
        ));
        self.pixels = Pixels::read(format).unwrap_or_default();
        self.server = ServerPhase::Messages;
        Step::Took(whole.len())
    }

    fn server_message<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
        if bytes.first() == Some(&0) {
            return self.begin_update(bytes, out);
        }
        let len = match message_len(bytes) {
            Some(Some(len)) => len,
            Some(None) => return Step::Wait(None),
            None => return unknown(bytes, out),
        };
        let Some(message) = usize::try_from(len).ok().and_then(|len| bytes.get(..len)) else {
            return Step::Wait(Some(len));
        };
        write(message, out);
        Step::Took(message.len())
    }

    fn begin_update(&mut self, bytes: &[u8], out: &mut Out<'_, '_>) -> Step {
        let Some(count) = bytes.get(2..).and_then(<[u8]>::first_chunk) else {
            return Step::Wait(Some(4));
        };
        let count = u16::from_be_bytes(*count);
        let update = Update {
            left: (count != WITHOUT_END).then_some(count),
            seen: 0,
            encodings: SmallVec::new(),
            is_passing: false,
        };
        match self.end_update(update, out) {
            true => Step::Took(4),
            false => Step::Began(4),
        }
    }

    /// The head of a rectangle, and what follows it.
    fn rectangle<'a>(
        &mut self,
        mut update: Update,
        bytes: &'a [u8],
        out: &mut Out<'_, 'a>,
    ) -> Step {
        let Some((head, rest)) = bytes.split_at_checked(12) else {
            self.update = Some(update);
            return Step::Wait(Some(12));
        };
        let mut cursor = Cursor::new(head.get(4..).unwrap_or_default());
        let size = (
            cursor.u16().unwrap_or_default(),
            cursor.u16().unwrap_or_default(),
        );
        let encoding = cursor.array().map(i32::from_be_bytes).unwrap_or_default();
        let len = match data(encoding, size, rest, self.pixels) {
            Data::Len(len) => len,
            Data::More => {
                self.update = Some(update);
                return Step::Wait(None);
            }
            Data::Unknown => {
                update.encodings.push(encoding);
                write_update(&update, "and no more can be told apart", out);
                out.finding(
                    &t::UNKNOWN,
                    format!("a rectangle of the encoding {encoding}"),
                );
                return Step::Lost;
            }
        };
        update.seen = update.seen.saturating_add(1);
        update.left = match (update.left, encoding) {
            (_, LAST_RECTANGLE) => Some(0),
            (Some(left), _) => Some(left.saturating_sub(1)),
            (None, _) => None,
        };
        self.has_more_buttons |= encoding == MORE_BUTTONS;
        if update.encodings.len() < ENCODINGS {
            update.encodings.push(encoding);
        }
        update.is_passing = true;
        self.update = Some(update);
        Step::Pass(12 + len)
    }

    /// The data of a rectangle has passed; whether the update ended with it.
    pub(super) fn passed(&mut self, out: &mut Out<'_, '_>) -> bool {
        match self.update.take() {
            Some(mut update) if update.is_passing => {
                update.is_passing = false;
                self.end_update(update, out)
            }
            update => {
                self.update = update;
                false
            }
        }
    }

    /// Tells an update that has ended; whether it has.
    fn end_update(&mut self, update: Update, out: &mut Out<'_, '_>) -> bool {
        if update.left != Some(0) {
            self.update = Some(update);
            return false;
        }
        write_update(&update, "", out);
        true
    }
}

fn write_update(update: &Update, more: &str, out: &mut Out<'_, '_>) {
    begin("FramebufferUpdate", out);
    out.field(&t::RECTANGLES, update.seen);
    for encoding in &update.encodings {
        out.field(&t::ENCODING, Datum::Signed((*encoding).into()))
            .words(t::encoding(*encoding));
    }
    let first = update
        .encodings
        .first()
        .map_or("", |first| t::encoding(*first));
    let line = format!(
        "FramebufferUpdate {} rectangles {first} {more}",
        update.seen
    );
    out.summary(line.split_whitespace().collect::<Vec<_>>().join(" "));
}

/// The length of the message that bytes begin with, which is no update; `Some(None)` where more is needed, `None` where
/// nobody knows.
fn message_len(bytes: &[u8]) -> Option<Option<u64>> {
    let u16_at = |index: usize| Some(u16::from_be_bytes(*bytes.get(index..)?.first_chunk()?));
    let u32_at = |index: usize| Some(u32::from_be_bytes(*bytes.get(index..)?.first_chunk()?));
    let at = |index: usize| bytes.get(index).copied();
    Some(match bytes.first()? {
        1 => u16_at(4).map(|count| 6 + 6 * u64::from(count)),
        2 | 150 => Some(1),
        // The extended clipboard has lengths below zero.
        3 => u32_at(4).map(|len| 8 + u64::from(len.cast_signed().unsigned_abs())),
        248 => at(8).map(|len| 9 + u64::from(len)),
        250 => Some(4),
        255 => match (at(1), u16_at(2)) {
            (None, _) | (_, None) => None,
            (Some(1), Some(2)) => u32_at(4).map(|len| 8 + u64::from(len)),
            (Some(1), Some(_)) => Some(4),
            _ => return None,
        },
        _ => return None,
    })
}

fn write<'a>(message: &'a [u8], out: &mut Out<'_, 'a>) {
    let name = match message.first() {
        Some(1) => "SetColorMapEntries",
        Some(2) => "Bell",
        Some(3) => "ServerCutText",
        Some(150) => "EndOfContinuousUpdates",
        Some(248) => "ServerFence",
        Some(250) => "ServerXvp",
        _ => "QEMUAudioServer",
    };
    begin(name, out);
    let line = match message {
        [3, _, _, _, _, _, _, _, text @ ..] => cut_text(text, out),
        [248, _, _, _, a, b, c, d, ..] => {
            out.field(&t::FENCE, u32::from_be_bytes([*a, *b, *c, *d]));
            String::new()
        }
        _ => String::new(),
    };
    out.summary(format!("{name} {line}").trim_end());
}

/// Why a server refuses: a length and text.
fn reason<'a>(bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Step {
    let Some(text) = reason_text(bytes) else {
        let len = bytes
            .first_chunk()
            .map(|len| 4 + u64::from(u32::from_be_bytes(*len)));
        return Step::Wait(len);
    };
    begin("SecurityResult", out);
    out.field_at(&t::REASON, String::from_utf8_lossy(text), text);
    out.summary(format!("reason {}", summary::part(text)));
    out.finding(
        &t::REFUSED,
        format!("the server says {}", summary::part(text)),
    );
    Step::Took(4 + text.len())
}

fn reason_text(bytes: &[u8]) -> Option<&[u8]> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.get(..usize::try_from(u32::from_be_bytes(*len)).ok()?)
}

/// Whether bytes are a whole ServerInit, which hardly anything else looks like.
fn is_init(bytes: &[u8]) -> bool {
    let Some((head, name)) = bytes.split_at_checked(24) else {
        return false;
    };
    let len = head
        .last_chunk()
        .map(|len| u32::from_be_bytes(*len) as usize);
    let is_sized = head[..2] != [0, 0] && head[2..4] != [0, 0];
    is_sized && len == Some(name.len()) && Pixels::read(&head[4..20]).is_some()
}
