"""TLS contexts for the endpoints, with the client's secrets written to the sample's key log."""

import ssl

import lab

NO_ENCRYPT_THEN_MAC = 1 << 19
NO_EXTENDED_MASTER_SECRET = 1 << 0
VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def contexts(run, version="1.3", ciphers=None, options=0, curve=None, log_keys=True, alpn=None):
    """(server context, client context) for exactly this version and these ciphers."""
    where = lab.certificates()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(where / "localhost.pem", where / "localhost.key")
    server.load_cert_chain(where / "elliptic.pem", where / "elliptic.key")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(where / "localhost.pem")
    client.load_verify_locations(where / "elliptic.pem")
    for context in (server, client):
        context.set_ciphers(f"{ciphers or 'DEFAULT'}:@SECLEVEL=0")
        context.minimum_version = VERSIONS["1.0"]
        context.maximum_version = VERSIONS[version]
        context.minimum_version = VERSIONS[version]
        context.options |= options
        if alpn:
            context.set_alpn_protocols(alpn)
    if curve:
        server.set_ecdh_curve(curve)
    if log_keys:
        client.keylog_filename = str(run.keys)
    return server, client
