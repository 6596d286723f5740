"""Several aliases that leave the edge in one teardown, where its configuration is in git."""

from __future__ import annotations

from pathlib import Path

from pointsman.spec.model import Model
from tests.world.git import PLACE, GitWorld
from tests.world.virtual import run_virtually
from tests.world.world import World, layer


def second_of(model: Model) -> Model:
    """Another model of the same kind, on raw vLLM as well."""
    said = model.model_dump(mode="json", by_alias=True)
    said["metadata"]["name"] = "stork"
    said["spec"]["tenant"]["alias"] = "stork-local"
    said["spec"]["layers"]["raw-vllm"]["name"] = "stork"
    return Model.model_validate(said)


def entry_of(model: Model) -> str:
    return (
        f"  - model_name: {model.spec.tenant.alias}\n"
        "    litellm_params:\n"
        f"      model: openai/{model.spec.served_model_name}\n"
        f"      api_base: {layer('raw-vllm').endpoint(model).base_url}\n"
        "      api_key: os.environ/UPSTREAM_API_KEY\n"
    )


async def withdrawn(world: GitWorld, model: Model) -> None:
    """The model's alias leaves, in the same teardown as others."""
    edge = world.conductor().means.edge_for(model, PLACE)
    edge.begin("teardown-all", lambda text: None)
    assert (await edge.read()).members
    await edge.remove()
    assert (await edge.read()).members == ()
    await edge.confirm((), timeout=60)


def test_each_alias_has_a_commit_of_its_own(tmp_path: Path) -> None:
    """What is declared after it is the same for both, nothing; so that alone tells no commit from another."""
    stork = second_of(World().model)
    world = GitWorld(tmp_path, more=entry_of(stork))
    for model in (world.model, stork):
        run_virtually(withdrawn(world, model))
        assert model.spec.tenant.alias not in world.values()
    assert len(set(world.marks())) == 2
    for model in (world.model, stork):
        run_virtually(again(world, model))
    assert len(world.marks()) == 2


async def again(world: GitWorld, model: Model) -> None:
    """Whoever carries the teardown on says it once more."""
    edge = world.conductor("second@test/2").means.edge_for(model, PLACE)
    edge.begin("teardown-all", lambda text: None)
    await edge.remove()
