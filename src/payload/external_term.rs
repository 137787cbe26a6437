//! Erlang's external term format (erlang.org/doc/apps/erts/erl_ext_dist.html) as JSON text, as far as it is the format of data:
//! numbers, atoms, binaries, lists, tuples and maps. Terms of a running system (processes, functions, references) are none.

use std::fmt::Write as _;

use super::packed::string;

/// What a term begins with.
const VERSION: u8 = 131;
/// Terms inside one another.
const DEPTH: u32 = 64;

/// A term as JSON; `None` where bytes are no term from first to last, or more than `most` bytes would come of it.
pub(super) fn to_json(bytes: &[u8], most: usize) -> Option<String> {
    let (&VERSION, rest) = bytes.split_first()? else {
        return None;
    };
    let mut reader = Reader {
        rest,
        most,
        out: String::with_capacity(bytes.len().min(most)),
    };
    reader.term(DEPTH)?;
    (reader.rest.is_empty() && reader.out.len() <= most).then_some(reader.out)
}

struct Reader<'a> {
    rest: &'a [u8],
    out: String,
    most: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn number<const N: usize>(&mut self) -> Option<u64> {
        let bytes = self.take(N)?.iter();
        Some(bytes.fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn len<const N: usize>(&mut self) -> Option<usize> {
        usize::try_from(self.number::<N>()?).ok()
    }

    fn term(&mut self, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        if self.out.len() > self.most {
            return None;
        }
        match self.number::<1>()? {
            97 => {
                let number = self.number::<1>()?;
                self.integer(number.into())?;
            }
            98 => {
                let number = self.number::<4>()? as u32;
                self.integer(number.cast_signed().into())?;
            }
            70 => {
                let bits = self.number::<8>()?;
                self.float(f64::from_bits(bits))?;
            }
            99 => {
                let text = std::str::from_utf8(self.take(31)?).ok()?;
                self.float(text.trim_end_matches('\0').parse().ok()?)?;
            }
            100 | 118 => {
                let len = self.len::<2>()?;
                self.atom(len)?;
            }
            115 | 119 => {
                let len = self.len::<1>()?;
                self.atom(len)?;
            }
            104 => {
                let count = self.len::<1>()?;
                self.sequence(count, depth)?;
            }
            105 => {
                let count = self.len::<4>()?;
                self.sequence(count, depth)?;
            }
            106 => self.out.push_str("[]"),
            107 => self.bytes_as_list()?,
            108 => {
                let count = self.len::<4>()?;
                self.sequence(count, depth)?;
                // A list ends with the empty one; another tail is no list of data.
                (self.number::<1>()? == 106).then_some(())?;
            }
            109 => {
                let len = self.len::<4>()?;
                let text = std::str::from_utf8(self.take(len)?).ok()?;
                string(text, &mut self.out);
            }
            110 => {
                let len = self.len::<1>()?;
                self.big(len)?;
            }
            116 => self.map(depth)?,
            _ => return None,
        }
        Some(())
    }

    fn integer(&mut self, number: i128) -> Option<()> {
        write!(self.out, "{number}").ok()
    }

    fn float(&mut self, number: f64) -> Option<()> {
        match number.is_finite() {
            // With a fraction, so that it stays what it is.
            true => write!(self.out, "{number:?}").ok(),
            false => None,
        }
    }

    fn atom(&mut self, len: usize) -> Option<()> {
        match std::str::from_utf8(self.take(len)?).ok()? {
            "nil" | "null" | "undefined" => self.out.push_str("null"),
            word @ ("true" | "false") => self.out.push_str(word),
            text => string(text, &mut self.out),
        }
        Some(())
    }

    /// A sign and bytes, the least first; ids are of eight.
    fn big(&mut self, len: usize) -> Option<()> {
        let is_negative = self.number::<1>()? != 0;
        let bytes = self.take(len).filter(|bytes| bytes.len() < 16)?;
        let number = bytes
            .iter()
            .rev()
            .fold(0_i128, |number, byte| number << 8 | i128::from(*byte));
        self.integer(if is_negative { -number } else { number })
    }

    /// A list of small numbers, which is written as bytes.
    fn bytes_as_list(&mut self) -> Option<()> {
        let len = self.len::<2>()?;
        let bytes = self.take(len)?;
        self.out.push('[');
        for (index, byte) in bytes.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(self.out, "{comma}{byte}").ok()?;
        }
        self.out.push(']');
        Some(())
    }

    fn sequence(&mut self, count: usize, depth: u32) -> Option<()> {
        self.out.push('[');
        for index in 0..count {
            if index > 0 {
                self.out.push(',');
            }
            self.term(depth)?;
        }
        self.out.push(']');
        Some(())
    }

    fn map(&mut self, depth: u32) -> Option<()> {
        let count = self.len::<4>()?;
        self.out.push('{');
        for index in 0..count {
            if index > 0 {
                self.out.push(',');
            }
            self.key(depth)?;
            self.out.push(':');
            self.term(depth)?;
        }
        self.out.push('}');
        Some(())
    }

    /// A key: text as it is, a number as text, as JSON wants it.
    fn key(&mut self, depth: u32) -> Option<()> {
        let begin = self.out.len();
        self.term(depth)?;
        let written = self.out.get(begin..)?;
        if !written.starts_with('"') {
            let written = written.to_owned();
            self.out.truncate(begin);
            string(&written, &mut self.out);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Erlang/OTP's `term_to_binary` made of terms.
    const HELLO: &str = "8374000000046400016474000000016400126865617274626561745f696e74657276616c620000a1226400026f70610a640001736400036e696c640001746400036e696c";
    const READY: &str = "8374000000046d0000000164740000000761056a6d0000000166463ff80000000000006d0000000269646e08001581e97df41022116d000000016c6b00030102036d000000016d6c0000000562ffffffff6d00000001786400047472756564000566616c7365680264000161640001626a6d000000016e62fffeee906d000000036e65676e0601ff3f7a10f35a6d000000026f7061006d000000017361016d00000001746400055245414459";

    fn json(hexadecimal: &str) -> Option<String> {
        to_json(&hex::decode(hexadecimal).unwrap(), 1 << 20)
    }

    #[test]
    fn terms_of_erlang_itself() {
        assert_eq!(
            json(HELLO).as_deref(),
            Some(r#"{"d":{"heartbeat_interval":41250},"op":10,"s":null,"t":null}"#)
        );
        let ready = json(READY).unwrap();
        for part in [
            r#""5":[]"#,
            r#""f":1.5"#,
            r#""id":1234567890123456789"#,
            r#""l":[1,2,3]"#,
            r#""m":[-1,"x",true,false,["a","b"]]"#,
            r#""n":-70000"#,
            r#""neg":-99999999999999"#,
            r#""t":"READY""#,
        ] {
            assert!(ready.contains(part), "{part}: {ready}");
        }
        assert!(serde_json::from_str::<serde_json::Value>(&ready).is_ok());
    }

    #[test]
    fn what_is_no_term_is_none() {
        let ready = hex::decode(READY).unwrap();
        for cut in 0..ready.len() {
            assert_eq!(to_json(&ready[..cut], 1 << 20), None, "{cut}");
        }
        assert_eq!(to_json(&ready, 10), None);
        for broken in [
            "836100ff",             // bytes behind the term
            "8358640001610000",     // a process
            "8346fff0000000000000", // minus infinity
            "836c7fffffff6100",     // a list of two thousand million
            "836c0000000161016102", // a list with another tail
            "8374ffffffff",
        ] {
            assert_eq!(json(broken), None, "{broken}");
        }
        let deep = [&[131][..], &[104, 1].repeat(100_000), &[106]].concat();
        assert_eq!(to_json(&deep, 1 << 20), None);
    }
}
