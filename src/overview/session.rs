//! A capture read in steps on one thread, by whoever must do other things between them: a page in a browser.

use std::io;

use crate::base::{Spools, Timestamp};
use crate::capture::{self, Input, OpenError, Source, Summary};
use crate::engine::Options;
use crate::insight::statistics::{Statistics, Ways};
use crate::insight::{Casebook, Report};
use crate::run::{Keyed, Serial, Tally};
use crate::store::Store;
use crate::tls::KeyLog;

use super::gathered::Overview;
use super::noted::Noted;
use super::watcher::{Watched, Watcher};

/// A capture, as far as it is read.
pub struct Session {
    batches: Noted<Keyed>,
    serial: Serial<Watcher>,
    overview: Overview,
    store: Store,
    ways: Ways,
    part: [Watched; 1],
    is_over: bool,
}

impl Session {
    /// Opens inputs as one capture. What is decrypted or inflated, and inputs that cannot be read twice, are kept in memory.
    ///
    /// # Errors
    /// When one cannot be read or is no capture.
    pub fn open(inputs: Vec<Input>, keys: Option<&[u8]>, masks: bool) -> Result<Self, OpenError> {
        let options = Options::default();
        let source = Source::open_with(
            inputs,
            &options.limits,
            capture::Options {
                spool: Some(Spools::default()),
                ..capture::Options::default()
            },
        )?;
        let store = Store::new(Box::new(source.packet_file()), &options);
        let mut keyed = Keyed::new(source);
        if let Some(bytes) = keys {
            let mut log = KeyLog::new();
            log.extend(bytes);
            log.finish();
            keyed.add(log);
        }
        let mut batches = Noted::new(keyed);
        let make = |start: Timestamp| Watcher::counting(start, Default::default()).masking(masks);
        let serial = Serial::start(&mut batches, options, make);
        Ok(Self {
            batches,
            serial,
            overview: Overview::new(Casebook::default()),
            store,
            ways: Ways::default(),
            part: [Watched::default()],
            is_over: false,
        })
    }

    /// Reads and analyses one batch, or ends some of the last flows; false when nothing is left.
    pub fn step(&mut self) -> bool {
        if !self.is_over {
            self.is_over = !self.serial.step(&mut self.batches, &mut self.part[0]);
        }
        if self.is_over {
            return false;
        }
        self.ways
            .take(self.part.iter_mut().map(|part| &mut part.exchanges));
        let records = self.batches.records().pop();
        self.store
            .append(self.overview.take(&mut self.part, &records));
        true
    }

    /// Reads no further: what was begun ends with the next steps.
    pub fn stop(&mut self) {
        self.serial.stop();
    }

    /// Whether everything is read.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The index.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What is known of the inputs.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        self.batches.batches.source().summary()
    }

    /// What was counted.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        self.serial.tally()
    }

    /// What came of all engines.
    #[must_use]
    pub fn overview(&self) -> &Overview {
        &self.overview
    }

    /// What diagnosis says now.
    #[must_use]
    pub fn diagnosis(&self) -> Report {
        self.overview.diagnosis()
    }

    /// The numbers so far.
    pub fn statistics(&mut self) -> Statistics {
        let mut all = Statistics::default();
        if let Some(numbers) = self.serial.sink().numbers() {
            all.merge(numbers);
        }
        all.compare(&self.ways);
        all
    }

    /// Where the inputs were cut, in words.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let cuts = self.summary().truncated.iter();
        cuts.map(|cut| {
            format!(
                "{}: cut at byte {}: {}; the {} packets before are all shown",
                cut.file, cut.offset, cut.why, cut.packets_before
            )
        })
        .collect()
    }
}

/// Bytes in memory as an input.
pub struct InMemory(pub Vec<u8>);

impl capture::ReadAt for InMemory {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.0.get(at..));
        let rest = rest.unwrap_or_default();
        let len = rest.len().min(out.len());
        out[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::testkit::{Conversation, Frame, pcap, upgrade_request, upgrade_response};
    use std::sync::Arc;

    #[test]
    fn a_capture_read_in_steps_is_indexed_and_counted() {
        let packets = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
            .connect()
            .client(upgrade_request("/", &[]))
            .server(upgrade_response(&[]))
            .server(Frame::text("hello").bytes())
            .fin()
            .packets();
        let bytes = Arc::new(InMemory(pcap(LinkType::ETHERNET, &packets)));
        let input = Input::At(bytes, "made".to_owned());
        let mut session = Session::open(vec![input], None, false).unwrap();
        while session.step() {}
        assert!(session.is_over() && !session.step());
        assert_eq!(session.store().frame_count(), 1);
        assert_eq!(session.store().payload(0, 9).unwrap(), b"hello");
        assert_eq!(session.statistics().frames(), 1);
        assert_eq!(session.diagnosis().count(), 1);
        assert_eq!(session.tally().packets, packets.len() as u64);
        assert_eq!(
            session.summary().read_bytes,
            session.summary().total_bytes.unwrap()
        );
    }
}
