//! The interfaces of this machine, and opening one with every refusal explained.

use std::net::IpAddr;

use pcap::{Active, Capture, Device, Inactive, Linktype, Precision};

use crate::base::LinkType;

use super::{
    end::Gone,
    error::{CaptureError, words},
    libpcap, link,
    options::Options,
    rights,
};

/// Longest time libpcap collects packets before it hands them over, in milliseconds. Short, since whose a connection is can be
/// found out only while it lives, and is asked when its first packet comes.
const READ_TIMEOUT_MS: i32 = 5;

/// An interface that packets may be captured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, as `-i` takes it.
    pub name: String,
    /// What libpcap or its owner calls it.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether it has a link: packets can pass.
    pub running: bool,
    /// Whether it is the machine talking to itself.
    pub loopback: bool,
    /// Whether it is a radio.
    pub wireless: bool,
    /// What its packets begin with, known where capturing is allowed.
    pub link_type: Option<LinkType>,
    /// Whether this user may capture there.
    pub access: Access,
}

/// Whether this user may capture on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Capturing works.
    Allowed,
    /// It does not.
    Denied {
        /// Why not.
        why: String,
        /// What to do: a command, or a sentence.
        remedy: String,
    },
}

/// Lists the interfaces, and finds out by opening each for a moment whether this user may capture there.
///
/// # Errors
/// [`CaptureError::NoLibpcap`] and [`CaptureError::List`].
pub fn interfaces() -> Result<Vec<Interface>, CaptureError> {
    let devices = network_devices(devices()?);
    Ok(devices.into_iter().map(describe).collect())
}

fn devices() -> Result<Vec<Device>, CaptureError> {
    libpcap::available().map_err(|reason| CaptureError::NoLibpcap { reason })?;
    Device::list().map_err(|error| CaptureError::List {
        reason: words(error),
    })
}

/// libpcap also lists buses (USB, Bluetooth, D-Bus) and netfilter queues, where opening has effects and no TCP is seen.
///
/// The network devices are those of `/proc/net/dev`, which unlike `/sys` follows the process into its name space.
fn network_devices(devices: Vec<Device>) -> Vec<Device> {
    let table = match std::fs::read_to_string("/proc/net/dev") {
        Ok(table) if cfg!(target_os = "linux") => table,
        _ => return devices,
    };
    let names: Vec<&str> = table
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim())
        .collect();
    let is_network =
        |device: &Device| device.name == "any" || names.contains(&device.name.as_str());
    devices.into_iter().filter(is_network).collect()
}

fn describe(device: Device) -> Interface {
    let (link_type, access) = match probe(&device.name) {
        Ok(link_type) => (Some(link_type), Access::Allowed),
        Err(CaptureError::Denied { why, remedy, .. }) => (None, Access::Denied { why, remedy }),
        Err(other) => {
            let why = match other {
                CaptureError::Open { reason, .. } => reason,
                other => other.to_string(),
            };
            (
                None,
                Access::Denied {
                    why,
                    remedy: String::new(),
                },
            )
        }
    };
    Interface {
        up: device.flags.is_up(),
        running: device.flags.is_running(),
        loopback: device.flags.is_loopback(),
        wireless: device.flags.is_wireless(),
        addresses: device
            .addresses
            .iter()
            .map(|address| address.addr)
            .collect(),
        description: device.desc,
        name: device.name,
        link_type,
        access,
    }
}

/// Opens an interface as gently as can be and closes it again; gives its link type.
fn probe(name: &str) -> Result<LinkType, CaptureError> {
    let small =
        |capture: Capture<Inactive>| capture.snaplen(64).buffer_size(64 << 10).promisc(false);
    let capture = activate(name, small)?;
    Ok(link::from_dlt(capture.get_datalink().0))
}

/// An open interface and what was found out about it.
pub(super) struct Opened {
    pub(super) capture: Capture<Active>,
    pub(super) description: Option<String>,
    pub(super) link_type: LinkType,
    /// Digits of a second in the stamps.
    pub(super) digits: u8,
    /// libpcap's reservation about an interface that works otherwise.
    pub(super) warning: Option<String>,
}

