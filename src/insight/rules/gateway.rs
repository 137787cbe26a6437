//! HTTP: proxies that say themselves why they could not pass the request on.

use crate::insight::case::{Case, Found};
use crate::insight::fix::Situation;
use crate::insight::verdict::Verdict;

use super::answer::{body_line, refusal, says};

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
