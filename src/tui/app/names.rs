//! Names instead of addresses.

use std::net::{IpAddr, SocketAddr};

use crate::base::{Field, Value};
use crate::view::names::From;

use super::{App, Effect};

/// Addresses that the system is asked for at once; each may take seconds.
const ASKED: usize = 256;

impl App {
    /// Shows names: first those that the capture and the hosts file have, then those that the system knows as well, then none again.
    pub(super) fn turn_names(&mut self) {
        match (self.names.is_shown, self.asks_system) {
            (false, _) => self.show_names(false),
            (true, false) => self.show_names(true),
            (true, true) => {
                (self.names.is_shown, self.asks_system) = (false, false);
                self.shown = None;
                "addresses are shown".clone_into(&mut self.notice);
            }
        }
    }

    /// Shows names; of the system only where that is asked for, since it may ask servers.
    pub(in crate::tui) fn show_names(&mut self, asks_system: bool) {
        self.names.is_shown = true;
        self.asks_system = asks_system;
        let addresses = match asks_system {
            true => self.names.unknown(&self.store, ASKED),
            false => Vec::new(),
        };
        self.notice = match asks_system {
            false => {
                "names of the capture and the hosts file are shown (again: the system is asked too)"
                    .to_owned()
            }
            true => format!(
                "the system is asked for {} (again: addresses)",
                crate::base::counted(addresses.len() as u64, "address")
            ),
        };
        self.effects.push(Effect::Names(addresses));
        self.shown = None;
    }

    /// Begins with names, where that is configured. The system is asked when the connections are known.
    pub(in crate::tui) fn begin_with_names(&mut self, names: Option<bool>) {
        let Some(asks_system) = names else { return };
        (self.names.is_shown, self.asks_system) = (true, asks_system);
        self.effects.push(Effect::Names(Vec::new()));
    }

    /// Asks the system for the names of connections that came meanwhile, where it is to be asked.
    pub(super) fn ask_for_more_names(&mut self) {
        if self.names.is_shown && self.asks_system {
            let addresses = self.names.unknown(&self.store, ASKED);
            if !addresses.is_empty() {
                self.effects.push(Effect::Names(addresses));
            }
        }
    }

    /// Takes names in.
    pub(in crate::tui) fn learn_names(&mut self, names: &[(IpAddr, String, From)]) {
        for (address, name, from) in names {
            self.names.learn(address.to_canonical(), name, *from);
        }
        if self.names.is_shown {
            self.shown = None;
            self.settle();
        }
    }

    /// Puts names behind the addresses of a tree.
    pub(super) fn name_fields(&self, fields: &mut [Field]) {
        if !self.names.is_shown {
            return;
        }
        for field in fields {
            // Headers tell addresses in words only.
            let address = match field.typed.as_ref().map(|typed| typed.value()) {
                Some(Value::Ip(address)) => Some(address),
                _ => address_in(&field.value),
            };
            if let Some(name) = address.and_then(|address| self.names.of(address)) {
                field.value = format!("{} ({name})", field.value);
            }
            self.name_fields(&mut field.children);
        }
    }
}

/// The address that a value is, with or without a port.
fn address_in(value: &str) -> Option<IpAddr> {
    let with_port = || value.parse::<SocketAddr>().ok().map(|end| end.ip());
    value.parse().ok().or_else(with_port)
}
