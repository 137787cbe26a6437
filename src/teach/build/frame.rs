//! Frames from words: `text "Hello" --mask cb6e9f8e --fragments 2`.

use super::words::{Word, payload};
use crate::craft::{Deflater, Frame, LengthForm, Random};

/// Which key a frame is masked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// None: the frame is not masked.
    No,
    /// Another one for each frame, as the seed says.
    Random,
    /// This one.
    Key([u8; 4]),
}

/// In how many bits the length is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthWords {
    /// In as few as it needs.
    #[default]
    Minimal,
    /// In 16, whether it needs them or not.
    Bits16,
    /// In 64.
    Bits64,
}

/// A message as it was asked for, in one frame or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameWords {
    /// 0 to 15.
    pub opcode: u8,
    /// What it carries.
    pub payload: Vec<u8>,
    /// How it is masked; `None` as is right for who sends it.
    pub mask: Option<Mask>,
    /// Frames that it is cut into.
    pub fragments: usize,
    /// Whether it is compressed with permessage-deflate.
    pub deflate: bool,
    /// Reserved bits of the first frame, as they lie in the first byte.
    pub reserved: u8,
    /// How the length is written.
    pub form: LengthWords,
    /// A length that the header declares instead of the true one.
    pub declared: Option<u64>,
    /// Whether the last frame goes without FIN.
    pub without_fin: bool,
    /// Bytes left off at the end.
    pub cut: usize,
}

impl FrameWords {
    /// A frame of this opcode in the usual shape.
    #[must_use]
    pub fn new(opcode: u8, payload: Vec<u8>) -> Self {
        Self {
            opcode,
            payload,
            mask: None,
            fragments: 1,
            deflate: false,
            reserved: 0,
            form: LengthWords::Minimal,
            declared: None,
            without_fin: false,
            cut: 0,
        }
    }

    /// Reads `KIND [PAYLOAD]` and options. Words it does not know are handed to `other`, which says whether it does.
    ///
    /// # Errors
    /// When a word is none of those; says which are.
    pub fn parse(
        words: &[Word],
        random: &mut Random,
        mut other: impl FnMut(&str, Option<&Word>) -> Result<Taken, String>,
    ) -> Result<Self, String> {
        let (plain, options): (&[Word], &[Word]) = {
            let at = words.iter().position(is_option).unwrap_or(words.len());
            words.split_at(at)
        };
        let (opcode, rest) = kind(plain)?;
        let mut built = Self::new(opcode, content(opcode, rest, random)?);
        let mut at = 0;
        while let Some(option) = options.get(at) {
            let name = option.keyword().unwrap_or_default();
            let value = options.get(at + 1).filter(|word| !is_option(word));
            let taken = match built.option(name, value)? {
                Taken::Unknown => other(name, value)?,
                taken => taken,
            };
            at += match taken {
                Taken::Unknown => return Err(format!("{name}: no such option of a frame")),
                Taken::Name => 1,
                Taken::NameAndValue => 2,
            };
        }
        Ok(built)
    }

    fn option(&mut self, name: &str, value: Option<&Word>) -> Result<Taken, String> {
        let needed = || value.ok_or_else(|| format!("{name}: a value must follow"));
        match name {
            "--mask" => {
                let Some(value) = value else {
                    self.mask = Some(Mask::Random);
                    return Ok(Taken::Name);
                };
                self.mask = Some(Mask::Key(key(value.text()?)?));
            }
            "--unmasked" => {
                self.mask = Some(Mask::No);
                return Ok(Taken::Name);
            }
            "--fragments" => self.fragments = number(name, needed()?, 1..=10_000)?,
            "--deflate" => {
                self.deflate = true;
                return Ok(Taken::Name);
            }
            "--rsv" => {
                for digit in needed()?.text()?.chars() {
                    self.reserved |= match digit {
                        '1' => 0x40,
                        '2' => 0x20,
                        '3' => 0x10,
                        ',' => 0,
                        other => {
                            return Err(format!("--rsv {other}: the reserved bits are 1, 2 and 3"));
                        }
                    };
                }
            }
            "--length-form" => {
                self.form = match needed()?.text()? {
                    "7" => LengthWords::Minimal,
                    "16" => LengthWords::Bits16,
                    "64" => LengthWords::Bits64,
                    other => return Err(format!("--length-form {other}: it is 7, 16 or 64")),
                };
            }
            "--length" => {
                let text = needed()?.text()?;
                let length = text
                    .parse()
                    .map_err(|_| format!("--length {text}: no number"))?;
                self.declared = Some(length);
            }
            "--no-fin" => {
                self.without_fin = true;
                return Ok(Taken::Name);
            }
            "--cut" => self.cut = number(name, needed()?, 0..=usize::MAX)?,
            _ => return Ok(Taken::Unknown),
        }
        Ok(Taken::NameAndValue)
    }

