"""What a real cluster makes of the grid's examples, where that is not what the examples say of files.

Found by applying them (``docs/checks-in-a-cluster.md``); each is asserted, so that it is told when it changes.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ALSO", "BY_WEBHOOK", "FEW", "REFUSED", "SERVER_SIDE"]

REFUSED: Mapping[str, str] = {
    "PM115.fails": "Limit must be set for non overcommitable resources",
    "PM205.fails": "[vpa] is not a supported autoscaler class type",
    "PM206.fails": "'MinReplicas' cannot be greater than MaxReplicas",
    "PM208.fails": "exactly one of [Name, SKLearn,",
    "PM211.fails": "setting PYTHONPATH in container",
    "PM212.fails": "canary requires a stable predictor with a model",
    "PM214.fails": "must start with alphabetical character",
    "PM311.fails": "parallelism must be configured for either data parallelism or pipeline parallelism",
    "PM312.fails": "dataLocal must be set when data is set",
    "PM413.fails": "must be of type string",
}
"""Words with which the API server, a definition's schema, or a webhook refuses an example, or one of its objects."""

BY_WEBHOOK = ("PM203", "PM204", "PM205", "PM206", "PM208", "PM209", "PM211", "PM212", "PM214")
"""What KServe's webhooks refuse or write over: in a cluster that is older than the webhook it can be there."""

SERVER_SIDE = ("PM203", "PM209", "PM216", "PM301")
"""What is told by who wrote what: they are put with ``kubectl apply --server-side``, too."""

ALSO: Mapping[str, tuple[tuple[str, str], ...]] = {
    "PM210.clean": (("PM210", "InferenceService of-unknown-mode"),),
}
"""Told of a live object and not of its file: a webhook has written there what the file leaves open."""

FEW = ("PM203", "PM205", "PM209", "PM212", "PM216", "PM301", "PM602", "PM809")
"""Those of a usual run; the others come with ``--checks all``."""
