//! HTTP: proxies that say themselves why they could not pass the request on.

use crate::insight::case::{Case, Found};
use crate::insight::fix::Situation;
use crate::insight::verdict::Verdict;

use super::answer::{body_line, first_line, refusal, says};

/// What proxies say when TLS with the server behind them did not come about.
const TLS_FAILED: &[&str] = &[
    "Error during SSL Handshake with remote server",
    "Failed to establish a secure connection",
    "ERR_SECURE_CONNECT_FAIL",
    "transport failure reason: TLS",
];

/// The proxy's page says that TLS with the server behind it failed.
pub(super) fn tls_to_server(case: &Case<'_>) -> Option<Found> {
    let status = case.response()?.status()?;
    let said = TLS_FAILED.iter().find(|text| says(case, text))?;
    if !case.is_refused() || status < 500 {
        return None;
    }
    let who = case.software();
    let who = who
        .as_ref()
        .map_or("the proxy", |(software, _)| software.name());
    let sentence = format!(
        "{who} could not complete TLS with the server behind it ({status}): that one speaks plain HTTP, or its certificate does not fit"
    );
    let found = Found::certain(Verdict::BadGateway, sentence)
        .when(Situation::TlsBehindProxy)
        .at(case.attempt.request_at(), "the upgrade request");
    Some(body_line(case, refusal(case, found), said))
}

/// What the proxy that answers met behind it meanwhile, where the capture holds that side, too.
pub(super) fn with_cause(case: &Case<'_>, found: Found, status: u16) -> Found {
    let is_gateway = matches!(status, 500 | 502..=504);
    let times = case.attempt.request_at().zip(case.attempt.response_at());
    let Some((asked, answered)) = times.filter(|_| is_gateway) else {
        return found;
    };
    let server = case.attempt.server;
    match case.all.behind(server, asked.time, answered.time) {
        Some(failure) => {
            let words = failure.words();
            let sentence = format!("{}; meanwhile {words}", found.sentence);
            Found { sentence, ..found }.at(Some(failure.at()), words)
        }
        None => found,
    }
}

/// nginx's own 503, where it passed others on: a limit on requests or connections.
pub(super) fn limited(case: &Case<'_>) -> Option<Found> {
    let response = case.response()?;
    let is_own = says(case, "<center>nginx") && says(case, "503 Service Temporarily Unavailable");
    if !case.is_refused() || response.status() != Some(503) || !is_own {
        return None;
    }
    let passed = case.all.accepted_plainly(case.attempt.server)?;
    let sentence = "nginx itself refuses (503) what it passed on otherwise: a limit on requests or connections of this client (limit_req, limit_conn), which answers so";
    let found = Found::likely(Verdict::RateLimited, sentence)
        .when(Situation::LimitOfNginx)
        .at(case.attempt.request_at(), "the upgrade request")
        .at(passed.request_at(), "an upgrade that was accepted");
    Some(first_line(case, refusal(case, found)))
}
