"""Refusals behind a real nginx: a client must get the refusal, never the proxy's own 502, and no server may be taken for dead."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Start, each
from rig import nginx
from rig.client import ANOTHER, CLIENT, DECOY
from rig.hosts import EVERY, WHOLE, Kind

#: Those that serve alone, by their way of reading bodies, and servers that people put behind nginx. (uWSGI's own HTTP keeps no
#: connection open and does not say so: it has a protocol for proxies.)
BEHIND = (*WHOLE, *(kind for kind in EVERY if kind.name in ("gunicorn", "granian", "waitress")))

#: More than proxy and kernel hold of it, harmless but for its first bytes where they are replaced.
BODY = b"x" * (4 << 20)


@pytest.mark.skipif(nginx.program() is None, reason="nginx is not installed")
@pytest.mark.parametrize("is_buffering", [True, False], ids=["buffering", "streaming"])
@pytest.mark.parametrize("kind", each(BEHIND))
def test_a_refusal_of_an_upload_is_no_502(
    kind: Kind, is_buffering: bool, start: Start, tmp_path: Path
) -> None:
    checks = {"SECURITY_CHECKS": {"decoy": 1, "sqli": 1, "brute": 0}}
    hosts = [start(kind, security=checks) for _ in range(2)]
    proxy = nginx.Nginx(hosts, tmp_path / "nginx", is_buffering=is_buffering)
    try:
        form = "application/x-www-form-urlencoded"
        for _ in range(8):
            by_path = proxy.post(DECOY, "application/octet-stream", BODY)
            assert (by_path.status, by_path.text[:9]) == (403, "Blocked. ")
            by_body = proxy.post("/echo", form, b"name=1' OR '1'='1&rest=" + BODY)
            assert (by_body.status, by_body.text[:9]) == (403, "Blocked. ")
            by_end = proxy.post("/echo", form, b"rest=" + BODY[:500_000] + b"&name=1' OR '1'='1")
            assert (by_end.status, by_end.text[:9]) == (403, "Blocked. ")
            assert proxy.status("/", ANOTHER) == 200
            assert proxy.status("/", CLIENT) == 200
    finally:
        proxy.program.kill()
