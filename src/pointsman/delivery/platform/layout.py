"""A platform as one commit has it, laid out in a folder for as long as it is looked at.

So it is read by the very code that reads a work tree, ``platform.yaml`` of that commit included.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pointsman.catalog.platform import Platform, usual_platform
from pointsman.catalog.repository import FILE, Repository, platform_in
from pointsman.catalog.source import read_source
from pointsman.delivery.git import Files
from pointsman.errors import RefusedError

__all__ = ["Spot"]


@dataclass(frozen=True, slots=True)
class Spot:
    """An environment of a platform in a repository."""

    prefix: str
    """The platform's folder, from the top of the git repository on, ending with ``/``; empty where it is the top."""
    env: str
    platform: Platform
    """As the work tree has it; where the files are has to be the same in the commit."""

    @property
    def config(self) -> str:
        """The file that people edit, from the top of the git repository on."""
        return self.prefix + self._named(self.platform.spec.config)

    @property
    def groups_file(self) -> str:
        """What the ApplicationSets read."""
        return self.prefix + self._named(self.platform.spec.groups_file)

    @property
    def read(self) -> tuple[str, ...]:
        """Patterns of all files that decide what a change does."""
        spec = self.platform.spec
        folders = (f"{self.prefix}{self._named(one)}/*" for one in (spec.catalog, spec.appsets))
        return (f"{self.prefix}{FILE}", self.config, self.groups_file, *folders)

    @contextmanager
    def laid_out(self, files: Files) -> Iterator[Repository]:
        """The platform as these files have it; raises RefusedError where it lies elsewhere than in the work tree."""
        with TemporaryDirectory(prefix="pointsman-platform-") as folder:
            root = Path(folder).resolve()
            for path, content in files.items():
                target = root / path.removeprefix(self.prefix)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            declared = root / FILE
            platform = platform_in(read_source(declared, root)) if declared.is_file() else usual_platform()
            self._refuse_moved(platform, files.commit)
            yield Repository(root, platform, self.env)

    def _refuse_moved(self, platform: Platform, commit: str) -> None:
        there, here = platform.spec, self.platform.spec
        if (there.config, there.groups_file) != (here.config, here.groups_file):
            raise RefusedError(
                f"{FILE} of commit {commit[:12]} has the configuration or the groups file elsewhere than yours",
                where=self.prefix + FILE,
                next_action="git pull, then run it again",
                code="platform-behind",
            )

    def _named(self, template: str) -> str:
        return template.replace("{env}", self.env)
