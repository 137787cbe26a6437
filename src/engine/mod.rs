//! The pipeline: packets in, events out. No I/O, no clock, no threads.
