//! One layer of a connection: which decoder was chosen for it, and the layer inside.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use smallvec::SmallVec;

use super::DECODERS;
use super::claim::{Claim, Confidence, Evidence, Opening};
use super::decoded::Item;
use super::decoder::{Decode, Decoder, Fit};
use super::encodings::protobuf::DECODER as PROTOBUF;
use super::json::Outline;
use super::message::{Kind, Payload};
use super::out::{Gathered, InnerLayer, Out, Place};
use crate::base::{PerSide, Side, Timestamp};

/// Messages looked at before a layer is taken for what it seems: no protocol.
const LOOKED_AT: u32 = 64;
/// The same where nothing but a protocol's heart-beats is asked for: those that have any show themselves at the beginning.
const LOOKED_AT_BRIEFLY: u32 = 4;
/// Messages that do not fit before a choice is given up that only content spoke for; and how many more must not fit than
/// did.
const MISFITS: u32 = 2;

/// Bytes of a side's first messages looked at as the beginning of a stream.
const BEGINNING: usize = 32;

/// A layer of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    chosen: Option<Chosen>,
    seen: u32,
    begun: PerSide<Beginning>,
    inner: Option<Box<Layer>>,
    /// Decoders that were chosen for what messages look like, which then turned out to be something else.
    refuted: SmallVec<[&'static str; 2]>,
}

/// The bytes of a side's first messages, as long as they are binary and few.
#[derive(Clone, Debug, Default)]
struct Beginning {
    bytes: SmallVec<[u8; BEGINNING]>,
    is_over: bool,
}

impl Beginning {
    fn push(&mut self, payload: &Payload<'_>) {
        let len = self.bytes.len() + payload.bytes.len();
        self.is_over |= payload.kind == Kind::Text || len > BEGINNING;
        match self.is_over {
            true => self.bytes.clear(),
            false => self.bytes.extend_from_slice(payload.bytes),
        }
    }

    /// The bytes with those of the next message.
    fn joined<'p>(&self, payload: &Payload<'p>) -> Cow<'p, [u8]> {
        match self.bytes.is_empty() {
            true => payload.bytes.into(),
            false => [&self.bytes, payload.bytes].concat().into(),
        }
    }
}

/// The decoder of a layer.
#[derive(Clone, Debug)]
struct Chosen {
    decoder: &'static Decoder,
    state: Box<dyn Decode>,
    claim: Claim,
    fits: u32,
    misfits: u32,
}

impl Layer {
    /// A layer whose decoder someone named.
    pub(super) fn forced(decoder: &'static Decoder, opening: &Opening) -> Self {
        let claim = Claim {
            confidence: Confidence::Forced,
            why: "asked for",
            is_of_stream: false,
        };
        Self {
            chosen: Some(Chosen::new(decoder, opening, claim)),
            ..Self::default()
        }
    }

