"""What lies in a repository: every file that may say something about serving, read once, and bounded.

A repository may hold thousands of files that say nothing here. Texts are looked at first; YAML is read only where a
text names a kind, or a key, that counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pointsman.adopt.closure import FILES, is_kustomization
from pointsman.adopt.context import Context, in_folder
from pointsman.adopt.documents import Document, documents_of, unreadable
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.tree import Tree
from pointsman.errors import PointsmanError

__all__ = ["FEW", "SECONDS", "Page", "Survey", "survey"]

SECONDS = 3.0
"""How long reading may take, in seconds of a processor, programs that are run counted in; what is left then is listed.

Not by the clock: what is found must not hang on who else is at the machine.
"""
TEXTS = 1.5
"""How much of it may go into texts before any is read as YAML, so that of a huge repository a part is understood."""
_ENDINGS = (".yaml", ".yml", ".json")
_KIND = re.compile(r"""(?<![\w.])["']?kind["']?\s*:\s*["']?([A-Z]\w+)""")
_LIST = re.compile(r"""(?<![\w.])["']?model_list["']?\s*:""")
_ENGINE = re.compile(r"vllm|served-model-name|max-model-len", re.IGNORECASE)
FEW = 300
"""So many files are read as YAML whatever they hold, so that what is broken is told."""
_CHART = "Chart.yaml"


@dataclass(slots=True)
class Page:
    """One file's text, and what it seems to hold."""

    path: str
    text: str
    kinds: frozenset[str]
    lists_models: bool
    speaks_of_engines: bool
    documents: list[Document] | None = None


@dataclass(slots=True)
class Survey:
    """A repository's files."""

    tree: Tree
    pages: dict[str, Page] = field(default_factory=dict)
    charts: set[str] = field(default_factory=set)
    """Folders of charts."""
    left_out: list[LeftOut] = field(default_factory=list)
    clock: Callable[[], float] = field(default=lambda: 0.0)
    begun: float = 0.0
    late: bool = False
    told: bool = False
    named: str = ""
    """The folder that is meant; empty for all of them."""

    def means(self, path: str) -> bool:
        """Is it of the folder that somebody named, where one is named?"""
        return bool(self.named) and in_folder(path, self.named)

    def documents(self, page: Page) -> list[Document]:
        """A file's documents; none, and listed once, when time is over."""
        if page.documents is None:
            if self.over():
                return []
            page.documents = documents_of(page.path, page.text, self.left_out)
        return page.documents

    def over(self) -> bool:
        """Is the time over? Told once."""
        self.late = self.late or self.spent(SECONDS)
        return self.late

    def spent(self, seconds: float) -> bool:
        """Has it taken so long? Told once, since something is not read then."""
        if self.clock() - self.begun <= seconds:
            return False
        if not self.told:
            self.told = True
            why = f"reading stopped after {SECONDS:g} s; what was not read by then is not known"
            self.left_out.append(LeftOut(".", why, "name a folder of it", unread=True))
        return True

    def of_kind(self, *kinds: str) -> Iterator[tuple[Page, Document]]:
        """Every document of these kinds that is no chart's template."""
        for page in self.pages.values():
            if page.kinds.isdisjoint(kinds) or self.templated(page.path):
                continue
            for document in self.documents(page):
                found = document.object
                if found is not None and found["kind"] in kinds:
                    yield page, document

    def kustomizations(self) -> Iterator[str]:
        """Folders with a kustomization."""
        for path, page in self.pages.items():
            if is_kustomization(path, page.text):
                yield path.rpartition("/")[0]

    def templated(self, path: str) -> bool:
        """Does it lie in a chart's templates?"""
        return any(path.startswith(f"{chart}/templates/" if chart else "templates/") for chart in self.charts)


def _spent() -> float:
    return sum(os.times()[:4])


def survey(tree: Tree, clock: Callable[[], float] = _spent, context: Context | None = None) -> Survey:
    """Look at every file of a repository; those of the folder that is meant come first."""
    found = Survey(tree, clock=clock, begun=clock(), named=context.folder if context else "")
    names = _names(found, context)
    found.charts = {name.rpartition("/")[0] for name in names if name.rpartition("/")[2] == _CHART}
    for name in sorted(_wanted(names), key=lambda one: (not found.means(one), one)):
        if found.spent(TEXTS):
            break
        try:
            text = tree.text(name)
        except PointsmanError as error:
            found.left_out.append(unreadable(tree, name, error))
            continue
        found.pages[name] = _page(name, text)
    found.tree = Tree(tree.root, tree.edits, found.over)
    _read_all(found)
    found.left_out += [LeftOut(chart or ".", _OF_CHART, "needs helm") for chart in sorted(found.charts)]
    return found


def _names(found: Survey, context: Context | None) -> list[str]:
    names = list(found.tree.walk(found.named, found.left_out))
    if context is None or not found.named or not context.beyond:
        return names
    return list(dict.fromkeys([*names, *found.tree.walk("", [])]))


_OF_CHART = "the chart's templates are not filled in, so what it deploys is not known"


def _wanted(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.endswith(_ENDINGS) or name.rpartition("/")[2] in FILES)


def _page(path: str, text: str) -> Page:
    kinds = frozenset(_KIND.findall(text))
    return Page(path, text, kinds, bool(_LIST.search(text)), bool(_ENGINE.search(text)))


def _read_all(found: Survey) -> None:
    for page in found.pages.values():
        if (len(found.pages) <= FEW or found.means(page.path)) and not found.templated(page.path):
            found.documents(page)
