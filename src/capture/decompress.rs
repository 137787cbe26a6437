//! Compressed inputs, told apart by their first bytes.
//!
//! Each decoder gives everything it can before it says that the data is cut or broken.

#[cfg(feature = "compressed")]
mod lz4;
#[cfg(feature = "compressed")]
mod zstd;

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
        // Skippable frames may lead; both formats know them, and zstd's tools write them.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        _ => Compression::None,
    }
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

#[cfg(not(feature = "compressed"))]
use missing::{lz4, zstd};

/// What stands for the readers that were not built.
#[cfg(not(feature = "compressed"))]
mod missing {
    use std::io::{self, Read};

    struct Missing(&'static str);

    impl Read for Missing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            let why = format!("{} is not read by this build: decompress it first", self.0);
            Err(io::Error::new(io::ErrorKind::Unsupported, why))
        }
    }

    pub(super) fn zstd(_: impl Read) -> Box<dyn Read + Send> {
        Box::new(Missing("zstd"))
    }

    pub(super) fn lz4(_: impl Read) -> Box<dyn Read + Send> {
        Box::new(Missing("lz4"))
    }
}
