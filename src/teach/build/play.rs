//! Playing a script: statement by statement into conversations, and their packets into one capture.

use std::io;
use std::net::SocketAddr;

use super::frame::{FrameWords, Mask, Sender, Taken, number};
use super::script::{Empty, Script, ScriptError, Statement, duration};
#[cfg(feature = "tls")]
use super::tls::Tls;
use super::words::{Word, payload};
use crate::base::{LinkType, PerSide, Side, Timestamp};
use crate::capture::{Interface, Origin, PacketToWrite, PcapngWriter, Secrets};
use crate::craft::{Conversation, Deflater, KEY, Random, accept_key};

/// A capture as it was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Built {
    /// Its packets (Ethernet), in order of time.
    pub packets: Vec<(Timestamp, Vec<u8>)>,
    /// The secrets of its TLS connections in the format of key logs; empty when there are none.
    pub key_log: String,
}

/// Builds what a script says; `seed` decides keys and random bytes unless the script does.
///
/// # Errors
/// Names the line and what is wrong with it.
pub fn build(script: &Script, seed: u64) -> Result<Built, ScriptError> {
    let mut player = Player {
        random: Random::new(seed),
        open: None,
        done: Vec::new(),
        key_log: String::new(),
        now: Timestamp(1_700_000_000_000_000_000),
    };
    for (line, statement) in &script.statements {
        let played = player.play(statement);
        played.map_err(|why| ScriptError { line: *line, why })?;
    }
    player.finish_connection().map_err(|why| ScriptError {
        line: script.statements.last().map_or(1, |(line, _)| *line),
        why,
    })?;
    player.done.sort_by_key(|(time, _)| *time);
    Ok(Built {
        packets: player.done,
        key_log: player.key_log,
    })
}

impl Built {
    /// The capture as a pcapng file, with the key log inside where there is one.
    ///
    /// # Errors
    /// When a packet is larger than a block can be.
    pub fn pcapng(&self) -> io::Result<Vec<u8>> {
        let origin = Origin {
            application: concat!("wireloupe ", env!("CARGO_PKG_VERSION"), " build").to_owned(),
            ..Origin::default()
        };
        let mut writer = PcapngWriter::new(Vec::new(), &origin)?;
        let interface = writer.interface(&Interface {
            link: LinkType::ETHERNET,
            snaplen: 262_144,
            ..Interface::default()
        })?;
        if !self.key_log.is_empty() {
            writer.secrets(Secrets::TLS_KEY_LOG, self.key_log.as_bytes())?;
        }
        for (time, bytes) in &self.packets {
            writer.packet(&PacketToWrite {
                interface,
                time: *time,
                original: 0,
                bytes,
                comments: &[],
                ..PacketToWrite::default()
            })?;
        }
        writer.finish()
    }
}

struct Player {
    random: Random,
    open: Option<Open>,
    done: Vec<(Timestamp, Vec<u8>)>,
    key_log: String,
    now: Timestamp,
}

/// The connection at hand.
struct Open {
    conversation: Conversation,
    deflaters: PerSide<Deflater>,
    /// What is held back by `together`, and of whom.
    together: Option<(Side, Vec<u8>)>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

/// How bytes travel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Travel {
    /// Segments they are cut into; 0 for as many as the segment size asks for.
    segments: usize,
    /// Where they are cut.
    cuts: Vec<usize>,
    /// The segments are captured in the reverse order.
    reorder: bool,
    /// Which segment is never captured, from 1; 0 for all.
    lose: Option<usize>,
    /// They are sent, and captured, once more.
    retransmit: bool,
}

impl Travel {
    /// Takes an option in, if it is one of these.
    fn take(&mut self, name: &str, value: Option<&Word>) -> Result<Taken, String> {
        let needed = || value.ok_or_else(|| format!("{name}: a value must follow"));
        match name {
            "--segments" => self.segments = number(name, needed()?, 1..=10_000)?,
            "--cut-at" => {
                let text = needed()?.text()?;
                let places: Result<_, _> = text.split(',').map(str::parse).collect();
                self.cuts = places
                    .map_err(|_| format!("--cut-at {text}: places such as 3,10 must follow"))?;
            }
            "--reorder" => {
                self.reorder = true;
                return Ok(Taken::Name);
            }
            "--retransmit" => {
                self.retransmit = true;
                return Ok(Taken::Name);
            }
            "--lose" => {
                let Some(value) = value else {
                    self.lose = Some(0);
                    return Ok(Taken::Name);
                };
                self.lose = Some(number(name, value, 1..=10_000)?);
            }
            _ => return Ok(Taken::Unknown),
        }
        Ok(Taken::NameAndValue)
    }

