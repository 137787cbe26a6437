//! What someone set up once for the interface, whatever capture is opened.

use ratatui::style::Style;

use crate::filter::Filter;
use crate::view::columns::ChosenColumn;

use super::depth::Depth;
use super::keymap::Keymap;
use super::palette::Colours;
use super::theme::Theme;
use super::times::TimeFormat;

/// Rows that a filter passes have a colour.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The filter.
    pub filter: Filter,
    /// How they look.
    pub style: Style,
}

/// What someone set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Theme and colours.
    pub colours: Colours,
    /// How many colours the terminal has.
    pub depth: Depth,
    /// What keys do.
    pub keymap: Keymap,
    /// How time is shown.
    pub time: TimeFormat,
    /// The columns of the list.
    pub columns: Vec<ChosenColumn>,
    /// Whether messages are listed instead of frames.
    pub messages: bool,
    /// The filter of the list, unless there is another.
    pub filter: Option<Filter>,
    /// The filter of the connections.
    pub connections: Option<Filter>,
    /// Filters to choose from, as if they had been typed before.
    pub filters: Vec<String>,
    /// Colours of rows, the first that fits.
    pub rules: Vec<Rule>,
    /// Whether names are shown instead of addresses, and then whether the system is asked for them as well.
    pub names: Option<bool>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            colours: Theme::Dark.into(),
            depth: Depth::default(),
            keymap: Keymap::default(),
            time: TimeFormat::default(),
            columns: Vec::new(),
            messages: false,
            filter: None,
            connections: None,
            filters: Vec::new(),
            rules: Vec::new(),
            names: None,
        }
    }
}
