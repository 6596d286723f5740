"""From a change and the newest tree to one commit object. Nothing refers to it yet, so nothing has happened."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from pointsman.delivery.git.changes import Change, Edit, Files, Made
from pointsman.delivery.git.commit import Person, commit
from pointsman.delivery.git.disclosure import refuse_secrets
from pointsman.delivery.git.tree import Tree, entry_to_write, temporary_index, write_tree

__all__ = ["Draft", "draft", "files_of", "make"]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a change makes of a tree: only files whose bytes differ."""

    tree: Tree
    files: dict[str, Made]
    modes: dict[str, str]


async def files_of(change: Change, tree: Tree) -> Files:
    """The files that a change looks at."""
    return Files(tree.commit, await tree.read(tree.matching([*change.paths, *change.reads])))


async def draft(change: Change, tree: Tree, files: Files) -> Draft:
    """Make every edit; raises what an edit raises, and RefusedError for a path that may not be written or a secret."""
    now, modes = files, {}
    for edit in change.edits:
        modes[edit.path] = entry_to_write(edit.path, tree.entries)
        after = await _made(edit, now)
        refuse_secrets(edit.path, files.get(edit.path), after, change.secrets)
        now = now.after(edit.path, after)
    changed = {path: now.get(path) for path in modes if now.get(path) != files.get(path)}
    return Draft(tree, changed, modes)


async def _made(edit: Edit, files: Files) -> Made:
    made = edit.make(files.get(edit.path), files)
    return await made if inspect.isawaitable(made) else made


async def make(person: Person, change: Change, plan: Draft) -> str:
    """The id of the commit."""
    with temporary_index() as index:
        tree = await write_tree(person.git, plan.tree, plan.files, plan.modes, index)
        return await commit(person, change, tree, plan.tree.commit, index)
