//! LZ4 frames, one after the other.

use std::io::{self, BufRead, Read};

use lz4_flex::frame::{Error, FrameDecoder};

/// Decompresses.
pub(super) struct Lz4<R: Read>(FrameDecoder<R>);

impl<R: Read> Lz4<R> {
    pub(super) fn new(input: R) -> Self {
        Self(FrameDecoder::new(input))
    }
}

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
        Error::SkippableFrame(len) => Some(*len),
        _ => None,
    }
}
