//! Kubernetes' streams over WebSocket (k8s.io/streaming, wsstream; KEP-4006): exec, attach and port-forward, whose messages
//! begin with the number of a channel, a byte, or a digit and base64; or a whole SPDY connection is inside.

mod spdy;
mod table;

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use self::spdy::Spdy;
use self::table::{
    CHANNEL, CLOSED, DATA, EXIT, EXIT_CODE, FAILED, FIELDS, HEIGHT, INVALID, PORT, REASON, RULES,
    STATUS, STREAM, TITLE, WIDTH,
};
use crate::base::Side;
use crate::payload::json::Json;
use crate::payload::{
    Claim, Datum, Decode, Decoder, Evidence, Fit, Objects, Opening, Out, Payload, summary,
};

/// What the channels of exec and attach carry.
const STREAMS: &[&str] = &["stdin", "stdout", "stderr", "error", "resize"];
/// The channel whose message ends another one, from version 5 on.
const CLOSE: u8 = 255;
/// Ports of a port-forward whose numbers are remembered.
const PORTS: usize = 64;

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "kubernetes",
    title: TITLE,
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |opening| Box::new(Kubernetes::new(opening)),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    let token = evidence.subprotocol();
    if version(token).is_some() || spdy::is_token(token) {
        return Claim::certain("subprotocol");
    }
    let path = &evidence.opening.path;
    let is_stream = path.contains("/namespaces/")
        && path.contains("/pods/")
        && ["/exec", "/attach", "/portforward"]
            .iter()
            .any(|end| path.ends_with(end));
    if is_stream && evidence.opening.subprotocol.is_empty() {
        return Claim::certain("the path");
    }
    let Payload { bytes, from, .. } = *evidence.payload;
    let claimed =
        is_own(bytes, from).then(|| Claim::certain("a status or a size behind its channel"));
    claimed.flatten()
}

/// Whether a message is one of the two that are JSON: how the command ended, and how large the terminal is.
fn is_own(bytes: &[u8], from: Side) -> bool {
    let Some((channel @ (3 | 4), rest)) = bytes.split_first() else {
        return false;
    };
    let Some(json) = std::str::from_utf8(rest).ok().and_then(Json::object) else {
        return false;
    };
    if (*channel, from) == (3, Side::Server) {
        let [metadata, status] = json.pick(["metadata", "status"]);
        let status = status.and_then(|status| status.plain());
        return metadata.is_some() && matches!(status, Some("Success" | "Failure"));
    }
    let sizes = json.pick(["Width", "Height"]);
    (*channel, from) == (4, Side::Client)
        && json.members().take(3).count() == 2
        && sizes.iter().flatten().filter_map(Json::unsigned).count() == 2
}

/// The version a token names.
fn version(token: &str) -> Option<u8> {
    let rest = token.strip_suffix("channel.k8s.io")?;
    let rest = rest.strip_suffix("base64.").unwrap_or(rest);
    match rest {
        "" => Some(1),
        rest => rest.strip_prefix('v')?.strip_suffix('.')?.parse().ok(),
    }
}

#[derive(Clone, Debug)]
struct Kubernetes {
    version: u8,
    is_base64: bool,
    is_forward: bool,
    /// The port of each pair of channels of a port-forward, as the server said.
    ports: Vec<Option<u16>>,
    /// All of it is a tunnel.
    tunnel: Option<Box<Spdy>>,
}

impl Kubernetes {
    fn new(opening: &Opening) -> Self {
        Self {
            version: version(&opening.subprotocol).unwrap_or(if opening.is_seen { 1 } else { 5 }),
            is_base64: opening.subprotocol.contains("base64."),
            is_forward: opening.path.ends_with("/portforward"),
            ports: Vec::new(),
            tunnel: spdy::is_token(&opening.subprotocol).then(Box::default),
        }
    }
}

impl Decode for Kubernetes {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        if let Some(tunnel) = &mut self.tunnel {
            return tunnel.message(message, out);
        }
        let Some((first, rest)) = message.bytes.split_first() else {
            return invalid("an empty message", out);
        };
        if !self.is_base64 {
            return self.unit(*first, &message.bytes[..1], rest.into(), out);
        }
        let channel = first.wrapping_sub(b'0');
        match BASE64_STANDARD.decode(rest.trim_ascii_end()) {
            Ok(data) if channel <= 9 => self.unit(channel, &message.bytes[..1], data.into(), out),
            _ => invalid("no digit with base64 behind it", out),
        }
    }

    fn memory(&self) -> usize {
        let tunnel = self.tunnel.as_ref().map_or(0, |tunnel| tunnel.memory());
        self.ports.capacity() * size_of::<Option<u16>>() + tunnel
    }

    fn lost(&mut self, from: Side) {
        if let Some(tunnel) = &mut self.tunnel {
            tunnel.lost(from);
        }
    }
}