    /// Decodes a message into `items` and `gathered`; how it was recognised, where it was.
    pub(super) fn message<'a>(
        &mut self,
        payload: &Payload<'a>,
        place: Place,
        items: &mut Vec<Item<'a>>,
        gathered: &mut Gathered,
    ) -> Option<Claim> {
        let is_open = self
            .chosen
            .as_ref()
            .is_none_or(|chosen| chosen.claim.confidence == Confidence::Likely);
        let mut payload = *payload;
        let outline = OnceCell::new();
        let most = match gathered.is_brief {
            true => LOOKED_AT_BRIEFLY,
            false => LOOKED_AT,
        };
        if is_open && self.seen < most {
            self.choose(&mut payload, &outline, place, gathered);
            if self.chosen.is_none() {
                self.begun[payload.from].push(&payload);
            }
        }
        let payload = &payload;
        self.seen = self.seen.saturating_add(1);
        if let Some(chosen) = &mut self.chosen {
            if chosen.decode(&mut self.inner, payload, &outline, place, items, gathered) {
                return Some(chosen.claim);
            }
            if chosen.is_refuted() {
                // Something else may be chosen, of what comes next.
                self.refuted.push(chosen.decoder.name);
                self.chosen = None;
                self.inner = None;
            }
        }
        match gathered.is_brief && place.parent.is_none() {
            true => None,
            false => self.encoded(payload, &outline, place, items, gathered),
        }
    }

    /// Whether no decoder was chosen while there was a choice, where that was brief.
    pub(super) fn is_undecided(&self) -> bool {
        self.chosen.is_none() && self.seen >= LOOKED_AT_BRIEFLY
    }

    /// Chooses the decoder that is surest, and writes down what was learned of the message. A decoder that was chosen for the
    /// look of things stays until another is sure.
    fn choose<'a>(
        &mut self,
        payload: &mut Payload<'a>,
        outline: &OnceCell<Option<Outline>>,
        place: Place,
        gathered: &Gathered,
    ) {
        let begun = &self.begun[payload.from];
        let stream = begun.joined(payload);
        let surest = self.surest(&Evidence {
            opening: &gathered.opening,
            stream: &stream,
            payload,
            parent: place.parent,
            seen: self.seen,
            text: OnceCell::new(),
            outline,
        });
        if let Some(known) = outline.get() {
            payload.is_json = Some(known.is_some());
        }
        let Some((claim, decoder)) = surest else {
            return;
        };
        match &mut self.chosen {
            Some(_) if claim.confidence == Confidence::Likely => return,
            Some(chosen) if chosen.decoder.name == decoder.name => {
                chosen.claim = claim;
                return;
            }
            // What only looked like something gives way to what is sure.
            Some(_) => self.inner = None,
            None => {}
        }
        let mut chosen = Chosen::after(gathered, decoder, claim);
        if claim.is_of_stream {
            chosen.state.earlier(payload.from, &begun.bytes);
        } else if self.seen > 0 {
            // What went before was not the decoder's to read.
            for side in Side::BOTH {
                chosen.state.lost(side);
            }
        }
        self.chosen = Some(chosen);
    }

    /// The decoder that is surest of what it sees; of equals the first of the table.
    fn surest(&self, evidence: &Evidence<'_>) -> Option<(Claim, &'static Decoder)> {
        let mut likely = None;
        for decoder in DECODERS.iter().filter(|decoder| !decoder.is_encoding) {
            if !evidence.may_be(decoder.objects) {
                debug_assert_eq!((decoder.claim)(evidence), None, "{}", decoder.name);
                continue;
            }
            let Some(claim) = (decoder.claim)(evidence) else {
                continue;
            };
            if claim.confidence > Confidence::Likely {
                return Some((claim, decoder));
            }
            if likely.is_none() && !self.refuted.contains(&decoder.name) {
                likely = Some((claim, *decoder));
            }
        }
        likely
    }

    /// Decodes a message that is no protocol's as the first encoding that it is in.
    pub(super) fn encoding<'a>(
        &mut self,
        payload: &Payload<'a>,
        place: Place,
        items: &mut Vec<Item<'a>>,
        gathered: &mut Gathered,
    ) -> Option<Claim> {
        self.encoded(payload, &OnceCell::new(), place, items, gathered)
    }

    fn encoded<'a>(
        &mut self,
        payload: &Payload<'a>,
        outline: &OnceCell<Option<Outline>>,
        place: Place,
        items: &mut Vec<Item<'a>>,
        gathered: &mut Gathered,
    ) -> Option<Claim> {
        if gathered.schema.is_some() && payload.kind == Kind::Binary {
            let claim = Claim {
                confidence: Confidence::Forced,
                why: "it fits the schema",
                is_of_stream: false,
            };
            let mut chosen = Chosen::after(gathered, &PROTOBUF, claim);
            if chosen.decode(&mut self.inner, payload, outline, place, items, gathered) {
                return Some(claim);
            }
        }
        let opening = Arc::clone(&gathered.opening);
        let evidence = Evidence {
            opening: &opening,
            stream: payload.bytes,
            payload,
            parent: place.parent,
            seen: self.seen,
            text: OnceCell::new(),
            outline,
        };
        for decoder in DECODERS.iter().filter(|decoder| decoder.is_encoding) {
            let Some(claim) = (decoder.claim)(&evidence) else {
                continue;
            };
            let mut chosen = Chosen::after(gathered, decoder, claim);
            if chosen.decode(&mut self.inner, payload, outline, place, items, gathered) {
                return Some(claim);
            }
        }
        None
    }

    /// A message of this side is missing.
    pub(super) fn lost(&mut self, from: Side) {
        if let Some(chosen) = &mut self.chosen {
            chosen.state.lost(from);
        }
        if let Some(inner) = &mut self.inner {
            inner.lost(from);
        }
    }

    /// Bytes it keeps.
    pub(super) fn memory(&self) -> usize {
        let chosen = self
            .chosen
            .as_ref()
            .map_or(0, |chosen| chosen.state.memory());
        chosen
            + self
                .inner
                .as_ref()
                .map_or(0, |inner| size_of::<Layer>() + inner.memory())
    }

    /// The decoders chosen, outermost first.
    pub(super) fn decoders(&self) -> impl Iterator<Item = &'static Decoder> {
        let mut layer = Some(self);
        std::iter::from_fn(move || {
            let this = layer?;
            layer = this.inner.as_deref();
            this.chosen.as_ref().map(|chosen| chosen.decoder)
        })
    }

    /// The decoder that what the endpoints agreed on speaks for, as long as no message chose one.
    pub(super) fn agreed(opening: &Opening, from: Side) -> Option<&'static Decoder> {
        let payload = Payload {
            from,
            kind: Kind::Text,
            bytes: &[],
            number: 0,
            time: Timestamp::default(),
            is_json: None,
        };
        let evidence = Evidence {
            opening,
            stream: &[],
            payload: &payload,
            parent: None,
            seen: 0,
            text: OnceCell::new(),
            outline: &OnceCell::new(),
        };
        let is_sure = |claim: Claim| claim.confidence == Confidence::Certain;
        let mut decoders = DECODERS.iter().filter(|decoder| !decoder.is_encoding);
        decoders
            .find(|decoder| (decoder.claim)(&evidence).is_some_and(is_sure))
            .copied()
    }

    /// Forgets the state of all decoders, as if every message so far were missing.
    pub(super) fn forget(&mut self, opening: &Opening) {
        if let Some(chosen) = &mut self.chosen {
            chosen.state = (chosen.decoder.start)(opening);
            for side in Side::BOTH {
                chosen.state.lost(side);
            }
        }
        self.inner = None;
    }
}

