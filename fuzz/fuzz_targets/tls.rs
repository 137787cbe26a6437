//! TLS: records, handshakes and their detail trees, with a key log that comes with the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wireloupe::base::{Field, Finding, Layer, Limits, Side, Span};
use wireloupe::tls::{self, AlertDescription, AlertLevel, Connection, ContentType, KeyLog, RecordSink};
use wireloupe_fuzz::{Piece, Pieces, low_limits};

#[derive(Default)]
struct Plaintext(usize);

impl RecordSink for Plaintext {
    fn plaintext(&mut self, _: Side, bytes: &[u8], record: Span) {
        assert!(bytes.len() as u64 <= record.len());
        self.0 += bytes.len();
    }
    fn plaintext_gap(&mut self, _: Side, _: Span, _: Option<u64>) {}
    fn alert(&mut self, _: Side, _: AlertLevel, _: AlertDescription, _: Span) {}
    fn finding(&mut self, _: Side, _: Finding) {}
    fn close_notify(&mut self, _: Side) {}
}

/// Every field lies in what it describes.
fn check(fields: &[Field], span: Span) {
    for field in fields {
        if let Some(own) = field.span {
            assert!(own.start >= span.start && own.end <= span.end, "{field:?}");
        }
        check(&field.children, span);
    }
}

fn run(input: &[u8], keys: &KeyLog, limits: &Limits) {
    let mut connection = Connection::new(limits);
    let mut out = Plaintext::default();
    let mut seen = 0;
    for piece in Pieces(input) {
        match piece {
            Piece::Bytes(side, bytes) => {
                seen += bytes.len();
                connection.push(side, bytes, keys, &mut out);
            }
            Piece::Gap(side, len) => connection.gap(side, len, keys, &mut out),
        }
    }
    connection.finish(keys, &mut out);
    assert!(out.0 <= seen, "more plaintext than bytes");
}

// A byte for the length of the key log in words of eight bytes, the key log, the pieces.
fuzz_target!(|input: &[u8]| {
    let Some((&words, rest)) = input.split_first() else {
        return;
    };
    let (log, rest) = rest.split_at((usize::from(words) * 8).min(rest.len()));
    let mut keys = KeyLog::new();
    keys.extend(log);
    keys.finish();
    run(rest, &keys, &Limits::default());
    run(rest, &keys, &low_limits());
    for piece in Pieces(rest) {
        let Piece::Bytes(_, bytes) = piece else {
            continue;
        };
        let span = Span::at(100, bytes.len() as u64);
        if let Some(field) = tls::fields(bytes, 100) {
            check(&[field], span);
        }
        let layer = Layer::Decrypted;
        check(&[tls::handshake_fields(bytes, layer, 100)], span);
        if let Some((&kind, content)) = bytes.split_first() {
            let tree = tls::content_fields(ContentType(kind), content, layer, 101);
            check(&tree, span);
        }
    }
});