    /// Its frames on the wire, one after the other. `deflater` is the sender's.
    #[must_use]
    pub fn frames(&self, sender: &mut Sender<'_>) -> Vec<Vec<u8>> {
        let data = match self.deflate {
            true => sender.deflater.message(&self.payload),
            false => self.payload.clone(),
        };
        let size = data.len().div_ceil(self.fragments).max(1);
        let mut pieces: Vec<&[u8]> = data.chunks(size).collect();
        pieces.resize(self.fragments, &[]);
        let last = pieces.len() - 1;
        let mut frames: Vec<_> = pieces
            .into_iter()
            .enumerate()
            .map(|(at, piece)| self.frame(piece, at == 0, at == last, sender))
            .collect();
        if let Some(frame) = frames.last_mut() {
            frame.truncate(frame.len().saturating_sub(self.cut));
        }
        frames
    }

    fn frame(
        &self,
        piece: &[u8],
        is_first: bool,
        is_last: bool,
        sender: &mut Sender<'_>,
    ) -> Vec<u8> {
        let opcode = if is_first { self.opcode } else { 0 };
        let mut frame = Frame::new(opcode, piece);
        if is_first {
            frame = frame.reserved(self.reserved);
            if self.deflate {
                frame = frame.rsv1();
            }
        }
        if !is_last || self.without_fin {
            frame = frame.more();
        }
        frame = match self.form {
            LengthWords::Minimal => frame,
            LengthWords::Bits16 => frame.form(LengthForm::Short),
            LengthWords::Bits64 => frame.form(LengthForm::Long),
        };
        if let Some(length) = self.declared {
            frame = frame.declaring(length);
        }
        let mask = self.mask.unwrap_or(sender.mask);
        match mask {
            Mask::No => frame,
            Mask::Key(key) => frame.mask(key),
            Mask::Random => frame.mask((sender.random.bits() as u32).to_be_bytes()),
        }
        .bytes()
    }
}

/// What a sender brings along.
pub struct Sender<'a> {
    /// How it masks unless words say otherwise.
    pub mask: Mask,
    /// Its compressor, which remembers its earlier messages.
    pub deflater: &'a mut Deflater,
    /// Where keys come from.
    pub random: &'a mut Random,
}

/// How much of the words an option took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is not known here.
    Unknown,
    /// Its name alone.
    Name,
    /// Its name and the word after it.
    NameAndValue,
}

fn is_option(word: &Word) -> bool {
    word.keyword().is_some_and(|text| text.starts_with("--"))
}

/// The opcode that the first words name, and the words behind it.
fn kind(words: &[Word]) -> Result<(u8, &[Word]), String> {
    let wrong =
        || "a frame is text, binary, continuation, ping, pong, close, or opcode N".to_owned();
    let (first, rest) = words.split_first().ok_or_else(wrong)?;
    Ok(match first.keyword().ok_or_else(wrong)? {
        "continuation" => (0, rest),
        "text" => (1, rest),
        "binary" => (2, rest),
        "close" => (8, rest),
        "ping" => (9, rest),
        "pong" => (10, rest),
        "opcode" => {
            let (number, rest) = rest.split_first().ok_or_else(wrong)?;
            let text = number.text()?;
            let opcode = text.parse().ok().filter(|opcode| *opcode < 16);
            (
                opcode.ok_or_else(|| format!("opcode {text}: it is 0 to 15"))?,
                rest,
            )
        }
        other => return Err(format!("{other}: {}", wrong())),
    })
}