fn invalid(what: &str, out: &mut Out<'_, '_>) -> Fit {
    out.unit(DECODER.title);
    out.summary(format!("invalid: {what}"));
    out.finding(&INVALID, what);
    Fit::Broken
}

impl Kubernetes {
    fn unit<'a>(
        &mut self,
        channel: u8,
        at: &[u8],
        data: Cow<'a, [u8]>,
        out: &mut Out<'_, 'a>,
    ) -> Fit {
        let stream = match (self.is_forward, channel) {
            (_, CLOSE) => "close",
            (true, channel) if channel % 2 == 1 => "error",
            (true, _) => "data",
            (false, channel) => STREAMS
                .get(usize::from(channel))
                .copied()
                .unwrap_or_default(),
        };
        out.unit(DECODER.title);
        out.field_at(&CHANNEL, channel, at).words(stream);
        if stream.is_empty() {
            out.summary(format!("channel {channel}"));
            out.finding(&INVALID, format!("there is no channel {channel}"));
            return Fit::Yes;
        }
        out.field(&STREAM, stream);
        match (stream, self.is_forward) {
            ("close", _) => self.close(&data, out),
            (_, true) => return self.forwarded(channel, stream, data, out),
            ("error", false) => status(&data, out),
            ("resize", false) => resize(&data, out),
            _ => out.summary(format!("{stream} {}", summary::part(&data))),
        }
        content(data, out);
        Fit::Yes
    }

    fn close(&self, data: &[u8], out: &mut Out<'_, '_>) {
        match data {
            [channel] if self.version >= 5 => {
                let name = STREAMS
                    .get(usize::from(*channel))
                    .copied()
                    .unwrap_or_default();
                out.field(&CLOSED, *channel).words(name);
                out.summary(format!("close {name}"));
            }
            [_] => {
                out.summary("close");
                let text = format!(
                    "version {} has no message that ends a channel",
                    self.version
                );
                out.finding(&INVALID, text);
            }
            _ => {
                out.summary("close");
                out.finding(
                    &INVALID,
                    "a message that ends a channel names one and nothing else",
                );
            }
        }
    }

    /// Data or an error of a forwarded port. The server says on each channel first which port it is.
    fn forwarded<'a>(
        &mut self,
        channel: u8,
        stream: &str,
        data: Cow<'a, [u8]>,
        out: &mut Out<'_, 'a>,
    ) -> Fit {
        let pair = usize::from(channel / 2);
        let known = self.ports.get(pair).copied().flatten();
        let is_server = out.is_from_server();
        if let ([low, high], true, true) = (&*data, is_server, known.is_none() || stream == "error")
        {
            let port = u16::from_le_bytes([*low, *high]);
            if known.is_none_or(|known| known == port) {
                if pair < PORTS {
                    self.ports.resize(self.ports.len().max(pair + 1), None);
                    self.ports[pair] = Some(port);
                }
                out.field(&PORT, port);
                out.summary(format!("{stream} of port {port}"));
                return Fit::Yes;
            }
        }
        if let Some(port) = known {
            out.field(&PORT, port);
        }
        let said = summary::part(&data);
        let port = known.map(|port| format!(" {port}")).unwrap_or_default();
        if stream == "error" && !data.is_empty() {
            out.finding(&FAILED, format!("port{port}: {said}"));
        }
        out.summary(format!("{stream}{port} {said}"));
        content(data, out);
        Fit::Yes
    }
}

