//! The capture thread: takes packets from libpcap, writes them to the recording, and offers them to the reader.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use pcap::{Active, Capture, Packet, Stat};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::{
    base::{LinkType, PacketNumber, Timestamp},
    capture::{Batch, PacketRecord},
};

use super::{
    counters::Counters,
    devices::{self, Opened},
    end::{End, Stop},
    error::words,
    limits::Autostop,
    options::Options,
    recording::{Recording, WriteError},
};

/// Packets in one batch at most.
const BATCH_PACKETS: usize = 1024;
/// Bytes in one batch after which it is sent: a batch has at most these and one packet.
const BATCH_BYTES: usize = 1 << 20;
/// Packets taken from libpcap before the clock and the stop flag are looked at again.
const DISPATCH_PACKETS: usize = 8192;
/// Longest wait for packets: how soon a stop is noticed.
const WAIT: Duration = Duration::from_millis(50);
/// Time between two looks at the drop counters.
const STATS_EVERY: Duration = Duration::from_millis(200);
/// Time without packets after which the interface's state is looked at.
const IDLE: Duration = Duration::from_secs(1);

pub(super) struct Worker {
    interface: String,
    capture: Capture<Active>,
    started: Instant,
    stop: Stop,
    autostop: Autostop,
    sink: Sink,
    last_stat: Stat,
}

/// What a packet goes through; apart from the device, which lends the packet.
struct Sink {
    nanoseconds_per_tick: i64,
    link: LinkType,
    recording: Recording,
    batch: Batch,
    batches: Sender<Batch>,
    reuse: Receiver<Batch>,
    counters: Arc<Counters>,
    received: u64,
    /// Packets after which the capture ends.
    limit: u64,
    error: Option<WriteError>,
}

impl Worker {
    pub(super) fn new(
        options: &Options,
        opened: Opened,
        mut recording: Recording,
        batches: Sender<Batch>,
        reuse: Receiver<Batch>,
        counters: Arc<Counters>,
        stop: Stop,
    ) -> Self {
        recording.counts = super::blocks::Counts::default();
        Self {
            interface: options.interface.clone(),
            capture: opened.capture,
            started: Instant::now(),
            stop,
            autostop: options.autostop.clone(),
            sink: Sink {
                nanoseconds_per_tick: if opened.digits == 9 { 1 } else { 1000 },
                link: opened.link_type,
                recording,
                batch: Batch::default(),
                batches,
                reuse,
                counters,
                received: 0,
                limit: options.autostop.packets.unwrap_or(u64::MAX),
                error: None,
            },
            last_stat: Stat {
                received: 0,
                dropped: 0,
                if_dropped: 0,
            },
        }
    }

    /// Captures until something ends it, and leaves whole files.
    pub(super) fn run(mut self) -> End {
        let end = self.capture_until_the_end();
        self.read_stats();
        self.sink.send();
        let finished = self.sink.recording.finish();
        match (end, self.sink.error.take().map_or(finished, Err)) {
            (_, Err(error)) => End::Output {
                path: error.path,
                reason: error.source.to_string(),
            },
            (end, Ok(())) => end,
        }
    }

    fn capture_until_the_end(&mut self) -> End {
        let (mut stats_at, mut active_at) = (Instant::now(), Instant::now());
        loop {
            if self.stop.is_asked() {
                // What the kernel already has was captured before the stop.
                let _ = self.dispatch();
                // A limit reached meanwhile is why it ended, also where the stop was seen first.
                return if self.is_limit_reached() {
                    End::Limit
                } else {
                    End::Stopped
                };
            }
            if self.is_limit_reached() || self.sink.error.is_some() {
                return End::Limit;
            }
            self.wait();
            match self.dispatch() {
                Err(reason) => return self.failed(reason),
                Ok(0) if active_at.elapsed() >= IDLE => {
                    if let Some(gone) = devices::gone(&self.interface) {
                        return End::Interface {
                            name: self.interface.clone(),
                            gone,
                        };
                    }
                    active_at = Instant::now();
                }
                Ok(0) => {}
                Ok(_) => active_at = Instant::now(),
            }
            self.sink.send_if_there_is_room();
            if stats_at.elapsed() >= STATS_EVERY {
                self.read_stats();
                self.sink.tick();
                stats_at = Instant::now();
            }
        }
    }

