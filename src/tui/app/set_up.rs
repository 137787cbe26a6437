//! How the interface begins.

use crate::tui::settings::Settings;
use crate::view::rows::Kind;

use super::App;

impl App {
    /// Begins as someone set it up.
    pub fn set_up(&mut self, settings: Settings) {
        self.theme = settings.colours;
        self.depth = settings.depth;
        self.keymap = settings.keymap;
        self.time = settings.time;
        self.orders.columns = settings.columns;
        if settings.messages {
            self.list.kind = Kind::Messages;
        }
        self.remember_filters(settings.filters);
        self.filter(settings.filter);
        if settings.connections.is_some() {
            self.connections.set_filter(settings.connections);
        }
        self.rules.set(settings.rules);
        self.begin_with_names(settings.names);
    }
}
