//! The secrets that a part needs: those of the TLS sessions in it, in front of its packets.

use std::io::{self, Read, Write};
use std::sync::Arc;

use crate::base::Needs;
use crate::capture::{Batch, Secrets, Source, secrets_block};
use crate::engine::{Engine, Moment, Options, Sink, TlsFlow};
use crate::tls::{KeyLog, KeyName};
use crate::wire::Walker;

/// What the secrets of the TLS sessions of a capture are logged under.
#[derive(Debug, Default)]
pub struct KeyNames(Vec<KeyName>);

impl KeyNames {
    /// Those of every session in `source`, also of those that only these keys lay open: TLS inside TLS.
    #[must_use]
    pub fn of(mut source: Source, options: Options, keys: Arc<KeyLog>) -> Vec<KeyName> {
        let mut walker = Walker::new(&options.limits);
        let mut engine = Engine::new(options, Self::default());
        engine.set_keys(keys);
        let mut batch = Batch::new();
        while source.fill(&mut batch) {
            engine.batch(&batch, &mut walker);
        }
        engine.finish();
        engine.into_sink().0
    }
}

impl Sink for KeyNames {
    fn needs(&self) -> Needs {
        Needs::HEADERS
    }

    fn tls(&mut self, flow: &TlsFlow<'_>, _at: Moment) {
        self.0.extend_from_slice(&flow.summary.key_names);
    }
}

/// Copies a pcapng file of one section with secrets behind its section header.
///
/// # Errors
/// When it cannot be read or written, or the secrets are larger than a block can be.
pub fn front(
    mut part: impl Read,
    lines: &[u8],
    others: &[&Secrets],
    out: &mut impl Write,
) -> io::Result<()> {
    let mut head = [0; 8];
    part.read_exact(&mut head)?;
    let [.., a, b, c, d] = head;
    let len = u64::from(u32::from_le_bytes([a, b, c, d]));
    out.write_all(&head)?;
    io::copy(&mut part.by_ref().take(len - 8), out)?;
    if !lines.is_empty() {
        out.write_all(&secrets_block(Secrets::TLS_KEY_LOG, lines)?)?;
    }
    for secrets in others {
        out.write_all(&secrets_block(secrets.kind, &secrets.bytes)?)?;
    }
    io::copy(&mut part, out).map(|_| ())
}
