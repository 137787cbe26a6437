//! Which program answers, or stands in between, as far as headers name it.

use crate::base::Head;

/// A program or service that WebSockets have to get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Software {
    /// nginx.
    Nginx,
    /// Apache httpd.
    Apache,
    /// HAProxy.
    HaProxy,
    /// Squid.
    Squid,
    /// Varnish.
    Varnish,
    /// Envoy, or what is built on it.
    Envoy,
    /// A load balancer of AWS.
    Aws,
    /// Cloudflare.
    Cloudflare,
    /// Microsoft's IIS or ARR.
    Iis,
    /// Google's front end.
    Google,
    /// Caddy.
    Caddy,
    /// lighttpd.
    Lighttpd,
    /// H2O.
    H2o,
    /// nghttpx, the proxy of nghttp2.
    Nghttpx,
    /// Apache Traffic Server.
    TrafficServer,
    /// Tinyproxy.
    Tinyproxy,
}

impl Software {
    /// The name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Software::Nginx => "nginx",
            Software::Apache => "Apache",
            Software::HaProxy => "HAProxy",
            Software::Squid => "Squid",
            Software::Varnish => "Varnish",
            Software::Envoy => "Envoy",
            Software::Aws => "AWS load balancer",
            Software::Cloudflare => "Cloudflare",
            Software::Iis => "IIS",
            Software::Google => "Google load balancer",
            Software::Caddy => "Caddy",
            Software::Lighttpd => "lighttpd",
            Software::H2o => "H2O",
            Software::Nghttpx => "nghttpx",
            Software::TrafficServer => "Apache Traffic Server",
            Software::Tinyproxy => "Tinyproxy",
        }
    }

    /// The program that a head or the page below it names, and the header line that does. Those that say they stand in
    /// between (`Via`, `X-Cache`, `X-Varnish`) come before the `Server`, which may be the one behind.
    #[must_use]
    pub fn named_by(head: &Head, body: &[u8]) -> Option<(Software, String)> {
        for (header, text, software) in NAMES {
            let values: Vec<&[u8]> = head.values(header).collect();
            let found = values.iter().find(|value| contains(value, text.as_bytes()));
            if let Some(value) = found {
                let line = format!("{header}: {}", crate::base::escape::preview(value, 100));
                return Some((*software, line));
            }
        }
        let mut pages = HAPROXY_PAGES.iter();
        let page = pages.find(|text| contains(body, text.as_bytes()))?;
        Some((
            Software::HaProxy,
            format!("the page is HAProxy's own ({page:?})"),
        ))
    }
}

/// What HAProxy says itself, in pages whose head does not name it.
const HAPROXY_PAGES: &[&str] = &[
    "No server is available to handle this request",
    "Request forbidden by administrative rules",
    "Your browser sent an invalid request",
    "Your browser didn't send a complete request in time",
    "The server returned an invalid or incomplete response",
    "The server didn't respond in time",
];

/// Header, what its value contains, who that is. In order of what they prove.
const NAMES: &[(&str, &str, Software)] = &[
    ("X-Squid-Error", "", Software::Squid),
    ("Via", "squid", Software::Squid),
    ("X-Varnish", "", Software::Varnish),
    ("Via", "varnish", Software::Varnish),
    ("CF-RAY", "", Software::Cloudflare),
    ("Server", "cloudflare", Software::Cloudflare),
    ("Server", "awselb", Software::Aws),
    ("X-Amzn-Trace-Id", "", Software::Aws),
    ("Via", "google", Software::Google),
    ("Server", "envoy", Software::Envoy),
    ("X-Envoy-Upstream-Service-Time", "", Software::Envoy),
    // It adds its own `Server` in front of the one behind.
    ("Via", "Caddy", Software::Caddy),
    ("Server", "Caddy", Software::Caddy),
    ("Server", "haproxy", Software::HaProxy),
    ("Via", "haproxy", Software::HaProxy),
    ("Server", "squid", Software::Squid),
    ("X-Cache-Lookup", "", Software::Squid),
    ("Via", "ApacheTrafficServer", Software::TrafficServer),
    ("Server", "ATS", Software::TrafficServer),
    ("Via", "tinyproxy", Software::Tinyproxy),
    ("Server", "tinyproxy", Software::Tinyproxy),
    ("Via", "nghttpx", Software::Nghttpx),
    ("Server", "nghttpx", Software::Nghttpx),
    ("Server", "h2o/", Software::H2o),
    ("Server", "lighttpd", Software::Lighttpd),
    ("Server", "openresty", Software::Nginx),
    ("Server", "nginx", Software::Nginx),
    ("Via", "nginx", Software::Nginx),
    ("Server", "Apache", Software::Apache),
    ("Via", "Apache", Software::Apache),
    ("Proxy-agent", "Apache", Software::Apache),
    ("X-Forwarded-Server", "", Software::Apache),
    ("Server", "Microsoft-IIS", Software::Iis),
];

/// Whether `text` contains `part` in any letter case.
pub(super) fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty()
        || text
            .windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part))
}