/// The end of a command: a Status from version 4 on, before it a text where something went wrong.
fn status(data: &[u8], out: &mut Out<'_, '_>) {
    let json = std::str::from_utf8(data).ok().and_then(Json::object);
    let Some(status) = json.and_then(|json| json.text_of("status")) else {
        let said = summary::part(data);
        if !data.is_empty() {
            out.finding(&FAILED, said.clone());
        }
        return out.summary(format!("error {said}"));
    };
    let [reason, message, details] = json.map_or([None; 3], |json| {
        json.pick(["reason", "message", "details"])
    });
    let reason = reason.and_then(|reason| reason.text()).unwrap_or_default();
    let message = message
        .and_then(|message| message.text())
        .unwrap_or_default();
    out.field(&STATUS, status.clone().into_owned());
    if !reason.is_empty() {
        out.field(&REASON, reason.clone().into_owned());
    }
    let code = details.and_then(exit_code);
    if let Some(code) = code {
        out.field(&EXIT_CODE, code);
        if reason == "NonZeroExitCode" {
            out.finding(
                &EXIT,
                format!("the command ended with the exit code {code}"),
            );
        }
    }
    if status == "Failure" && reason != "NonZeroExitCode" {
        out.finding(
            &FAILED,
            format!("{} {}", summary::part(&*reason), summary::part(&*message)),
        );
    }
    let code = code
        .map(|code| format!(" exit code {code}"))
        .unwrap_or_default();
    let line = format!(
        "error {} {}{code}",
        summary::part(&*status),
        summary::part(&*reason)
    );
    out.summary(line.trim_end());
}

/// The exit code among the causes of a failure.
fn exit_code(details: Json<'_>) -> Option<u64> {
    let causes = details.get("causes")?;
    let mut causes = causes.elements().take(16);
    causes.find_map(|cause| {
        let is_it = cause.text_of("reason").as_deref() == Some("ExitCode");
        cause.text_of("message").filter(|_| is_it)?.parse().ok()
    })
}

fn resize(data: &[u8], out: &mut Out<'_, '_>) {
    let json = std::str::from_utf8(data).ok().and_then(Json::object);
    let [width, height] = json.map_or([None; 2], |json| json.pick(["Width", "Height"]));
    let number = |json: Option<Json<'_>>| json.and_then(|json| json.unsigned());
    match (number(width), number(height)) {
        (Some(width), Some(height)) => {
            out.field(&WIDTH, width);
            out.field(&HEIGHT, height);
            out.summary(format!("resize {width}x{height}"));
        }
        _ => {
            out.summary("resize");
            out.finding(&INVALID, "a new size without Width and Height");
        }
    }
}

