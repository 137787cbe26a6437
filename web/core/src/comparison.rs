//! Two captures of one hop, or two attempts of one capture, compared as the command line does.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use wireloupe::insight::compare;
use wireloupe::overview::{ComparePart, CompareSink, Compared, Comparing};
use wireloupe::run::{Collected as _, Keyed, Serial};

use crate::shared::Shared;
use crate::taking::{Inputs, Job, begin};

/// Connections of each kind shown.
const ALIKE: usize = 5;

/// A comparison while its captures are read, one after the other.
pub(crate) struct Comparison {
    left: VecDeque<Reading>,
    read: Vec<Compared>,
    /// The attempts of one capture that are compared; else it is two sides of a hop.
    attempts: Option<[u32; 2]>,
    masks: bool,
}

/// A capture while it is read.
struct Reading {
    batches: Keyed,
    serial: Serial<Shared>,
    sink: Rc<RefCell<CompareSink>>,
    part: [ComparePart; 1],
    so_far: Comparing,
}

impl Reading {
    fn of(inputs: &Inputs, masks: bool) -> Result<Self, String> {
        let mut batches = inputs.batches()?;
        let (serial, sink) = begin(&mut batches, |_| CompareSink::new(masks));
        Ok(Self {
            batches,
            serial,
            sink,
            part: Default::default(),
            so_far: Comparing::default(),
        })
    }

    /// Reads on; whether there is more.
    fn step(&mut self) -> bool {
        let has_more = self.serial.step(&mut self.batches, &mut ());
        self.sink.borrow_mut().exchange(&mut self.part[0]);
        self.so_far.take(&mut self.part);
        has_more
    }
}

impl Comparison {
    /// What a hop changes between its client's side and its server's.
    pub(crate) fn of_hop(client: &Inputs, server: &Inputs, masks: bool) -> Result<Self, String> {
        let left = [Reading::of(client, masks)?, Reading::of(server, masks)?];
        Ok(Self {
            left: left.into(),
            read: Vec::new(),
            attempts: None,
            masks,
        })
    }

    /// How two connections of one capture differ, by their numbers.
    pub(crate) fn of_attempts(
        open: &Inputs,
        attempts: [u32; 2],
        masks: bool,
    ) -> Result<Self, String> {
        Ok(Self {
            left: [Reading::of(open, masks)?].into(),
            read: Vec::new(),
            attempts: Some(attempts),
            masks,
        })
    }

    fn text(&self) -> Result<String, String> {
        match (&self.read[..], self.attempts) {
            ([one], Some([first, second])) => {
                let compared = compare::attempts(one.attempt(first)?, one.attempt(second)?);
                Ok(compare::attempts_text(&compared, &one.diagnosed.judged))
            }
            ([client, server], _) => {
                let hop = client.hop(server, ALIKE);
                let (client, server) = (&client.diagnosed, &server.diagnosed);
                Ok(compare::hop_text(&hop, client, server, ALIKE))
            }
            _ => Err("there is nothing to compare with".to_owned()),
        }
    }
}

impl Job for Comparison {
    fn more(&mut self, out: &mut Vec<u8>) -> Result<bool, String> {
        if let Some(reading) = self.left.front_mut() {
            if !reading.step()
                && let Some(over) = self.left.pop_front()
            {
                let last = over.serial.tally().last;
                self.read.push(over.so_far.finish(last, self.masks));
            }
            return Ok(true);
        }
        out.extend_from_slice(self.text()?.as_bytes());
        Ok(false)
    }
}
