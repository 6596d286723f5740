"""No dead ends: others edit whatever they like between any two records of a move, and it can be ended all the same.

An operator who knows the messages and nothing else does what the last one says: a command of ours, or the one kubectl
command that it names. Time is virtual; the edge's code is the program's own, before a LiteLLM that is played process by
process. ``POINTSMAN_EDITS`` sets how many examples are tried.
"""

from __future__ import annotations

import copy
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pointsman.errors import PointsmanError
from pointsman.move.conductor import Conductor
from pointsman.move.control import Control
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.journal.journal import Progress, fold
from pointsman.move.journal.requests import Verb
from pointsman.move.means import Result
from tests.move.edits_by_others import EDITS, Edit, Place
from tests.move.messages import commands_in
from tests.world.cluster import Write
from tests.world.edge_of_others import DEPLOYMENT, ProxyWorld
from tests.world.virtual import Clock, run_virtually
from tests.world.world import layer, lenient, quick

EXAMPLES = int(os.environ.get("POINTSMAN_EDITS", "25"))
OPTIONS = quick(roll_timeout=15.0, drain_timeout=15.0, ready_timeout=15.0, release_timeout=10.0)
ROUNDS = 10
"""Commands, and two more for every edit, after which a move that has not ended is a dead end."""
SEEN: Counter[str] = Counter()
KNOWN = {one.id: one for one in EDITS}


@dataclass
class Play:
    """One example: which edit comes after which record of the journal."""

    script: Sequence[tuple[int, str]]
    draw: random.Random
    world: ProxyWorld = field(default_factory=ProxyWorld)
    records: int = 0
    did: list[str] = field(default_factory=list)
    rough: bool = False
    """Was there an edit that may have to be taken back by hand?"""
    by_hand: bool = False
    """Did the operator need kubectl?"""

    def __post_init__(self) -> None:
        self.world.model = lenient(self.world.model)
        self.world.cluster.after = self._written
        self.place = Place(self.world.model, layer("raw-vllm"), layer("kserve"), self.world.text)

    def _written(self, write: Write) -> None:
        """After a record of the journal."""
        data = (write.body or {}).get("data") or {} if isinstance(write.body, dict) else {}
        if write.ref.namespace != NAMESPACE or "000001" not in data or len(data) <= self.records:
            return
        self.records = len(data)
        self.place = Place(self.place.model, self.place.source, self.place.target, self.place.before, write.ref.name)
        for at, name in self.script:
            if at == self.records:
                self._edit(KNOWN[name])

    def _edit(self, edit: Edit) -> None:
        ref = edit.ref(self.place)
        found = self.world.cluster.objects.get(ref)
        if found is None:
            return
        SEEN["edits"] += 1
        SEEN[edit.id] += 1
        self.rough = self.rough or edit.harsh or edit.by_hand
        self.did.append(f"-- after record {self.records} somebody: {edit.id}")
        changed = edit.change(copy.deepcopy(found), self.place)
        if changed is None:
            self.world.drop(ref)
        else:
            changed["metadata"].setdefault("namespace", ref.namespace)
            self.world.cluster._store(ref, changed)
            self.world.cluster._control()

    async def run(self) -> None:
        said = await self._say(lambda: self._conductor().move(self.world.model, "kserve", OPTIONS))
        tried: set[str] = set()
        last = ""
        for number in range(ROUNDS + 2 * len(self.script)):
            progress = self._progress()
            if progress is None or progress.closed:
                break
            told = commands_in(said) or [f"pointsman {('rollback', 'resume')[number % 2]} qwen"]
            by_hand = [one for one in told if one.startswith("kubectl") and one != last]
            ours = [one for one in told if not one.startswith("kubectl")] or ["pointsman rollback qwen"]
            last = self.draw.choice(by_hand or [one for one in ours if one not in tried] or ours)
            answer = await self._act(last)
            tried = {*tried, last} if last in by_hand or answer == said else set()
            said = said if last in by_hand else answer
        progress = self._progress()
        story = "\n".join(self.did)
        assert progress is None or progress.closed, f"a dead end:\n{story}"
        assert self.rough or not self.by_hand, f"it took more than commands of ours:\n{story}"
        SEEN[progress.state.value if progress else "refused"] += 1

    def _progress(self) -> Progress | None:
        """The move as its records tell, whatever its labels say."""
        for ref, one in self.world.cluster.objects.items():
            data = one.get("data") or {}
            if ref.namespace == NAMESPACE and "000001" in data:
                return fold((data[key] for key in sorted(data)), ref.name)
        return None

    async def _act(self, words: str) -> str:
        self.did.append(words)
        program, verb, *rest = words.split()
        if program == "kubectl":
            self.by_hand = True
            self._kubectl(verb, rest)
            return ""
        control = Control(self._conductor())
        ask = control.resume if verb == "resume" else lambda model: control.ask(Verb(verb), model)
        return await self._say(lambda: ask("qwen"))

    async def _say(self, command: Callable[[], Awaitable[Result]]) -> str:
        try:
            result: Result = await command()
        except PointsmanError as error:
            said = str(error)
            SEEN[f"said {error.code}"] += 1
        else:
            said = str(result.error or "")
            SEEN[f"said {result.error.code if result.error else 'done'}"] += 1
        self.did.append(f"   {said}")
        return said

    def _kubectl(self, verb: str, rest: Sequence[str]) -> None:
        """What a person does who was told this command."""
        if verb == "rollout" and rest[0] == "restart":
            self.world.restart_edge(f"by hand {self.draw.random()}")
        elif verb == "rollout" and rest[0] == "resume":
            self.world.change(DEPLOYMENT, {"spec": {"paused": None}})
        elif verb == "scale":
            count = next(word.partition("=")[2] for word in rest if word.startswith("--replicas="))
            self.world.change(DEPLOYMENT, {"spec": {"replicas": int(count)}})
        elif verb == "edit" and "deployment/litellm" in rest:
            spec = self.world.first[DEPLOYMENT]["spec"]
            self.world.change(DEPLOYMENT, {"spec": {"strategy": spec["strategy"]}})
        elif verb == "edit":
            self.world.declare(self.world.text)
        elif verb == "apply":
            for ref in self.world.first:
                if ref not in self.world.cluster.objects and ref.kind.name != "Pod":
                    self.world.restore(ref)

    def _conductor(self) -> Conductor:
        return self.world.conductor(f"operator@test/{self.draw.random()}", Clock())


scripts = st.lists(st.tuples(st.integers(1, 26), st.sampled_from(sorted(KNOWN))), min_size=1, max_size=8)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([(11, "config-put-back")], 0)
@example([(19, "config-alias-on-source"), (20, "target-deleted")], 0)
@example([(13, "edge-no-replica"), (13, "target-deleted"), (14, "edge-paused")], 1)
@given(scripts, st.integers(0, 2**16))
def search(script: list[tuple[int, str]], seed: int) -> None:
    """One move after the other."""
    run_virtually(Play(script, random.Random(seed)).run())


def test_whatever_others_edit_a_move_can_be_ended_by_doing_what_the_messages_say() -> None:
    search()
    print(f"{EXAMPLES} examples: {dict(sorted(SEEN.items()))}")  # noqa: T201
    assert SEEN["edits"] >= EXAMPLES
    assert SEEN["undone"]
    assert SEEN["done"]
