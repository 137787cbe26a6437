//! Buffers that outlive a frame, shared by all streams of one engine so that decoding allocates next to nothing.

#![expect(
    clippy::vec_box,
    reason = "boxes go to a stream and come back without moving what is in them"
)]

use std::sync::Arc;

use super::deflate::Inflater;
use super::message::Assembly;
use crate::base::Limits;

/// Buffers that all streams of one engine share.
pub struct Scratch {
    pub(super) limits: Limits,
    pub(super) unmasked: Vec<u8>,
    pub(super) overflow: Vec<u8>,
    pub(super) raw: Vec<u8>,
    assemblies: Vec<Box<Assembly>>,
    inflaters: Vec<Box<Inflater>>,
    /// Referred to by every inflater alive, those among the spares too.
    inflaters_alive: Arc<()>,
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
            inflaters_alive: Arc::default(),
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

    /// An inflater with an empty window, one of the spares if there is one; `None` when too many are alive.
    pub(super) fn take_inflater(&mut self) -> Option<Box<Inflater>> {
        self.inflaters.pop().or_else(|| {
            let alive = Arc::strong_count(&self.inflaters_alive) - 1;
            let may = alive < self.limits.inflaters;
            may.then(|| Box::new(Inflater::new(&self.inflaters_alive)))
        })
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