/// What a frame carries: of a close a code and a reason, of others one word of bytes.
fn content(opcode: u8, words: &[Word], random: &mut Random) -> Result<Vec<u8>, String> {
    let (code, words) = match (opcode, words) {
        (8, [code, rest @ ..])
            if code
                .keyword()
                .is_some_and(|text| text.parse::<u16>().is_ok()) =>
        {
            let code: u16 = code.text()?.parse().map_err(|_| "no code".to_owned())?;
            (code.to_be_bytes().to_vec(), rest)
        }
        _ => (Vec::new(), words),
    };
    match words {
        [] => Ok(code),
        [word] => Ok([code, payload(word, random)?].concat()),
        [_, more, ..] => Err(format!(
            "{}: a payload of several words stands in quotes",
            String::from_utf8_lossy(&more.bytes)
        )),
    }
}

fn key(text: &str) -> Result<[u8; 4], String> {
    let bytes = hex::decode(text).ok();
    let key = bytes.and_then(|bytes| bytes.try_into().ok());
    key.ok_or_else(|| format!("--mask {text}: the masking key is four bytes, such as cb6e9f8e"))
}

/// The number that an option's value is.
pub(super) fn number(
    name: &str,
    value: &Word,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, String> {
    let text = value.text()?;
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        format!(
            "{name} {text}: a number from {} to {} must follow",
            range.start(),
            range.end()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::words::words;
    use super::*;

    fn built(line: &str) -> Result<Vec<String>, String> {
        let mut random = Random::new(1);
        let none = |_: &str, _: Option<&Word>| Ok(Taken::Unknown);
        let words = FrameWords::parse(&words(line)?, &mut random, none)?;
        let mut sender = Sender {
            mask: Mask::No,
            deflater: &mut Deflater::new(15, true),
            random: &mut random,
        };
        Ok(words.frames(&mut sender).iter().map(hex::encode).collect())
    }

    #[test]
    fn frames_are_what_the_words_say() {
        let of = |line: &str| built(line).unwrap().join(" ");
        assert_eq!(
            of("text \"Hello\" --mask cb6e9f8e"),
            "8185cb6e9f8e830bf3e2a4"
        );
        assert_eq!(of("text Hello"), "810548656c6c6f");
        assert_eq!(of("close 1000 bye"), "880503e8627965");
        assert_eq!(of("close"), "8800");
        assert_eq!(of("ping"), "8900");
        assert_eq!(of("text Hello --fragments 3"), "01024865 00026c6c 80016f");
        assert_eq!(of("text Hello --deflate"), "c107f248cdc9c90700");
        assert_eq!(of("text Hello --length-form 16"), "817e000548656c6c6f");
        assert_eq!(
            of("text Hi --length-form 64 --rsv 23"),
            "b17f00000000000000024869"
        );
        assert_eq!(of("text Hi --length 100"), "81644869");
        assert_eq!(of("text Hi --no-fin"), "01024869");
        assert_eq!(of("opcode 3 hex:00ff"), "830200ff");
        assert_eq!(of("text Hello --cut 2"), "810548656c");
        assert_eq!(of("binary --fragments 2"), "0200 8000");
    }

    #[test]
    fn wrong_words_are_named() {
        for (line, expected) in [
            ("txt Hello", "txt"),
            ("text Hello you", "in quotes"),
            ("text Hello --msk", "--msk"),
            ("text Hello --mask cb6e", "four bytes"),
            ("text Hello --fragments 0", "--fragments 0"),
            ("text Hello --rsv 4", "1, 2 and 3"),
            ("opcode 16", "0 to 15"),
            ("text Hello --length-form 8", "7, 16 or 64"),
            ("text Hello --fragments", "must follow"),
        ] {
            let why = built(line).unwrap_err();
            assert!(why.contains(expected), "{line}: {why}");
        }
    }
}
