//! Zstandard frames, one after the other.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Decompresses.
///
/// A frame that is cut is ended by an empty last block of our own, so that the decoder hands out the bytes it keeps
/// back as its window; only then the error is told.
pub(super) struct Zstd<R> {
    input: R,
    decoder: FrameDecoder,
    in_frame: bool,
    failed: Option<io::Error>,
}

impl<R: BufRead> Zstd<R> {
    pub(super) fn new(input: R) -> Self {
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
