//! Where a head holds what somebody authenticates with, by the names of its parts. Spans count in the head's bytes.

/// Words in the names of headers and query parameters whose values are secrets.
const NAMES: &[&str] = &[
    "token", "secret", "passw", "pwd", "sig", "cred", "jwt", "session", "ticket", "cookie", "otp",
];
/// Further ones of query parameters, which nobody uses otherwise there.
const PARAMETERS: &[&str] = &["key", "auth", "sid", "code"];
/// Further ones of headers.
const HEADERS: &[&str] = &[
    "api-key",
    "apikey",
    "access-key",
    "authorization",
    "x-auth",
    "csrf",
    "xsrf",
];
/// Segments of a path and subprotocols of this length that mix letters and digits are taken for tokens.
const TOKEN: usize = 20;

/// Whether a name has one of these words in it, in any letter case.
pub(crate) fn has_word(name: &[u8], words: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    words
        .iter()
        .any(|word| name.windows(word.len()).any(|part| part == word.as_bytes()))
}

/// The secret spans of a header's value, which begins at `base` of its head.
pub(crate) fn in_header(name: &[u8], value: &[u8], base: usize, spans: &mut Vec<(usize, usize)>) {
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    if is("cookie") {
        for pair in value.split(|byte| *byte == b';') {
            after(pair, b'=', value, base, spans);
        }
    } else if is("set-cookie") {
        let pair = value.split(|byte| *byte == b';').next().unwrap_or_default();
        after(pair, b'=', value, base, spans);
    } else if is("authorization") || is("proxy-authorization") {
        after(value, b' ', value, base, spans);
    } else if is("sec-websocket-protocol") {
        subprotocols(value, base, spans);
    } else if is("sec-websocket-key") || is("sec-websocket-accept") {
        // Random, used once, and what the accept value is checked with.
    } else if has_word(name, NAMES) || has_word(name, HEADERS) {
        spans.push((base, base + value.len()));
    } else if name.starts_with(b":") || is("referer") || is("location") || is("origin") {
        in_target(value, base, spans);
    }
}

/// What follows the first `separator` of `part`, all of it when there is none. `part` lies in `whole`.
fn after(part: &[u8], separator: u8, whole: &[u8], base: usize, spans: &mut Vec<(usize, usize)>) {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    let skip = part
        .iter()
        .position(|byte| *byte == separator)
        .map_or(0, |at| at + 1);
    spans.push((base + start + skip, base + start + part.len()));
}

/// Offered subprotocols are where browsers put tokens, having no other header to set.
pub(crate) fn subprotocols(value: &[u8], base: usize, spans: &mut Vec<(usize, usize)>) {
    let mut start = 0;
    let mut announced = false;
    for element in value.split(|byte| *byte == b',') {
        let name = element.trim_ascii();
        if announced || (looks_random(name) && !is_spoken(name)) {
            let from = base + start + (element.len() - element.trim_ascii_start().len());
            spans.push((from, from + name.len()));
        }
        announced = has_word(name, NAMES) || has_word(name, &["auth", "bearer"]);
        start += element.len() + 1;
    }
}

/// Whether a subprotocol is words and versions, such as `v1.kernel.websocket.jupyter.org`. A token in parts is none: random
/// letters have both cases, or more than two digits a part.
fn is_spoken(name: &[u8]) -> bool {
    let is_part = |part: &[u8]| {
        let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
        let has_case = |is: fn(&u8) -> bool| part.iter().any(is);
        let is_one_case = !(has_case(u8::is_ascii_lowercase) && has_case(u8::is_ascii_uppercase));
        let is_word = part.first().is_some_and(u8::is_ascii_alphabetic) && part.len() < 16;
        let is_number = digits == part.len();
        digits <= 2 && is_one_case && (is_word || is_number)
    };
    name.split(|byte| matches!(byte, b'.' | b'-' | b'_' | b'/' | b'+'))
        .all(is_part)
}

/// Whether a word is as long as a token, and mixes letters and digits.
pub(crate) fn looks_random(word: &[u8]) -> bool {
    word.len() >= TOKEN
        && word.iter().any(u8::is_ascii_digit)
        && word.iter().any(u8::is_ascii_alphabetic)
}

/// The secret spans of a target or URL.
pub(crate) fn in_target(target: &[u8], base: usize, spans: &mut Vec<(usize, usize)>) {
    let query = target.iter().position(|byte| *byte == b'?');
    let path = &target[..query.unwrap_or(target.len())];
    if let Some(at) = path.iter().position(|byte| *byte == b'@') {
        let start = path.windows(2).position(|pair| pair == b"//");
        spans.push((base + start.map_or(0, |at| at + 2), base + at));
    }
    let mut start = 0;
    for segment in path.split(|byte| *byte == b'/') {
        if looks_random(segment) && !segment.contains(&b'.')
            || segment.starts_with(b"eyJ") && segment.len() >= TOKEN
        {
            spans.push((base + start, base + start + segment.len()));
        }
        start += segment.len() + 1;
    }
    let Some(query) = query else { return };
    let mut start = query + 1;
    for pair in target[query + 1..].split(|byte| matches!(byte, b'&' | b';' | b'#')) {
        if let Some(equals) = pair.iter().position(|byte| *byte == b'=') {
            let name = &pair[..equals];
            let value = &pair[equals + 1..];
            if has_word(name, NAMES) || has_word(name, PARAMETERS) || looks_random(value) {
                spans.push((base + start + equals + 1, base + start + pair.len()));
            }
        }
        start += pair.len() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subprotocols_of_words_and_versions_are_no_tokens() {
        let found = |value: &'static str| {
            let mut spans = Vec::new();
            subprotocols(value.as_bytes(), 0, &mut spans);
            spans
                .iter()
                .map(|(start, end)| &value[*start..*end])
                .collect::<Vec<_>>()
        };
        for spoken in [
            "v1.kernel.websocket.jupyter.org",
            "actioncable-v1-ext-json, actioncable-unsupported",
            "v5.channel.k8s.io, base64.channel.k8s.io",
            "SPDY/3.1+portforward.k8s.io",
        ] {
            assert!(found(spoken).is_empty(), "{spoken}");
        }
        for token in [
            "550e8400-e29b-41d4-a716-446655440000",
            "4f1d3bc2a9e8d7065b4a3c2d1e0f9a8b",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.c2lnbmF0dXJl",
            "kdl2Ms9XqLp30aZnB8vTcR",
            "access-token-abc123def",
            "kdlMsXqLp-aZnBvT-c9rQwEr",
        ] {
            assert_eq!(found(token), [token]);
        }
        assert_eq!(found("bearer, hunter-two"), ["hunter-two"]);
    }
}