fn content<'a>(data: Cow<'a, [u8]>, out: &mut Out<'_, 'a>) {
    match data {
        Cow::Borrowed(bytes) if !bytes.is_empty() => out.content(&DATA, bytes),
        Cow::Owned(bytes) if !bytes.is_empty() => {
            let datum = match String::from_utf8(bytes) {
                Ok(text) => Datum::Text(text.into()),
                Err(error) => Datum::Bytes(error.into_bytes().into()),
            };
            out.field(&DATA, datum);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field, findings};

    const EXEC: &str = "/api/v1/namespaces/lab/pods/tea/exec";

    #[test]
    fn it_is_recognised_without_a_handshake_by_what_is_json() {
        let status = "\u{3}{\"metadata\":{},\"status\":\"Success\"}";
        let mut talk = Talk::unknown();
        let size = talk.client("\u{4}{\"Width\":80,\"Height\":24}").unwrap();
        assert_eq!(
            (size.protocol(), size.summary.as_str()),
            ("kubernetes", "resize 80x24")
        );
        assert_eq!(
            talk.server_bytes(b"\x01hello\n").unwrap().summary,
            "stdout hello␊"
        );
        let ended = Talk::unknown()
            .server_bytes(status.as_bytes())
            .unwrap()
            .protocol();
        assert_eq!(ended, "kubernetes");
        for other in [
            status,
            "\u{4}{\"Width\":80,\"Height\":24,\"Depth\":8}",
            "\u{4}{\"Width\":80,\"Height\":\"x\"}",
            "\u{5}{\"Width\":80,\"Height\":24}",
        ] {
            let claimed = Talk::unknown().client(other).map(|it| it.protocol());
            assert_ne!(claimed, Some("kubernetes"), "{other}");
        }
    }

    #[test]
    fn the_first_byte_is_the_channel() {
        let mut talk = Talk::opened(EXEC, "command=sh", "v4.channel.k8s.io");
        let input = talk.client_bytes(b"\0foo\n").unwrap();
        assert_eq!(
            (input.summary.as_str(), field(&input, "kubernetes.channel")),
            ("stdin foo␊", vec!["0".to_owned()])
        );
        assert_eq!(
            field(&talk.server_bytes(b"\x01\n").unwrap(), "kubernetes.stream"),
            ["stdout"]
        );
        let size = talk.client("\u{4}{\"Width\": 80, \"Height\": 24}").unwrap();
        assert_eq!(
            (size.summary.as_str(), field(&size, "kubernetes.width")),
            ("resize 80x24", vec!["80".to_owned()])
        );
        let done = talk.server_bytes(b"\x03{\"status\":\"Success\"}").unwrap();
        assert_eq!(
            (done.summary.as_str(), findings(&done).len()),
            ("error Success", 0)
        );
        let failed = br#"x{"status":"Failure","reason":"NonZeroExitCode","message":"...","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}"#;
        let failed = [b"\x03", &failed[1..]].concat();
        let failed = talk.server_bytes(&failed).unwrap();
        assert_eq!(
            (findings(&failed), field(&failed, "kubernetes.exit_code")),
            (vec!["kubernetes-exit-code"], vec!["3".to_owned()])
        );
        let gone = talk
            .server_bytes(br#"!{"status":"Failure","reason":"InternalError","message":"no pod"}"#);
        assert_eq!(findings(&gone.unwrap()), ["kubernetes-message-invalid"]);
    }

    #[test]
    fn version_5_ends_channels_and_earlier_ones_do_not() {
        let mut talk = Talk::opened(EXEC, "", "v5.channel.k8s.io");
        let end = talk.client_bytes(&[255, 0]).unwrap();
        assert_eq!(
            (end.summary.as_str(), findings(&end).len()),
            ("close stdin", 0)
        );
        assert_eq!(
            findings(&talk.client_bytes(&[255]).unwrap()),
            ["kubernetes-message-invalid"]
        );
        let mut talk = Talk::opened(EXEC, "", "v4.channel.k8s.io");
        assert_eq!(
            findings(&talk.client_bytes(&[255, 0]).unwrap()),
            ["kubernetes-message-invalid"]
        );
        assert_eq!(
            findings(&talk.client_bytes(&[7, 0]).unwrap()),
            ["kubernetes-message-invalid"]
        );
        assert_eq!(
            findings(&talk.client_bytes(&[]).unwrap()),
            ["kubernetes-message-invalid"]
        );
    }

    #[test]
    fn base64_has_a_digit_in_front() {
        let mut talk = Talk::opened(EXEC, "", "base64.channel.k8s.io");
        // The protocol's own test has this text, and says in a comment that it were "foo\n".
        let input = talk.client("0Zm9vCgo=").unwrap();
        assert_eq!(field(&input, "kubernetes.data"), ["foo\n\n"]);
        assert_eq!(field(&input, "kubernetes.channel"), ["0"]);
        for broken in ["0!", "xZm9v", ""] {
            assert_eq!(
                findings(&talk.client(broken).unwrap()),
                ["kubernetes-message-invalid"],
                "{broken}"
            );
        }
    }

    #[test]
    fn a_forwarded_port_has_two_channels() {
        let mut talk = Talk::opened(
            "/api/v1/namespaces/lab/pods/tea/portforward",
            "ports=8080",
            "v4.channel.k8s.io",
        );
        talk.client_bytes(b"\0GET / HTTP/1.0\r\n\r\n");
        assert_eq!(
            field(
                &talk.server_bytes(&[0, 0x90, 0x1f]).unwrap(),
                "kubernetes.port"
            ),
            ["8080"]
        );
        assert_eq!(
            field(
                &talk.server_bytes(&[1, 0x90, 0x1f]).unwrap(),
                "kubernetes.port"
            ),
            ["8080"]
        );
        let data = talk.server_bytes(b"\0ok").unwrap();
        assert_eq!(data.summary, "data 8080 ok");
        let error = talk.server_bytes(b"\x01nothing listens there").unwrap();
        assert_eq!(findings(&error), ["kubernetes-command-failed"]);
        assert!(talk.server_bytes(&[200, 1, 2]).is_some());
    }

    #[test]
    fn only_the_token_or_the_path_speaks_for_it() {
        assert!(Talk::unknown().client_bytes(b"\0foo").is_none());
        assert!(Talk::opened(EXEC, "", "").client_bytes(b"\0foo").is_some());
        assert!(
            Talk::opened("/exec", "", "")
                .client_bytes(b"\0foo")
                .is_none()
        );
    }
}
