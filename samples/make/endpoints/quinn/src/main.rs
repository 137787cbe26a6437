//! WebSockets over HTTP/3 with quinn (QUIC), h3 (HTTP/3) and tungstenite (frames): a server that answers by path, and a client that
//! plays one of several parts. Both print what tungstenite sends and receives, a JSON object a line.
//!
//! ```text
//! h3-endpoints server PORT CERTIFICATE KEY [retry]
//! h3-endpoints client PORT AUTHORITY PART      (SSLKEYLOGFILE)
//! ```

mod carrier;
mod client;
mod server;

use std::error::Error;

pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    match words[..] {
        ["server", port, certificate, key, ref options @ ..] => {
            server::run(port.parse()?, certificate, key, options.contains(&"retry")).await
        }
        ["client", port, authority, part] => client::run(port.parse()?, authority, part).await,
        _ => Err("server PORT CERTIFICATE KEY [retry] | client PORT AUTHORITY PART".into()),
    }
}
