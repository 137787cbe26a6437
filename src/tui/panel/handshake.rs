//! The opening handshake: request and response side by side, and how the accept key comes about.

use ratatui::text::{Line, Span};

use crate::base::{Head, Severity, Side, escape};
use crate::engine::{Connection, Handshake};
use crate::tui::app::App;
use crate::websocket::handshake::{HEADERS, Presence, accept_steps, header};

use super::text::fit;

pub(super) fn lines(app: &App, width: usize) -> (String, Vec<Line<'static>>) {
    let index = app.connection();
    let entry = app.store.connection(index);
    let draft = entry.and_then(|entry| draft(&entry.connection));
    let rules = match draft {
        Some(draft) => format!("{draft}, a draft before RFC 6455"),
        None => "RFC 6455 4".to_owned(),
    };
    let title = format!("Handshake of connection {} ({rules})", index + 1);
    let lines = match entry {
        None => vec![Line::raw(" no connection")],
        Some(entry) => about(app, &entry.connection, width),
    };
    (title, lines)
}

/// The draft that was agreed on, when its frames are not those of RFC 6455.
fn draft(known: &Connection) -> Option<&'static str> {
    known.handshake.as_ref()?.negotiated.framing.draft()
}

/// The line of the request or response that is at a line and column of this view.
pub(in crate::tui) fn at(
    app: &App,
    width: usize,
    line: usize,
    column: usize,
) -> Option<(Side, usize)> {
    let known = &app.store.connection(app.connection())?.connection;
    known.handshake.as_ref()?;
    let side = match column.cmp(&(width / 2)) {
        std::cmp::Ordering::Less => Side::Client,
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Greater => Side::Server,
    };
    let head = match side {
        Side::Client => known.request(),
        Side::Server => known.response(),
    };
    // Above are the heading and, where there is one, the proxy and what a hop says.
    let in_front =
        usize::from(known.tunnel.is_some()) + usize::from(known.proxy_protocol.is_some());
    let line = line.checked_sub(1 + in_front)?;
    (line <= head?.headers().count()).then_some((side, line))
}

fn about(app: &App, known: &Connection, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(header) = &known.proxy_protocol {
        lines.push(Line::raw(format!(" A hop says: {header}")));
    }
    if let Some(tunnel) = &known.tunnel {
        let answer = tunnel
            .status()
            .map_or("no answer".to_owned(), |status| status.to_string());
        let (title, target) = (tunnel.title(), escape::text(tunnel.target()));
        lines.push(Line::raw(format!(
            " Through a proxy: {title} {target}: {answer}"
        )));
    }
    let Some(shake) = &known.handshake else {
        lines.push(Line::raw(
            " the proxy refused the tunnel; no upgrade was asked for",
        ));
        return lines;
    };
    let half = width / 2;
    let left = head_lines(known.request(), Side::Client, known);
    let right = head_lines(known.response(), Side::Server, known);
    lines.push(Line::from(vec![
        Span::styled(
            fit(" Request of the client", half),
            app.theme.side(Side::Client),
        ),
        Span::styled("│ Response of the server", app.theme.side(Side::Server)),
    ]));
    for at in 0..left.len().max(right.len()) {
        let empty = String::new();
        lines.push(Line::from(vec![
            Span::raw(fit(left.get(at).unwrap_or(&empty), half)),
            Span::raw("│"),
            Span::raw(fit(
                right.get(at).unwrap_or(&empty),
                width.saturating_sub(half + 1),
            )),
        ]));
    }
    lines.push(Line::styled(
        " ● required  ○ optional  · other  ✗ required, but missing",
        app.theme.faint(),
    ));
    lines.push(Line::default());
    lines.extend(accept_lines(app, known, shake));
    lines.push(Line::default());
    lines.extend(agreed_lines(app, known, shake));
    lines.push(Line::default());
    lines.extend(meaning_lines(app, known));
    lines
}

fn head_lines(head: Option<&Head>, side: Side, known: &Connection) -> Vec<String> {
    let Some(head) = head else {
        return vec![" not in the capture".to_owned()];
    };
    let version = known.http_version(head);
    let first = match head.status() {
        Some(status) => format!(" {version} {status} {}", escape::text(head.reason())),
        None => format!(
            " {} {} {version}",
            escape::text(head.method()),
            escape::text(head.target())
        ),
    };
    let mut lines = vec![first];
    for (name, value) in head.headers() {
        let mark = match header(side, name).map(|header| header.presence) {
            Some(Presence::Required) => "●",
            Some(Presence::Optional) => "○",
            None => "·",
        };
        lines.push(format!(
            " {mark} {}: {}",
            escape::text(name),
            escape::text(value)
        ));
    }
    // What RFC 6455 requires, a draft need not know.
    if draft(known).is_none() && (side == Side::Client || head.status() == Some(101)) {
        for required in HEADERS {
            let missing = required.side == side
                && required.presence == Presence::Required
                && head.value(required.name).is_none();
            if missing && !known.transport.is_stream() {
                lines.push(format!(" ✗ {} is missing", required.name));
            }
        }
    }
    lines
}

