//! The text of `wireloupe interfaces`: what can be captured on, and what to do where it cannot.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::{
    base::escape,
    capture::live::{Access, CaptureError, Interface, interfaces},
};

/// Why the list was not written.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The interfaces could not be listed.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The text could not be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes the interfaces of this machine as a table, and below it what to do about those that refuse.
///
/// `width` is the terminal's, in columns; descriptions that do not fit are left out. `None` has room for everything.
///
/// # Errors
/// [`ListError`]; a machine without interfaces is none.
pub fn run(out: &mut impl Write, width: Option<usize>) -> Result<(), ListError> {
    let interfaces = interfaces()?;
    write(out, &interfaces, width)?;
    Ok(())
}

const HEADINGS: [&str; 5] = ["NAME", "STATE", "CAPTURE", "ADDRESS", "DESCRIPTION"];

fn write(out: &mut impl Write, interfaces: &[Interface], width: Option<usize>) -> io::Result<()> {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(interfaces.iter().flat_map(rows_of));
    let column = |index: usize| rows.iter().map(|row| row[index].width()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(column);
    let full: usize = widths.iter().map(|width| width + 2).sum();
    let described = rows.iter().skip(1).any(|row| !row[4].is_empty());
    let columns = if described && width.is_none_or(|width| full <= width + 2) {
        5
    } else {
        4
    };
    for row in &rows {
        let mut line = String::new();
        for (text, width) in row.iter().zip(widths).take(columns) {
            line.push_str(text);
            line.extend(std::iter::repeat_n(' ', width - text.width() + 2));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    for (names, remedy) in remedies(interfaces) {
        writeln!(out, "\nTo capture on {names}:\n  {remedy}")?;
    }
    Ok(())
}

/// The rows of one interface: further addresses stand below the first.
fn rows_of(interface: &Interface) -> Vec<[String; 5]> {
    let capture = match &interface.access {
        Access::Allowed => "yes".to_owned(),
        Access::Denied { why, .. } => format!("no: {}", escape::text(why.as_bytes())),
    };
    let mut addresses = interface.addresses.iter().map(ToString::to_string);
    let mut rows = vec![[
        escape::text(interface.name.as_bytes()),
        state(interface),
        capture,
        addresses.next().unwrap_or_else(|| "-".into()),
        escape::text(
            interface
                .description
                .as_deref()
                .unwrap_or_default()
                .as_bytes(),
        ),
    ]];
    rows.extend(addresses.map(|address| {
        let [name, state, capture, description] = [const { String::new() }; 4];
        [name, state, capture, address, description]
    }));
    rows
}

pub(super) fn state(interface: &Interface) -> String {
    let mut state = match (interface.up, interface.running) {
        (false, _) => "down",
        (true, false) => "up, no link",
        (true, true) => "up",
    }
    .to_owned();
    for (is, word) in [
        (interface.loopback, ", loopback"),
        (interface.wireless, ", wireless"),
    ] {
        if is {
            state.push_str(word);
        }
    }
    state
}

/// What to do, each remedy once with the interfaces it is for.
fn remedies(interfaces: &[Interface]) -> Vec<(String, &str)> {
    let mut remedies: Vec<(String, &str)> = Vec::new();
    for interface in interfaces {
        let Access::Denied { remedy, .. } = &interface.access else {
            continue;
        };
        let name = escape::text(interface.name.as_bytes());
        match remedies.iter_mut().find(|(_, known)| known == remedy) {
            _ if remedy.is_empty() => {}
            Some((names, _)) => *names = format!("{names}, {name}"),
            None => remedies.push((name, remedy)),
        }
    }
    remedies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, addresses: &[&str], access: Access) -> Interface {
        Interface {
            name: name.into(),
            description: None,
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            up: true,
            running: true,
            loopback: name == "lo",
            wireless: false,
            link_type: None,
            access,
        }
    }

    fn denied(why: &str, remedy: &str) -> Access {
        Access::Denied {
            why: why.into(),
            remedy: remedy.into(),
        }
    }

    fn text(interfaces: &[Interface], width: Option<usize>) -> String {
        let mut out = Vec::new();
        write(&mut out, interfaces, width).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_table_tells_state_addresses_and_access() {
        let down = Interface {
            up: false,
            ..interface("veth1", &[], denied("it is down", "switch it on"))
        };
        let interfaces = [
            interface("lo", &["127.0.0.1", "::1"], Access::Allowed),
            down,
        ];
        let expected = "\
NAME   STATE         CAPTURE         ADDRESS
lo     up, loopback  yes             127.0.0.1
                                     ::1
veth1  down          no: it is down  -

To capture on veth1:
  switch it on
";
        assert_eq!(text(&interfaces, None), expected);
    }

    #[test]
    fn a_remedy_for_many_is_said_once() {
        let all = ["eth0", "wlan0"]
            .map(|name| interface(name, &[], denied("you may not", "sudo setcap x")));
        assert!(text(&all, None).ends_with("\nTo capture on eth0, wlan0:\n  sudo setcap x\n"));
    }

    #[test]
    fn descriptions_go_where_there_is_room_and_are_escaped() {
        let odd = Interface {
            description: Some("evil \x1b[2J".into()),
            ..interface("any", &[], Access::Allowed)
        };
        let wide = text(std::slice::from_ref(&odd), None);
        assert!(wide.contains("evil") && !wide.contains('\x1b'));
        assert!(!text(&[odd], Some(30)).contains("evil"));
    }
}
