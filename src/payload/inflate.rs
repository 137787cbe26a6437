//! Decompression with a limit: what a message says it is compressed with, or what it may be.

use std::io::{self, Read};

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zlib,
    Deflate,
    Brotli,
    Zstd,
}

/// How decompressing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With the input.
    Whole,
    /// At the limit: there is more.
    Limit,
    /// The input ends before the stream does, or is broken there.
    Unfinished,
    /// The stream ends before the input does.
    Early,
}

/// What a zstd frame begins with (RFC 8878 3.1.1).
pub(crate) const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Bytes that a decompressor may keep to refer back to.
#[cfg(feature = "compressed")]
const WINDOW: u64 = 8 << 20;

/// Decompresses at most so many bytes; `None` where nothing comes out, or where too much memory would be needed.
pub(crate) fn inflate(
    compression: Compression,
    bytes: &[u8],
    most: usize,
) -> Option<(Vec<u8>, End)> {
    match compression {
        Compression::Gzip => read(flate2::bufread::MultiGzDecoder::new(bytes), most, |_| true),
        Compression::Zlib => read(flate2::bufread::ZlibDecoder::new(bytes), most, |decoder| {
            decoder.get_ref().is_empty()
        }),
        Compression::Deflate => read(
            flate2::bufread::DeflateDecoder::new(bytes),
            most,
            |decoder| decoder.get_ref().is_empty(),
        ),
        Compression::Brotli => read(
            brotli_decompressor::Decompressor::new(bytes, 4096),
            most,
            |_| true,
        ),
        Compression::Zstd => zstd(bytes, most),
    }
}

#[cfg(feature = "compressed")]
fn zstd(bytes: &[u8], most: usize) -> Option<(Vec<u8>, End)> {
    if zstd_header(bytes)?.1 > WINDOW {
        return None;
    }
    let decoder = ruzstd::decoding::StreamingDecoder::new(bytes).ok()?;
    read(decoder, most, |decoder| decoder.get_ref().is_empty())
}

/// Without the feature zstd is not read.
#[cfg(not(feature = "compressed"))]
fn zstd(_: &[u8], _: usize) -> Option<(Vec<u8>, End)> {
    None
}

fn read<R: Read>(
    mut decoder: R,
    most: usize,
    is_at_end: impl Fn(&R) -> bool,
) -> Option<(Vec<u8>, End)> {
    let mut out = Vec::new();
    let result = (&mut decoder).take(most as u64 + 1).read_to_end(&mut out);
    if out.is_empty() && result.is_err() {
        return None;
    }
    let end = match result {
        _ if out.len() > most => End::Limit,
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => return None,
        Err(_) => End::Unfinished,
        Ok(_) if is_at_end(&decoder) => End::Whole,
        Ok(_) => End::Early,
    };
    out.truncate(most);
    Some((out, end))
}

/// Bytes of a zstd frame's header, and of the window that the frame needs (RFC 8878, 3.1.1.1); `None` where the bytes do not
/// begin with a whole one.
pub(crate) fn zstd_header(bytes: &[u8]) -> Option<(usize, u64)> {
    let descriptor = *bytes.strip_prefix(ZSTD)?.first()?;
    let is_single = descriptor & 0x20 != 0;
    let width = match (descriptor >> 6, is_single) {
        (0, false) => 0,
        (flag, _) => 1 << flag,
    };
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size_at = 5 + usize::from(!is_single) + dictionary;
    let size = bytes.get(size_at..size_at + width)?;
    if !is_single {
        let window = *bytes.get(5)?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some((size_at + width, base + base / 8 * u64::from(window & 7)));
    }
    // One segment: the window is as long as the content.
    let size = size
        .iter()
        .rev()
        .fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
    let size = if width == 2 { size + 256 } else { size };
    Some((size_at + width, size))
}