fn accept_lines(app: &App, known: &Connection, shake: &Handshake) -> Vec<Line<'static>> {
    let label = |text: &'static str| Span::styled(text, app.theme.label());
    let framing = shake.negotiated.framing;
    if framing.challenge_len(Side::Server) > 0 {
        let verdict = match shake.accept_valid {
            Some(true) => "✓ it is right",
            Some(false) => "✗ it is wrong",
            None => "it was not seen whole",
        };
        return vec![
            Line::from(label(" The answer to three keys (hybi-00 1.3)")),
            Line::raw(
                " The keys are Sec-WebSocket-Key1, Sec-WebSocket-Key2 and 8 bytes behind the request; the answer is the MD5 of \
                 the numbers hidden in them, 16 bytes behind the response.",
            ),
            Line::raw(format!(" The server's answer: {verdict}")),
        ];
    }
    let Some(key) = known
        .request()
        .and_then(|head| head.value("Sec-WebSocket-Key"))
    else {
        return vec![Line::raw(
            " No Sec-WebSocket-Key was seen, so there is nothing to check.",
        )];
    };
    let steps = accept_steps(key);
    let sent = known
        .response()
        .and_then(|head| head.value("Sec-WebSocket-Accept"));
    let mut lines = vec![
        Line::from(label(" The accept key (RFC 6455 4.2.2)")),
        Line::from(vec![label("   1 key       "), Span::raw(escape::text(key))]),
        Line::from(vec![label("   2 + GUID    "), Span::raw(steps.joined)]),
        Line::from(vec![
            label("   3 SHA-1     "),
            Span::raw(hex::encode(steps.sha1)),
        ]),
        Line::from(vec![label("   4 base64    "), Span::raw(steps.accept)]),
    ];
    let verdict = match shake.accept_valid {
        Some(true) => Span::raw("✓ the same"),
        Some(false) => Span::styled("✗ not the same", app.theme.severity(Severity::Error)),
        None => Span::raw(""),
    };
    let sent = sent.map_or("none".to_owned(), escape::text);
    lines.push(Line::from(vec![
        label("   5 sent      "),
        Span::raw(sent + "  "),
        verdict,
    ]));
    lines
}

fn list(head: Option<&Head>, name: &str) -> String {
    let found: Vec<_> = head
        .into_iter()
        .flat_map(|head| head.list(name))
        .map(escape::text)
        .collect();
    if found.is_empty() {
        "none".to_owned()
    } else {
        found.join(", ")
    }
}

fn agreed_lines(app: &App, known: &Connection, shake: &Handshake) -> Vec<Line<'static>> {
    let (request, response) = (known.request(), known.response());
    let version = shake
        .negotiated
        .version
        .map_or("none".to_owned(), |version| version.to_string());
    let mut lines = vec![Line::raw(format!(
        " Outcome      {}, version {version}",
        shake.outcome.name()
    ))];
    for (label, name) in [
        ("Extensions", "Sec-WebSocket-Extensions"),
        ("Subprotocol", "Sec-WebSocket-Protocol"),
    ] {
        lines.push(Line::from(vec![
            Span::styled(format!(" {label:<12} offered  "), app.theme.label()),
            Span::raw(list(request, name)),
        ]));
        lines.push(Line::from(vec![
            Span::styled(format!(" {:<12} chosen   ", ""), app.theme.label()),
            Span::raw(list(response, name)),
        ]));
    }
    lines
}

/// What each header is for.
fn meaning_lines(app: &App, known: &Connection) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled(" What they are for", app.theme.label())];
    for explained in HEADERS {
        let head = match explained.side {
            Side::Client => known.request(),
            Side::Server => known.response(),
        };
        if head.is_some_and(|head| head.value(explained.name).is_some()) {
            lines.push(Line::raw(format!(
                "   {:<7} {:<26} {} ({})",
                explained.side.name(),
                explained.name,
                explained.meaning,
                explained.section
            )));
        }
    }
    lines
}
