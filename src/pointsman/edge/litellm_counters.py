"""What one replica of LiteLLM counted, when its ``prometheus`` callback is on.

The counters are kept per process and begin at 0 with it. LiteLLM writes them after the answer is out, so a reading
may lag behind by what was answered in the last moment.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from pointsman.edge.boundary import Cluster
from pointsman.errors import TemporaryError
from pointsman.kube.resources import Ref, pod_port_path

__all__ = ["answered_by_member", "read_answered", "read_sent", "sent_by_name"]

FAMILY = "litellm_deployment_success_responses_total"
FAILED = "litellm_deployment_failure_responses_total"
TIMEOUT = 5.0

_LINE = re.compile(rf"^{FAMILY}\{{(.*)\}}\s+(\S+)", re.MULTILINE)
_SENT = re.compile(rf"^(?:{FAMILY}|{FAILED})\{{(.*)\}}\s+(\S+)", re.MULTILINE)
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
_MEMBER = re.compile(r'(?:^|,)model_id="((?:[^"\\]|\\.)*)"')


async def read_answered(cluster: Cluster, pod: Ref, port: int, key: str) -> Mapping[str, int] | None:
    """Requests answered by member id; None when the replica does not say."""
    text = await _read(cluster, pod, port, key)
    return None if text is None else answered_by_member(text)


async def read_sent(cluster: Cluster, pod: Ref, port: int, key: str) -> Mapping[tuple[str, str], int] | None:
    """Requests sent on, by the name asked for and the address; None when the replica does not say."""
    text = await _read(cluster, pod, port, key)
    return None if text is None else sent_by_name(text)


async def _read(cluster: Cluster, pod: Ref, port: int, key: str) -> str | None:
    """The counters as text; LiteLLM shows them to those who have a key."""
    path = pod_port_path(pod.namespace, pod.name, port)
    try:
        headers = {"x-litellm-api-key": f"Bearer {key}"}
        answer = await cluster.http("GET", f"{path}/metrics/", headers=headers, timeout=TIMEOUT)
    except TemporaryError:
        return None
    return answer.text if answer.status == 200 else None


def sent_by_name(text: str) -> Mapping[tuple[str, str], int] | None:
    """The counts in Prometheus text; None when it is not LiteLLM's."""
    if "litellm_" not in text:
        return None
    found: Counter[tuple[str, str]] = Counter()
    for labels, value in _SENT.findall(text):
        said = dict(_LABEL.findall(labels))
        name = said.get("requested_model") or said.get("model_group") or ""
        found[name, said.get("api_base", "")] += round(float(value))
    return dict(found)


def answered_by_member(text: str) -> Mapping[str, int] | None:
    """The counts in Prometheus text; None when it is not LiteLLM's."""
    if "litellm_" not in text:
        return None
    found: Counter[str] = Counter()
    for labels, value in _LINE.findall(text):
        member = _MEMBER.search(labels)
        if member is not None:
            found[member.group(1)] += round(float(value))
    return dict(found)
