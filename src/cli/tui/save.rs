//! Saving from the interface: a payload, the rows of the list, the packets of a connection.

use std::io;
use std::path::Path;

use hashbrown::HashMap;

use crate::base::{LinkType, Needs, PacketNumber};
use crate::capture::{Interface, Origin, PacketToWrite, PcapngWriter};
use crate::cli::output::Output;
use crate::cli::printing;
use crate::export::{Format, Merger, Ndjson, Page, Palette, Text, comment};
use crate::store::{PacketEntry, Row, Store};
use crate::tui::{self, App, RowId, Save};

use super::load::About;

/// Bytes of a payload saved.
const SAVED: usize = 1 << 30;

/// Saves what the user asked for; answers what to tell.
pub(super) fn save(app: &App, what: Save, path: &str, about: &About) -> String {
    if Path::new(path).exists() {
        return format!("not saved: {path} exists already");
    }
    match write(app, what, path, about) {
        Ok(told) => format!("saved {told} to {path}"),
        Err(error) => format!("not saved: {error:#}"),
    }
}

fn write(app: &App, what: Save, path: &str, about: &About) -> anyhow::Result<String> {
    let missing = || anyhow::anyhow!("the bytes are not kept");
    let output = Output::open(Some(Path::new(path)), false)?;
    let (bytes, told) = match what {
        Save::Payload => {
            let row = app.list.selected(&app.store).ok_or_else(missing)?;
            let bytes = tui::data(&app.store, row, SAVED).ok_or_else(missing)?;
            let told = format!("{} bytes", bytes.len());
            (bytes, told)
        }
        Save::Text => rows(
            app,
            &mut Text::new(app.store.start(), false, Palette::default()),
        ),
        Save::Ndjson => rows(app, &mut Ndjson::new(true)),
        Save::Packets => {
            let flow = app.list.flow(&app.store).ok_or_else(missing)?;
            let mut written = (0, 0);
            printing::whole(output, |out| {
                written = packets(&app.store, flow, about, out)?;
                Ok(())
            })?;
            return Ok(match written {
                (count, 0) => format!("{count} packets"),
                (count, gone) => format!("{count} packets ({gone} more are no longer kept)"),
            });
        }
    };
    printing::whole(output, |out| out.write_all(&bytes))?;
    Ok(told)
}

/// Writes the packets of a flow with the findings as comments: how many, and how many are no longer kept.
fn packets(
    store: &Store,
    flow: u32,
    about: &About,
    out: &mut dyn io::Write,
) -> io::Result<(u64, u64)> {
    let origin = Origin {
        application: format!("wireloupe {}", env!("CARGO_PKG_VERSION")),
        ..Origin::default()
    };
    let mut writer = PcapngWriter::new(out, &origin)?;
    for secrets in &about.secrets {
        writer.secrets(secrets.kind, &secrets.bytes)?;
    }
    let comments = comments(store, flow);
    let mut interfaces = HashMap::new();
    let (mut written, mut gone) = (0, 0);
    for at in 0..store.packets_of_flow(flow) {
        let Some(entry) = store.flow_packet(flow, at) else {
            break;
        };
        let Some(packet) = store.read(&entry) else {
            gone += 1;
            continue;
        };
        let place = (packet.link, entry.position().file());
        let interface = match interfaces.get(&place) {
            Some(number) => *number,
            None => {
                let number = writer.interface(&described(about, packet.link, &entry))?;
                interfaces.insert(place, number);
                number
            }
        };
        writer.packet(&PacketToWrite {
            interface,
            time: packet.time,
            original: packet.original,
            bytes: &packet.bytes,
            comments: comments.get(&packet.number).map_or(&[], Vec::as_slice),
        })?;
        written += 1;
    }
    writer.flush()?;
    Ok((written, gone))
}

/// The findings of a flow's connections, by packet.
fn comments(store: &Store, flow: u32) -> HashMap<PacketNumber, Vec<String>> {
    let mut comments: HashMap<PacketNumber, Vec<String>> = HashMap::new();
    let indices = 0..store.connections().len() as u32;
    for entry in indices
        .filter(|index| store.flow_of(*index) == Some(flow))
        .filter_map(|index| store.connection(index))
    {
        let found = entry.findings.iter();
        for record in found.filter_map(|at| store.findings().get(*at as usize)) {
            let text = comment(&record.finding);
            comments.entry(record.packet).or_default().push(text);
        }
    }
    comments
}

/// The interface of a packet, as its file described it.
fn described(about: &About, link: LinkType, entry: &PacketEntry) -> Interface {
    let file = about.files.get(usize::from(entry.position().file()));
    let known = file.and_then(|file| {
        let mut interfaces = file.interfaces.iter();
        interfaces.find(|interface| interface.link == link).cloned()
    });
    known.unwrap_or_else(|| Interface {
        link,
        ..Interface::default()
    })
}

/// The rows of the list as an export prints them.
fn rows<F: Format>(app: &App, format: &mut F) -> (Vec<u8>, String) {
    let store = &app.store;
    let mut page = Page::default();
    let mut merger = Merger::default();
    let mut out = Vec::new();
    for entry in store.connections() {
        let known = &entry.connection;
        page.opened(known.id, PacketNumber(u64::from(known.id.0)), 0);
    }
    let needs = Needs::PAYLOAD | Needs::MESSAGES | Needs::DIGEST | Needs::EXTENTS;
    let count = app.list.len(store);
    for at in 0..count {
        let Some(row) = app.list.row(store, at) else {
            break;
        };
        let each = |row: Row<'_>| match row {
            Row::Frame(event, connection) => format.frame(&mut page, event, connection),
            Row::Message(event, connection) => format.message(&mut page, event, connection),
            Row::Finding(event, connection) => format.finding(&mut page, event, connection),
            Row::Connection(connection, at) => format.connection(&mut page, connection, at),
        };
        match row {
            RowId::Frame(index) => store.with_frame(index, needs, each),
            RowId::Message(index) => store.with_message(index, needs, each),
            RowId::Packet(..) => {
                let line = tui::row_text(app, at, row);
                out.extend_from_slice(line.as_bytes());
                out.push(b'\n');
                None
            }
        };
        merger.merge(std::slice::from_ref(&page), &mut out);
        page.clear();
    }
    (out, format!("{count} rows"))
}
