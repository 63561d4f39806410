"""What becomes of requests, by local settings alone."""

from __future__ import annotations

import json

import pytest
from conftest import Start
from rig.client import ANOTHER, CLIENT, DECOY, HOST
from rig.hosts import Host, Kind

#: What a browser says of a request that a page of another site made, each enough by itself.
FOREIGN = (
    ("Sec-Fetch-Site", "cross-site"),
    ("Origin", "https://evil.example"),
    ("Referer", "https://evil.example/page"),
)

INJECTION = "/items/7?q=1%27+OR+%271%27%3D%271"

#: Three values, which are the evidence that a ban needs by default.
SCRIPTS = tuple(f"/items/7?q=%3Cscript%3Ealert({n})%3C/script%3E" for n in range(1, 4))


def test_a_decoy_is_refused_and_its_visitor_banned(plain: Host) -> None:
    visitor = plain.stranger()
    answer = plain.get(DECOY, visitor)
    assert (answer.status, answer.text[:9]) == (403, "Blocked. ")
    assert answer.header("cache-control") == "no-store"
    block_id = answer.header("x-block-id") or ""
    assert len(block_id) == 16 and answer.text.endswith(block_id)
    plain.wait_until("the ban is in force", lambda: plain.status("/", visitor) == 403)
    assert plain.get("/", plain.stranger()).text == "welcome"


def test_a_page_that_there_is_is_no_decoy(kind: Kind, start: Start) -> None:
    host = start(kind, security={"DECOY_ROUTES": [["/login", "ends"]]})
    assert host.get("/login", ANOTHER).text == "a form"
    assert host.status("/elsewhere/login") == 403


def test_unknown_paths_are_no_attack(plain: Host) -> None:
    for path in ("/nowhere", "/admin", "/user/login", "/contact.php", "/favicon.ico", "/healthz"):
        assert plain.status(path, plain.stranger()) == 404, path


def test_unknown_paths_are_judged_by_their_404(kind: Kind, start: Start) -> None:
    host = start(kind, security={"SECURITY_CHECKS": {"path": 1}})
    assert host.status("/nowhere", ANOTHER) == 403
    assert host.get("/missing", ANOTHER).text == "no such thing", "the application's own"


def test_who_sends_too_much_is_told_when_to_come_back(kind: Kind, start: Start) -> None:
    flood = {"FLOOD_RATIO": 5, "FLOOD_DELAY": 3600, "FLOOD_BURST": 5}
    host = start(kind, security={"SECURITY_CHECKS": {"flood": 2}, **flood})
    assert [host.status("/", ANOTHER) for _ in range(5)] == [200] * 5
    throttled = host.get("/", ANOTHER)
    assert throttled.status == 429
    assert 0 < int(throttled.header("retry-after") or 0) <= 720
    assert len(throttled.header("x-block-id") or "") == 16
    assert host.status("/", CLIENT) == 200


def test_injections_are_refused_in_parameters_and_cookies(plain: Host) -> None:
    assert plain.status(INJECTION, plain.stranger()) == 403
    cookie = ("Cookie", "theme=<script>alert(1)</script>")
    asked = plain.ask("GET", "/", [("X-Forwarded-For", plain.stranger()), cookie])
    assert asked.status == 403


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"user": {"name": "x\'; DROP TABLE users; --"}}'),
        ("application/x-www-form-urlencoded", b"a=1&b=1%27+OR+%271%27%3D%271"),
        ("text/plain", b"1' OR '1'='1"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1' OR '1'='1\r\n--x--\r\n",
        ),
    ],
)
def test_injections_are_refused_in_bodies(plain: Host, content_type: str, body: bytes) -> None:
    assert plain.post("/echo", content_type, body, plain.stranger()).status == 403


