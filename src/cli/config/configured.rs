//! Everything that is configured, as it was read.

use std::path::PathBuf;

use super::given::{Given, Origin};
use super::table::Settings;

/// A colour rule as it stands in the file.
#[derive(Clone, Debug)]
pub(crate) struct RuleText {
    pub(crate) filter: String,
    pub(crate) colour: String,
    pub(crate) from: Origin,
}

/// Everything that is configured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    /// The file, if there is one.
    pub(crate) file: Option<PathBuf>,
    /// The profile asked for.
    pub(crate) profile: Option<String>,
    pub(crate) settings: Settings,
    /// Keys by the names of what they do.
    pub(crate) keys: Vec<(String, Given<Vec<String>>)>,
    /// Colours by the names of their roles.
    pub(crate) colours: Vec<(String, Given<String>)>,
    /// Colour rules, the first that fits.
    pub(crate) rules: Vec<RuleText>,
}
