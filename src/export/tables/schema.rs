//! The tables and their columns: flat, with signed integers, everything nullable, so that any engine reads them and columns can
//! be added without a reader noticing.
//!
//! A column that stands in several tables has one name and one kind. New columns go to the end of a table; none is renamed or
//! removed without a new [`VERSION`].

/// What the metadata of every file says as `wireloupe.schema`.
pub const VERSION: &str = "1";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number of 64 bits.
    Long,
    /// A number of 32 bits.
    Int,
    /// Yes or no.
    Bool,
    /// Microseconds since 1970, UTC: what every engine can read.
    Time,
    /// Text of which there are few different ones: kept in a dictionary.
    Word,
    /// Any text, valid UTF-8.
    Text,
    /// Bytes.
    Bytes,
    /// A SHA-256: 32 bytes.
    Digest,
    /// A floating-point number.
    Double,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// A row a connection, when it ends.
    Connections,
    /// A row a message.
    Messages,
    /// A row a frame.
    Frames,
    /// A row a finding.
    Findings,
    /// A row a request over HTTP/1 that asks for no WebSocket, and its answer.
    Exchanges,
    /// A row an answer to a request inside messages, or a request without one.
    Calls,
}

impl Table {
    /// All of them.
    pub const ALL: [Table; 6] = [
        Table::Connections,
        Table::Messages,
        Table::Frames,
        Table::Findings,
        Table::Exchanges,
        Table::Calls,
    ];

    /// Its name, which its file has too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Table::Connections => "connections",
            Table::Messages => "messages",
            Table::Frames => "frames",
            Table::Findings => "findings",
            Table::Exchanges => "exchanges",
            Table::Calls => "calls",
        }
    }

    /// Its columns.
    #[must_use]
    pub fn columns(self) -> Vec<ColumnInfo> {
        let own = match self {
            Table::Connections => CONNECTIONS,
            Table::Messages => MESSAGES,
            Table::Frames => FRAMES,
            Table::Findings => FINDINGS,
            Table::Exchanges => EXCHANGES,
            Table::Calls => CALLS,
        };
        let all = COMMON.iter().chain(own);
        all.map(|(name, kind)| ColumnInfo {
            name: (*name).to_owned(),
            kind: *kind,
        })
        .collect()
    }
}

type Columns = &'static [(&'static str, Kind)];

/// What every row begins with: what it joins on, and when it happened.
pub(super) const COMMON: Columns = &[
    ("uid", Kind::Word),
    ("community_id", Kind::Word),
    ("connection", Kind::Long),
    ("time", Kind::Time),
    ("time_ns", Kind::Long),
];

const CONNECTIONS: Columns = &[
    ("closed", Kind::Time),
    ("closed_ns", Kind::Long),
    ("client_ip", Kind::Word),
    ("client_port", Kind::Int),
    ("server_ip", Kind::Word),
    ("server_port", Kind::Int),
    ("transport", Kind::Word),
    ("server_name", Kind::Word),
    ("first_packet", Kind::Long),
    ("packets", Kind::Long),
    ("outcome", Kind::Word),
    ("status", Kind::Int),
    ("method", Kind::Word),
    ("host", Kind::Word),
    ("target", Kind::Text),
    ("origin", Kind::Word),
    ("user_agent", Kind::Word),
    ("server_software", Kind::Word),
    ("version", Kind::Word),
    ("subprotocol", Kind::Word),
    ("extensions", Kind::Word),
    ("accept_valid", Kind::Bool),
    ("request_packet", Kind::Long),
    ("response_packet", Kind::Long),
    ("handshake_ns", Kind::Long),
    ("tunnel_target", Kind::Word),
    ("tunnel_status", Kind::Int),
    ("frames_client", Kind::Long),
    ("frames_server", Kind::Long),
    ("messages_client", Kind::Long),
    ("messages_server", Kind::Long),
    ("bytes_client", Kind::Long),
    ("bytes_server", Kind::Long),
    ("close_by", Kind::Word),
    ("close_code", Kind::Int),
    ("close_reason", Kind::Word),
    ("close_clean", Kind::Bool),
    ("close_ended_by", Kind::Word),
    ("protocol", Kind::Word),
];

const MESSAGES: Columns = &[
    ("packet", Kind::Long),
    ("message", Kind::Long),
    ("from_client", Kind::Bool),
    ("kind", Kind::Word),
    ("first_frame", Kind::Long),
    ("frame_count", Kind::Int),
    ("compressed", Kind::Bool),
    ("wire_length", Kind::Long),
    ("length", Kind::Long),
    ("complete", Kind::Bool),
    ("truncated", Kind::Bool),
    ("text", Kind::Text),
    ("data", Kind::Bytes),
    ("sha256", Kind::Digest),
    ("close_code", Kind::Int),
    ("close_reason", Kind::Word),
    ("round_trip_ns", Kind::Long),
    ("protocol", Kind::Word),
    ("protocols", Kind::Word),
    ("summary", Kind::Text),
    ("request", Kind::Long),
    ("call_ns", Kind::Long),
];

const FRAMES: Columns = &[
    ("packet", Kind::Long),
    ("frame", Kind::Long),
    ("from_client", Kind::Bool),
    ("fin", Kind::Bool),
    ("rsv", Kind::Int),
    ("opcode", Kind::Int),
    ("masked", Kind::Bool),
    ("payload_length", Kind::Long),
    ("captured_length", Kind::Long),
    ("header_length", Kind::Int),
    ("stream_offset", Kind::Long),
    ("packet_first", Kind::Long),
    ("packet_count", Kind::Int),
    ("message", Kind::Long),
];

const FINDINGS: Columns = &[
    ("packet", Kind::Long),
    ("from_client", Kind::Bool),
    ("severity", Kind::Word),
    ("code", Kind::Word),
    ("section", Kind::Word),
    ("frame", Kind::Long),
    ("message", Kind::Long),
    ("text", Kind::Text),
];

const EXCHANGES: Columns = &[
    ("client_ip", Kind::Word),
    ("client_port", Kind::Int),
    ("server_ip", Kind::Word),
    ("server_port", Kind::Int),
    ("method", Kind::Word),
    ("resource", Kind::Word),
    ("status", Kind::Int),
    ("event_stream", Kind::Bool),
    ("answered", Kind::Time),
    ("answered_ns", Kind::Long),
    ("ended", Kind::Time),
    ("ended_ns", Kind::Long),
    ("head_bytes_client", Kind::Long),
    ("head_bytes_server", Kind::Long),
    ("body_bytes_client", Kind::Long),
    ("body_bytes_server", Kind::Long),
];

const CALLS: Columns = &[
    ("packet", Kind::Long),
    ("protocol", Kind::Word),
    ("method", Kind::Word),
    ("from_client", Kind::Bool),
    ("request", Kind::Long),
    ("answer", Kind::Long),
    ("call_ns", Kind::Long),
    ("error", Kind::Bool),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_kind_in_all_tables_and_stands_once_in_each() {
        let mut kinds = std::collections::HashMap::new();
        for table in Table::ALL {
            let mut names = std::collections::HashSet::new();
            for column in table.columns() {
                assert!(names.insert(column.name.clone()), "{table:?} {column:?}");
                let kind = *kinds.entry(column.name.clone()).or_insert(column.kind);
                assert_eq!(kind, column.kind, "{table:?} {column:?}");
            }
        }
    }
}