def test_the_nearest_proxy_that_is_not_trusted_is_the_client(plain: Host) -> None:
    claimed, client = plain.stranger(), plain.stranger()
    chain = [("X-Forwarded-For", claimed), ("X-Forwarded-For", client)]
    assert plain.ask("GET", DECOY, chain).status == 403
    plain.wait_until("who the proxy names is banned", lambda: plain.status("/", client) == 403)
    assert plain.status("/", claimed) == 200, "the client's own word counts for nothing"


def test_only_trusted_proxies_name_the_client(kind: Kind, start: Start) -> None:
    host = start(kind, env={"BUCKLER_AGENT__TRUSTED_PROXIES": "192.0.2.1"})
    assert host.status(DECOY) == 403
    assert host.status("/") == 200, "whom an undeclared proxy names is unknown, and never banned"


def test_the_whitelist_is_never_judged(kind: Kind, start: Start) -> None:
    host = start(kind, security={"WHITELIST": ["203.0.113.0/28"]})
    assert [host.status(path) for path in (DECOY, "/nowhere", INJECTION)] == [404, 404, 200]
    assert host.status(DECOY, "203.0.113.77") == 403


def test_foreign_hosts_are_refused(kind: Kind, start: Start) -> None:
    checks = {"spoofing": 1}
    host = start(kind, security={"HOSTS": ["shop.example.com"], "SECURITY_CHECKS": checks})
    assert host.status("/") == 200
    assert host.ask("GET", "/", [("Host", "evil.example")]).status == 403


def test_level_one_refuses_without_a_ban(kind: Kind, start: Start) -> None:
    host = start(kind, security={"SECURITY_CHECKS": {"path": 0, "decoy": 1, "sqli": 1}})
    assert [host.status(path) for path in (DECOY, INJECTION)] == [403, 403]
    # a ban that were made would be in force once another is
    for script in SCRIPTS:
        assert host.status(script, ANOTHER) == 403
    host.wait_until("another is banned", lambda: host.status("/", ANOTHER) == 403)
    assert host.status("/") == 200


def test_a_ban_needs_more_than_one_finding(plain: Host) -> None:
    suspect, caught = plain.stranger(), plain.stranger()
    assert [plain.status(SCRIPTS[0], suspect) for _ in range(4)] == [403] * 4
    # a ban that were made would be in force once another is
    assert plain.status(DECOY, caught) == 403
    plain.wait_until("another is banned", lambda: plain.status("/", caught) == 403)
    assert plain.status("/", suspect) == 200, "the same value again is no more evidence"
    assert [plain.status(script, suspect) for script in SCRIPTS[1:]] == [403] * 2
    plain.wait_until("three values ban", lambda: plain.status("/", suspect) == 403)


def test_what_a_foreign_page_makes_a_browser_send_is_refused_and_not_counted(plain: Host) -> None:
    reader, caught = plain.stranger(), plain.stranger()
    for header in FOREIGN:
        for number in range(10):
            picture = f"/items/7?q=%3Cscript%3Ealert({header[0]}{number})%3C/script%3E"
            asked = plain.ask("GET", picture, [("X-Forwarded-For", reader), header])
            assert asked.status == 403, header
    # a ban that were made would be in force once another is
    assert plain.status(DECOY, caught) == 403
    plain.wait_until("another is banned", lambda: plain.status("/", caught) == 403)
    assert plain.status("/", reader) == 200


def test_a_hundred_values_count_whatever_a_header_says_of_them(plain: Host) -> None:
    client = plain.stranger()
    for number in range(140):
        attack = f"/items/7?q=%3Cscript%3Ealert({number}{number})%3C/script%3E"
        plain.ask("GET", attack, [("X-Forwarded-For", client), FOREIGN[number % 3]])
    plain.wait_until("it is banned", lambda: plain.status("/", client) == 403)


