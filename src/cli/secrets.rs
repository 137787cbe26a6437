//! Secrets into the file of a live capture, once it is complete.
//!
//! Others read secrets only in front of the packets that need them, and while packets are captured nobody knows them
//! yet. So the file is written anew beside the old one, which it replaces when it is whole.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use tempfile::NamedTempFile;

use crate::capture::{Secrets, secrets_block};

use super::args::ReadArgs;
use super::keys::Keys;
use super::passes::Files;
use super::tell::tell;

/// Puts the secrets of the WebSockets in the file that `-w` wrote in front of their packets, when the user named a key
/// log. What goes wrong is told; the file is then as it was.
pub(crate) fn add(args: &ReadArgs) {
    let Some(path) = args.live.write.as_deref() else {
        return;
    };
    let is_one_file = args.live.ring.is_empty() && path != Path::new("-");
    if args.is_live() && is_one_file && args.analysis.keylog.is_some() {
        match into(path, args) {
            Ok(0) => {}
            Ok(lines) => tell(format_args!("{lines} secrets are in {}", path.display())),
            Err(error) => tell(format_args!(
                "the secrets are not in {}: {error:#}",
                path.display()
            )),
        }
    }
}

/// How many secrets were written.
fn into(path: &Path, args: &ReadArgs) -> anyhow::Result<usize> {
    let files = Files::open(&[path.to_owned()])?;
    let names = files.choose(&args.analysis, None)?.key_names;
    let lines = Keys::open(args.analysis.keylog.as_deref(), false)?.lines(&names);
    if lines.is_empty() {
        return Ok(0);
    }
    let mut old = File::open(path)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut new = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
        .context("no room beside it for the file with the secrets")?;
    new.as_file()
        .set_permissions(old.metadata()?.permissions())?;
    let mut beginning = [0; 8];
    old.read_exact(&mut beginning)?;
    new.write_all(&beginning)?;
    let [_, _, _, _, length @ ..] = beginning;
    let rest = u64::from(u32::from_le_bytes(length)).saturating_sub(8);
    io::copy(&mut (&mut old).take(rest), &mut new)?;
    new.write_all(&secrets_block(Secrets::TLS_KEY_LOG, &lines)?)?;
    io::copy(&mut old, &mut new)?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    Ok(lines.iter().filter(|byte| **byte == b'\n').count())
}
