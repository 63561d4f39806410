"""Programs that run beside the test: started, listened to, and ended with everything that they started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Mapping, Sequence

from .waiting import PATIENCE, wait_for

#: Variables that would configure an agent from outside the test; an unknown ``BUCKLER_…`` even stops it.
FOREIGN = ("BUCKLER_", "PYRASP_", "AWS_", "K_SERVICE", "DJANGO_", "FLASK_", "RUST_LOG")


class Program:
    """A program in a process group of its own. What it writes goes to a file, so that it never waits for a reader."""

    def __init__(
        self, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.command = list(command)
        self.log = log
        with log.open("wb") as out:
            self._child = subprocess.Popen(
                self.command,
                env=environment(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._child.poll() is None

    def written(self) -> str:
        """Everything that it and its children have written so far."""
        return self.log.read_text(errors="replace")

    def says(self, pattern: str, patience: float = PATIENCE) -> re.Match[str]:
        """Waits for a line that it writes."""

        def look() -> re.Match[str] | None:
            found = re.search(pattern, self.written())
            if found is None and not self.runs():
                raise AssertionError(f"{self.command} ended:\n{self.written()}")
            return found

        return wait_for(f"{self.command[0]} writes {pattern!r}", look, self.written, patience)

    def listens(self) -> int:
        """Waits until it listens on loopback; the port. For programs that do not say it."""

        def look() -> int | None:
            assert self.runs(), f"{self.command} ended:\n{self.written()}"
            return _listening_port(self.pid)

        return wait_for(f"{self.command[0]} listens", look, self.written)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Asks it to end, as a service manager does; how it ended, and after how many seconds."""
        began = time.monotonic()
        self._child.send_signal(number)
        try:
            code = self._child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command} did not end:\n{self.written()}") from None
        return code, time.monotonic() - began

    def ended(self) -> int:
        """Waits until it ends by itself; how it ended."""
        return self._child.wait(PATIENCE)

    def kill(self) -> None:
        """Ends it and everything that it started, whatever they are doing."""
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # all of them have ended already
        self._child.wait(PATIENCE)


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """The test's environment without what would configure an agent, and with ``more``."""
    own = {name: said for name, said in os.environ.items() if not name.startswith(FOREIGN)}
    return own | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"} | dict(more)


def _listening_port(group: int) -> int | None:
    """The port of the TCP socket that a program or its workers listen on, as Linux tells it."""
    links = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # after the name, which may hold anything: state, parent, group
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                links |= {os.readlink(file) for file in (process / "fd").iterdir()}
        except OSError:
            pass  # ended or closed meanwhile
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        # local address, state (0A: listening) and inode
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in links:
            return int(fields[1].partition(":")[2], 16)
    return None
