//! A WebSocket of tungstenite in a stream of HTTP/3, and the log of what it sends and receives.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use bytes::{Buf, Bytes};
use h3::error::Code;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::Outcome;

/// What tungstenite reads from and writes to.
#[derive(Default)]
struct Pipe {
    incoming: VecDeque<u8>,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.incoming.is_empty() {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => self.incoming.read(buffer),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream of HTTP/3 behind the heads; h3's of client and server have no trait in common.
pub trait Stream {
    async fn send(&mut self, bytes: Bytes) -> Outcome;
    async fn receive(&mut self) -> Outcome<Option<Bytes>>;
    async fn end(&mut self) -> Outcome;
    fn reset(&mut self, code: Code);
}

macro_rules! stream {
    ($kind:ty) => {
        impl Stream for $kind {
            async fn send(&mut self, bytes: Bytes) -> Outcome {
                Ok(self.send_data(bytes).await?)
            }

            async fn receive(&mut self) -> Outcome<Option<Bytes>> {
                let data = self.recv_data().await?;
                Ok(data.map(|mut data| data.copy_to_bytes(data.remaining())))
            }

            async fn end(&mut self) -> Outcome {
                Ok(self.finish().await?)
            }

            fn reset(&mut self, code: Code) {
                self.stop_stream(code);
            }
        }
    };
}

stream!(h3::client::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>);
stream!(h3::server::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>);

/// A WebSocket.
pub struct Socket<S> {
    pub stream: S,
    frames: WebSocket<Pipe>,
    observer: &'static str,
    peer: &'static str,
    number: usize,
    /// Whether messages are printed; a flood is not.
    pub is_logged: bool,
}

impl<S: Stream> Socket<S> {
    pub fn new(stream: S, role: Role) -> Self {
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        let (observer, peer) = match role {
            Role::Client => ("client", "server"),
            Role::Server => ("server", "client"),
        };
        let config = WebSocketConfig::default().write_buffer_size(0);
        Self {
            stream,
            frames: WebSocket::from_raw_socket(Pipe::default(), role, Some(config)),
            observer,
            peer,
            number: OPENED.fetch_add(1, Ordering::Relaxed) + 1,
            is_logged: true,
        }
    }

    pub async fn send(&mut self, message: Message) -> Outcome {
        self.note(self.observer, &message);
        self.frames.send(message)?;
        self.flush().await
    }

    async fn flush(&mut self) -> Outcome {
        match self.frames.flush() {
            Ok(()) | Err(Error::ConnectionClosed) => {}
            Err(error) => return Err(error.into()),
        }
        let bytes = std::mem::take(&mut self.frames.get_mut().outgoing);
        match bytes.is_empty() {
            true => Ok(()),
            false => self.stream.send(bytes.into()).await,
        }
    }

    /// The next message; `None` when the stream ends.
    pub async fn receive(&mut self) -> Outcome<Option<Message>> {
        loop {
            match self.frames.read() {
                Ok(message) => {
                    self.note(self.peer, &message);
                    self.answered(&message);
                    self.flush().await?;
                    return Ok(Some(message));
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(Error::ConnectionClosed) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            match self.stream.receive().await? {
                Some(bytes) => self.frames.get_mut().incoming.extend(bytes),
                None => return Ok(None),
            }
        }
    }

    /// What tungstenite answers by itself is sent without a word.
    fn answered(&self, message: &Message) {
        match message {
            Message::Ping(body) => self.note(self.observer, &Message::Pong(body.clone())),
            Message::Close(_) if self.observer == "server" => self.note(self.observer, message),
            _ => {}
        }
    }

    fn note(&self, side: &str, message: &Message) {
        if !self.is_logged {
            return;
        }
        let (kind, body) = match message {
            Message::Text(text) => ("text", text.as_bytes().to_vec()),
            Message::Binary(bytes) => ("binary", bytes.to_vec()),
            Message::Ping(bytes) => ("ping", bytes.to_vec()),
            Message::Pong(bytes) => ("pong", bytes.to_vec()),
            Message::Close(None) => ("close", Vec::new()),
            Message::Close(Some(close)) => {
                let code = u16::from(close.code).to_be_bytes();
                ("close", [&code[..], close.reason.as_bytes()].concat())
            }
            Message::Frame(_) => return,
        };
        let body = base64::engine::general_purpose::STANDARD.encode(body);
        println!(
            r#"{{"observer":"{}","connection":{},"side":"{side}","kind":"{kind}","base64":"{body}"}}"#,
            self.observer, self.number
        );
    }
}
