"""What is about platform repositories: ``init``, ``adopt``, ``root``, changes of features, ``sync``, ``wait``."""

from __future__ import annotations

from typing import Any

from tests.docs.schemas.served import ERROR_FIELDS, TOLD
from tests.docs.schemas.words import flag, listed, mapped, maybe, obj, one_of, text, whole

__all__ = ["ADOPT", "APPLICATIONS", "FEATURE", "INIT", "MANIFESTS", "PROPOSAL", "ROOT", "ROOT_PREVIEW"]

INIT = obj(
    {
        "folder": text("as it was named"),
        "environment": text(),
        "model": text(),
        "repositoryUrl": text("what Argo CD reads"),
        "repositoryUrlFrom": one_of("", "given", "origin", "placeholder"),
        "branch": text("the branch that Argo CD reads"),
        "files": listed(text(), "paths in the folder"),
        "notes": listed(text()),
        "next": listed(text(), "commands, to be run one after another"),
    }
)
_FOUND = {"code": text(), "where": text("file:line, or the object where it comes from a cluster"), "what": text()}
_ROAD = obj(
    {
        "alias": text(),
        "where": text("file:line of the member"),
        "provider": text(),
        "model": text("its name there"),
        "address": text("without user and password; empty: it says none"),
        "road": listed(obj({"what": text("Service serving/raw-vllm:8000"), "where": text()}), "hop by hop"),
        "engines": listed(text(), "that it ends at"),
        "end": one_of("where it ends", "engine", "cloud", "lost", "unknown"),
        "why": text("why it ends so; empty at an engine"),
    }
)
_ENGINE = obj(
    {
        "object": text("Deployment serving/raw-vllm"),
        "where": text("file:line, or the object"),
        "path": text("the folder that is deployed"),
        "application": maybe(text(), "of Argo CD; null: none deploys it"),
        "names": listed(text(), "that it answers to"),
        "maxModelLen": maybe(whole("tokens"), "tokens; null: it does not say"),
        "auth": text("the key that it asks for, in words"),
        "port": whole(),
        "weights": maybe(text(), "where they are from; null: it does not say"),
        "claim": maybe(text("namespace/name"), "the volume with them"),
        "image": text(),
        "gpus": whole("of a replica"),
        "accelerator": maybe(text(), "null: it does not ask for a kind"),
        "replicas": {"type": "integer", "description": "as it is written; 1 where it is not"},
        "unknown": listed(text(), "what of it is not understood"),
    }
)
ADOPT = obj(
    {
        "path": text("of the repository"),
        "environment": text(),
        "models": listed(
            obj(
                {
                    "name": text(),
                    "layer": text("that tenants are served from; the first one where no alias says"),
                    "servedModelName": text("that every layer should answer to"),
                    "aliases": listed(text()),
                    "otherNames": mapped(text("the alias"), "names that are only others of an alias"),
                    "members": listed(_ROAD, "of its aliases, that reach it"),
                    "others": listed(_ROAD, "of its aliases, that lead elsewhere"),
                    "layers": mapped(_ENGINE, "by layer"),
                }
            )
        ),
        "edges": listed(
            obj(
                {
                    "file": text(),
                    "under": text("the key in the file; empty: the file is its configuration"),
                    "application": maybe(text(), "of Argo CD; null: none deploys it"),
                    "namespace": text(),
                    "database": flag("more aliases may be in its database"),
                    "aliases": listed(text()),
                }
            )
        ),
        "findings": listed(
            obj(
                {
                    **_FOUND,
                    "model": text("empty: of none"),
                    "next": text("what to do"),
                    "fixable": flag("has it an edit that --fix can make"),
                }
            )
        ),
        "notMended": listed(obj({**_FOUND, "why": text(), "next": text()}), "findings with an edit that was not made"),
        "notTried": listed(obj(_FOUND), "findings with an edit that there was no time to try; --fix tries them"),
        "diff": listed(obj({"file": text(), "diff": text("unified; secrets are hidden")}), "what --fix would change"),
        "alsoChanged": mapped(listed(text()), "other folders that are built from a file of the diff"),
        "live": maybe(
            listed(obj({"object": text(), "where": text()})), "engines that run; null: no cluster was looked at"
        ),
        "notRead": listed(obj({"where": text(), "why": text(), "next": text("empty: nothing")})),
        "files": listed(
            obj({"path": text(), "how": one_of("", "written", "replaced", "same")}), "that were to be written"
        ),
    },
    "",
    {"error": ERROR_FIELDS},
)
_LOSS = obj(
    {
        "name": text("of the Application"),
        "namespace": text(),
        "why": text(),
        "objects": one_of("what becomes of them", "deleted", "left running"),
        "count": whole("objects that it lists"),
        "gpus": whole("of the pods that there are, at most"),
        "gpuWorkloads": listed(obj({"name": text(), "gpus": whole()})),
        "volumes": listed(obj({"claim": text("namespace/name"), "size": text("as asked for; ? when nobody says")})),
        "unknown": listed(text(), "what cannot be told"),
        "stay": listed(text(), "objects that stay although their Application goes"),
        "hasToBeNamed": flag("does it go only with --delete NAME"),
    }
)
_HEAD = {
    "profile": text(),
    "env": text(),
    "apply": listed(text("ApplicationSet argocd/serving"), "in that order"),
    "sets": listed(
        obj(
            {
                "name": text(),
                "applications": listed(text(), "that it makes"),
                "reads": text("the repository and the revision of the groups file"),
            }
        )
    ),
}
_SEEN = _HEAD | {
    "cluster": obj({"asked": {"const": True}}),
    "appear": listed(obj({"name": text(), "by": text("what makes it")}), "Applications"),
    "vanish": listed(_LOSS, "Applications"),
    "aliases": listed(
        obj(
            {
                "alias": text(),
                "model": text(),
                "layer": text("for people: KServe"),
                "known": text("declared, or run by 1 of 2 replicas; or why nothing is known"),
                "application": text("that would go"),
                "object": text("the first one that the alias would lose"),
            }
        ),
        "that would lose what answers them",
    ),
    "notes": listed(text()),
}
ROOT = obj({**_SEEN, "applied": listed(text("ApplicationSet argocd/serving"), "in that order")})
_REFUSED = {
    "toBeNamed": listed(text(), "Applications that go only with --delete NAME"),
    "toBeLeft": listed(text(), "aliases that lose their engine only with --leave NAME"),
}
ROOT_PREVIEW: dict[str, Any] = {
    "oneOf": [
        obj(_SEEN | _REFUSED),
        obj(
            {**_HEAD, "cluster": obj({"asked": {"const": False}, "why": text()}), **_REFUSED},
            "without a cluster, what the repository alone says",
        ),
    ],
    "description": "root --dry-run",
}
FEATURE = obj(
    {
        "feature": text(),
        "value": flag("as it is now"),
        "changed": flag(),
        "file": text("the configuration"),
        "line": maybe(whole(), "in the file; null: it has none"),
    },
    "features enable, features disable",
)
PROPOSAL = obj(
    {
        "outcome": one_of("found: it was delivered before", "made", "found", "nothing", "superseded"),
        "commit": text("where the lines stand"),
        "base": text("the commit before it"),
        "branch": text("where the commit is"),
        "subject": text("of the commit"),
        "effects": obj(
            {
                "groupsOn": listed(text()),
                "groupsOff": listed(text()),
                "appear": listed(obj({"name": text(), "by": text("what makes it")}), "Applications"),
                "vanish": listed(obj({"name": text(), "why": text()}), "Applications"),
                "unknown": listed(text(), "what the repository does not tell"),
            }
        ),
        "pullRequest": maybe(
            obj(
                {"from": text("branch"), "to": text("branch"), "title": text(), "body": text()},
                "",
                {"link": text("where it is opened, as the git host says")},
            ),
            "the text of one; null: none was asked for",
        ),
        "warnings": listed(TOLD),
    },
    "features enable|disable and resolve with --commit, --push or --pull-request",
)
APPLICATIONS = obj(
    {
        "applications": listed(
            obj(
                {
                    "application": text("namespace/name"),
                    "state": one_of(
                        "manual: not waited for; refused: nothing was asked",
                        *("synced", "ready", "manual", "refused", "failed"),
                    ),
                    "revisions": listed(text(), "what is applied, of each source"),
                    "workloads": listed(obj({"workload": text(), "ready": flag(), "reason": text()})),
                    "notes": listed(obj({"code": text(), "what": text(), "next": text()})),
                },
                "",
                {
                    "operation": text("the id of ours"),
                    "failedResources": listed(obj({"resource": text(), "message": text("Argo CD's words")})),
                    "error": ERROR_FIELDS,
                },
            )
        )
    },
    "sync, wait",
)
MANIFESTS = obj(
    {
        "apiVersion": {"const": "v1"},
        "kind": {"const": "List"},
        "items": listed({"type": "object", "required": ["apiVersion", "kind", "metadata"]}, "Kubernetes' own objects"),
    },
    "render, rights: JSON alone; YAML has a document for each object",
)
