use crate::base::{FieldInfo, Side, Timestamp, Type, Value};
use crate::engine::{MessageEvent, Moment};
use crate::payload::{Conversation, Decode, Decoder, Fit, Given, GivenKind, Opening, Out, Payload};
use crate::websocket::{Message, MessageKind};

use super::message_tree;

static COLOUR: FieldInfo = FieldInfo::new("paint.colour", "Colour", Type::Text, "A colour.");
static LAYERS: FieldInfo = FieldInfo::new("paint.layers", "Layers", Type::Unsigned, "How many.");

/// A protocol of a colour, a blank and a digit.
static PAINT: Decoder = Decoder {
    name: "paint",
    title: "Paint",
    fields: &[&COLOUR, &LAYERS],
    start: |_| Box::new(Paint),
    ..Decoder::BASE
};

#[derive(Clone, Debug)]
struct Paint;

impl Decode for Paint {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let text = message.utf8().unwrap_or_default();
        let Some((colour, layers)) = text.split_once(' ') else {
            return Fit::No;
        };
        out.unit(PAINT.title);
        let place = out.span(colour.as_bytes());
        out.field(&COLOUR, colour).at(place);
        out.field(&LAYERS, layers.parse::<u64>().unwrap_or_default());
        out.summary(text.to_owned());
        Fit::Yes
    }
}

/// A text message that was sent whole.
fn text(data: &[u8]) -> Message<'_> {
    Message {
        kind: MessageKind::Text,
        compressed: false,
        wire_length: data.len() as u64,
        length: Some(data.len() as u64),
        complete: true,
        valid_utf8: Some(true),
        data: Some(data),
        beginning: data,
        truncated: false,
        sha256: None,
        close: None,
        span: crate::base::Span::default(),
        frame_count: 1,
        fragments: &[],
    }
}

#[test]
fn a_decoder_of_two_fields_is_in_the_tree_with_their_bytes_and_values() {
    let data = b"red 3";
    let mut conversation = Conversation::new(Opening::default(), Some(&PAINT));
    let decoded = conversation.message(&Given {
        from: Side::Client,
        number: 1,
        time: Timestamp(0),
        kind: GivenKind::Text,
        bytes: Some(data),
    });
    let message = text(data);
    let event = MessageEvent {
        message: &message,
        number: 1,
        from: Side::Client,
        at: Moment::default(),
        frames: &[1],
        round_trip: None,
        decoded: decoded.as_ref(),
        conversation: None,
        has_finding: false,
    };
    let trees = message_tree(&event);
    assert_eq!(trees[0].label, "Message 1");
    assert_eq!((&*trees[1].label, &*trees[1].value), ("paint", "red 3"));
    let unit = trees[1].children.last().unwrap();
    assert_eq!(unit.label, "Paint");
    let [colour, layers] = &unit.children[..] else {
        panic!("{unit:?}")
    };
    assert_eq!((colour.name, &*colour.value), ("paint.colour", "red"));
    assert_eq!(colour.span, Some(crate::base::Span::new(0, 3)));
    let typed = |field: &crate::base::Field| field.typed.clone().unwrap();
    assert_eq!(typed(colour).value(), Value::Text("red"));
    assert_eq!(
        (&*layers.label, typed(layers).value()),
        ("Layers", Value::Unsigned(3))
    );
}