    /// Reads nothing but options of travelling.
    fn of(words: &[Word]) -> Result<Self, String> {
        let mut travel = Travel::default();
        options(words, |name, value| travel.take(name, value))?;
        Ok(travel)
    }

    /// The bytes in the pieces they are sent in; `None` where the segment size decides.
    fn pieces<'a>(&self, bytes: &'a [u8]) -> Option<Vec<&'a [u8]>> {
        if !self.cuts.is_empty() {
            let mut pieces = Vec::new();
            let mut from = 0;
            let ends = self.cuts.iter().copied().chain([bytes.len()]);
            for to in ends.map(|to| to.min(bytes.len())) {
                pieces.extend(bytes.get(from..to).filter(|piece| !piece.is_empty()));
                from = from.max(to);
            }
            return Some(pieces);
        }
        match self.segments {
            0 => None,
            count => Some(bytes.chunks(bytes.len().div_ceil(count).max(1)).collect()),
        }
    }
}

/// Hands each option, with the word after it, to `take`.
fn options(
    words: &[Word],
    mut take: impl FnMut(&str, Option<&Word>) -> Result<Taken, String>,
) -> Result<(), String> {
    let is_option = |word: &&Word| word.keyword().is_some_and(|text| text.starts_with("--"));
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let name = word.keyword().unwrap_or("a word in quotes");
        let value = words.get(at + 1).filter(|word| !is_option(word));
        at += match take(name, value)? {
            Taken::Unknown => return Err(format!("{name}: no such option here")),
            Taken::Name => 1,
            Taken::NameAndValue => 2,
        };
    }
    Ok(())
}

impl Player {
    fn play(&mut self, statement: &Statement) -> Result<(), String> {
        match statement {
            Statement::Seed(seed) => self.random = Random::new(*seed),
            Statement::Connection {
                client,
                server,
                options,
            } => {
                self.finish_connection()?;
                self.connect(*client, *server, options)?;
            }
            Statement::Handshake(words) => self.handshake(words)?,
            Statement::Http(side, lines, words) => self.http(*side, lines, words)?,
            Statement::Raw(side, word, words) => {
                let bytes = payload(word, &mut self.random)?;
                self.send(*side, &bytes, &Travel::of(words)?)?;
            }
            Statement::Frame(side, words) => self.frame(*side, words)?,
            Statement::Together(side) => {
                let open = self.open()?;
                if open.together.is_some() {
                    return Err("together: what is held back already has no apart".to_owned());
                }
                open.together = Some((*side, Vec::new()));
            }
            Statement::Apart(words) => {
                let held = self.open()?.together.take();
                let (side, bytes) = held.ok_or("apart: there is no together before it")?;
                self.send(side, &bytes, &Travel::of(words)?)?;
            }
            Statement::Wait(nanoseconds) => {
                let wait = *nanoseconds;
                self.change(|conversation| conversation.wait(wait))?;
            }
            Statement::Segment(side, what) => {
                let (side, what) = (*side, *what);
                self.change(|conversation| match what {
                    Empty::Ack => conversation.ack(side),
                    Empty::Fin => conversation.close(side),
                    Empty::Reset => conversation.reset(side),
                    Empty::KeepAlive => conversation.keep_alive(side),
                })?;
            }
            Statement::End => self.change(Conversation::fin)?,
        }
        Ok(())
    }

    /// The connection at hand; one between two usual addresses when none was named.
    fn open(&mut self) -> Result<&mut Open, String> {
        if self.open.is_none() {
            let client = SocketAddr::from(([10, 0, 0, 1], 50_000));
            let server = SocketAddr::from(([10, 0, 0, 2], 80));
            self.connect(client, server, &[])?;
        }
        self.open
            .as_mut()
            .ok_or_else(|| "there is no connection".to_owned())
    }

    fn change(&mut self, change: impl FnOnce(Conversation) -> Conversation) -> Result<(), String> {
        let open = self.open()?;
        open.conversation = change(open.conversation.clone());
        Ok(())
    }

