//! What messages are to be read as: `--payload-as` and `--proto`.

use std::ffi::OsStr;
#[cfg(feature = "protobuf")]
use std::{path::PathBuf, sync::Arc};

use anyhow::bail;
use clap::Args;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::{Error, ErrorKind};

use crate::engine::{PayloadAs, PayloadOf};
use crate::payload::DECODERS;
#[cfg(feature = "protobuf")]
use crate::payload::Schema;
use crate::run::{ConnectionKey, Numbers};

/// What is said of what messages carry.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PayloadArgs {
    /// Read messages as this protocol or encoding, whatever they seem to be: of all connections, or of those whose request has
    /// this path, or of the one of this number. May be given several times; the first that fits counts.
    #[arg(
        long,
        value_name = "PROTOCOL[,/PATH|,N]",
        value_parser = Parser,
        hide_possible_values = true
    )]
    pub(crate) payload_as: Vec<Asked>,

    /// Read binary messages by this Protocol Buffers schema, where they fit it: a .proto file, or what protoc wrote with
    /// --descriptor_set_out and --include_imports.
    #[cfg(feature = "protobuf")]
    #[arg(long, value_name = "FILE", requires = "proto_type")]
    pub(crate) proto: Option<PathBuf>,

    /// The message type of the schema that messages are, such as chat.v1.Event.
    #[cfg(feature = "protobuf")]
    #[arg(long, value_name = "NAME", requires = "proto")]
    pub(crate) proto_type: Option<String>,

    /// What it comes to.
    #[arg(skip)]
    pub(crate) settled: Settled,
}

/// What engines are told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settled {
    pub(crate) payload_as: Vec<PayloadAs>,
    #[cfg(feature = "protobuf")]
    pub(crate) schema: Option<Arc<Schema>>,
}

/// A protocol, and the connections that are asked to be read as it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    protocol: &'static str,
    of: Which,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Which {
    All,
    Path(Box<str>),
    Connection(u32),
}

impl PayloadArgs {
    /// Whether a connection is named by its number, which a pass before must give.
    pub(crate) fn names_connection(&self) -> bool {
        let mut asked = self.payload_as.iter();
        asked.any(|asked| matches!(asked.of, Which::Connection(_)))
    }

    /// Settles what engines are told; `numbers` are those of the capture, where a connection is named.
    ///
    /// # Errors
    /// When there is no such connection, or the schema cannot be used.
    pub(crate) fn settle(&mut self, numbers: Option<&Numbers>) -> anyhow::Result<()> {
        let asked = self.payload_as.iter();
        self.settled.payload_as = asked
            .map(|asked| asked.settle(numbers))
            .collect::<anyhow::Result<_>>()?;
        #[cfg(feature = "protobuf")]
        if let (Some(file), Some(name)) = (&self.proto, &self.proto_type) {
            self.settled.schema = Some(Arc::new(Schema::open(file, name)?));
        }
        Ok(())
    }
}

impl Asked {
    fn settle(&self, numbers: Option<&Numbers>) -> anyhow::Result<PayloadAs> {
        let of = match &self.of {
            Which::All => PayloadOf::All,
            Which::Path(path) => PayloadOf::Path(path.clone()),
            Which::Connection(number) => {
                let numbers = numbers.map_or((None, 0), |all| (all.key(*number), all.count()));
                let (
                    Some(ConnectionKey {
                        first_packet,
                        ordinal,
                    }),
                    _,
                ) = numbers
                else {
                    bail!(
                        "--payload-as {},{number}: there is no connection {number}: the capture has {}",
                        self.protocol,
                        numbers.1
                    );
                };
                PayloadOf::Connection(first_packet, ordinal)
            }
        };
        Ok(PayloadAs {
            protocol: self.protocol,
            of,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (name, of) = match text.split_once(',') {
            Some((name, of)) => (name, Some(of)),
            None => (text, None),
        };
        let Some(protocol) = protocol(name) else {
            return Err(format!("there is no protocol {name:?}: {}", alike(name)));
        };
        let of = match of {
            None => Which::All,
            Some(path) if path.starts_with('/') => {
                let path = path.split('?').next().unwrap_or_default();
                Which::Path(path.into())
            }
            Some(number) => match number.parse() {
                Ok(number @ 1..) => Which::Connection(number),
                _ => {
                    return Err(format!(
                        "{number:?} is neither the path of a request, which begins with /, nor the number of a connection"
                    ));
                }
            },
        };
        Ok(Self { protocol, of })
    }
}

/// A name without what people write differently.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_ascii_alphanumeric());
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

fn names() -> impl Iterator<Item = &'static str> {
    DECODERS.iter().map(|decoder| decoder.name)
}

fn protocol(name: &str) -> Option<&'static str> {
    let wanted = plain(name);
    names()
        .find(|known| *known == name)
        .or_else(|| names().find(|known| plain(known) == wanted))
}

/// The names that may have been meant, else all.
fn alike(name: &str) -> String {
    let wanted = plain(name);
    let meant: Vec<_> = names()
        .filter(|known| {
            let known = plain(known);
            let is_part = known.contains(&wanted) || wanted.contains(&known);
            wanted.len() > 1 && is_part
        })
        .collect();
    // Few get the first letter wrong, and names are short.
    let begin = names().filter(|known| known.chars().next() == name.chars().next());
    let near = crate::filter::nearest(name, begin);
    let meant = match (meant.is_empty(), near) {
        (true, Some(near)) => vec![near],
        _ => meant,
    };
    match meant.is_empty() {
        true => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
        false => format!("did you mean {}?", meant.join(" or ")),
    }
}

/// Reads the value, and tells shells the names of protocols.
#[derive(Clone, Debug)]
struct Parser;

impl TypedValueParser for Parser {
    type Value = Asked;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Asked, Error> {
        let text = StringValueParser::new().parse_ref(command, argument, value)?;
        Asked::parse(&text).map_err(|why| {
            let message = format!("--payload-as {text}: {why}\n");
            Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let value = |decoder: &&'static crate::payload::Decoder| {
            PossibleValue::new(decoder.name).help(decoder.title)
        };
        Some(Box::new(DECODERS.iter().map(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_paths_and_numbers_are_read_and_errors_say_what_is_possible() {
        let asked = |text: &str| Asked::parse(text).map(|asked| (asked.protocol, asked.of));
        assert_eq!(asked("mqtt"), Ok(("mqtt", Which::All)));
        assert_eq!(asked("SocketIO,3"), Ok(("socket.io", Which::Connection(3))));
        let path = Which::Path("/a,b".into());
        assert_eq!(asked("json_rpc,/a,b?x=1"), Ok(("json-rpc", path)));
        for (text, part) in [
            ("mqt", "did you mean mqtt?"),
            ("stmop", "did you mean stomp?"),
            ("", "there are engine.io, socket.io"),
            ("smtp", "vite-hmr"),
            ("mqtt,ws", "\"ws\" is neither the path"),
            ("mqtt,0", "neither"),
        ] {
            let error = asked(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
