//! What the module imports: bytes of the files that the page was given.
#![cfg_attr(
    target_family = "wasm",
    expect(unsafe_code, reason = "the host writes into the module's memory")
)]

use std::io;

use wireloupe::capture::ReadAt;

#[cfg(target_family = "wasm")]
#[link(wasm_import_module = "page")]
unsafe extern "C" {
    /// Reads bytes of a file into the module's memory; how many, or a negative number when they cannot be read.
    fn read(file: u32, at: f64, to: *mut u8, len: u32) -> i32;
}

/// A file of the page's, by its number there.
pub(crate) struct HostFile {
    #[cfg_attr(
        not(target_arch = "wasm32"),
        expect(dead_code, reason = "only the page reads files")
    )]
    pub(crate) number: u32,
    pub(crate) len: u64,
}

impl ReadAt for HostFile {
    fn len(&self) -> u64 {
        self.len
    }

    #[cfg(target_family = "wasm")]
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<usize> {
        let len = u32::try_from(out.len()).unwrap_or(u32::MAX);
        // SAFETY: `out` is valid for `len` bytes, and the host writes no more than that.
        let read = unsafe { read(self.number, at as f64, out.as_mut_ptr(), len) };
        usize::try_from(read).map_err(|_| io::Error::other("the browser cannot read it any more"))
    }

    #[cfg(not(target_family = "wasm"))]
    fn read_at(&self, _at: u64, _out: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
