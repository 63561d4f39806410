"""The Runtime API of AWS Lambda, as its documentation describes it, with one function at its other end.

Between two invocations the function's process is stopped, as Lambda freezes it: what it leaves to a thread in the background gets
done in the next invocation or never.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Mapping

from .programs import Program
from .waiting import PATIENCE

_API = "/2018-06-01/runtime"


@dataclass
class _Asked:
    """An invocation, and where its answer goes."""

    event: Mapping[str, Any]
    answer: queue.Queue[Any]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: the function's process is killed in the middle of a connection."""


class Runtime:
    """An environment with one function, which is started by the real runtime client ``awslambdaric``."""

    def __init__(self, handler: str, folder: Path, *, log: Path, env: Mapping[str, str]) -> None:
        self._asked: queue.Queue[_Asked] = queue.Queue()
        self._running: dict[str, _Asked] = {}
        self._idle = threading.Event()
        self._invocations = 0
        self._server = _Server(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        about = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "shop",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "shop",
            "AWS_LAMBDA_LOG_STREAM_NAME": "shop",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
            "AWS_REGION": "eu-central-1",
            "LAMBDA_TASK_ROOT": str(folder),
            "PYTHONPATH": str(folder),
        }
        command = [sys.executable, "-m", "awslambdaric", handler]
        self.program = Program(command, log=log, env={**about, **env})

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Invokes the function once it is idle; what it answers."""
        assert self._idle.wait(PATIENCE), self.program.written()
        self._idle.clear()
        asked = _Asked(event, queue.Queue())
        self._asked.put(asked)
        try:
            return asked.answer.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError(f"no answer: {self.program.written()}") from None

    def stop(self) -> None:
        self.program.kill()
        self._server.shutdown()
        self._server.server_close()

    def _next(self) -> tuple[str, _Asked]:
        """Freezes the function until it is invoked."""
        # the process waits for this answer: whatever else runs in it is stopped in the middle of it
        os.kill(self.program.pid, signal.SIGSTOP)
        self._idle.set()
        asked = self._asked.get()
        self._invocations += 1
        name = f"invocation-{self._invocations}"
        self._running[name] = asked
        os.kill(self.program.pid, signal.SIGCONT)
        return name, asked

    def _answered(self, name: str, answer: Any) -> None:
        self._running.pop(name).answer.put(answer)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                assert self.path == f"{_API}/invocation/next", self.path
                name, asked = runtime._next()
                body = json.dumps(asked.event).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", name)
                self.send_header("Lambda-Runtime-Deadline-Ms", "4102444800000")
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:::shop")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self._body()
                _, _, rest = self.path.partition(f"{_API}/invocation/")
                name, _, what = rest.partition("/")
                if what == "response":
                    runtime._answered(name, json.loads(body))
                elif what == "error":
                    runtime._answered(name, AssertionError(body.decode()))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _body(self) -> bytes:
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers["Content-Length"]))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def log_message(self, format: str, *args: Any) -> None:
                pass  # the test says what went wrong

        return Handler
