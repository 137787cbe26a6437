//! What messages carry: any messages through every decoder, forced or recognised, with messages lost between them, and behind
//! what was polled.
#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use wireloupe::base::{Side, Timestamp};
use wireloupe::payload::{
    Conversation, DECODERS, Given, GivenKind, Opening, Polled, opened_session,
};
use wireloupe_fuzz::{Piece, Pieces};

/// What a connection's decoders may keep, and what one message may add before they begin anew.
const MEMORY: usize = 12 << 20;

/// Handshakes that change how decoders begin: subprotocol, path, query.
const OPENINGS: &[(&str, &str, &str)] = &[
    ("", "/", ""),
    ("", "/socket.io/", "EIO=3"),
    ("", "/socket.io/", "EIO=4"),
    ("", "/socket/websocket", "vsn=2.0.0"),
    ("", "/", "v=10&encoding=json&compress=zlib-stream"),
    ("", "/echo/000/abc/websocket", ""),
    ("", "/api/v1/namespaces/a/pods/b/portforward", ""),
    ("base64.channel.k8s.io", "/", ""),
    ("v5.channel.k8s.io", "/", ""),
    ("SPDY/3.1+portforward.k8s.io", "/", ""),
    ("", "/", "v=10&encoding=etf"),
    ("graphql-ws", "/", ""),
    ("mqtt", "/", ""),
    ("x-kaazing-handshake", "/", ""),
    ("wamp.2.msgpack.batched", "/", ""),
];

fn opening(option: u8) -> Opening {
    let Some((subprotocol, path, query)) = OPENINGS.get(usize::from(option)) else {
        return Opening::default();
    };
    Opening {
        subprotocol: (*subprotocol).into(),
        path: (*path).into(),
        query: (*query).into(),
        is_seen: true,
        ..Opening::default()
    }
}

// A byte that names a decoder, or none; one that names a handshake, or none; then messages.
fuzz_target!(|input: &[u8]| {
    let Some((&[decoder, option], rest)) = input.split_first_chunk() else {
        return;
    };
    let force = DECODERS.get(usize::from(decoder)).copied();
    let mut opening = opening(option);
    if let (Some(version @ ("EIO=3" | "EIO=4")), Some(Piece::Bytes(side, bytes))) =
        (Some(&*opening.query), Pieces(rest).next())
    {
        let version = if version == "EIO=3" { 3 } else { 4 };
        let mut polled = Polled::default();
        polled.push(side, Timestamp(0), version, bytes);
        let _ = opened_session(version, bytes);
        opening.polled = Some(Arc::new(OnceLock::from(polled)));
    }
    let mut conversation = Conversation::new(opening, force);
    for (number, piece) in (1..).zip(Pieces(rest)) {
        let (from, bytes) = match piece {
            Piece::Bytes(side, bytes) => (side, Some(bytes)),
            Piece::Gap(side, _) => (side, None),
        };
        let is_text = bytes.is_some_and(|bytes| std::str::from_utf8(bytes).is_ok());
        let given = Given {
            from,
            number,
            time: Timestamp(i64::try_from(number).unwrap_or_default() * 1_000_000),
            kind: if is_text { GivenKind::Text } else { GivenKind::Binary },
            bytes,
        };
        one(&mut conversation, &given);
    }
    for from in [Side::Client, Side::Server] {
        let close = Given {
            from,
            number: 0,
            time: Timestamp(0),
            kind: GivenKind::Close(Some(4000 + u16::from(decoder))),
            bytes: None,
        };
        conversation.message(&close);
    }
});

fn one(conversation: &mut Conversation, given: &Given<'_>) {
    // What is said of a message does not depend on whether the state was cloned before.
    let mut clone = conversation.clone();
    let decoded = conversation.message(given);
    assert_eq!(
        format!("{decoded:?}"),
        format!("{:?}", clone.message(given))
    );
    assert!(conversation.memory() <= MEMORY);
    let (Some(decoded), Some(bytes)) = (decoded, given.bytes) else {
        return;
    };
    assert!(!decoded.summary.contains(char::is_control), "{:?}", decoded.summary);
    for item in &decoded.items {
        let is_inside = item
            .span
            .is_none_or(|span| span.start <= span.end && span.end <= bytes.len() as u64);
        assert!(is_inside, "{item:?}");
    }
    let _ = decoded.masked();
}
