"""The kubelet port's self-signed certificate; the API server does not verify it, and a person's curl can."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pointsman.lab.node.times import now

__all__ = ["serving_certificate"]


def serving_certificate(directory: Path, *addresses: str) -> tuple[Path, Path]:
    """A new certificate and key for ``addresses``; returns the paths of both."""
    directory.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"kubelet {addresses[0]}")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(item)) for item in addresses])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=365))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = directory / f"kubelet-{addresses[0]}.crt", directory / f"kubelet-{addresses[0]}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].touch(mode=0o600)
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
