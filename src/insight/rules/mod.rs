//! The rules of diagnosis, one file a stage of the connection or a party to it: pure functions over a [`Case`], each of which
//! names a verdict or says nothing.
//!
//! [`RULES`] is the order in which they are asked. They read facts and change none.

mod answer;
mod bodies;
mod connect;
mod frames;
mod handshake;
mod heartbeats;
mod hop;
mod life;
mod mtu;
mod not_http;
mod quic;
mod request;
mod status;
mod tcp;
mod tls;
mod tunnels;

use super::case::{Case, Found};

pub(super) use life::nothing;

/// A rule: what it found in a case, if it applies.
pub(super) type Rule = fn(&Case<'_>) -> Option<Found>;

/// The rules in the order of the stages; the first that fits decides.
pub(super) const RULES: &[Rule] = &[
    tcp::rejected,
    tcp::unanswered,
    tcp::answer_lost,
    tcp::refused,
    tunnels::socks,
    tunnels::proxy_protocol,
    mtu::black_hole,
    tls::plain_port,
    tls::alert,
    tls::unanswered,
    tls::certificate_refused,
    tls::client_certificate,
    tls::closed_in_handshake,
    tls::left_after_handshake,
    tls::closed_without_answer,
    tls::alpn_h2,
    tls::alpn_h2_unread,
    connect::unanswered,
    connect::no_proxy,
    connect::refused,
    life::foreign_reset_before_answer,
    hop::plain_to_tls_port,
    hop::plain_to_silent_tls_port,
    hop::without_connect,
    not_http::request_timeout,
    not_http::answer,
    request::draft_key_bytes,
    request::draft,
    request::http_version,
    request::h2_connect_protocol,
    bodies::client_certificate,
    hop::stripped,
    request::version,
    request::key,
    request::connection_header,
    hop::not_forwarded,
    hop::by_proxy,
    bodies::session_unknown,
    bodies::captive_portal,
    bodies::rate_limited,
    bodies::stripped_on_the_way,
    status::by_status,
    status::alone,
    status::silence,
    handshake::accept,
    handshake::upgrade_headers,
    handshake::subprotocol_not_offered,
    handshake::extension_not_offered,
    handshake::subprotocol_missing,
    frames::http_text,
    frames::reserved_bit,
    frames::masking,
    frames::invalid,
    handshake::odd_form,
    frames::closed_after_handshake,
    life::foreign_reset,
    life::silent_drop,
    life::ping_unanswered,
    life::keepalive_timeout,
    heartbeats::application_ping_unanswered,
    life::server_stopped,
    life::cluster,
    life::close_code,
    quic::idle,
    quic::forgotten,
    quic::closed,
    life::stream_reset,
    // It worked, and only where nothing else went wrong is its age worth a word.
    handshake::draft_accepted,
    life::without_close_frame,
];
