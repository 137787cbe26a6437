//! What is shown of one row: its tree, its bytes, which of them each field was read from, its bits, its ladder.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use wireloupe::base::{Field, PacketNumber, escape};
use wireloupe::store::Store;
use wireloupe::view::hex::{Bytes, Tab};
use wireloupe::view::ladder::{Ladder, RungKind};
use wireloupe::view::{fields, rows::RowId};
use wireloupe::websocket::layout::parts;
use wireloupe::websocket::{draft_layout, mask};

use crate::rows::{COVER, RowName};

/// Bytes shown at once.
const BYTES: usize = 16 << 10;
/// Masked bytes shown one by one.
const MASKED: usize = 64;

/// Looks at a row; what is `covered` is not told.
pub(crate) fn detail(
    store: &Store,
    id: &str,
    tab: &str,
    packet: Option<u64>,
    covered: &[String],
) -> Option<Value> {
    let name = RowName::of(id)?;
    let place = name.place(store);
    let (row, (tree, packets)) = match place {
        Some(RowName::Row(row)) => (Some(row), fields::row(store, row)),
        Some(RowName::Connection(index)) => (None, fields::connection(store, index)),
        _ => (None, Default::default()),
    };
    // What is about no connection is seen in its packet.
    let packet = packet.or_else(|| name.packet(store));
    let mut bytes = Bytes::default();
    bytes.tab = Tab::ALL
        .into_iter()
        .find(|one| one.name() == tab)
        .unwrap_or_default();
    bytes.show(store, row, packet.map(PacketNumber));
    let mut nodes = Vec::new();
    for (top, field) in tree.iter().enumerate() {
        let own = packets.iter().find(|(at, _)| *at == top);
        let own = own.map(|(_, packet)| *packet);
        node(store, &bytes, field, own, 0, covered, &mut nodes);
    }
    let shown = bytes.bytes.get(..BYTES).unwrap_or(&bytes.bytes);
    let tabs = Tab::ALL.iter().zip(bytes.has);
    // Unmasked or inflated, bytes would tell what is covered.
    let tabs = tabs.take(if covered.is_empty() { usize::MAX } else { 2 });
    Some(json!({
        "tree": nodes,
        "connection": name.connection(store),
        "bytes": STANDARD.encode(shown),
        "length": bytes.bytes.len(),
        "base": bytes.base,
        "tab": bytes.tab.name(),
        "tabs": tabs.filter(|(_, has)| *has).map(|(tab, _)| tab.name()).collect::<Vec<_>>(),
        "packet": bytes.packet.map(|packet| packet.0),
    }))
}

/// A field and what it is made of, as a flat list with depths.
fn node(
    store: &Store,
    bytes: &Bytes,
    field: &Field,
    packet: Option<PacketNumber>,
    depth: usize,
    covered: &[String],
    out: &mut Vec<Value>,
) {
    // What has no name of its own says the same in other words.
    let is_named = |name: &String| field.name.is_empty() || *name == field.name;
    let is_covered = covered.iter().any(is_named);
    let ranges = bytes.ranges(store, field, packet);
    let ranges: Vec<_> = ranges
        .iter()
        .map(|range| [range.start, range.end])
        .collect();
    out.push(json!({
        "depth": depth,
        "name": field.name,
        "label": field.label,
        "value": if is_covered { COVER } else { &field.value },
        "bits": if is_covered { "" } else { &field.bits },
        "section": field.section,
        "ranges": ranges,
        "packet": packet.map(|packet| packet.0),
        "inner": !field.children.is_empty(),
    }));
    for child in &field.children {
        node(store, bytes, child, packet, depth + 1, covered, out);
    }
}

pub(crate) fn ruler(store: &Store, index: u32) -> Option<Value> {
    let record = store.frame(index)?;
    let header = record.header(store.odd(index));
    let framing = store.framing(record.connection);
    let sent = store.header_bytes(index);
    let part = |label: &str, first: u16, len: u16, bits: String, value: String| json!({"label": label, "first": first, "len": len, "bits": bits, "value": value});
    let (drawn, title): (Vec<Value>, String) = match framing.draft() {
        None => (
            parts(&header)
                .map(|one| {
                    part(
                        one.label,
                        one.first_bit,
                        one.bit_len,
                        one.bits(&sent),
                        one.value(&header),
                    )
                })
                .collect(),
            "RFC 6455 5.2".to_owned(),
        ),
        Some(draft) => {
            let header = draft_layout::header(framing, record.from(), &sent);
            let parts = header.parts.iter();
            (
                parts
                    .map(|one| {
                        part(
                            one.label,
                            one.first_bit,
                            one.bit_len,
                            one.bits(&header.plain),
                            one.value.clone(),
                        )
                    })
                    .collect(),
                draft.to_string(),
            )
        }
    };
    let masking = header
        .masking_key
        .filter(|_| framing.draft().is_none())
        .map(|key| {
            let plain = store.payload(index, MASKED).unwrap_or_default();
            let mut masked = plain.clone();
            mask::unmask(&mut masked, key, 0);
            let pairs = plain.iter().zip(&masked).map(|(plain, sent)| {
            json!({"sent": sent, "plain": plain, "text": escape::text(&[*plain])})
        });
            json!({"key": key, "bytes": pairs.collect::<Vec<_>>()})
        });
    Some(json!({
        "title": format!("Frame {} ({title})", record.number),
        "from": record.from().name(),
        "sent": sent,
        "parts": drawn,
        "length": header.payload_length,
        "masking": masking,
    }))
}

pub(crate) fn ladder(ladder: &Ladder) -> Value {
    let rungs = ladder.rungs.iter().map(|rung| {
        let (kind, row) = match rung.kind {
            RungKind::Tcp => ("tcp", None),
            RungKind::Tls => ("tls", None),
            RungKind::Http => ("http", None),
            RungKind::Frame(index) => ("frame", Some(RowName::Row(RowId::Frame(index)).id())),
            RungKind::Finding(severity) => (severity.name(), None),
            RungKind::LeftOut(_) => ("left-out", None),
            RungKind::Gap(_) => ("gap", None),
            _ => ("other", None),
        };
        json!({
            "packet": rung.packet.map(|packet| packet.0),
            "time": rung.time.map(|time| time.seconds_since(ladder.start)),
            "from": rung.from.map(|side| side.name()),
            "kind": kind,
            "row": row,
            "label": rung.label,
        })
    });
    let ends = ladder.lifelines.iter();
    let ends = ends.map(|end| json!({"name": end.name, "address": end.address.to_string()}));
    json!({"lifelines": ends.collect::<Vec<_>>(), "rungs": rungs.collect::<Vec<_>>()})
}
