//! What someone set up once: `config.toml`, its profiles, and where each setting comes from. Options of the command line beat the
//! environment, that beats the profile, and that the rest of the file.

mod apply;
mod choice;
mod command;
mod configured;
mod file;
mod given;
#[cfg(feature = "tui")]
mod interface;
mod place;
mod read;
mod show;
mod table;
mod value;

pub(crate) use choice::ConfigChoice;
pub(crate) use command::{ConfigArgs, text};
pub(crate) use configured::Config;
pub(crate) use file::load;
#[cfg(feature = "tui")]
pub(crate) use place::{from_home, state_file};
