//! What every protocol that leads to a WebSocket reports of it: how its handshake came out, and that it ended.

use crate::websocket::handshake::{accept_key, check, negotiated};

use super::connection::{Connection, Handshake};
use super::context::Context;
use super::next::Closing;
use super::security;
use super::sink::Sink;

/// Works out what both sides agreed on.
pub(super) fn settle_handshake(handshake: &mut Handshake) {
    let request = handshake.request.as_ref().map(|seen| &seen.head);
    let response = handshake.response.as_ref().map(|seen| &seen.head);
    handshake.negotiated = negotiated(request, response);
    handshake.accept_valid = request.zip(response).and_then(|(request, response)| {
        let key = request.value("sec-websocket-key")?;
        let accept = response.value("sec-websocket-accept")?;
        Some(accept_key(key).as_bytes() == accept)
    });
}

/// Reports the outcome of a handshake and what is wrong with it.
pub(super) fn report_handshake<S: Sink>(connection: &mut Connection, context: &mut Context<'_, S>) {
    context.sink.handshake(connection, context.now);
    let mut findings = std::mem::take(&mut context.shared.findings);
    findings.clear();
    check(connection.request(), connection.response(), &mut findings);
    if context.looks_for_secrets() {
        let tls = context.shared.rare.get(&context.flow.serial);
        let tls = tls.and_then(|rare| rare.tls.as_deref());
        security::check(connection, tls, context.now.time, &mut findings);
    }
    for (side, finding) in findings.drain(..) {
        context.finding(Some(connection), Some(side), &finding);
    }
    context.shared.findings = findings;
}

/// Reports that a connection ended: with its flow, or (`None`) because its flow went on with something else.
pub(super) fn close<S: Sink>(
    connection: &mut Connection,
    closing: Option<Closing>,
    context: &mut Context<'_, S>,
) {
    connection.close.ended_by = closing.map(|closing| closing.by);
    connection.closed = Some(closing.map_or(context.now.time, |closing| closing.at));
    connection.packets = context.flow.packets;
    context.sink.closed(connection, context.now);
}
