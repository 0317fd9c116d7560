"""A real HTTP scorer on a local port, which answers well, badly or late, as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Scorer:
    """What it was asked, and how it answers: `answer(body) -> (status, headers, bytes)`."""

    url: str
    answer: Callable[[dict[str, Any]], Answer]
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    drip: float = 0.0


def good(scores: Any) -> Answer:
    """Status 200 with these scores."""
    return 200, {}, json.dumps({"scores": scores}).encode()


@contextmanager
def serving(answer: Callable[[dict[str, Any]], Answer]) -> Iterator[Scorer]:
    """A server for the time of a test."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            scorer.asked.append(body)
            scorer.headers.append(dict(self.headers))
            status, headers, data = scorer.answer(body)
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                if scorer.drip:
                    for byte in data:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(scorer.drip)
                else:
                    self.wfile.write(data)
            except OSError:
                pass  # the client has gone, as it should

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scorer = Scorer(f"http://127.0.0.1:{server.server_address[1]}/score", answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield scorer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
