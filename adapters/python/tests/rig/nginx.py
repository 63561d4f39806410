"""A real nginx in front of hosts."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Sequence

from .client import Client
from .hosts import Host
from .programs import Program
from .waiting import wait_for

#: Where distributions install it.
_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin"


def program() -> str | None:
    """The program, where it is installed."""
    return shutil.which("nginx", path=_PATH)


class Nginx(Client):
    """An nginx with hosts behind it. It hands on the clients that it is told of, and bodies once they are whole, or as they come."""

    def __init__(self, hosts: Sequence[Host], folder: Path, *, is_buffering: bool = True) -> None:
        found = program()
        assert found, "nginx is not installed"
        folder.mkdir(parents=True)
        # it takes no port of its own accord: one that was free a moment ago
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        servers = " ".join("server {}:{};".format(*host.address) for host in hosts)
        places = " ".join(
            f"{name}_temp_path {folder}/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = folder / "nginx.conf"
        # its workers must get at the test's folder
        user = "user root; " if os.geteuid() == 0 else ""
        buffering = "on" if is_buffering else "off"
        configuration.write_text(
            f"{user}daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
            "events { worker_connections 64; }\n"
            f"http {{ access_log off; client_max_body_size 64m; {places}\n"
            f"upstream app {{ {servers} keepalive 8; }}\n"
            f"server {{ listen 127.0.0.1:{port}; location / {{\n"
            'proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";\n'
            f"proxy_request_buffering {buffering};\n"
            "proxy_set_header X-Forwarded-For $http_x_forwarded_for; } } }\n"
        )
        command = [found, "-p", str(folder), "-e", str(folder / "error.log"), "-c"]
        self.program = Program([*command, str(configuration)], log=folder / "nginx.log")
        super().__init__(("127.0.0.1", port))
        wait_for("nginx listens", self._listens, self.program.written)

    def _listens(self) -> bool:
        assert self.program.runs(), self.program.written()
        with socket.socket() as tried:
            return tried.connect_ex(self.address) == 0
