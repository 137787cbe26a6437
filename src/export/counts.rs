//! How many rows there were, printed or not.

use crate::tls::Decryption;

/// How many of each kind an engine emitted, whether printed or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections.
    pub connections: u64,
    /// Frames.
    pub frames: u64,
    /// Messages.
    pub messages: u64,
    /// Findings.
    pub findings: u64,
    /// TLS connections, when there were keys.
    pub tls: TlsCounts,
}

/// TLS connections by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsCounts {
    /// All that sent anything encrypted.
    pub connections: u64,
    /// Those that were decrypted.
    pub decrypted: u64,
    /// Those without a secret in the key log.
    pub no_secret: u64,
    /// Those whose secret does not open their records.
    pub unfit: u64,
    /// Those that no secret would help, because their beginning or the cipher is missing.
    pub unreadable: u64,
}

impl TlsCounts {
    /// Counts one more.
    pub fn add(&mut self, decryption: Decryption) {
        let count = match decryption {
            Decryption::NothingYet => return,
            Decryption::Decrypted => &mut self.decrypted,
            Decryption::NoSecret => &mut self.no_secret,
            Decryption::WrongSecret => &mut self.unfit,
            Decryption::Unsupported | Decryption::HelloMissing | Decryption::NotBuilt => {
                &mut self.unreadable
            }
        };
        *count += 1;
        self.connections += 1;
    }
}

impl std::ops::Add for TlsCounts {
    type Output = TlsCounts;

    fn add(self, other: TlsCounts) -> TlsCounts {
        TlsCounts {
            connections: self.connections + other.connections,
            decrypted: self.decrypted + other.decrypted,
            no_secret: self.no_secret + other.no_secret,
            unfit: self.unfit + other.unfit,
            unreadable: self.unreadable + other.unreadable,
        }
    }
}

impl std::ops::Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts {
            connections: self.connections + other.connections,
            frames: self.frames + other.frames,
            messages: self.messages + other.messages,
            findings: self.findings + other.findings,
            tls: self.tls + other.tls,
        }
    }
}
