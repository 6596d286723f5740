"""The ``vllm`` command of the lab: ``vllm serve MODEL …`` and ``vllm --version``.

Nothing heavy is imported before it is known to be needed: containers ask for the version before they serve, and a
lab starts many engines on few cores.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pointsman.lab.engine import VLLM_VERSION

if TYPE_CHECKING:
    from ssl import SSLContext

    from pointsman.lab.engine.flags import Arguments
    from pointsman.lab.engine.settings import SettingsFile
    from pointsman.lab.engine.weights import Weights

__all__ = ["main"]


def main(words: Sequence[str]) -> int:
    """Run the command; the exit code."""
    if not words or words[0] in ("-h", "--help"):
        sys.stdout.write("usage: vllm [-h] [-v] {serve} ...\n")
        return 0
    if words[0] in ("-v", "--version"):
        sys.stdout.write(f"{VLLM_VERSION}\n")
        return 0
    if words[0] != "serve":
        problem = f"invalid choice: {words[0]!r} (choose from 'serve')"
        sys.stderr.write(f"vllm: error: argument subparser: {problem}\n")
        return 2
    return _serve(words[1:])


def _serve(words: Sequence[str]) -> int:
    from pointsman.lab.engine.flags import parse_serve
    from pointsman.lab.engine.logs import say
    from pointsman.lab.engine.settings import SettingsFile
    from pointsman.lab.engine.weights import RATE_LIMITED, WeightsError, find_weights

    arguments = parse_serve(words, os.environ)
    say(f"vLLM server version {VLLM_VERSION}, serving model {arguments.root}", "utils.py:299")
    try:
        weights = find_weights(arguments.model, arguments.revision, os.environ)
        settings = SettingsFile(os.environ.get("POINTSMAN_SIM_CONFIG"))
        if settings.now.faults.hf_rate_limited and not weights.cached:
            raise WeightsError(RATE_LIMITED.format(repo=weights.repo))
    except WeightsError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return _run(arguments, weights, settings)


def _run(arguments: Arguments, weights: Weights, settings: SettingsFile) -> int:
    import socket

    from pointsman.lab.engine.addresses import listen_address

    address = listen_address(os.environ, arguments.host)
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, arguments.port))
    except OSError as problem:
        text = f"[Errno {problem.errno}] {problem.strerror}: {address}:{arguments.port}"
        sys.stderr.write(f"OSError: {text}\n")
        return 1

    import uvloop

    from pointsman.lab.engine.engine import Engine
    from pointsman.lab.engine.server import Server

    engine = Engine(arguments, weights, settings)
    return uvloop.run(Server(engine).serve(listener, _tls(arguments)))


def _tls(arguments: Arguments) -> SSLContext | None:
    if arguments.tls is None:
        return None
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*arguments.tls)
    return context


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
