//! Numbers for each student: the same seed gives the same ones, and each is drawn for itself, so that one more in a lab changes
//! no other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::file::Draw;
use crate::craft::Random;

/// What is drawn for `seed`; an empty one draws the defaults.
///
/// # Errors
/// When the lab does not say what to draw.
pub(super) fn draw(draw: &Draw, seed: &str, lab: &str, name: &str) -> Result<String, String> {
    if seed.is_empty() {
        return Ok(draw.default.clone());
    }
    let mut random = generator(&[seed, lab, name]);
    match (draw.of.as_slice(), draw.from, draw.to, draw.hex, draw.key) {
        (of @ [_, ..], None, None, None, false) => {
            let at = random.below(of.len() as u64) as usize;
            Ok(of.get(at).cloned().unwrap_or_default())
        }
        ([], Some(from), Some(to), None, false) if from <= to => {
            Ok((from + random.below(to - from + 1)).to_string())
        }
        ([], None, None, Some(len), false) => Ok(hex::encode(random.bytes(len))),
        ([], None, None, None, true) => Ok(STANDARD.encode(random.bytes(16))),
        _ => Err(format!(
            "draw.{name}: of, from and to, hex, or key says what is drawn"
        )),
    }
}

/// A generator of its own for these words.
pub(super) fn generator(words: &[&str]) -> Random {
    let mut digest = Sha256::new();
    for word in words {
        digest.update((word.len() as u64).to_be_bytes());
        digest.update(word);
    }
    let bytes = digest.finalize();
    let first = bytes.first_chunk().copied().unwrap_or_default();
    Random::new(u64::from_be_bytes(first))
}

/// `text` with `{name}` replaced by its value, for every name that there is.
pub(super) fn fill<'a>(text: &str, values: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut filled = text.to_owned();
    for (name, value) in values {
        let place = format!("{{{name}}}");
        if filled.contains(&place) {
            filled = filled.replace(&place, value);
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Draw {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_seed_decides_and_none_takes_the_default() {
        let number = of("default = '5'\nfrom = 126\nto = 999");
        assert_eq!(draw(&number, "", "lab", "n").unwrap(), "5");
        let drawn: u64 = draw(&number, "anna", "lab", "n").unwrap().parse().unwrap();
        assert!((126..=999).contains(&drawn));
        assert_eq!(
            draw(&number, "anna", "lab", "n"),
            draw(&number, "anna", "lab", "n")
        );
        assert_ne!(
            draw(&number, "anna", "lab", "n"),
            draw(&number, "bert", "lab", "n")
        );
        assert_eq!(
            draw(&of("default = 'x'\nhex = 4"), "anna", "lab", "k")
                .unwrap()
                .len(),
            8
        );
        assert_eq!(
            draw(&of("default = 'x'\nkey = true"), "anna", "lab", "k")
                .unwrap()
                .len(),
            24
        );
        assert!(draw(&of("default = 'x'"), "anna", "lab", "k").is_err());
    }

    #[test]
    fn only_known_names_are_filled_in() {
        let filled = fill("{word} in {8..10} {other}", [("word", "Hello")]);
        assert_eq!(filled, "Hello in {8..10} {other}");
    }
}
