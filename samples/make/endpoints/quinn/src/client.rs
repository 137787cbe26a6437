//! The client: one connection, and on it what the part says.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h3::client::SendRequest;
use h3::error::Code;
use h3::ext::Protocol;
use http::{Method, Request};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::time::sleep;
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role};

use crate::Outcome;
use crate::carrier::{Socket, Stream as _};
use crate::server::transport;

type Stream = h3::client::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

struct Client {
    endpoint: Endpoint,
    quic: Connection,
    requests: SendRequest<h3_quinn::OpenStreams, Bytes>,
}

pub async fn run(port: u16, authority: &str, part: &str) -> Outcome {
    let endpoint = endpoint(authority)?;
    match part {
        "hello" => hello(Client::connect(endpoint, port).await?).await,
        "streams" => streams(Client::connect(endpoint, port).await?).await,
        "key-update" => key_update(Client::connect(endpoint, port).await?).await,
        "migration" => migration(Client::connect(endpoint, port).await?).await,
        "early-data" => early_data(endpoint, port).await,
        "cancel" => cancel(Client::connect(endpoint, port).await?).await,
        path if path.starts_with("flood=") => flood(Client::connect(endpoint, port).await?, &path[6..]).await,
        // A question to this path, and whatever comes of it.
        path => question(Client::connect(endpoint, port).await?, path).await,
    }
}

fn endpoint(authority: &str) -> Outcome<Endpoint> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    let builder = rustls::ClientConfig::builder().with_root_certificates(roots);
    let mut tls = builder.with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".into()];
    tls.enable_early_data = true;
    tls.key_log = Arc::new(rustls::KeyLogFile::new());
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    config.transport_config(Arc::new(transport()));
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse()?)?;
    endpoint.set_default_client_config(config);
    Ok(endpoint)
}

impl Client {
    async fn connect(endpoint: Endpoint, port: u16) -> Outcome<Self> {
        let quic = endpoint.connect(([127, 0, 0, 1], port).into(), "localhost")?.await?;
        Self::over(endpoint, quic).await
    }

    async fn over(endpoint: Endpoint, quic: Connection) -> Outcome<Self> {
        let mut builder = h3::client::builder();
        let builder = builder.enable_extended_connect(true);
        let (mut driver, requests) = builder.build(h3_quinn::Connection::new(quic.clone())).await?;
        tokio::spawn(async move { std::future::poll_fn(|context| driver.poll_close(context)).await });
        Ok(Self { endpoint, quic, requests })
    }

    async fn get(&mut self, path: &str) -> Outcome {
        let request = Request::get(format!("https://localhost{path}")).body(())?;
        let mut stream = self.requests.send_request(request).await?;
        stream.end().await?;
        stream.recv_response().await?;
        while stream.receive().await?.is_some() {}
        Ok(())
    }

    async fn socket(&mut self, path: &str) -> Outcome<Socket<Stream>> {
        let request = Request::builder()
            .method(Method::CONNECT)
            .uri(format!("https://localhost{path}"))
            .header("sec-websocket-version", "13")
            .header("sec-websocket-protocol", "lab.v1")
            .header("origin", "https://localhost")
            .header("user-agent", "quinn lab")
            .extension(Protocol::WEB_SOCKET)
            .body(())?;
        let mut stream = self.requests.send_request(request).await?;
        let response = stream.recv_response().await?;
        match response.status().is_success() {
            true => Ok(Socket::new(stream, Role::Client)),
            false => Err(format!("answered {}", response.status()).into()),
        }
    }

    async fn end(self) -> Outcome {
        sleep(Duration::from_millis(200)).await;
        self.quic.close(0x100u32.into(), b"");
        self.endpoint.wait_idle().await;
        Ok(())
    }
}

/// Sends a message and waits for its echo.
async fn say(socket: &mut Socket<Stream>, message: impl Into<Message>) -> Outcome {
    socket.send(message.into()).await?;
    match socket.receive().await? {
        Some(_) => Ok(()),
        None => Err("the stream ended".into()),
    }
}

async fn close(socket: &mut Socket<Stream>) -> Outcome {
    let close = CloseFrame { code: CloseCode::Normal, reason: "done".into() };
    socket.send(Message::Close(Some(close))).await?;
    while socket.receive().await?.is_some() {}
    socket.stream.end().await
}

async fn hello(mut client: Client) -> Outcome {
    client.get("/").await?;
    let mut one = client.socket("/echo").await?;
    say(&mut one, "Hello over HTTP/3").await?;
    say(&mut one, (0..100).collect::<Vec<u8>>()).await?;
    close(&mut one).await?;
    client.end().await
}

async fn streams(mut client: Client) -> Outcome {
    let (mut one, mut two) = (client.socket("/first").await?, client.socket("/second").await?);
    for number in 0..8u8 {
        say(&mut one, format!("message {number} over this link ").repeat(60)).await?;
        say(&mut two, vec![number; 3000]).await?;
        client.get("/again").await?;
    }
    one.send(Message::Ping("h3 ping".into())).await?;
    one.receive().await?;
    say(&mut two, "x".repeat(30_000)).await?;
    close(&mut one).await?;
    close(&mut two).await?;
    client.end().await
}

async fn key_update(mut client: Client) -> Outcome {
    let mut one = client.socket("/echo").await?;
    for number in 0..4 {
        say(&mut one, format!("generation {number}")).await?;
        client.quic.force_key_update();
        say(&mut one, format!("generation {}", number + 1)).await?;
        sleep(Duration::from_millis(100)).await;
    }
    close(&mut one).await?;
    client.end().await
}

async fn migration(mut client: Client) -> Outcome {
    let mut one = client.socket("/echo").await?;
    for number in 0..2 {
        say(&mut one, format!("before move {number}")).await?;
        client.endpoint.rebind(std::net::UdpSocket::bind("127.0.0.1:0")?)?;
        say(&mut one, format!("after move {number}")).await?;
    }
    close(&mut one).await?;
    client.end().await
}

async fn early_data(endpoint: Endpoint, port: u16) -> Outcome {
    let mut first = Client::connect(endpoint.clone(), port).await?;
    first.get("/").await?;
    first.end().await?;
    let connecting = endpoint.connect(([127, 0, 0, 1], port).into(), "localhost")?;
    let (quic, accepted) = connecting.into_0rtt().map_err(|_| "no ticket")?;
    let mut client = Client::over(endpoint, quic).await?;
    let mut one = client.socket("/echo").await?;
    if !accepted.await {
        return Err("the early data was refused".into());
    }
    say(&mut one, "behind early data").await?;
    close(&mut one).await?;
    client.end().await
}

async fn cancel(mut client: Client) -> Outcome {
    let mut one = client.socket("/echo").await?;
    say(&mut one, "soon to be cancelled").await?;
    one.stream.reset(Code::H3_REQUEST_CANCELLED);
    client.end().await
}

async fn question(mut client: Client, path: &str) -> Outcome {
    match client.socket(path).await {
        Ok(mut one) => {
            one.send("a question".into()).await?;
            let heard = tokio::time::timeout(Duration::from_secs(4), one.receive()).await;
            eprintln!("{path}: {heard:?}");
        }
        Err(error) => eprintln!("{path}: {error}"),
    }
    client.end().await
}

async fn flood(mut client: Client, count: &str) -> Outcome {
    let mut one = client.socket("/flood").await?;
    one.send(count.into()).await?;
    let count: usize = count.parse()?;
    one.is_logged = count < 100;
    for _ in 0..count {
        one.receive().await?;
    }
    one.is_logged = true;
    close(&mut one).await?;
    client.end().await
}
