"""The page of the platform repository: every field is on it, and its example is read."""

from __future__ import annotations

import re
from pathlib import Path

from pointsman.catalog.platform import Caution, Group, Layout
from tests.catalog.repository import pointsman

PAGE = (Path(__file__).parents[2] / "docs" / "platform.md").read_text(encoding="utf-8")


def test_every_field_is_on_the_page() -> None:
    fields = [info.alias or name for block in (Layout, Group, Caution) for name, info in block.model_fields.items()]
    assert len(fields) > 15
    assert [name for name in fields if not re.search(rf"`{name}(\[\])?[:`]", PAGE)] == []


def test_the_example_is_a_platform(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    (tmp_path / "platform.yaml").write_text(example[1], encoding="utf-8")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/prod.yaml").write_text("gpu_stack: operator\n", encoding="utf-8")
    done = pointsman(tmp_path, "resolve", "--env", "prod")
    assert done.returncode == 0, done.stderr
    assert "chat is on and domain is missing: nobody could reach it" in done.stderr
    assert (tmp_path / "out/prod/groups.yaml").read_text(encoding="utf-8").count('"true"') == 3
