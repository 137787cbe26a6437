//! What the standards say of fields, opcodes and codes, each in a sentence or two of our own.

/// What a field of a frame header is for. `name` is its name in the display filter, or a draft's label.
#[must_use]
pub fn sentence(name: &str) -> &'static str {
    match name {
        "websocket.fin" | "FIN" => {
            "1 says that the message ends with this frame, 0 that continuation frames follow. Control frames always have 1, as they \
             may not be fragmented."
        }
        "websocket.rsv1" | "RSV1" => {
            "0 unless an extension gives it a meaning. permessage-deflate does: 1 in the first frame of a message says that the \
             message is compressed."
        }
        "websocket.rsv2" | "websocket.rsv3" | "RSV2" | "RSV3" | "RSV4" => {
            "Kept for extensions and 0 without one; whoever gets a 1 that was not agreed on must fail the connection."
        }
        "websocket.opcode" | "Opcode" => {
            "Says what the payload is. 0 to 7 are for data, 8 to 15 for control: the first of the four bits tells them apart."
        }
        "websocket.mask" => {
            "1 says that a masking key follows and that the payload is masked with it. Every frame of a client has 1, every frame \
             of a server 0."
        }
        "websocket.payload_length" | "Payload length" => {
            "Bytes of payload, when it is 0 to 125. 126 and 127 say that the real length stands in the next 2 or 8 bytes instead."
        }
        "websocket.payload_length_ext_16"
        | "websocket.payload_length_ext_64"
        | "Extended payload length" => {
            "The real length, most significant byte first. The shortest form that can hold it must be used; of 64 bits the first \
             must be 0."
        }
        "websocket.masking_key" | "Masking key" => {
            "Four bytes that the client chose at random for this frame alone. Byte i of the payload is sent XORed with byte i mod 4 \
             of the key. It hides nothing: it keeps a page from choosing the bytes that a proxy sees."
        }
        "MORE" => "The other way round than FIN: 1 says that more frames of the message follow.",
        "More" => "1 says that another group of seven bits of the length follows.",
        "Length" => "Seven bits of the length, the most significant group first.",
        "Frame type" => {
            "The first bit says how the end is found: 0 by a byte ff behind the text, 1 by a length in groups of seven bits."
        }
        "websocket.payload" => {
            "What the application sends: text in UTF-8, any bytes, or the body of a control frame."
        }
        _ => "",
    }
}

/// What an opcode means, and where that is defined.
#[must_use]
pub(super) fn opcode(number: u8) -> (&'static str, &'static str) {
    match number {
        0 => (
            "goes on with the message that a text or binary frame without FIN began; the last one has FIN.",
            "RFC 6455 5.4",
        ),
        1 => (
            "begins a message of text in UTF-8; only the whole message must be valid, a fragment may end inside a character.",
            "RFC 6455 5.6",
        ),
        2 => (
            "begins a message of any bytes; what they mean is the application's affair.",
            "RFC 6455 5.6",
        ),
        8 => (
            "ends this side's sending. Its body is empty, or a code of two bytes and a reason in UTF-8; the other side answers \
             with a close of its own, then the server closes TCP.",
            "RFC 6455 5.5.1",
        ),
        9 => (
            "asks whether the other side is there; it must be answered by a pong with the same body, as soon as is practical.",
            "RFC 6455 5.5.2",
        ),
        10 => (
            "answers a ping with the ping's own body. Unasked it is a heartbeat that nobody answers.",
            "RFC 6455 5.5.3",
        ),
        3..=7 => (
            "is reserved for data frames to come; whoever gets it must fail the connection.",
            "RFC 6455 5.2",
        ),
        _ => (
            "is reserved for control frames to come; whoever gets it must fail the connection.",
            "RFC 6455 5.2",
        ),
    }
}

/// When a close code is used, and where that is defined.
#[must_use]
pub(super) fn close_code(code: u16) -> (&'static str, &'static str) {
    const CODES: &str = "RFC 6455 7.4.1";
    const RANGES: &str = "RFC 6455 7.4.2";
    const REGISTRY: &str = "IANA WebSocket Close Code Number Registry";
    match code {
        1000 => ("The purpose of the connection is fulfilled.", CODES),
        1001 => (
            "The endpoint goes away: the server goes down, or the user leaves the page.",
            CODES,
        ),
        1002 => ("The other side broke the protocol.", CODES),
        1003 => (
            "The endpoint got a kind of data that it does not take, such as binary where it only reads text.",
            CODES,
        ),
        1004 => ("Has no meaning yet.", CODES),
        1005 => (
            "Stands for a close frame without a code. It is what an API reports and never crosses the wire.",
            CODES,
        ),
        1006 => (
            "Stands for an end without any close frame: TCP was closed or reset. It is what an API reports and never crosses \
             the wire, so look for the cause in the network, not in a frame.",
            CODES,
        ),
        1007 => (
            "A message was not what its type says, such as text that is no UTF-8.",
            CODES,
        ),
        1008 => (
            "A message, or the whole connection, is against the endpoint's policy; for when nothing fits better.",
            CODES,
        ),
        1009 => ("A message is too large for the endpoint.", CODES),
        1010 => (
            "The client wanted an extension that the server did not agree to. Only clients send it; a server refuses the \
             handshake instead.",
            CODES,
        ),
        1011 => (
            "The server met a condition that kept it from doing what was asked.",
            CODES,
        ),
        1012 => (
            "The server restarts; come back after 5 to 30 seconds, each client after a time of its own.",
            REGISTRY,
        ),
        1013 => (
            "The server is overloaded; connect to another address, or later.",
            REGISTRY,
        ),
        1014 => (
            "The server is a gateway, and what is behind it answered something invalid.",
            REGISTRY,
        ),
        1015 => (
            "Stands for a TLS handshake that failed. It is what an API reports and never crosses the wire.",
            CODES,
        ),
        0..=999 => ("Codes below 1000 are not used.", RANGES),
        1016..=2999 => (
            "Kept for the protocol itself and its extensions, and not assigned.",
            RANGES,
        ),
        3000..=3999 => (
            "For libraries, frameworks and applications that register it with IANA.",
            RANGES,
        ),
        4000..=4999 => (
            "For private use: what it means is agreed on between the two applications.",
            RANGES,
        ),
        5000.. => ("No code: they end with 4999.", RANGES),
    }
}

/// What an extension does, and where it is defined.
#[must_use]
pub(super) fn extension(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "permessage-deflate" => (
            "Compresses messages one by one with DEFLATE. RSV1 in the first frame of a message says that it is compressed; the \
             four bytes 00 00 ff ff at the end of each are left off.",
            "RFC 7692 7",
        ),
        "x-webkit-deflate-frame" | "deflate-frame" => (
            "Compresses each frame by itself, as older WebKit did; never became a standard.",
            "draft-tyoshino-hybi-websocket-perframe-deflate",
        ),
        _ => return None,
    })
}

/// What a parameter of permessage-deflate asks for.
#[must_use]
pub(super) fn deflate_parameter(name: &str) -> Option<&'static str> {
    Some(match name {
        "server_no_context_takeover" => {
            "The server compresses each message by itself, so that nobody need remember the ones before: worse compression, less memory."
        }
        "client_no_context_takeover" => "The client compresses each message by itself.",
        "server_max_window_bits" => {
            "The server refers back at most 2 to this power bytes, 8 to 15."
        }
        "client_max_window_bits" => {
            "The client refers back at most 2 to this power bytes. In an offer it may stand without a value: the client can do as \
             the server likes."
        }
        _ => return None,
    })
}
