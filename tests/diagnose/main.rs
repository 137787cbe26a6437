//! Diagnosis against samples whose true cause is known, and against scripted traffic for what the samples lack.

mod answers;
mod behind;
mod heartbeats;
mod hostile;
mod life;
mod opened;
#[cfg(feature = "cli")]
mod program;
mod reaching;
mod refusals;
mod samples;
mod scale;
mod script;
mod tls;
