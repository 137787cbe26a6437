"""Certificates with one thing wrong: an authority of our own, and what it signs."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TODAY = datetime.datetime.now(datetime.timezone.utc)


def name(common, organisation="Lab"):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common), x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)])


def write(path, certificate, key, chain=()):
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (certificate, *chain))
    path.with_suffix(".pem").write_bytes(public)
    path.with_suffix(".key").write_bytes(secret)
    path.with_suffix(".both").write_bytes(public + secret)
    for suffix in (".pem", ".key", ".both"):
        path.with_suffix(suffix).chmod(0o644)


class Authority:
    """An authority whose certificate lies in `folder/authority.pem`."""

    def __init__(self, folder, common="Lab Root", file="authority"):
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(name(common), self.key, name(common), -30, 3650, x509.BasicConstraints(True, None))
        write(folder / file, self.certificate, self.key)

    def _sign(self, subject, key, issuer, since, until, *extensions):
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(TODAY + datetime.timedelta(days=since)).not_valid_after(TODAY + datetime.timedelta(days=until))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, file, names=("localhost",), since=-20, until=90):
        """A certificate for these names, valid between these days from today; the path without its suffix."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([x509.DNSName(n) for n in names])
        certificate = self._sign(name(names[0]), key, self.certificate.subject, since, until, alternative)
        write(self.folder / file, certificate, key)
        return self.folder / file
