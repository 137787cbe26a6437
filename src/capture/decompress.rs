//! Compressed inputs, told apart by their first bytes.
//!
//! Each decoder gives everything it can before it says that the data is cut or broken.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

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
        Compression::Zstd => Box::new(Zstd::new(buffered)),
        Compression::Lz4 => Box::new(Lz4(lz4_flex::frame::FrameDecoder::new(buffered))),
    }
}

/// Zstandard frames, one after the other.
///
/// A frame that is cut is ended by an empty last block of our own, so that the decoder hands out the bytes it keeps
/// back as its window; only then the error is told.
struct Zstd<R> {
    input: R,
    decoder: FrameDecoder,
    in_frame: bool,
    failed: Option<io::Error>,
}

impl<R: BufRead> Zstd<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            decoder: FrameDecoder::new(),
            in_frame: false,
            failed: None,
        }
    }

    /// Starts the next frame; false at the end of the input.
    fn start_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.input.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.input) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(
                        &mut (&mut self.input).take(u64::from(length)),
                        &mut io::sink(),
                    )?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }

    fn decode(&mut self) -> io::Result<()> {
        let Err(error) = self
            .decoder
            .decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1))
        else {
            return Ok(());
        };
        self.failed = Some(io::Error::other(error));
        const LAST_EMPTY_BLOCK_AND_CHECKSUM: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
        self.decoder
            .decode_blocks(
                &LAST_EMPTY_BLOCK_AND_CHECKSUM[..],
                BlockDecodingStrategy::UptoBlocks(1),
            )
            .map(|_| ())
            .or_else(|_| self.failed.take().map_or(Ok(()), Err))
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.in_frame {
                while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                    self.decode()?;
                }
                let len = self.decoder.read(out)?;
                if len > 0 || out.is_empty() {
                    return Ok(len);
                }
                self.in_frame = false;
            }
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if !self.start_frame()? {
                return Ok(0);
            }
            self.in_frame = true;
        }
    }
}

/// LZ4 frames, one after the other.
struct Lz4<R: Read>(lz4_flex::frame::FrameDecoder<R>);

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(out) {
                Ok(0) if !out.is_empty() => {
                    // The end of a frame, not yet of the input.
                    if self.0.get_mut().fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                }
                Err(error) => match skippable(&error) {
                    Some(len) => {
                        let mut skipped = self.0.get_mut().take(u64::from(len));
                        io::copy(&mut skipped, &mut io::sink())?;
                    }
                    None => return Err(error),
                },
                done => return done,
            }
        }
    }
}

fn skippable(error: &io::Error) -> Option<u32> {
    match error.get_ref()?.downcast_ref()? {
        lz4_flex::frame::Error::SkippableFrame(len) => Some(*len),
        _ => None,
    }
}
