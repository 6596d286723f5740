"""The lab's certificates and tokens: one authority, a few short names, everything for this machine only.

The authority belongs to the snapshot (webhook configurations in it carry its certificate); what it signs is made
anew at every start. Private keys are written with mode 0600.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority", "token_for", "write_private", "write_service_account_key"]

_AUTHORITY_DAYS = 3650
_LEAF_DAYS = 365


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority in a directory: ``ca.crt`` and ``ca.key``."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """What clients trust."""
        return self.folder / "ca.crt"

    @property
    def key(self) -> Path:
        """What signs."""
        return self.folder / "ca.key"

    def ensure(self) -> None:
        """Make the authority unless it is there."""
        if self.certificate.exists() and self.key.exists():
            return
        key = _new_key()
        name = _name("pointsman-lab")
        built = _certificate(name, name, key.public_key(), _AUTHORITY_DAYS, authority=True)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self.key, _pem(key))
        self.certificate.write_bytes(_public_pem(_sign(built, key)))

    def issue(self, stem: Path, name: str, hosts: Iterable[str] = ()) -> None:
        """Write ``stem.crt`` and ``stem.key``: a certificate for these names and addresses."""
        issuer = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        signer = serialization.load_pem_private_key(self.key.read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        key = _new_key()
        built = _certificate(_name(name), issuer.subject, key.public_key(), _LEAF_DAYS, authority=False)
        signers_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        built = built.add_extension(signers_id, critical=False)
        if alternatives := [_alternative(host) for host in hosts]:
            built = built.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        stem.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(stem.with_suffix(".key"), _pem(key))
        stem.with_suffix(".crt").write_bytes(_public_pem(_sign(built, signer)))


def write_service_account_key(folder: Path) -> None:
    """The key pair that signs service account tokens; kept for the lab's whole life."""
    if (folder / "sa.pub").exists():
        return
    key = _new_key()
    write_private(folder / "sa.key", _pem(key))
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "sa.pub").write_bytes(public)


def token_for(path: Path) -> str:
    """The token kept at ``path``, made on first use."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32).encode())
    return path.read_text()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    draft.replace(path)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _public_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _sign(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: CertificateIssuerPublicKeyTypes, days: int, *, authority: bool
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_key_usage(signs=authority), critical=True)
    )
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return builder if authority else builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
