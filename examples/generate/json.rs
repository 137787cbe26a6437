//! Made-up JSON texts.

use std::fmt::Write as _;

use wireloupe::testkit::Random;

const WORDS: [&str; 24] = [
    "alpha",
    "price",
    "volume",
    "order",
    "trade",
    "ticker",
    "update",
    "snapshot",
    "bid",
    "ask",
    "user",
    "message",
    "room",
    "status",
    "online",
    "typing",
    "position",
    "sensor",
    "humidity",
    "voltage",
    "channel",
    "subscribe",
    "sequence",
    "naïve",
];

/// A JSON object of exactly `len` bytes (at least 20).
pub(crate) fn small(random: &mut Random, len: usize, text: &mut String) {
    text.clear();
    let _ = write!(text, "{{\"id\":{}", random.below(1_000_000));
    while text.len() + 24 < len {
        let word = WORDS[random.below(23) as usize];
        let _ = write!(text, ",\"{word}\":{}", random.below(100_000));
    }
    let pad = len.saturating_sub(text.len() + 1);
    if pad >= 5 {
        text.push_str(",\"\":");
        text.extend(std::iter::repeat_n('1', pad - 4));
    } else {
        text.extend(std::iter::repeat_n(' ', pad));
    }
    text.push('}');
}

/// A JSON array of about `len` bytes that compresses like what chats and tickers send.
pub(crate) fn large(random: &mut Random, len: usize, text: &mut String) {
    text.clear();
    text.push('[');
    while text.len() < len {
        let id = random.below(1 << 40);
        let (one, other) = (random.below(24) as usize, random.below(24) as usize);
        let _ = write!(
            text,
            "{{\"id\":\"{id:010x}\",\"kind\":\"{}\",\"{}\":{},\"value\":{}.{:02},\"tags\":[\"{}\",\"{}\"]}},",
            WORDS[one],
            WORDS[other],
            random.below(1000),
            random.below(100_000),
            random.below(100),
            WORDS[random.below(24) as usize],
            WORDS[(one + other) % 24],
        );
    }
    text.pop();
    text.push(']');
}
