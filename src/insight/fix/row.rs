//! What a row of the fixes' table holds.

use crate::insight::software::Software;
use crate::insight::verdict::Verdict;

/// The verdict; the software it is for, if special; what to do; and where that is documented, `""` where the verdict's own
/// source says it.
pub(super) type Fix = (Verdict, Option<Software>, &'static str, &'static str);

/// What a rule knows beyond the verdict and the software, where what to do depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::insight) enum Situation {
    /// It is a proxy that fails so, towards the server behind it; the answer may name it.
    BehindProxy,
    /// The same, seen at the server: what the answer names is that.
    ProxyToHere,
    /// A proxy speaks TLS to the server behind it, and that does not come about.
    TlsBehindProxy,
    /// TLS ended before the server sent a certificate.
    NoCertificateSent,
    /// The server compares Origin with a Host that a proxy changed.
    HostChanged,
    /// The server has a list of the hosts that it takes.
    HostRefused,
    /// A Socket.IO server is asked by something else, or in another version.
    SocketIo,
    /// The program that runs the application knows no WebSockets as it is set up.
    NoWebSocketsInServer,
    /// The client ended the connection on the 101.
    LeftOnSwitching,
    /// Nothing of what a close frame complains about can be seen here.
    NothingBrokenHere,
    /// The proxy has no site for the host.
    NoSuchSite,
    /// A firewall says by ICMP that it rejects the packets of an open connection.
    RejectedMeanwhile,
    /// Packets are lost without a silence before that would explain it.
    DroppedWhileBusy,
    /// The packet with the request never arrives.
    NotAcknowledged,
    /// A header of the request came more than once.
    HeaderRepeated,
    /// It is the server that leaves the TLS handshake.
    ServerLeftHandshake,
    /// The headers of the 101 are right, and its form is not.
    OddForm,
    /// It is nginx that limits, with 503.
    LimitOfNginx,
    /// A web server bans who asks too often, with 403.
    BannedByServer,
    /// A rule of the program that answers refuses, whatever is behind it.
    OwnRule,
    /// The application itself refuses, behind a server that passes upgrades on to it.
    Application,
    /// The request names no Origin, so that cannot be what is minded.
    NoOrigin,
    /// The server says that it does not implement what it was asked for.
    NotImplemented,
    /// The server's TCP took the request, and its program says nothing.
    Acknowledged,
    /// The server had the request for a while before it left.
    AfterWaiting,
    /// The server leaves as Engine.IO leaves upgrades that are not for it.
    NotForEngineIo,
}

impl Situation {
    /// When it applies, for the manual.
    pub(super) fn words(self) -> &'static str {
        match self {
            Situation::BehindProxy => "where the proxy that answers does so",
            Situation::ProxyToHere => "where a proxy does so, seen at the server",
            Situation::TlsBehindProxy => "where a proxy speaks TLS to the server behind it",
            Situation::NoCertificateSent => "before the server sent a certificate",
            Situation::HostChanged => "where a proxy may have changed Host",
            Situation::HostRefused => "where the server does not take the host",
            Situation::SocketIo => "where a Socket.IO server answers",
            Situation::NoWebSocketsInServer => "where the application's server knows no WebSockets",
            Situation::LeftOnSwitching => "right after the 101",
            Situation::NothingBrokenHere => "where nothing that was sent here breaks a rule",
            Situation::NoSuchSite => "where the answer is empty",
            Situation::RejectedMeanwhile => "where ICMP says that a firewall rejects the packets",
            Situation::DroppedWhileBusy => "where no silence came before",
            Situation::NotAcknowledged => "where the request is never acknowledged",
            Situation::HeaderRepeated => "where a header came more than once",
            Situation::ServerLeftHandshake => "where the server ended it",
            Situation::OddForm => "where the form of the 101 is odd",
            Situation::LimitOfNginx => "where nginx answers 503",
            Situation::BannedByServer => "where a web server answers 403 after others passed",
            Situation::OwnRule => "where a rule of what answers does so",
            Situation::Application => "where the application does so",
            Situation::NoOrigin => "where the request names no Origin",
            Situation::NotImplemented => "where the answer is 501",
            Situation::Acknowledged => "where the request is acknowledged",
            Situation::AfterWaiting => "a second or more after the request",
            Situation::NotForEngineIo => "one second after the request",
        }
    }
}
