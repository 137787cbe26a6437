//! Compressed inputs, told apart by their first bytes.
//!
//! Each decoder gives everything it can before it says that the data is cut or broken. What a decoder keeps is bounded: 32 KiB by
//! gzip, 4 MB by bzip2, the window that a frame or block declares by the others, up to a limit.

#[cfg(feature = "compressed")]
mod lz4;
#[cfg(feature = "compressed")]
mod zstd;

use std::io;
#[cfg(feature = "compressed")]
use std::io::BufRead;
use std::io::{BufReader, Read};

use super::summary::Compression;

/// How `head`, the first bytes of an input, is compressed.
pub(super) fn detect(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => Compression::Lz4,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
        // The digit is the size of a block, and a block begins with the digits of pi.
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] if may_begin(rest, BZIP2_BLOCK) => {
            Compression::Bzip2
        }
        // Skippable frames may lead; both formats know them, and zstd's tools write them.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

/// How a block of bzip2 begins.
const BZIP2_BLOCK: &[u8] = &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59];

/// Whether `bytes`, which may be cut, begin like `magic`.
fn may_begin(bytes: &[u8], magic: &[u8]) -> bool {
    bytes.iter().zip(magic).all(|(byte, magic)| byte == magic)
}

/// The decompressed bytes of `input`.
pub(super) fn reader(
    compression: Compression,
    input: Box<dyn Read + Send>,
) -> Box<dyn Read + Send> {
    let buffered = BufReader::with_capacity(128 << 10, input);
    match compression {
        Compression::None => Box::new(buffered),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered)),
        Compression::Zstd => zstd(buffered),
        Compression::Lz4 => lz4(buffered),
        Compression::Xz => xz(buffered),
        Compression::Bzip2 => bzip2(buffered),
    }
}

#[cfg(feature = "compressed")]
fn zstd(input: impl BufRead + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(zstd::Zstd::new(input))
}

#[cfg(feature = "compressed")]
fn lz4(input: impl BufRead + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(lz4::Lz4::new(input))
}

#[cfg(feature = "archives")]
fn xz(input: impl BufRead + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(Xz(lzma_rust2::XzReader::new_mem_limit(
        input, true, XZ_MEMORY,
    )))
}

#[cfg(feature = "archives")]
fn bzip2(input: impl BufRead + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(::bzip2::bufread::MultiBzDecoder::new(input))
}

/// KiB that the dictionary of an xz block may need: `xz -9` makes one of 64 MiB.
#[cfg(feature = "archives")]
const XZ_MEMORY: u32 = 66 << 10;

/// xz, whose reader says in its own words that a dictionary is larger than allowed.
#[cfg(feature = "archives")]
struct Xz<R: Read>(lzma_rust2::XzReader<R>);

#[cfg(feature = "archives")]
impl<R: Read> Read for Xz<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out).map_err(|error| {
            if error.kind() != io::ErrorKind::OutOfMemory {
                return error;
            }
            let most = XZ_MEMORY >> 10;
            io::Error::other(format!(
                "its dictionary needs more than {most} MiB: decompress it with unxz first"
            ))
        })
    }
}

#[cfg(not(feature = "compressed"))]
fn zstd(_: impl Read) -> Box<dyn Read + Send> {
    Box::new(Missing("zstd"))
}

#[cfg(not(feature = "compressed"))]
fn lz4(_: impl Read) -> Box<dyn Read + Send> {
    Box::new(Missing("lz4"))
}

#[cfg(not(feature = "archives"))]
fn xz(_: impl Read) -> Box<dyn Read + Send> {
    Box::new(Missing("xz"))
}

#[cfg(not(feature = "archives"))]
fn bzip2(_: impl Read) -> Box<dyn Read + Send> {
    Box::new(Missing("bzip2"))
}

/// What stands for the readers that were not built.
#[cfg(not(feature = "archives"))]
struct Missing(&'static str);

#[cfg(not(feature = "archives"))]
impl Read for Missing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        let why = format!("{} is not read by this build: decompress it first", self.0);
        Err(io::Error::new(io::ErrorKind::Unsupported, why))
    }
}