    fn connect(
        &mut self,
        client: SocketAddr,
        server: SocketAddr,
        words: &[Word],
    ) -> Result<(), String> {
        let mut conversation = Conversation::between(client, server)
            .at(self.now)
            .sequence(self.random.bits() as u32, self.random.bits() as u32);
        let mut is_tls = false;
        let mut unseen = false;
        let mut change = None;
        options(words, |name, value| {
            let needed = || value.ok_or_else(|| format!("{name}: a value must follow"));
            match name {
                "--tls" => is_tls = true,
                "--without-connect" => unseen = true,
                "--segment-size" => {
                    let size = number(name, needed()?, 1..=65_000)?;
                    change = Some((size, change.map_or(100_000, |(_, step)| step)));
                    return Ok(Taken::NameAndValue);
                }
                "--step" => {
                    let step = duration(needed()?.text()?)?;
                    change = Some((change.map_or(1448, |(size, _)| size), step));
                    return Ok(Taken::NameAndValue);
                }
                _ => return Ok(Taken::Unknown),
            }
            Ok(Taken::Name)
        })?;
        if let Some((size, step)) = change {
            conversation = conversation.segment_size(size).step(step);
        }
        if !unseen {
            conversation = conversation.connect();
        }
        self.open = Some(Open {
            conversation,
            deflaters: PerSide::new(|_| Deflater::new(15, true)),
            together: None,
            #[cfg(feature = "tls")]
            tls: None,
        });
        match is_tls {
            true => self.begin_tls(),
            false => Ok(()),
        }
    }

    #[cfg(feature = "tls")]
    fn begin_tls(&mut self) -> Result<(), String> {
        let mut tls = Tls::new(&mut self.random);
        self.key_log.push_str(&tls.key_log());
        for (side, bytes) in tls.handshake()? {
            self.change(|conversation| conversation.data(side, bytes))?;
        }
        self.open()?.tls = Some(tls);
        Ok(())
    }

    #[cfg(not(feature = "tls"))]
    fn begin_tls(&mut self) -> Result<(), String> {
        Err("--tls: this program was built without TLS".to_owned())
    }

    fn handshake(&mut self, words: &[Word]) -> Result<(), String> {
        let path_len = usize::from(words.first().is_some_and(|word| {
            word.is_quoted || word.keyword().is_some_and(|text| !text.starts_with("--"))
        }));
        let path = words.first().filter(|_| path_len == 1);
        let path = path.map_or(Ok("/"), Word::text)?;
        let mut heads = Heads {
            host: "example.com".to_owned(),
            key: KEY.to_owned(),
            ..Heads::default()
        };
        let mut window = None;
        options(&words[path_len..], |name, value| {
            heads.take(name, value, &mut window)
        })?;
        let [request, response] = heads.written(path);
        if let Some(takeover) = window {
            self.open()?.deflaters = PerSide::new(|_| Deflater::new(15, takeover));
        }
        self.send(Side::Client, request.as_bytes(), &Travel::default())?;
        self.send(Side::Server, response.as_bytes(), &Travel::default())
    }

