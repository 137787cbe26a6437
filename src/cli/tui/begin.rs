//! The interface over a capture, as it is configured.

use crate::cli::args::ReadArgs;
use crate::filter::Filter;
use crate::store::Store;
use crate::tui::App;

use super::colours;

/// The interface as it is configured, over a capture. A filter that was asked for beats the configured one.
pub(super) fn new_app(
    args: &ReadArgs,
    store: Store,
    name: impl Into<String>,
    filter: Option<Filter>,
) -> App {
    let colours = colours::theme(args.theme).into();
    let mut settings = args.config.interface(colours, colours::depth());
    if filter.is_some() {
        settings.filter = filter;
    }
    let mut app = App::new(store, name, settings.colours);
    app.set_up(settings);
    app
}
