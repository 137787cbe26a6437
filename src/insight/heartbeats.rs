//! The pings and pongs of an application itself, inside messages: Engine.IO's, MQTT's and the like, which end connections as
//! those of WebSocket do.

use crate::base::{PerSide, Side};
use crate::engine::{MessageEvent, Seen};
use crate::payload::{Datum, Decoded, Heartbeat};

/// What was seen of them in one connection.
#[derive(Clone, Debug)]
pub struct Heartbeats {
    /// The protocol that has them.
    pub protocol: &'static str,
    /// The first ping of each side since the peer's last pong.
    pub waiting: PerSide<Option<Seen>>,
    /// Pongs of each side.
    pub pongs: PerSide<u64>,
    /// Nanoseconds that a side waits for a pong, where the protocol says so.
    pub patience: Option<i64>,
}

impl Heartbeats {
    /// Takes what a message carried; `kept` is what its connection's messages before came to.
    pub(super) fn take(kept: &mut Option<Box<Heartbeats>>, event: &MessageEvent<'_>) {
        let Some(decoded) = event.decoded else { return };
        let patience = patience(decoded);
        if decoded.heartbeat.is_none() && patience.is_none() {
            return;
        }
        let beats = kept.get_or_insert_with(|| {
            Box::new(Heartbeats {
                protocol: decoded.protocol(),
                waiting: PerSide::default(),
                pongs: PerSide::default(),
                patience: None,
            })
        });
        beats.patience = patience.or(beats.patience);
        match decoded.heartbeat {
            Some(Heartbeat::Ping) => {
                let waiting = &mut beats.waiting[event.from];
                waiting.get_or_insert(event.at.into());
            }
            Some(Heartbeat::Pong) => {
                beats.waiting[event.from.peer()] = None;
                beats.pongs[event.from] += 1;
            }
            None => {}
        }
    }

    /// Whether a pong is due for every ping of this side: the protocol says so, or the peer sent pongs before.
    pub(super) fn are_answered(&self, side: Side) -> bool {
        let must = [
            "engine.io",
            "mqtt",
            "graphql-transport-ws",
            "pusher",
            "nats",
        ];
        self.pongs[side.peer()] > 0 || must.contains(&self.protocol)
    }
}

/// What an Engine.IO server says when it opens a session.
fn patience(decoded: &Decoded<'_>) -> Option<i64> {
    if decoded.protocol() != "engine.io" {
        return None;
    }
    let is_it = |name: &str| name == "engineio.ping_timeout";
    let mut items = decoded.items.iter();
    let item = items.find(|item| item.info.is_some_and(|info| is_it(info.name)))?;
    match item.datum {
        Datum::Unsigned(milliseconds) => i64::try_from(milliseconds).ok()?.checked_mul(1_000_000),
        _ => None,
    }
}
