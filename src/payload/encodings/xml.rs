//! XML (W3C, 1.0), where a whole text message is one well-formed element.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::base::{FieldInfo, Span, Type};
use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Out, Payload, summary};

/// Elements shown.
const ELEMENTS: usize = 1000;
/// How deep elements lie in one another.
const DEPTH: usize = 128;
/// Attributes of an element that are shown.
const ATTRIBUTES: usize = 32;

static ROOT: FieldInfo = FieldInfo::new(
    "xml.root",
    "Root",
    Type::Text,
    "Name of the outermost element of an XML message, without its prefix.",
);
static NAMESPACE: FieldInfo = FieldInfo::new(
    "xml.namespace",
    "Namespace",
    Type::Text,
    "What the outermost element of an XML message says its names belong to.",
);

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "xml",
    title: "XML",
    fields: &[&ROOT, &NAMESPACE],
    claim,
    start: |_| Box::new(Xml),
    is_encoding: true,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let Payload { kind, bytes, .. } = *evidence.payload;
    let bytes = bytes.trim_ascii();
    let begins = matches!(
        bytes,
        [
            b'<',
            b'?' | b'!' | b'_' | b'a'..=b'z' | b'A'..=b'Z',
            ..,
            b'>',
        ]
    );
    (kind == Kind::Text && begins).then(|| Claim::certain("it is well-formed XML"))?
}

/// What a document has that is shown.
#[derive(Debug)]
enum Node<'a> {
    Element {
        depth: u8,
        span: Span,
        start: BytesStart<'a>,
    },
    Text {
        depth: u8,
        span: Span,
        text: String,
    },
}

/// The nodes of a document; `None` where it is not well-formed.
fn nodes(text: &str) -> Option<Vec<Node<'_>>> {
    let mut reader = Reader::from_str(text);
    let mut nodes = Vec::new();
    let mut depth = 0_usize;
    let mut roots = 0_usize;
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().ok()?;
        let span = Span::new(at, reader.buffer_position());
        let is_shown = nodes.len() < ELEMENTS;
        match event {
            Event::Start(start) => {
                roots += usize::from(depth == 0);
                sound(&start)?;
                if is_shown {
                    let depth = u8::try_from(depth).ok()?;
                    nodes.push(Node::Element { depth, span, start });
                }
                depth += 1;
                if depth > DEPTH {
                    return None;
                }
            }
            Event::Empty(start) => {
                roots += usize::from(depth == 0);
                sound(&start)?;
                if is_shown {
                    let depth = u8::try_from(depth).ok()?;
                    nodes.push(Node::Element { depth, span, start });
                }
            }
            Event::End(_) => depth = depth.checked_sub(1)?,
            Event::Text(inside) => {
                let text: &str = &inside;
                if text.trim_ascii().is_empty() {
                    continue;
                }
                // Text stands inside the one element.
                let depth = u8::try_from(depth).ok().filter(|depth| *depth > 0)?;
                let text = text.trim_ascii().to_owned();
                if is_shown {
                    nodes.push(Node::Text { depth, span, text });
                }
            }
            Event::CData(inside) => {
                let depth = u8::try_from(depth).ok().filter(|depth| *depth > 0)?;
                let text = inside.to_string();
                if is_shown {
                    nodes.push(Node::Text { depth, span, text });
                }
            }
            Event::Eof => return (depth == 0 && roots == 1).then_some(nodes),
            _ => {}
        }
    }
}

/// Whether an element's attributes are.
fn sound(start: &BytesStart<'_>) -> Option<()> {
    start
        .attributes()
        .all(|attribute| attribute.is_ok())
        .then_some(())
}

#[derive(Clone, Debug)]
struct Xml;

impl Decode for Xml {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Some(text) = message.text() else {
            return Fit::No;
        };
        let Some(nodes) = nodes(text) else {
            return Fit::No;
        };
        let span = out.span(message.bytes);
        out.unit(DECODER.title).at(span);
        if let Some(Node::Element { start, .. }) = nodes.first() {
            root(start, out);
        }
        let depth = out.depth;
        for node in &nodes {
            write(node, depth, out);
        }
        out.depth = depth;
        Fit::Yes
    }
}

fn root(start: &BytesStart<'_>, out: &mut Out<'_, '_>) {
    let name = start.local_name().into_inner().to_owned();
    let namespace = match start.name().prefix() {
        Some(prefix) => format!("xmlns:{}", prefix.into_inner()),
        None => "xmlns".to_owned(),
    };
    let namespace = start
        .attributes()
        .flatten()
        .find(|attribute| attribute.key.into_inner() == namespace)
        .map(|attribute| attribute.value.into_owned());
    out.summary(format!("<{}>", summary::part(&name)));
    out.field(&ROOT, name);
    if let Some(namespace) = namespace {
        out.field(&NAMESPACE, namespace);
    }
}

/// A line for an element, with its attributes below it, or for text.
fn write(node: &Node<'_>, depth: u8, out: &mut Out<'_, '_>) {
    match node {
        Node::Element {
            depth: inside,
            span,
            start,
        } => {
            out.depth = depth.saturating_add(*inside);
            let span = place(*span, out);
            let name = start.name().into_inner().to_owned();
            out.line("Element", name).at(span);
            out.depth = out.depth.saturating_add(1);
            for attribute in start.attributes().flatten().take(ATTRIBUTES) {
                let name = attribute.key.into_inner().to_owned();
                let value = attribute.value.into_owned();
                out.line(name, value);
            }
        }
        Node::Text {
            depth: inside,
            span,
            text,
        } => {
            out.depth = depth.saturating_add(*inside);
            let span = place(*span, out);
            out.line("Text", text.clone()).at(span);
        }
    }
}

fn place(span: Span, out: &Out<'_, '_>) -> Option<Span> {
    let index = |position: u64| usize::try_from(position).ok();
    out.range(index(span.start)?, index(span.end)?)
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field};

    #[test]
    fn a_whole_element_is_opened() {
        let text = "<?xml version=\"1.0\"?>\n<s:Envelope xmlns:s=\"http://soap\"><s:Body a='1'>hi &amp; bye<e/></s:Body></s:Envelope>";
        let mut talk = Talk::unknown();
        let decoded = talk.client(text).unwrap();
        assert_eq!(
            (decoded.protocol(), &*decoded.summary),
            ("xml", "<Envelope>")
        );
        assert_eq!(field(&decoded, "xml.namespace"), ["http://soap"]);
        let lines: Vec<String> = decoded
            .items
            .iter()
            .map(|item| format!("{}{}", item.depth, item.label))
            .collect();
        assert_eq!(lines[3..7], ["1Element", "2xmlns:s", "2Element", "3a"]);
        let body = decoded.items[5].span.unwrap();
        assert_eq!(
            &text[body.start as usize..body.end as usize],
            "<s:Body a='1'>"
        );
    }

    #[test]
    fn what_is_not_well_formed_is_text() {
        let deep = "<a>".repeat(100_000);
        for text in [
            "<a>",
            "<a></b>",
            "a < b > c",
            "<3",
            "<a/><b/>",
            "<a/>x",
            "<a b></a>",
            "<a b='1' b='2'/>",
            "<>",
            "<hello>",
            &deep,
        ] {
            assert!(Talk::unknown().client(text).is_none(), "{text:.20}");
        }
    }
}
