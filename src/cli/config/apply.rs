//! Settings as if they had been options, where the command line has none.

use crate::cli::args::{AnalysisArgs, ReadArgs};
use crate::cli::keys;

use super::configured::Config;
use super::given::value;

impl Config {
    /// How captures are analysed.
    pub(crate) fn analysis(&self, args: &mut AnalysisArgs) {
        let settings = &self.settings;
        args.max_flows = args.max_flows.or(value(&settings.max_flows));
        args.idle_timeout = args.idle_timeout.or(value(&settings.idle_timeout));
        args.max_held = args.max_held.or(value(&settings.max_held));
        args.max_state = args.max_state.or(value(&settings.max_state));
        args.max_head = args.max_head.or(value(&settings.max_head));
        args.max_payload = args.max_payload.or(value(&settings.max_payload));
        args.max_inflated = args.max_inflated.or(value(&settings.max_inflated));
        args.max_fragments = args.max_fragments.or(value(&settings.max_fragments));
        args.threads = args
            .threads
            .or(value(&settings.threads).map(|threads| threads.0));
        if args.decode_as.is_empty() {
            args.decode_as = value(&settings.decode_as).unwrap_or_default();
        }
        if let Some(path) = value(&settings.keylog) {
            keys::configure(path);
        }
    }

    /// What is opened or read.
    pub(crate) fn reading(&self, args: &mut ReadArgs) {
        args.theme = args.theme.or(value(&self.settings.theme));
    }
}
