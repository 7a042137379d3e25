"""Captures: what a check sees, as files without secrets, read again without a console."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.console.capture import INDEX, CaptureError, Kept, load, prepare, save, without_hosts
from bot.console.check import judged
from bot.console.profile import Profile, load_profile
from bot.console.report import Outcome, Report, Result
from bot.console.session import Appliance, Credentials
from bot.console.table import table
from bot.console.tls import Trust
from bot.console.visit import View, Visit, visit
from bot.domain.sight import ServerState
from tests.console.console_server import (
    PASSWORD,
    QUICK,
    Identity,
    MiniConsole,
    Server,
    body,
    page,
    panel,
    redirect,
)
from tests.console.guises import GUISES
from tests.console.test_console_check import a_profile
from tests.support.values import T0

HOST = "sso-1.klinik.example.org"


async def taken(
    directory: Path, *servers: Server, profile: Profile | None = None, hide: bool = False
) -> tuple[list[Visit], Report, dict[str, dict[str, int]]]:
    """Visits of these consoles, captured; what is judged of them live; what was taken out."""
    profile, kept = profile or load_profile(), Kept()
    credentials = Credentials("Super Administrator", SecretStr(PASSWORD))
    visits = []
    for number, server in enumerate(servers, start=1):
        one = Appliance(f"a{number}", f"https://127.0.0.1:{server.port}", Trust.pinned(server.identity.pin))
        visits.append(await visit(one, credentials, profile, kept, QUICK))
    prepare(directory)
    out = save(directory, "main", visits, kept, profile, T0, without_hosts(visits) if hide else None)
    names = [seen.name for seen in visits]
    return visits, judged("main", visits, names, profile, T0), {file: dict(n) for file, n in out.items()}


def replayed(directory: Path, profile: Profile | None = None) -> Report:
    profile = profile or load_profile()
    index, visits = load(directory, profile)
    return judged(index.enterprise, visits, index.appliances, profile, index.at)


async def test_a_replay_says_what_the_check_said(
    tmp_path: Path, identity: Identity, server: Server, mini: MiniConsole
) -> None:
    mini.panel = panel("Distribution", [("a1", "Copying 40%"), ("a2", "Error: no room")])
    other = MiniConsole(server_state="Down")
    async with Server(identity, other.answer) as second:
        _, live, _ = await taken(tmp_path / "new" / "cap", server, second)
    await server.stop()
    again = replayed(tmp_path / "new" / "cap")
    assert again == live
    assert len(again.consoles[0].packages) == 2


async def test_a_profile_is_written_far_from_the_console(
    tmp_path: Path, server: Server, mini: MiniConsole
) -> None:
    """The label of a button differs: the capture has its page, and a corrected profile finds it there."""
    logs = page(body("Protokolle", "<form method=post action=/x><button>Protokolle holen</button></form>"))
    mini.instead["GET /l"] = [logs]
    _, live, _ = await taken(tmp_path / "cap", server)
    assert {f.key for f in live.wrong} == {"headings.logs", "labels.export_logs", "appliances"}
    corrected = a_profile(
        tmp_path, headings={"logs": "Protokolle"}, labels={"export_logs": "Protokolle holen"}
    )
    assert {f.key for f in replayed(tmp_path / "cap", corrected).wrong} == {"appliances"}


@pytest.mark.parametrize("name", GUISES)
async def test_a_console_of_another_guise_is_checked_captured_and_replayed(
    tmp_path: Path, server: Server, mini: MiniConsole, name: str
) -> None:
    server.answer = GUISES[name](mini)
    _, live, _ = await taken(tmp_path / "cap", server)
    assert [(f.key, f.expected, f.reason) for f in live.wrong] == [
        ("appliances", "A2", "listed, but not configured")
    ]
    assert [asked.line for asked in server.asked if asked.method != "GET"] == ["POST /in"]
    assert replayed(tmp_path / "cap") == live


async def test_what_was_not_captured_is_not_found(tmp_path: Path, server: Server) -> None:
    wrong = a_profile(tmp_path, labels={"enterprise": "Enterprises"})
    await taken(tmp_path / "cap", server, profile=wrong)
    again = replayed(tmp_path / "cap")
    assert again.result is Result.MISSING
    assert [(f.key, f.outcome, f.reason) for f in again.wrong] == [
        ("page.enterprise", Outcome.UNCLEAR, "it was not captured")
    ]


async def test_what_a_profile_did_not_understand_says_nothing_of_another(
    tmp_path: Path, server: Server, mini: MiniConsole
) -> None:
    mini.instead["GET /l"] = [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"]
    _, live, _ = await taken(tmp_path / "cap", server)
    assert "is no page" in {f.key: f.reason for f in live.wrong}["page.logs"]
    assert replayed(tmp_path / "cap") == live
    other = replayed(tmp_path / "cap", a_profile(tmp_path, labels={"send": "Go"}))
    assert {f.key: f.reason for f in other.wrong}["page.logs"] == "it was not captured"


async def test_a_page_that_opens_by_itself_is_read_once_its_heading_is_known(
    tmp_path: Path, server: Server
) -> None:
    wrong = a_profile(tmp_path, headings={"operations": "Nothing"}, labels={"operations": "Nowhere"})
    _, live, _ = await taken(tmp_path / "cap", server, profile=wrong)
    assert live.consoles[0].server is None
    again = replayed(tmp_path / "cap")
    assert again.consoles[0].server is ServerState.RUNNING
    assert [f.key for f in again.wrong] == ["appliances"]


SECRETS = {
    "hidden": "<input type=hidden name=t value=tok-hidden-1>",
    "password": "<input type=password value=tok-password-2>",
    "meta": "<meta name=csrf content=tok-meta-3>",
    "link": "<a href='/y;jsessionid=tok-path-4?sid=tok-query-5&b=tok-query-6'>go</a>",
    "script": "<script>var t='tok-script-7'</script>",
    "handler": "<a href='/z' onclick=\"go('tok-handler-8')\">run</a>",
    "scripted": "<a href=\"javascript:go('tok-scripted-9')\">jump</a>",
    "data": "<div data-token=tok-data-10>x</div>",
    "frame": "<iframe src='/q?t=tok-frame-11' hidden></iframe>",
    "comment": "<!-- tok-comment-12 -->",
    "shown": f"<p>{PASSWORD.replace('&', '&amp;')} session-00000001</p>",
    "linked": "<a href='/correct%20horse%20%26%20battery/x'>1</a><a href='/session-00000001/x'>2</a>",
    "written": "<p>correct+horse+%26+battery</p>",
}
LEFT = ("tok-", "session-0", "correct horse", "correct%20", "correct+")


async def test_no_secret_is_in_a_capture(tmp_path: Path, server: Server, mini: MiniConsole) -> None:
    for path, name in (("GET /e", "Enterprise"), ("GET /l", "Logs")):
        mini.instead[path] = [page(body(name, "".join(SECRETS.values())), headers="Refresh: 900\r\n")]
    _, live, out = await taken(tmp_path / "cap", server)
    whole = b"".join(file.read_bytes() for file in (tmp_path / "cap").iterdir()).decode()
    assert [word for word in LEFT if word in whole or word in live.model_dump_json()] == []
    for rest in (">go<", ">run<", "/y?sid=", "<h1>Enterprise</h1>"):
        assert rest in whole
    said = out["1-enterprise.html"]
    for what in (
        "field 't'",
        "field 'without a name'",
        "content of <meta>",
        "data-token of <div>",
        "scripts",
    ):
        assert said[what] == 1, said
    assert said["text"] == 2
    assert said["href of <a>"] == 4
    assert said["onclick of <a>"] == 1


async def test_the_path_of_a_page_holds_no_secret(tmp_path: Path, server: Server, mini: MiniConsole) -> None:
    mini.instead["GET /e"] = [redirect("/session-00000001/e;x=tok-1?sid=tok-2")]
    mini.instead["GET /session-00000001/e;x=tok-1"] = [page(body("Enterprise"))]
    await taken(tmp_path / "cap", server)
    index = (tmp_path / "cap" / INDEX).read_text()
    assert "session-0" not in index
    assert "tok-" not in index
    [path] = [p["path"] for p in json.loads(index)["consoles"][0]["pages"] if p["view"] == "enterprise"]
    assert path == "/[taken%20out]/e?sid=[taken%20out]"


async def test_hosts_and_names_are_replaced_everywhere(
    tmp_path: Path, server: Server, mini: MiniConsole
) -> None:
    mini.instead["GET /l"] = [
        page(
            body(
                "Logs",
                "<p>A1 at 10.20.30.40, not ba1b</p><form method=post action=/x><button>Export Logs</button>",
            )
        )
    ]
    _, live, _ = await taken(tmp_path / "cap", server, hide=True)
    whole = b"".join(file.read_bytes() for file in (tmp_path / "cap").iterdir()).decode()
    assert "10.20.30.40" not in whole
    assert "127.0.0.1" not in whole
    assert server.identity.pin not in whole
    assert "appliance-1 at 192.0.2.1, not ba1b" in whole
    again = replayed(tmp_path / "cap")
    assert [f.key for f in again.wrong] == [f.key for f in live.wrong]
    assert again.consoles[0].levels == {"appliance-1": "24.1 HF3", "A2": "24.1 HF3"}


@pytest.mark.parametrize(
    ("words", "masked"),
    [
        (f"https://{HOST}:81/x", "https://appliance-1.example.org:81/x"),
        ("SSO-1, sso-2", "appliance-1, appliance-2"),
        ("mail@klinik.example.org", "mail@example.org"),
        ("lesso-1 sso-10", "lesso-1 sso-10"),
        ("24.1.2 and 1.2.3.4.5 and 1.2.3.4", "24.1.2 and 1.2.3.4.5 and 192.0.2.1"),
    ],
)
def test_a_mask(words: str, masked: str) -> None:
    visits = [Visit(f"sso-{n}", f"https://sso-{n}.klinik.example.org:81") for n in (1, 2)]
    assert without_hosts(visits)(words) == masked


async def test_a_capture_is_its_owners_alone(tmp_path: Path, server: Server) -> None:
    (tmp_path / "cap").mkdir(mode=0o755)
    await taken(tmp_path / "cap", server)
    assert stat.S_IMODE((tmp_path / "cap").stat().st_mode) == 0o700
    files = list((tmp_path / "cap").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert {file.name for file in files} == {INDEX, *(f"1-{view.value}.html" for view in View)}


def test_a_directory_that_is_not_empty_or_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CaptureError, match="is not empty"):
        prepare(tmp_path)
    with pytest.raises(CaptureError, match="cannot be used: File exists"):
        prepare(tmp_path / "file")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


async def test_a_capture_that_is_none(tmp_path: Path, server: Server) -> None:
    with pytest.raises(CaptureError, match=r"index\.json cannot be read: No such file"):
        load(tmp_path, load_profile())
    await taken(tmp_path / "cap", server)
    (tmp_path / "1-x.html").write_text("<h1>Packages</h1>")
    index = json.loads((tmp_path / "cap" / INDEX).read_text())
    for changed, told in (
        ({"format": "other"}, "format"),
        (
            {"consoles": [{**index["consoles"][0], "pages": [{**_page(index), "file": "../1-x.html"}]}]},
            "pages.0.file",
        ),
        (
            {"consoles": [{**index["consoles"][0], "pages": [{**_page(index), "file": "9-x.html"}]}]},
            "9-x.html cannot",
        ),
    ):
        (tmp_path / "cap" / INDEX).write_text(json.dumps({**index, **changed}))
        with pytest.raises(CaptureError, match=told):
            load(tmp_path / "cap", load_profile())
    (tmp_path / "cap" / INDEX).write_text(json.dumps(index))
    (tmp_path / "cap" / "1-logs.html").write_bytes(b"")
    with pytest.raises(CaptureError, match=r"1-logs\.html cannot be read as a page"):
        load(tmp_path / "cap", load_profile())


async def test_a_capture_from_somebody_else_writes_no_more_than_text(tmp_path: Path, server: Server) -> None:
    await taken(tmp_path / "cap", server)
    index = json.loads((tmp_path / "cap" / INDEX).read_text())
    evil = "\x1b[2J\n\u202e"
    index["enterprise"] = index["consoles"][0]["name"] = index["profile"] = index["appliances"][0] = evil
    index["consoles"][0]["failure"] = index["consoles"][0]["certificate"]["subject"] = evil
    (tmp_path / "cap" / INDEX).write_text(json.dumps(index))
    assert all(line.isprintable() for line in table(replayed(tmp_path / "cap")).splitlines())
    for bad in ({evil: 1}, {"consoles": [{**index["consoles"][0], "address": "https://a:b", "pages": []}]}):
        (tmp_path / "cap" / INDEX).write_text(json.dumps({**index, **bad}))
        with pytest.raises(CaptureError) as error:
            load(tmp_path / "cap", load_profile())
        assert str(error.value).isprintable()


def _page(index: dict[str, list[dict[str, list[dict[str, str]]]]]) -> dict[str, str]:
    return index["consoles"][0]["pages"][0]
