"""``python tools/sbom.py FILE``: add the lab's Go modules, from its go.mod, to a CycloneDX bill of materials.

Python packages are listed by ``cyclonedx-py``, with the licences that their metadata names. A Go module says its
licence in a file of its own only, so none is claimed for these.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

MODULES = Path(__file__).parents[1] / "src/pointsman/lab/go.mod"
REQUIRED = re.compile(r"^\t(?:require )?(\S+\.\S+/?\S*) (v\S+)", re.MULTILINE)


def components(text: str) -> list[dict[str, Any]]:
    """Every module that a go.mod requires, directly or not, once."""
    found = dict.fromkeys(REQUIRED.findall(text))
    return [
        {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:golang/{name}@{version}",
            "bom-ref": f"go:{name}@{version}",
        }
        for name, version in found
    ]


def main() -> None:
    """Rewrite the file."""
    path = Path(sys.argv[1])
    bill = json.loads(path.read_text(encoding="utf-8"))
    added = components(MODULES.read_text(encoding="utf-8"))
    bill["components"] = [*bill.get("components", []), *added]
    path.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
    python = len(bill["components"]) - len(added)
    sys.stdout.write(f"{path}: {python} Python packages, {len(added)} Go modules\n")


if __name__ == "__main__":
    main()
