"""Files and texts that nobody means well with, or that a slip of the hand makes."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from tests.spec.text import TEXT

__all__ = ["SPECS", "TEXTS", "WORDS", "places"]


def laughs() -> str:
    """Anchors that multiply."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    return "\n".join(lines)


TEXTS: dict[str, bytes] = {
    "empty": b"",
    "only-a-mark": b"\xef\xbb\xbf",
    "utf-16": "a: 1\n".encode("utf-16"),
    "half-utf-16": b"\xff\xfea\x00:\x00",
    "latin": "a: \xe4\n".encode("latin-1"),
    "surrogate-bytes": b"a: \xed\xa0\x80\n",
    "surrogate-escape": b'{"a": "\\ud800"}',
    "nul": b"a: \0\n",
    "control": b"a: \x01\n",
    "bool-tag": b"a: !!bool maybe\n",
    "int-tag": b'a: !!int ""\n',
    "float-tag": b'a: !!float ""\n',
    "null-tag": b"a: !!null x\n",
    "binary-tag": b"a: !!binary =\n",
    "timestamp-tag": b"a: !!timestamp x\n",
    "python-tag": b"a: !!python/object/apply:os.system [true]\n",
    "set-tag": b"!!set {a}\n",
    "unknown-tag": b"!!! {a}\n",
    "wide": b"- a\n" * 60_000,
    "deep": b"[" * 200_000,
    "deep-mappings": b"{a: " * 50_000,
    "deep-json": b'{"a":' * 50_000,
    "laughs": laughs().encode(),
    "itself": b"a: &a {b: *a}\n",
    "huge-float": b"a: 1e999999\n",
    "huge-int": b"9" * 100_000,
    "huge-json": b"[" + b"9" * 100_000 + b"]",
    "large": b"#" * (5 << 20),
    "repeated": b"a: 1\n" * 20_000,
}
"""Contents that are no spec, no plan and no kubeconfig."""

SPECS: dict[str, str] = {
    "bool-tag": TEXT.replace("streaming: true", "streaming: !!bool maybe"),
    "int-tag": TEXT.replace("  replicas: 1", '  replicas: !!int ""'),
    "float-tag": TEXT.replace("inputPerToken: 5e-7", 'inputPerToken: !!float ""'),
    "huge-int": TEXT.replace("  replicas: 1", "  replicas: " + "9" * 100_000),
    "huge-float": TEXT.replace("inputPerToken: 5e-7", "inputPerToken: 1e999999"),
    "long-word": TEXT.replace("layer: raw-vllm", "layer: " + "x" * 200_000, 1),
    "many-unknown": TEXT + "".join(f"  field{number}: 1\n" for number in range(9_000)),
    "many-args": TEXT.replace("      - --gpu-memory-utilization=0.6\n", "      - stray\n" * 15_000),
    "one-long-arg": TEXT.replace("--gpu-memory-utilization=0.6", "x" * 250_000),
    "odd-name": TEXT.replace("  name: qwen\n", '  name: "\\e[31m\\u202e\\0"\n', 1),
    "625-kib": TEXT + "# " + "x\n# " * 160_000,
}
"""The example with one thing in it that is out of all bounds."""

WORDS: dict[str, str] = {
    "300-letters": "q" * 300,
    "5000-letters": "q" * 5000,
    "300-letters.yaml": "q" * 300 + ".yaml",
    "nul": "a\0b",
    "nul.yaml": "a\0b.yaml",
    "nobody": "~nosuchuser/x.yaml",
    "nobody-bare": "~nosuchuser",
    "surrogate": "a\udcff.yaml",
    "newline": "a\nb",
    "many-slashes": "/" * 4000 + "x",
    "dots": "..",
}
"""MODEL, FILE or KUBECONFIG on the command line."""


def places(folder: Path) -> dict[str, Path]:
    """Things with a name that are no files."""
    found = {name: folder / f"{name}.yaml" for name in ("pipe", "loop", "dangling", "folder", "socket", "closed")}
    os.mkfifo(found["pipe"])
    found["loop"].symlink_to(found["loop"])
    found["dangling"].symlink_to(folder / "nowhere")
    found["folder"].mkdir()
    found["closed"].write_text(TEXT, encoding="utf-8")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(found["socket"]))
    if os.geteuid():
        found["closed"].chmod(0)
    else:  # root reads everything
        found.pop("closed")
    system = ("/dev/zero", "/dev/random", "/dev/tty", "/proc/self/mem", "/proc/self/pagemap", "/proc/self/environ")
    return found | {place: Path(place) for place in (*system, "/proc/kmsg", "/proc/self/fd/0", "/sys/power")}
