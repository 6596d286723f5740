"""Does ``pointsman --help`` take at most half of ``kubectl version --client``? Measured in pairs, whole processes.

Pairs run back to back so that a busy machine slows both; the median of the ratios is what counts.
Exit code 1 when the goal is missed.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

PAIRS = 41
GOAL = 0.5


def seconds(command: list[str]) -> float:
    """Wall-clock seconds of one whole process."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> int:
    """Print the medians and the verdict."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        sys.stderr.write("kubectl is not on the PATH; install it to compare\n")
        return 2
    ours = [str(Path(sysconfig.get_path("scripts")) / "pointsman"), "--help"]
    theirs = [kubectl, "version", "--client"]
    seconds(ours), seconds(theirs)
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(PAIRS)]
    ratio = statistics.median(a / b for a, b in pairs)
    for label, column in (("pointsman --help", 0), ("kubectl version --client", 1)):
        sys.stdout.write(f"{label:26} {statistics.median(pair[column] for pair in pairs) * 1000:7.1f} ms\n")
    sys.stdout.write(f"{'ratio (median of pairs)':26} {ratio:7.2f}    goal <= {GOAL}\n")
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