    /// Waits until there are packets, for at most [`WAIT`] and the time left.
    fn wait(&self) {
        let left = self
            .autostop
            .duration
            .map_or(WAIT, |limit| limit.saturating_sub(self.started.elapsed()));
        let wait = Timespec::try_from(left.min(WAIT)).ok();
        // An interrupted or impossible wait ends in a look at the device, which tells.
        let _ = rustix::event::poll(
            &mut [PollFd::new(&self.capture, PollFlags::IN)],
            wait.as_ref(),
        );
    }

    fn dispatch(&mut self) -> Result<usize, String> {
        let sink = &mut self.sink;
        self.capture
            .dispatch(Some(DISPATCH_PACKETS), |packet| sink.push(&packet))
            .map_err(words)
    }

    fn is_limit_reached(&self) -> bool {
        self.sink.received >= self.sink.limit
            || self
                .autostop
                .duration
                .is_some_and(|limit| self.started.elapsed() >= limit)
            || self
                .autostop
                .file_bytes
                .is_some_and(|limit| self.sink.recording.len() >= limit)
    }

    fn failed(&self, reason: String) -> End {
        match devices::gone(&self.interface) {
            Some(gone) => End::Interface {
                name: self.interface.clone(),
                gone,
            },
            None => End::Failed {
                name: self.interface.clone(),
                reason,
            },
        }
    }

    /// Takes over libpcap's counters, which are 32 bits wide and wrap.
    fn read_stats(&mut self) {
        let Ok(now) = self.capture.stats() else {
            return;
        };
        let counters = &self.sink.counters;
        let by_kernel = now.dropped.wrapping_sub(self.last_stat.dropped);
        let by_interface = now.if_dropped.wrapping_sub(self.last_stat.if_dropped);
        counters
            .by_kernel
            .fetch_add(by_kernel.into(), Ordering::Relaxed);
        counters
            .by_interface
            .fetch_add(by_interface.into(), Ordering::Relaxed);
        self.last_stat = now;
        let drops = counters.drops();
        let counts = &mut self.sink.recording.counts;
        counts.received = drops.received + drops.by_kernel;
        counts.dropped_by_kernel = drops.by_kernel;
        counts.dropped_by_interface = drops.by_interface;
    }
}

impl Sink {
    /// Takes one packet: to the recording first, then to the batch.
    fn push(&mut self, packet: &Packet<'_>) {
        if self.error.is_some() || self.received >= self.limit {
            return;
        }
        self.received += 1;
        let stamp = packet.header.ts;
        #[allow(clippy::useless_conversion, reason = "it has 32 bits on some systems")]
        let ticks = i64::from(stamp.tv_usec);
        let time = Timestamp::from_parts(stamp.tv_sec, ticks * self.nanoseconds_per_tick);
        let wire_len = packet.header.len;
        match self.recording.push(time.0, wire_len, packet.data) {
            Ok(position) => {
                let record = PacketRecord {
                    number: PacketNumber(self.received),
                    time,
                    position,
                    original: wire_len,
                    link: self.link,
                    ..PacketRecord::default()
                };
                self.batch.push(record, packet.data);
            }
            Err(error) => self.error = Some(error),
        }
        if self.batch.len() >= BATCH_PACKETS || self.batch.byte_len() >= BATCH_BYTES {
            self.send();
        }
    }

    /// Puts the batch on disk, and offers it to the reader if that is not behind. For one that is, packets are collected: full
    /// batches hold many times what comes at once, so that a reader may rest for a moment and lose nothing.
    fn send_if_there_is_room(&mut self) {
        match self.batches.is_full() {
            true => {
                self.store();
            }
            false => self.send(),
        }
    }

    /// Puts the batch on disk; whether there is something to send.
    fn store(&mut self) -> bool {
        self.counters
            .received
            .store(self.received, Ordering::Relaxed);
        if self.batch.is_empty() {
            return false;
        }
        if let Err(error) = self.recording.flush() {
            self.error.get_or_insert(error);
            return false;
        }
        true
    }

    /// Puts the batch on disk and offers it to the reader, who never is waited for.
    fn send(&mut self) {
        if !self.store() {
            return;
        }
        let next = self.reuse.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.batch, next);
        self.batch.clear();
        match self.batches.try_send(full) {
            Ok(()) => {}
            Err(TrySendError::Full(lost) | TrySendError::Disconnected(lost)) => {
                self.counters
                    .by_us
                    .fetch_add(lost.len() as u64, Ordering::Relaxed);
                self.batch = lost;
                self.batch.clear();
            }
        }
    }

    fn tick(&mut self) {
        if let Err(error) = self.recording.tick() {
            self.error.get_or_insert(error);
        }
    }
}
