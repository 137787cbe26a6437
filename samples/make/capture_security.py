"""Handshakes as a security engineer reads them: they all work. What stands in `security` is to be found, by connection; connections without a line are in
order. No secret (they are listed in `secrets`) may stand in any output of that.
"""

import json
import ssl

import lab

lab.enter()

from aiohttp import WSMsgType, web

from browser import browse
from certificates import Authority
from lab import sample
from python_endpoints import PLAIN, client, echo, server, settle
from secure import VERSIONS, contexts

PORT = 9110
HERE = f"http://127.0.0.1:{PORT}"
URI = f"ws://127.0.0.1:{PORT}/chat"
TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImFkbWluIjp0cnVlfQ.kX4p7dQmS0Zr2bTn1vYwJc8uGf3hLo5iEa6sPqRtUxM"
SESSION = "4f9d2c71a8b34e0f9b6c5d7e8f901234"


def works(count):
    return [(n, "a healthy WebSocket; what is to be found is in its handshake", "healthy", None) for n in range(1, count + 1)]


def secure(name, found, secrets, shows, count=None, programs=("websockets",), **options):
    """`found` is (connection, what a security engineer wants to read) each; the sample has `count` connections."""

    def register(function):
        number = count or max(n for n, _ in found)
        sample(f"security-{name}.pcapng", programs=list(programs), expect=works(number), shows=shows, security=[list(row) for row in found], secrets=list(secrets),
               **{"bpf": f"tcp port {PORT}", **options})(function)

    return register


async def talk(run, uri=URI, headers=None, message="hello", **options):
    async with client(run, uri, additional_headers=headers, **{**PLAIN, **options}) as c:
        await c.send(message)
        await c.recv()
    await settle(0.1)


def cookie(value=SESSION):
    return {"Cookie": f"theme=dark; sessionid={value}"}


# --- origins ----------------------------------------------------------------------------------------------------------


@secure("cross-origin", [(2, "upgrade from another origin (https://evil.example) accepted with a session cookie: cross-site WebSocket hijacking, RFC 6455 10.2"),
                         (3, "upgrade from the origin null accepted with a session cookie"),
                         (4, "upgrade without an Origin accepted with a session cookie, where others have one"),
                         (5, "upgrade from another origin accepted with Authorization"),
                         (7, "another port of the same host is another origin: accepted with a session cookie")], [SESSION],
        "seven upgrades at a server that does not look at Origin: its own page with a cookie; another site, `null` and none at all with that cookie; another site with Bearer; "
        "another site without any secret; another port with the cookie", count=7)
async def cross_origin(run):
    async with server(run, echo, port=PORT, **PLAIN):
        await talk(run, origin=HERE, headers=cookie())
        await talk(run, origin="https://evil.example", headers=cookie())
        await talk(run, origin="null", headers=cookie())
        await talk(run, headers=cookie())
        await talk(run, origin="https://evil.example", headers={"Authorization": f"Bearer {SESSION}"})
        await talk(run, origin="https://evil.example")
        await talk(run, origin="http://127.0.0.1:8000", headers=cookie())


@secure("cross-origin-refused", [], [SESSION], "an upgrade from another origin with a cookie, refused (403), and one from the server's own page: in order", count=2,
        programs=("websockets",))
async def cross_origin_refused(run):
    run.expect = [(1, "the server does not take requests from this Origin (403), as it should", "forbidden", "http-status"), (2, "its own page gets in", "healthy", None)]
    async with server(run, echo, port=PORT, origins=[HERE], **PLAIN):
        try:
            await talk(run, origin="https://evil.example", headers=cookie())
        except Exception as error:
            run.says("client (websockets)", f"{type(error).__name__}: {error}")
        await talk(run, origin=HERE, headers=cookie())


@secure("cross-origin-chromium", [(1, "the browser's page comes from blog.lab.example, the WebSocket goes to chat.lab.example with its session cookie: accepted"),
                                  (1, "the session cookie was set without Secure, HttpOnly and SameSite"), (1, "a session cookie in the clear (ws)")], [SESSION],
        "a page of another origin in Chromium: the browser adds the site's cookie to the upgrade, the server (aiohttp) accepts", programs=("Chromium", "aiohttp"), log=False)
