//! Every setting, once: the table from which the file is read, written and shown, and the page of the manual made.

use std::path::PathBuf;

use toml::de::DeValue;

use crate::cli::options::ThemeArg;
use crate::filter::Filter;
use crate::view::columns::ChosenColumn;

use super::given::{Given, Origin};
use super::value::{NamesArg, RowsArg, Setting as _, Threads, TimeArg, written};

/// What is said of a setting.
pub(super) struct About {
    /// Its name, behind that of its table.
    pub(super) name: &'static str,
    /// What it is unless someone says otherwise, as the file would have it.
    pub(super) default: &'static str,
    /// Another value, for the file that is written to begin with.
    pub(super) example: &'static str,
    /// What it does.
    pub(super) meaning: &'static str,
}

macro_rules! settings {
    ($($name:literal $field:ident: $type:ty, $default:literal, $example:literal, $meaning:literal;)+) => {
        /// The settings that someone made.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct Settings {
            $(#[doc = $meaning] pub(crate) $field: Option<Given<$type>>,)+
        }

        /// The table.
        pub(super) const SETTINGS: &[About] = &[$(About {
            name: $name,
            default: $default,
            example: $example,
            meaning: $meaning,
        },)+];

        impl Settings {
            /// Makes a setting; what is wrong with its value is an error. Nothing happens to a name that no setting has.
            pub(super) fn set(&mut self, name: &str, value: &DeValue<'_>, from: Origin) -> Result<(), String> {
                match name {
                    $($name => self.$field = Some(Given {
                        value: <$type>::read(value)?,
                        text: written(value),
                        from,
                    }),)+
                    _ => {}
                }
                Ok(())
            }

            /// The value of a setting as the file would have it, and where it comes from, when someone made it.
            pub(super) fn given(&self, name: &str) -> Option<(&str, &Origin)> {
                match name {
                    $($name => self.$field.as_ref().map(|given| (given.text.as_str(), &given.from)),)+
                    _ => None,
                }
            }
        }
    };
}

settings! {
    "theme" theme: ThemeArg, "\"auto\"", "\"light\"", "colours of the interface: auto (by the terminal's background), dark, light, contrast, plain";
    "time" time: TimeArg, "\"relative\"", "\"utc\"", "times in the lists: relative, delta, since-frame, utc, local";
    "names" names: NamesArg, "\"off\"", "\"capture\"", "names instead of addresses in the interface: off, capture (those of the capture and the hosts file), system (the system is asked as well, and may ask servers)";
    "rows" rows: RowsArg, "\"frames\"", "\"messages\"", "what the list begins with: frames or messages";
    "columns" columns: Vec<ChosenColumn>, "[]", "[\"websocket.mask\", \"close.code\"]", "columns of the list beside its own: fields, as `wireloupe fields` lists them";
    "filter" filter: Filter, "\"\"", "'websocket.opcode != ping'", "the display filter that the interface begins with";
    "connections-filter" connections_filter: Filter, "\"\"", "'http.host == \"chat.example\"'", "the filter that its list of connections begins with";
    "filters" filters: Vec<Filter>, "[]", "['websocket.opcode == close', 'message.text contains \"error\"']", "filters to choose from with Up where one is typed";
    "recent" recent: u64, "10", "0", "how many captures the first screen remembers; 0 remembers none, and no file is written";
    "keylog" keylog: PathBuf, "\"\"", "\"~/keys.log\"", "the key log to decrypt TLS with where it is there; --keylog and SSLKEYLOGFILE beat it";
    "decode-as" decode_as: Vec<u16>, "[]", "[9000, 9001]", "ports whose flows are read as WebSocket even without a handshake";
    "threads" threads: Threads, "\"as many as there are cores\"", "2", "threads that decode";
    "limits.max-flows" max_flows: usize, "262144", "65536", "TCP flows remembered at once";
    "limits.idle-timeout" idle_timeout: u64, "\"by the kind of flow\"", "600", "seconds of capture time after which a silent flow is forgotten";
    "limits.max-held" max_held: usize, "4194304", "1048576", "bytes held for one direction of a flow while earlier ones are missing";
    "limits.max-state" max_state: usize, "67108864", "268435456", "bytes that all flows together may make the program keep otherwise";
    "limits.max-head" max_head: usize, "65536", "16384", "bytes of one HTTP head";
    "limits.max-payload" max_payload: usize, "4194304", "65536", "payload bytes kept of one message for its text or data";
    "limits.max-inflated" max_inflated: u64, "268435456", "1048576", "bytes one compressed message may inflate to";
    "limits.max-fragments" max_fragments: usize, "65536", "1000", "fragments of one message whose numbers are kept";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the table says of limits is what they are.
    #[test]
    fn defaults_of_limits_are_those_of_the_program() {
        let limits = crate::base::Limits::default();
        for (name, is) in [
            ("limits.max-flows", limits.flows as u64),
            ("limits.max-held", limits.held_bytes as u64),
            ("limits.max-state", limits.state_bytes as u64),
            ("limits.max-head", limits.http_head as u64),
            ("limits.max-payload", limits.kept_payload as u64),
            ("limits.max-inflated", limits.inflated),
            ("limits.max-fragments", limits.fragments as u64),
        ] {
            let about = SETTINGS.iter().find(|about| about.name == name).unwrap();
            assert_eq!(about.default, is.to_string(), "{name}");
        }
    }
}