impl InnerLayer for Option<Box<Layer>> {
    fn message<'b>(
        &mut self,
        payload: &Payload<'b>,
        place: Place,
        items: &mut Vec<Item<'b>>,
        gathered: &mut Gathered,
    ) -> Option<Claim> {
        self.get_or_insert_default()
            .message(payload, place, items, gathered)
    }

    fn encoding<'b>(
        &mut self,
        payload: &Payload<'b>,
        place: Place,
        items: &mut Vec<Item<'b>>,
        gathered: &mut Gathered,
    ) -> Option<Claim> {
        self.get_or_insert_default()
            .encoding(payload, place, items, gathered)
    }
}

impl Chosen {
    fn new(decoder: &'static Decoder, opening: &Opening, claim: Claim) -> Self {
        Self {
            decoder,
            state: (decoder.start)(opening),
            claim,
            fits: 0,
            misfits: 0,
        }
    }

    /// The same, in a connection of which messages were seen before, or were missing.
    fn after(gathered: &Gathered, decoder: &'static Decoder, claim: Claim) -> Self {
        let mut chosen = Self::new(decoder, &gathered.opening, claim);
        for side in Side::BOTH {
            if gathered.lost[side] {
                chosen.state.lost(side);
            }
        }
        chosen
    }

    /// Decodes a message; whether it fits. What is written of one that does not is taken back.
    fn decode<'a>(
        &mut self,
        inner: &mut Option<Box<Layer>>,
        payload: &Payload<'a>,
        outline: &OnceCell<Option<Outline>>,
        place: Place,
        items: &mut Vec<Item<'a>>,
        gathered: &mut Gathered,
    ) -> bool {
        let before = (
            items.len(),
            gathered.stack.len(),
            gathered.summaries.len(),
            gathered.calls.len(),
            gathered.findings.len(),
            gathered.beats,
        );
        if !(self.decoder.is_encoding && place.in_protocol) {
            gathered.stack.push(self.decoder.name);
        }
        let fit = self.state.message(
            payload,
            &mut Out {
                items: &mut *items,
                gathered: &mut *gathered,
                inner,
                payload: *payload,
                outline: outline.get().and_then(Option::as_ref),
                place,
                name: self.decoder.name,
                family: self.decoder.name,
                is_encoding: self.decoder.is_encoding,
                depth: place.depth,
            },
        );
        let is_sure = self.claim.confidence > Confidence::Likely;
        if fit == Fit::Part {
            return true;
        }
        if fit == Fit::Yes || (fit == Fit::Broken && is_sure) {
            self.fits = self.fits.saturating_add(1);
            return true;
        }
        self.misfits = self.misfits.saturating_add(1);
        items.truncate(before.0);
        gathered.stack.truncate(before.1);
        gathered.summaries.truncate(before.2);
        gathered.calls.truncate(before.3);
        gathered.findings.truncate(before.4);
        gathered.beats = before.5;
        false
    }

    /// Whether what only content spoke for turned out to be something else.
    fn is_refuted(&self) -> bool {
        self.claim.confidence == Confidence::Likely
            && self.misfits >= MISFITS.min(self.fits + 1)
            && self.misfits > self.fits
    }
}