    fn http(&mut self, side: Side, lines: &[String], words: &[Word]) -> Result<(), String> {
        let mut travel = Travel::default();
        let mut body = None;
        options(words, |name, value| match name {
            "--body" => {
                body = Some(value.ok_or("--body: a value must follow")?.clone());
                Ok(Taken::NameAndValue)
            }
            _ => travel.take(name, value),
        })?;
        if lines.is_empty() {
            return Err(format!("{side} http: its lines follow, indented"));
        }
        let body = body
            .map(|word| payload(&word, &mut self.random))
            .transpose()?;
        let mut bytes = lines.join("\r\n").into_bytes();
        bytes.extend_from_slice(b"\r\n");
        let is_sized = lines.iter().any(|line| {
            let name = line.split(':').next().unwrap_or_default();
            name.eq_ignore_ascii_case("content-length")
                || name.eq_ignore_ascii_case("transfer-encoding")
        });
        if let Some(body) = body.as_ref().filter(|_| !is_sized) {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend(body.unwrap_or_default());
        self.send(side, &bytes, &travel)
    }

    fn frame(&mut self, side: Side, words: &[Word]) -> Result<(), String> {
        let mut travel = Travel::default();
        let words = FrameWords::parse(words, &mut self.random, |name, value| {
            travel.take(name, value)
        })?;
        self.open()?;
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let mask = match side {
            Side::Client => Mask::Random,
            Side::Server => Mask::No,
        };
        let frames = words.frames(&mut Sender {
            mask,
            deflater: &mut open.deflaters[side],
            random: &mut self.random,
        });
        // Each frame travels alone, unless it is said how they travel together.
        match travel == Travel::default() {
            true => frames
                .iter()
                .try_for_each(|frame| self.send(side, frame, &travel)),
            false => self.send(side, &frames.concat(), &travel),
        }
    }

    fn send(&mut self, side: Side, bytes: &[u8], travel: &Travel) -> Result<(), String> {
        let open = self.open()?;
        if let Some((held_of, held)) = &mut open.together
            && *held_of == side
        {
            held.extend_from_slice(bytes);
            return Ok(());
        }
        #[cfg(feature = "tls")]
        let sealed = open
            .tls
            .as_mut()
            .map(|tls| tls.seal(side, bytes))
            .transpose()?;
        #[cfg(feature = "tls")]
        let bytes = sealed.as_deref().unwrap_or(bytes);
        let from = open.conversation.segments().len();
        let mut conversation = open.conversation.clone();
        conversation = match travel.pieces(bytes) {
            None => conversation.data(side, bytes),
            Some(pieces) => pieces
                .into_iter()
                .fold(conversation, |conversation, piece| {
                    conversation.data(side, piece)
                }),
        };
        let to = conversation.segments().len();
        if travel.retransmit {
            conversation = (from..to).fold(conversation, Conversation::again);
        }
        if travel.reorder {
            conversation = conversation.reversed(from..to);
        }
        if let Some(which) = travel.lose {
            let lost = match which {
                0 => from..to,
                which if from + which <= to => from + which - 1..from + which,
                which => return Err(format!("--lose {which}: there are {} segments", to - from)),
            };
            conversation = conversation.unseen(lost);
        }
        open.conversation = conversation;
        Ok(())
    }

    fn finish_connection(&mut self) -> Result<(), String> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        if open.together.is_some() {
            return Err("together: no apart ends it".to_owned());
        }
        self.now = open.conversation.now();
        self.done.extend(open.conversation.packets());
        Ok(())
    }
}

/// The two heads of a handshake.
#[derive(Default)]
struct Heads {
    host: String,
    key: String,
    accept: Option<String>,
    status: Option<String>,
    request: Vec<String>,
    response: Vec<String>,
}

impl Heads {
    fn take(
        &mut self,
        name: &str,
        value: Option<&Word>,
        window: &mut Option<bool>,
    ) -> Result<Taken, String> {
        if name == "--deflate" {
            let parameters = value.map(Word::text).transpose()?;
            let line = match parameters {
                Some(parameters) => {
                    format!("Sec-WebSocket-Extensions: permessage-deflate; {parameters}")
                }
                None => "Sec-WebSocket-Extensions: permessage-deflate".to_owned(),
            };
            *window = Some(!line.contains("no_context_takeover"));
            self.request.push(line.clone());
            self.response.push(line);
            return Ok(if value.is_some() {
                Taken::NameAndValue
            } else {
                Taken::Name
            });
        }
        let needed = || {
            value
                .ok_or_else(|| format!("{name}: a value must follow"))?
                .text()
        };
        match name {
            "--host" => needed()?.clone_into(&mut self.host),
            "--key" => needed()?.clone_into(&mut self.key),
            "--accept" => self.accept = Some(needed()?.to_owned()),
            "--status" => self.status = Some(needed()?.to_owned()),
            "--origin" => self.request.push(format!("Origin: {}", needed()?)),
            "--header" => self.request.push(needed()?.to_owned()),
            "--answer" => self.response.push(needed()?.to_owned()),
            "--protocol" => {
                let line = format!("Sec-WebSocket-Protocol: {}", needed()?);
                self.request.push(line.clone());
                self.response.push(line);
            }
            _ => return Ok(Taken::Unknown),
        }
        Ok(Taken::NameAndValue)
    }

    fn written(&self, path: &str) -> [String; 2] {
        let accept = self.accept.clone().unwrap_or_else(|| accept_key(&self.key));
        let status = self.status.as_deref().unwrap_or("101 Switching Protocols");
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n",
            self.host, self.key
        );
        let mut response = match status.starts_with("101") {
            true => format!(
                "HTTP/1.1 {status}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
            ),
            false => format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n"),
        };
        for (head, lines) in [
            (&mut request, &self.request),
            (&mut response, &self.response),
        ] {
            for line in lines {
                head.push_str(line);
                head.push_str("\r\n");
            }
            head.push_str("\r\n");
        }
        [request, response]
    }
}
