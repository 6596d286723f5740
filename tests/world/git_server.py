"""A git server that asks for a password: git's own ``http-backend`` behind a few lines of HTTP."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

__all__ = ["GitServer", "serving"]

USER = "operator"


class GitServer:
    """Serves the repositories below a folder to whoever knows the password."""

    def __init__(self, folder: Path, password: str) -> None:
        self.folder, self.password = folder, password
        self.let_in, self.refused = 0, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, *words: Any) -> None:
                """Nothing is said."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """One request."""
        told = request.headers.get("Authorization", "")
        if told != f"Basic {base64.b64encode(f'{USER}:{self.password}'.encode()).decode()}":
            self.refused += 1
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="git"')
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        self.let_in += 1
        head, body = self._backend(request)
        status = next((int(value.split()[0]) for name, value in head if name == "Status"), 200)
        request.send_response(status)
        for name, value in head:
            if name != "Status":
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _backend(self, request: BaseHTTPRequestHandler) -> tuple[list[tuple[str, str]], bytes]:
        path, _, query = request.path.partition("?")
        given = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": USER,
            "REQUEST_METHOD": request.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": request.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(given)),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding") or "",
            "GIT_PROTOCOL": request.headers.get("Git-Protocol") or "",
        }
        done = subprocess.run(["git", "http-backend"], input=given, env=env, capture_output=True, check=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        lines = (line.decode().partition(": ") for line in head.split(b"\r\n"))
        return [(name, value) for name, _, value in lines], body


@contextmanager
def serving(folder: Path, password: str) -> Iterator[GitServer]:
    """A server while the block runs."""
    made = GitServer(folder, password)
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join()