/// Opens the interface of `options` with its filter, ready to dispatch without waiting.
pub(super) fn open(options: &Options) -> Result<Opened, CaptureError> {
    let name = &options.interface;
    let mut capture = activate(name, |capture| {
        capture
            .snaplen(i32::try_from(options.snaplen).unwrap_or(i32::MAX))
            .promisc(options.promiscuous && name != "any") // which has none, and would warn
            .buffer_size(i32::try_from(options.buffer_bytes).unwrap_or(i32::MAX))
            .timeout(READ_TIMEOUT_MS)
            .immediate_mode(options.immediate)
            .precision(Precision::Nano)
            .rfmon(options.monitor)
    })?;
    let activation = libpcap::last_activation();
    let failed = |error| CaptureError::Open {
        name: name.clone(),
        reason: words(error),
    };
    if name == "any" {
        // An older libpcap has only the first version, without the interface's index: good enough.
        let _ = capture.set_datalink(Linktype(link::to_dlt(LinkType::LINUX_SLL2)));
    }
    if let Some(filter) = &options.filter
        && let Err(error) = capture.filter(filter, true)
    {
        // It compiled for the link type that was expected; with the true one its place can be found.
        super::bpf::check_filter(filter, link::from_dlt(capture.get_datalink().0))?;
        return Err(failed(error));
    }
    let capture = capture.setnonblock().map_err(failed)?;
    Ok(Opened {
        description: Device::list()
            .ok()
            .and_then(|all| all.into_iter().find(|device| device.name == *name))
            .and_then(|device| device.desc),
        link_type: link::from_dlt(capture.get_datalink().0),
        digits: match libpcap::stamps_nanoseconds(capture.as_ptr().cast()) {
            true => 9,
            false => 6,
        },
        warning: (activation.status > 0).then_some(activation.text),
        capture,
    })
}

/// Activates a device, and turns libpcap's status into a reason with a remedy.
fn activate(
    name: &str,
    configure: impl FnOnce(Capture<Inactive>) -> Capture<Inactive>,
) -> Result<Capture<Active>, CaptureError> {
    libpcap::available().map_err(|reason| CaptureError::NoLibpcap { reason })?;
    let failed = |reason: String| CaptureError::Open {
        name: name.to_owned(),
        reason,
    };
    let capture = Capture::from_device(name).map_err(|error| failed(words(error)))?;
    let error = match configure(capture).open() {
        Ok(capture) => return Ok(capture),
        Err(error) => words(error),
    };
    let activation = libpcap::last_activation();
    let reason = if error.is_empty() {
        activation.text
    } else {
        error
    };
    let down = || {
        denied(
            name,
            format!("switch it on: sudo ip link set {name} up"),
            "it is down",
        )
    };
    Err(match activation.status {
        libpcap::NO_SUCH_DEVICE => no_such_interface(name, reason),
        libpcap::PERMISSION_DENIED | libpcap::PROMISCUOUS_DENIED => {
            denied(name, rights::remedy(), "no permission")
        }
        _ if looks_denied(&reason) => denied(name, rights::remedy(), "no permission"),
        libpcap::INTERFACE_NOT_UP => down(),
        libpcap::NO_MONITOR_MODE => failed("it has no monitor mode".into()),
        _ => match gone(name) {
            Some(Gone::Removed) => no_such_interface(name, reason),
            Some(Gone::Down) => down(),
            None => failed(reason),
        },
    })
}

/// A linked libpcap keeps no status for us; its words, and the state of the interface, tell as much.
fn looks_denied(reason: &str) -> bool {
    reason.contains("Operation not permitted") || reason.contains("ermission denied")
}

fn denied(name: &str, remedy: String, why: &str) -> CaptureError {
    CaptureError::Denied {
        name: name.to_owned(),
        why: why.to_owned(),
        remedy,
    }
}

fn no_such_interface(name: &str, reason: String) -> CaptureError {
    match devices() {
        Ok(devices) if devices.iter().all(|device| device.name != name) => {
            CaptureError::NoSuchInterface {
                name: name.to_owned(),
                available: network_devices(devices)
                    .into_iter()
                    .map(|device| device.name)
                    .collect(),
            }
        }
        _ => CaptureError::Open {
            name: name.to_owned(),
            reason,
        },
    }
}

/// Whether an interface is switched off or gone. libpcap waits for it to come back without a word.
pub(super) fn gone(name: &str) -> Option<Gone> {
    let devices = Device::list().ok()?;
    match devices.iter().find(|device| device.name == name) {
        Some(device) if device.flags.is_up() => None,
        Some(_) => Some(Gone::Down),
        None => Some(Gone::Removed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_interface_is_said_to_be_unknown() {
        if let Err(reason) = libpcap::available() {
            eprintln!("skipped: no libpcap ({reason})");
            return;
        }
        match probe("nosuch0") {
            Err(CaptureError::NoSuchInterface { name, available }) => {
                assert_eq!(name, "nosuch0");
                assert!(
                    available
                        .iter()
                        .any(|name| name == "any" || name == "lo" || name == "lo0"),
                    "{available:?}"
                );
            }
            // Without rights libpcap may not get as far as the name.
            Err(CaptureError::Denied { remedy, .. }) => assert!(!remedy.is_empty()),
            other => panic!("{other:?}"),
        }
        assert_eq!(gone("nosuch0"), Some(Gone::Removed));
    }
}
