"""The world in memory with a model on all three layers, or several, and teardowns as the command makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Object
from pointsman.move.conductor import Conductor
from pointsman.move.journal.teardowns import Teardowns
from pointsman.move.records import remember
from pointsman.spec.model import Model
from pointsman.teardown.carrying import Carrying
from pointsman.teardown.scope import Choices, Scope
from pointsman.teardown.survey import Survey, survey
from tests.docs.schemas.holding import held
from tests.world.world import World, layer, quick

__all__ = ["ALL", "QWEN", "carry_on", "everywhere", "left", "look", "tear"]

ALL, QWEN = Scope("all"), Scope("model", "qwen")
OPTIONS = quick(roll_timeout=2.0, drain_timeout=2.0)


async def everywhere() -> World:
    """Tenants are served from raw vLLM; KServe and llm-d run beside it; the cluster knows the model."""
    world = World()
    for one in ("kserve", "llm-d"):
        for manifest in layer(one).render(world.model):
            world.put(manifest)
    await remember(world.cluster, world.model)
    return world


async def look(
    world: World, scope: Scope = ALL, *, files: Sequence[Model] = (), conductor: Conductor | None = None, **chosen: Any
) -> Survey:
    """What a teardown would take away."""
    choices = Choices(**{"withdraw": ("all",), "drain_timeout": 2.0, **chosen})
    files = files or ([world.model] if scope.kind == "model" else [])
    found = await survey(conductor or world.conductor(), scope, choices, OPTIONS, files)
    held("teardown-preview", found.as_dict())
    return found


async def tear(world: World, scope: Scope = ALL, holder: str = "first@test/1", **chosen: Any) -> Mapping[str, Any]:
    """Agree to what is found, and do it."""
    conductor = world.conductor(holder)
    found = await look(world, scope, conductor=conductor, **chosen)
    done = await Carrying(conductor, OPTIONS).begin(found, found)
    held("teardown", done)
    return done


async def carry_on(world: World, scope: Scope = ALL, holder: str = "second@test/2") -> Mapping[str, Any] | None:
    """Carry on the open one; None when there is none."""
    carrying = Carrying(world.conductor(holder), OPTIONS)
    progress = await carrying.open_one(scope)
    if progress is None:
        return None
    held("teardown-preview", progress.as_dict())
    done = await carrying.resume(progress)
    held("teardown", done)
    return done


def left(world: World) -> list[str]:
    """What is there beside namespaces, keys, nodes, and our records."""
    kinds = ("Namespace", "Secret", "Node")
    return sorted(
        str(ref) for ref in world.cluster.objects if ref.kind.name not in kinds and ref.namespace != "pointsman-system"
    )


def records(world: World) -> list[str]:
    """Names of our records."""
    return sorted(ref.name for ref in world.cluster.objects if ref.namespace == "pointsman-system")


def journal(world: World) -> dict[str, str]:
    """Records of the only teardown."""
    (found,) = [one for ref, one in world.cluster.objects.items() if ref.name.startswith("teardown-")]
    data: dict[str, str] = found["data"]
    return data


def live(world: World, kind: str, namespace: str, name: str) -> Object | None:
    """An object."""
    return world.cluster.objects.get(Ref(kind_of(kind), name, namespace))


async def ledger(world: World) -> Teardowns:
    """The journals."""
    return Teardowns(world.cluster, world.clock)
