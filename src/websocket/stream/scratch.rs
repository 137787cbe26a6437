//! Buffers that outlive a frame, shared by all streams of one engine so that decoding allocates next to nothing.

#![expect(
    clippy::vec_box,
    reason = "boxes go to a stream and come back without moving what is in them"
)]

use crate::base::Limits;
use crate::websocket::deflate::Inflater;
use crate::websocket::message::Assembly;

/// Buffers that all streams of one engine share.
pub struct Scratch {
    pub(super) limits: Limits,
    pub(super) unmasked: Vec<u8>,
    pub(super) overflow: Vec<u8>,
    pub(super) raw: Vec<u8>,
    assemblies: Vec<Box<Assembly>>,
    pub(super) inflaters: Vec<Box<Inflater>>,
}

impl Scratch {
    /// Empty buffers under these limits.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            unmasked: Vec::new(),
            overflow: Vec::new(),
            raw: Vec::new(),
            assemblies: Vec::new(),
            inflaters: Vec::new(),
        }
    }

    pub(super) fn assembly(&mut self) -> Box<Assembly> {
        self.assemblies
            .pop()
            .unwrap_or_else(|| Box::new(Assembly::new()))
    }

    pub(super) fn put_assembly(&mut self, mut assembly: Box<Assembly>) {
        if self.assemblies.len() < SPARES {
            assembly.shrink();
            self.assemblies.push(assembly);
        }
    }

    pub(super) fn put_inflater(&mut self, mut inflater: Box<Inflater>) {
        if self.inflaters.len() < SPARES {
            inflater.reset();
            self.inflaters.push(inflater);
        }
    }
}

/// Buffers kept for the next stream that needs one.
const SPARES: usize = 16;

/// An inflater with an empty window, one of the spares if there is one.
pub(super) fn take_inflater(spares: &mut Vec<Box<Inflater>>) -> Box<Inflater> {
    spares.pop().unwrap_or_else(|| Box::new(Inflater::new()))
}
