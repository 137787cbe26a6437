//! The rules of diagnosis, one file a stage of the connection or a party to it: pure functions over a [`Case`], each of which
//! names a verdict or says nothing.
//!
//! [`RULES`] is the order in which they are asked. They read facts and change none.

mod answer;
mod bodies;
mod closing;
mod connect;
mod forbidden;
mod frames;
mod gateway;
mod handshake;
mod heartbeats;
mod hop;
mod life;
mod mtu;
mod not_http;
mod plain_to_tls;
mod quic;
mod request;
mod silence;
mod status;
mod tcp;
mod tls;
mod tls_unread;
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
    tcp::client_left,
    tcp::ended_at_once,
    tunnels::socks,
    tunnels::proxy_protocol,
    mtu::black_hole,
    tls::plain_port,
    tls::alert,
    tls::unanswered,
    tls::certificate_refused,
    tls::client_certificate,
    tls::client_certificate_refused,
    tls::closed_in_handshake,
    tls::left_after_handshake,
    tls_unread::closed_without_answer,
    tls_unread::unanswered_inside,
    tls::alpn_h2,
    tls_unread::alpn_h2_unread,
    connect::unanswered,
    connect::no_proxy,
    connect::refused,
    connect::answers_itself,
    life::foreign_reset_before_answer,
    plain_to_tls::answered,
    plain_to_tls::silent,
    hop::without_connect,
    not_http::request_timeout,
    not_http::request_cut_off,
    not_http::answer,
    request::draft_key_bytes,
    request::draft,
    request::http_version,
    request::h2_connect_protocol,
    bodies::client_certificate,
    request::repeated,
    gateway::tls_to_server,
    gateway::limited,
    hop::stripped,
    request::version,
    request::key,
    request::connection_header,
    hop::not_forwarded,
    hop::by_proxy,
    bodies::session_unknown,
    bodies::engine_io,
    bodies::host_refused,
    bodies::captive_portal,
    bodies::rate_limited,
    bodies::stripped_on_the_way,
    forbidden::forbidden,
    status::by_status,
    status::alone,
    status::silence,
    handshake::accept,
    handshake::upgrade_headers,
    handshake::subprotocol_not_offered,
    handshake::extension_not_offered,
    handshake::subprotocol_missing,
    frames::http_text,
    frames::not_frames,
    frames::reserved_bit,
    frames::masking,
    frames::invalid,
    handshake::odd_form,
    frames::closed_after_handshake,
    life::foreign_reset,
    silence::silent_drop,
    life::ping_unanswered,
    life::keepalive_timeout,
    heartbeats::application_ping_unanswered,
    life::server_stopped,
    life::cluster,
    closing::close_code,
    quic::idle,
    quic::forgotten,
    quic::closed,
    closing::stream_reset,
    // It worked, and only where nothing else went wrong is its age worth a word.
    handshake::draft_accepted,
    life::without_close_frame,
];