def test_programs_and_pages_of_ours_can_read_a_refusal(kind: Kind, start: Start) -> None:
    ours = "https://app.example.com"
    settings = {
        "CORS_ORIGINS": [ours],
        "HOSTS": [HOST],
        "DECOY_ROUTES": [["/nowhere", "match"]],
        "SECURITY_CHECKS": {"decoy": 1, "sqli": 1, "spoofing": 1},
    }
    host = start(kind, security=settings)
    form = ("Content-Type", "application/x-www-form-urlencoded")
    # refused by what it asks for, by what the application answered, and by its body
    for asked in (
        ("GET", DECOY, [], b""),
        ("GET", "/nowhere", [], b""),
        ("POST", "/echo", [form], b"a=1' OR '1'='1"),
    ):
        method, path, more, body = asked
        foreign = [("Accept", "text/html"), ("Origin", "https://evil.example"), *more]
        page = host.ask(method, path, foreign, body)
        assert (page.status, page.text[:9]) == (403, "Blocked. "), path
        assert page.header("content-type") == "text/html; charset=utf-8"
        assert page.header("access-control-allow-origin") is None
        own = [("Accept", "application/json, text/plain, */*"), ("Origin", ours), *more]
        program = host.ask(method, path, own, body)
        assert program.header("content-type") == "application/problem+json", path
        problem = json.loads(program.body)
        assert (program.status, problem["status"], problem["title"]) == (403, 403, "Forbidden")
        assert problem["block_id"] == program.header("x-block-id")
        assert program.header("access-control-allow-origin") == ours
        assert program.header("access-control-allow-credentials") == "true"
        assert program.header("access-control-expose-headers") == "x-block-id"
        assert program.header("vary") == "Origin"
    # the host of an absolute target, and the header's: werkzeug's own server has the former stand
    # for both
    for target, header, is_refused in (
        (HOST, HOST, False),
        ("evil.example", HOST, True),
        (HOST, "evil.example", kind.name != "flask-run"),
    ):
        answer = host.ask("GET", f"http://{target}/", [("Host", header)])
        refused = answer.header("x-block-id") is not None
        assert refused == is_refused, (target, header, answer.status)


def test_one_finding_bans_as_under_pyrasp(kind: Kind, start: Start) -> None:
    host = start(kind, env={"BUCKLER_AGENT__TEMPLATE": "pyrasp"})
    assert host.status(INJECTION) == 403
    host.wait_until("the ban is in force", lambda: host.status("/") == 403)
    assert host.status("/", ANOTHER) == 200


def test_level_three_lets_pass(kind: Kind, start: Start) -> None:
    checks = {"path": 0, "decoy": 3, "sqli": 3, "command": 0}
    host = start(kind, security={"SECURITY_CHECKS": checks})
    assert [host.status(path) for path in (DECOY, INJECTION, "/")] == [404, 200, 200]


def test_reactions_are_the_settings(kind: Kind, start: Start) -> None:
    security = {
        "BLACKLIST_ACTION": "redirect",
        "BLACKLIST_STATUS_CODE": 307,
        "BLACKLIST_ACTION_CONTENT": "https://example.com/gone?{{id}}",
        "SECURITY_CHECKS": {"path": 1},
        "BLOCK_STATUS_CODE": 451,
        "BLOCK_ACTION_CONTENT": "not here: {{id}}",
        "CHANGE_SERVER": True,
    }
    host = start(kind, security=security)
    unknown = host.get("/nowhere", ANOTHER)
    assert (unknown.status, unknown.text) == (451, f"not here: {unknown.header('x-block-id')}")
    assert unknown.header("content-type") == "text/html; charset=utf-8"
    decoy = host.get(DECOY, CLIENT)
    assert decoy.status == 307
    assert decoy.header("location") == f"https://example.com/gone?{decoy.header('x-block-id')}"
    names = {name.lower(): said for name, said in host.get("/", ANOTHER).headers}
    assert kind.names_itself or names["server"] == "Apache"


def test_settings_that_cannot_be_are_named(kind: Kind, start: Start) -> None:
    """The application does not start, and says why: it is not guarded by a guess."""
    with pytest.raises(AssertionError, match="FLOOD_RATIO.*many"):
        start(kind, security={"FLOOD_RATIO": "many"})