async def cross_origin_chromium(run):
    async def login(_):
        response = web.Response(text="welcome back")
        response.headers.add("Set-Cookie", f"sessionid={SESSION}; Path=/")
        return response

    async def chat(request):
        run.says("server (aiohttp)", f"an upgrade from {request.headers.get('Origin')} with {'a cookie' if 'sessionid' in request.cookies else 'no cookie'}")
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        async for message in ws:
            if message.type == WSMsgType.TEXT:
                await ws.send_json({"balance": 1234})
        return ws

    application = web.Application()
    application.add_routes([web.get("/login", login), web.get("/chat", chat)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", PORT).start()
    said = await browse(run, f"ws://chat.lab.example:{PORT}", ["once"], flags=["--host-resolver-rules=MAP *.lab.example 127.0.0.1"],
                        page="http://blog.lab.example:8000/page", file="attack.html")
    run.says("the page", json.dumps(said))
    await runner.cleanup()


# --- secrets in addresses, headers and subprotocols -------------------------------------------------------------------


@secure("token-in-url", [(1, "an access token in the URL's query: it ends up in logs"), (2, "an API key in the URL's query"), (3, "a password in the URL's query"), (4, "a token in the URL's path")],
        [TOKEN, "sk_live_51H8xQ2eZvKYlo2C", "hunter2!"], "tokens, keys and a password in the URL, and an ordinary query (`?room=4&lang=en`)", count=5)
async def token_in_url(run):
    async with server(run, echo, port=PORT, **PLAIN):
        for path in (f"?access_token={TOKEN}", "?room=4&api_key=sk_live_51H8xQ2eZvKYlo2C", "?user=alice&password=hunter2%21", f"/socket/{TOKEN}/events", "?room=4&lang=en"):
            await talk(run, URI + path, origin=HERE)


@secure("token-in-url-tls", [(1, "a token in the URL's query, inside TLS: it still ends up in logs and histories")], [TOKEN],
        "a token in the URL of wss://, with a key log", programs=("websockets", "OpenSSL"))
async def token_in_url_tls(run):
    server_context, client_context = contexts(run)
    async with server(run, echo, port=PORT, ssl=server_context, **PLAIN):
        await talk(run, f"wss://localhost:{PORT}/chat?token={TOKEN}", host="127.0.0.1", ssl=client_context)


@secure("credentials-in-clear", [(1, "Basic credentials in the clear (ws)"), (2, "a Bearer token in the clear (ws)"), (3, "a session cookie in the clear (ws)"),
                                 (4, "a password in a message in the clear (ws)"), (5, "a token in a message in the clear (ws)")],
        ["YWxpY2U6b3BlbiBzZXNhbWU=", "open sesame", TOKEN, SESSION, "correct horse battery"], "ws:// with Basic, Bearer, a session cookie, and with a password and a token in the first message; and one with neither",
        count=6)
async def in_clear(run):
    async with server(run, echo, port=PORT, **PLAIN):
        await talk(run, f"ws://alice:open%20sesame@127.0.0.1:{PORT}/chat")
        await talk(run, headers={"Authorization": f"Bearer {TOKEN}"})
        await talk(run, origin=HERE, headers=cookie())
        await talk(run, message='{"type":"login","user":"alice","password":"correct horse battery"}')
        await talk(run, message='{"type":"connection_init","payload":{"Authorization":"Bearer %s"}}' % TOKEN)
        await talk(run, origin=HERE, headers={"Cookie": "theme=dark; lang=en"})


@secure("credentials-in-tls", [], [TOKEN, SESSION], "the same secrets over TLS 1.3 from the server's own page, with a key log: in order", count=2, programs=("websockets", "OpenSSL"))
async def in_tls(run):
    server_context, client_context = contexts(run)
    async with server(run, echo, port=PORT, ssl=server_context, **PLAIN):
        for headers in (cookie(), {"Authorization": f"Bearer {TOKEN}"}):
            await talk(run, f"wss://localhost:{PORT}/chat", origin=f"https://localhost:{PORT}", headers=headers, host="127.0.0.1", ssl=client_context)


@secure("token-in-subprotocol", [(1, "a token in Sec-WebSocket-Protocol, and the server echoes it back"), (2, "a token in Sec-WebSocket-Protocol; the server answers with another subprotocol"),
                                 (3, "a token in Sec-WebSocket-Protocol as Kubernetes takes it")], [TOKEN, "c2VjcmV0LXRva2VuLW9mLWFsaWNl"],
        "tokens in Sec-WebSocket-Protocol: echoed back, not echoed, in the form of Kubernetes; and ordinary subprotocols", count=4)
async def in_subprotocol(run):
    def choose(connection, offered):
        return next((s for s in offered if s.startswith(("chat", "v4.channel"))), offered[-1] if offered else None)

    async with server(run, echo, port=PORT, select_subprotocol=choose, **PLAIN):
        await talk(run, subprotocols=["access_token", TOKEN])
        await talk(run, subprotocols=["chat.v1", TOKEN])
        await talk(run, subprotocols=["v4.channel.k8s.io", "base64url.bearer.authorization.k8s.io.c2VjcmV0LXRva2VuLW9mLWFsaWNl"])
        await talk(run, subprotocols=["chat.v1", "chat.v2"])


# --- cookies that the server sets -------------------------------------------------------------------------------------

COOKIES = [(f"sessionid={SESSION}; Path=/", "a session cookie set without Secure, HttpOnly and SameSite"),
           (f"sessionid={SESSION}; Path=/; HttpOnly", "a session cookie set without Secure and SameSite"),
           (f"auth_token={SESSION}; Path=/; Secure; HttpOnly; SameSite=None", "a session cookie for other sites' requests (SameSite=None)"),
           (f"sessionid={SESSION}; Path=/; Secure; HttpOnly; SameSite=Lax", None), ("theme=dark; Path=/", None)]


@secure("cookies-set", [(n, what) for n, (_, what) in enumerate(COOKIES, 1) if what], [SESSION],
        "101s over TLS that set cookies: a session without attributes, with some, for other sites, with all; and one that is no session", count=len(COOKIES), programs=("websockets", "OpenSSL"))
async def cookies_set(run):
    server_context, client_context = contexts(run)
    for value, _ in COOKIES:
        def respond(connection, request, response, value=value):
            response.headers["Set-Cookie"] = value

        async with server(run, echo, port=PORT, ssl=server_context, process_response=respond, **PLAIN):
            await talk(run, f"wss://localhost:{PORT}/chat", origin=f"https://localhost:{PORT}", host="127.0.0.1", ssl=client_context)


# --- compression and TLS ----------------------------------------------------------------------------------------------


@secure("compression-with-secrets", [(1, "compression with context takeover on a connection whose messages carry a secret next to what the peer chooses")], ["csrf-7d1f0c5b9e"],
        "wss:// with permessage-deflate: the server answers with a secret beside the client's own words; and the same without compression, with a key log", count=2,
        programs=("websockets", "OpenSSL"))
async def compression(run):
    async def reflect(connection):
        async for message in connection:
            await connection.send(json.dumps({"csrf_token": "csrf-7d1f0c5b9e", "you_searched": json.loads(message)["q"]}))

    server_context, client_context = contexts(run)
    for method in ("deflate", None):
        async with server(run, reflect, port=PORT, ssl=server_context, compression=method):
            async with client(run, f"wss://localhost:{PORT}/search", host="127.0.0.1", ssl=client_context, compression=method, additional_headers=cookie()) as c:
                for guess in ("csrf-7", "csrf-8", "csrf-9"):
                    await c.send(json.dumps({"q": guess}))
                    await c.recv()
        await settle(0.1)


def old_tls(version, suite, found):
    name = f"tls-{version.replace('.', '')}" if suite is None else f"tls-{suite.lower()}"

    @secure(name, [(1, found)], [], f"wss:// over TLS {version}{f' with {suite}' if suite else ''}; a key log", programs=("websockets", "OpenSSL"))
    async def made(run):
        server_context, client_context = contexts(run, version, suite)
        async with server(run, echo, port=PORT, ssl=server_context, **PLAIN):
            await talk(run, f"wss://localhost:{PORT}/chat", host="127.0.0.1", ssl=client_context)


old_tls("1.0", None, "TLS 1.0, which RFC 8996 takes out of use")
old_tls("1.1", None, "TLS 1.1, which RFC 8996 takes out of use")
old_tls("1.2", "AES128-SHA", "a suite without forward secrecy (RSA key exchange) and with CBC and SHA-1")


@secure("certificate-expired", [(1, "the certificate expired nine days ago, and the client accepts it all the same"), (2, "the certificate is for another name, and the client accepts it all the same")], [],
        "TLS 1.2: clients that do not verify accept an expired certificate and one for another name; a key log", count=2, programs=("websockets", "OpenSSL"))
async def certificate_accepted(run):
    authority = Authority(run.work)
    for file, options in (("expired", {"until": -9, "since": -100}), ("other", {"names": ("other.example",)})):
        path = authority.issue(file, **options)
        server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_context.load_cert_chain(path.with_suffix(".pem"), path.with_suffix(".key"))
        server_context.maximum_version = VERSIONS["1.2"]
        client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
        client_context.keylog_filename = str(run.keys)
        async with server(run, echo, port=PORT, ssl=server_context, **PLAIN):
            await talk(run, f"wss://localhost:{PORT}/chat", host="127.0.0.1", ssl=client_context)


if __name__ == "__main__":
    lab.main("security")
