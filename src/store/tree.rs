//! The tree of a row, which `--format detail` prints and the interface folds: labels, values, bytes.
//!
//! There is one for each kind of row, made of the row alone, so it is the same whether the row comes as it happens or from
//! the store. What surrounds a row (its packets, what was found in it) is added by whoever has that.

mod connection;
mod frame;
mod message;
mod words;

pub use words::bytes;

use crate::base::{Field, Finding, Layer};
use crate::engine::{Connection, MessageEvent, Transport};

use super::row::Row;

impl Row<'_> {
    /// What the row is made of, the row itself first.
    #[must_use]
    pub fn tree(&self) -> Vec<Field> {
        match self {
            Row::Frame(event, connection) => {
                let tree = Vec::from([frame::tree(event, connection)]);
                in_layer(tree, stream_layer(connection))
            }
            Row::Message(event, _) => message_tree(event),
            Row::Finding(event, connection) => {
                let mut field = finding_tree(event.finding);
                let named = [("Frame", event.frame), ("Message", event.message)];
                let from = event.from.map(|from| Field::new("From", from.name()));
                field.children.extend(from);
                field.children.extend(
                    named
                        .into_iter()
                        .filter_map(|(label, number)| Some(Field::new(label, number?.to_string()))),
                );
                let layer = connection.map_or(Layer::Stream, stream_layer);
                in_layer(Vec::from([field]), layer)
            }
            Row::Connection(connection, _) => {
                in_layer(connection::trees(connection), stream_layer(connection))
            }
        }
    }
}

/// What a message is made of, and what it carries.
#[must_use]
pub fn message_tree(event: &MessageEvent<'_>) -> Vec<Field> {
    message::trees(event)
}

/// What the stream positions of a connection's frames count in.
#[must_use]
pub fn stream_layer(connection: &Connection) -> Layer {
    match connection.transport {
        Transport::Tls | Transport::Http2 | Transport::Http3 => Layer::Decrypted,
        Transport::Tcp => Layer::Stream,
    }
}

/// The same fields, counted in another layer.
fn in_layer(mut fields: Vec<Field>, layer: Layer) -> Vec<Field> {
    for field in &mut fields {
        if field.layer == Layer::Stream && field.span.is_some() {
            field.layer = layer;
        }
        field.children = in_layer(std::mem::take(&mut field.children), layer);
    }
    fields
}

/// What is wrong, with the rule that says so.
#[must_use]
pub fn finding_tree(finding: &Finding) -> Field {
    let code = finding.code;
    let label = format!("{}: {}", code.severity().name(), code.name());
    let field = Field::new(label, finding.text.clone()).with(Field::new("Rule", code.meaning()));
    Field {
        section: code.section().unwrap_or_default(),
        span: finding.span,
        layer: Layer::Stream,
        ..field
    }
}

#[cfg(test)]
mod tests;
