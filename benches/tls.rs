//! Decryption through [`Connection`] against the bare cipher on the same records, in one run.
//!
//! The stream is TLS 1.3, AES-128-GCM: hellos, then one direction of application data in records of one size.

use std::hint::black_box;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Nonce};
use divan::Bencher;
use divan::counter::BytesCount;
use hkdf::Hkdf;
use sha2::Sha256;
use wireloupe::base::{Finding, Limits, Side, Span};
use wireloupe::tls::{AlertDescription, AlertLevel, Connection, KeyLog, RecordSink};

const TOTAL: usize = 4 << 20;
const SECRET: [u8; 32] = [7; 32];
const CLIENT_RANDOM: [u8; 32] = [1; 32];

fn main() {
    divan::main();
}

#[derive(Default)]
struct Count(usize);

impl RecordSink for Count {
    fn plaintext(&mut self, _: Side, bytes: &[u8], _: Span) {
        self.0 += black_box(bytes).len();
    }
    fn plaintext_gap(&mut self, _: Side, _: Span, _: Option<u64>) {
        panic!("a record stayed closed");
    }
    fn alert(&mut self, _: Side, _: AlertLevel, _: AlertDescription, _: Span) {}
    fn finding(&mut self, _: Side, _: Finding) {}
    fn close_notify(&mut self, _: Side) {}
}

fn expand(label: &str, len: u8) -> Vec<u8> {
    let mut info = vec![0, len, 6 + label.len() as u8];
    info.extend_from_slice(format!("tls13 {label}\0").as_bytes());
    let mut out = vec![0; usize::from(len)];
    Hkdf::<Sha256>::from_prk(&SECRET)
        .unwrap()
        .expand(&info, &mut out)
        .unwrap();
    out
}

/// The key and the nonce of each record.
fn cipher() -> (Aes128Gcm, impl Fn(u64) -> [u8; 12]) {
    let iv: [u8; 12] = expand("iv", 12).try_into().unwrap();
    let nonce = move |sequence: u64| {
        let mut nonce = iv;
        for (byte, number) in nonce[4..].iter_mut().zip(sequence.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    };
    (
        Aes128Gcm::new_from_slice(&expand("key", 16)).unwrap(),
        nonce,
    )
}

fn hello(kind: u8, random: [u8; 32], rest: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend_from_slice(&random);
    body.extend_from_slice(rest);
    let mut record = vec![
        22,
        3,
        3,
        0,
        body.len() as u8 + 4,
        kind,
        0,
        0,
        body.len() as u8,
    ];
    record.extend_from_slice(&body);
    record
}

/// Whole records of application data.
fn records(len: usize) -> Vec<Vec<u8>> {
    let (aead, nonce) = cipher();
    let seal = |sequence| {
        let header = [23, 3, 3, ((len + 17) >> 8) as u8, (len + 17) as u8];
        let mut content = vec![0x5a; len];
        content.push(23);
        let sealed = content.as_mut_slice().into();
        let tag = aead
            .encrypt_inout_detached(&Nonce::from(nonce(sequence)), &header, sealed)
            .unwrap();
        [&header[..], &content, &tag].concat()
    };
    (0..(TOTAL / len) as u64).map(seal).collect()
}

#[divan::bench(args = [256, 16_383])]
fn connection(bencher: Bencher<'_, '_>, len: usize) {
    let mut keys = KeyLog::new();
    let line = format!(
        "SERVER_TRAFFIC_SECRET_0 {} {}\n",
        hex::encode(CLIENT_RANDOM),
        hex::encode(SECRET)
    );
    assert!(keys.extend(line.as_bytes()).is_empty());
    let client_hello = hello(
        1,
        CLIENT_RANDOM,
        &[0, 0, 2, 0x13, 1, 1, 0, 0, 7, 0, 43, 0, 3, 2, 3, 4],
    );
    let server_hello = hello(2, [2; 32], &[0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4]);
    let stream = records(len).concat();
    bencher.counter(BytesCount::new(stream.len())).bench(|| {
        let mut connection = Connection::new(&Limits::default());
        let mut out = Count::default();
        connection.push(Side::Client, &client_hello, &keys, &mut out);
        connection.push(Side::Server, &server_hello, &keys, &mut out);
        for segment in stream.chunks(1448) {
            connection.push(Side::Server, segment, &keys, &mut out);
        }
        assert_eq!(out.0, TOTAL / len * len);
    });
}

#[divan::bench(args = [256, 16_383])]
fn bare_cipher(bencher: Bencher<'_, '_>, len: usize) {
    let (aead, nonce) = cipher();
    let records = records(len);
    let bytes: usize = records.iter().map(Vec::len).sum();
    let mut buffer = Vec::new();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        for (sequence, record) in records.iter().enumerate() {
            buffer.clear();
            buffer.extend_from_slice(record);
            let (header, sealed) = buffer.split_at_mut(5);
            let (content, tag) = sealed.split_at_mut(len + 1);
            let tag = (&*tag).try_into().unwrap();
            let nonce = Nonce::from(nonce(sequence as u64));
            aead.decrypt_inout_detached(&nonce, header, content.into(), &tag)
                .unwrap();
            black_box(content);
        }
    });
}
