//! The server: echoes, or does what the path says.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h3::error::Code;
use h3::ext::Protocol;
use http::{Request, Response, StatusCode};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, Incoming, ServerConfig, TransportConfig, VarInt};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tungstenite::Message;
use tungstenite::protocol::Role;

use crate::Outcome;
use crate::carrier::{Socket, Stream as _};

type Stream = h3::server::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

pub async fn run(port: u16, certificate: &str, key: &str, retry: bool) -> Outcome {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let mut tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    tls.alpn_protocols = vec![b"h3".into()];
    tls.max_early_data_size = u32::MAX;
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    config.transport_config(Arc::new(transport()));
    // A server that is started again knows the tokens of its stateless resets still.
    let reset_key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[7; 64]);
    let mut endpoint = EndpointConfig::new(Arc::new(reset_key));
    endpoint.cid_generator(|| Box::new(quinn_proto::RandomConnectionIdGenerator::new(8)));
    let socket = std::net::UdpSocket::bind(("127.0.0.1", port))?;
    let runtime = Arc::new(quinn::TokioRuntime);
    let endpoint = Endpoint::new(endpoint, Some(config), socket, runtime)?;
    eprintln!("listening");
    while let Some(incoming) = endpoint.accept().await {
        if retry && !incoming.remote_address_validated() {
            incoming.retry()?;
            continue;
        }
        tokio::spawn(async move {
            if let Err(error) = connection(incoming).await {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

pub fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    let idle = std::env::var("IDLE").ok().and_then(|idle| idle.parse().ok());
    let idle = Duration::from_secs(idle.unwrap_or(30));
    transport.max_idle_timeout(idle.try_into().ok());
    transport
}

async fn connection(incoming: Incoming) -> Outcome {
    let (quic, _) = incoming.accept()?.into_0rtt().map_err(|_| "no 0-RTT")?;
    let mut builder = h3::server::builder();
    let builder = builder.enable_extended_connect(true);
    let mut http = builder.build(h3_quinn::Connection::new(quic.clone())).await?;
    while let Some(resolver) = http.accept().await? {
        let quic = quic.clone();
        tokio::spawn(async move {
            let (request, stream) = resolver.resolve_request().await?;
            let done = answer(request, stream, quic).await;
            if let Err(error) = &done {
                eprintln!("{error}");
            }
            done
        });
    }
    Ok(())
}

async fn answer(request: Request<()>, mut stream: Stream, quic: quinn::Connection) -> Outcome {
    let path = request.uri().path().to_owned();
    let is_socket = request.extensions().get() == Some(&Protocol::WEB_SOCKET);
    let mut response = Response::builder().header("server", "lab");
    if let Some(offer) = request.headers().get("sec-websocket-protocol") {
        response = response.header("sec-websocket-protocol", offer);
    }
    if path == "/missing" {
        response = response.status(StatusCode::NOT_FOUND);
    }
    stream.send_response(response.body(())?).await?;
    if !is_socket || path == "/missing" {
        stream.send("<title>lab</title>".into()).await?;
        return stream.end().await;
    }
    let mut socket = Socket::new(stream, Role::Server);
    while let Some(message) = socket.receive().await? {
        match (path.as_str(), message) {
            ("/flood", Message::Text(count)) => flood(&mut socket, count.parse()?).await?,
            ("/reset", Message::Text(_)) => {
                socket.stream.reset(Code::H3_INTERNAL_ERROR);
                tokio::time::sleep(Duration::from_secs(1)).await;
                return Ok(());
            }
            ("/quit", Message::Text(_)) => {
                quic.close(VarInt::from_u32(0x102), b"the server gives up");
                return Ok(());
            }
            ("/mute", Message::Text(_)) => {}
            // It forgets everything and says nothing.
            ("/die", Message::Text(_)) => std::process::exit(0),
            (_, message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message).await?,
            (_, Message::Close(_)) => break,
            _ => {}
        }
    }
    socket.stream.end().await?;
    // Until the client has said its last word too.
    while socket.stream.receive().await?.is_some() {}
    Ok(())
}

/// Messages of 16 KiB, which a client counts; of many nothing is printed.
async fn flood(socket: &mut Socket<Stream>, count: usize) -> Outcome {
    socket.is_logged = count < 100;
    for number in 0..count {
        let body: Vec<u8> = (0..16 << 10).map(|at| (at * 7 + number) as u8).collect();
        socket.send(Message::Binary(body.into())).await?;
    }
    socket.is_logged = true;
    Ok(())
}
