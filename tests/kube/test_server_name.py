"""``tls-server-name``: the name a server's certificate is checked for, when it is not the one in the address."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pointsman.errors import PermanentError
from pointsman.kube.client import Client, Limits
from pointsman.kube.kubeconfig import load_access
from pointsman.kube.resources import kind_of
from pointsman.lab.certificates import Authority
from tests.kube.peer import Peer, listening

LISTED: tuple[int, dict[str, str], dict[str, object]] = (200, {}, {"metadata": {"resourceVersion": "5"}, "items": []})


@asynccontextmanager
async def serving(folder: Path, peer: Peer, fields: str) -> AsyncIterator[Client]:
    """A client of a server with a certificate for api.example, by a kubeconfig with ``fields`` in its cluster."""
    authority, stem = Authority(folder), folder / "server"
    authority.ensure()
    authority.issue(stem, "api.example", ["api.example"])
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(stem.with_suffix(".crt"), stem.with_suffix(".key"))
    async with listening(peer, tls) as address:
        path = folder / "config"
        path.write_text(
            "current-context: x\n"
            "contexts: [{name: x, context: {cluster: x}}]\n"
            "clusters:\n- name: x\n  cluster:\n"
            f"    server: https://{address}\n"
            f"    certificate-authority: {authority.certificate.name}\n    {fields}\n"
        )
        async with Client(load_access(path), limits=Limits(first=0.0)) as client:
            yield client


async def test_the_certificate_is_checked_for_the_name_given(tmp_path: Path) -> None:
    peer = Peer([LISTED, LISTED])
    async with serving(tmp_path, peer, "tls-server-name: api.example") as client:
        assert await client.list(kind_of("ConfigMap")) == []
        assert (await anext(client.watch(kind_of("ConfigMap")))).type == "SYNCED"


@pytest.mark.parametrize("fields", ["", "tls-server-name: other.example"])
async def test_a_certificate_for_another_name_is_refused(tmp_path: Path, fields: str) -> None:
    peer = Peer([LISTED])
    async with serving(tmp_path, peer, fields) as client:
        with pytest.raises(PermanentError, match="certificate verify failed") as told:
            await client.list(kind_of("ConfigMap"))
    assert told.value.code == "cluster-certificate"
    assert peer.seen == []
