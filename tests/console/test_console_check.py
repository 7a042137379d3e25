"""The check of a console, over real sockets: what it finds, what it does not claim, and that it presses nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.console import controls
from bot.console.allow import LABELLED, READ_ONLY, RULES, Purpose
from bot.console.check import judged
from bot.console.pages import PageKind
from bot.console.port import Forbidden
from bot.console.profile import Profile, load_profile
from bot.console.reading import Upload
from bot.console.report import Outcome, Report, Result
from bot.console.session import Appliance, Credentials, Session
from bot.console.table import WIDTH, table
from bot.console.tls import Trust
from bot.console.visit import View, Visit, read_only, visit
from bot.domain.sight import Activity, PackageState, ServerState
from tests.console.console_server import (
    PACKAGE,
    PASSWORD,
    QUICK,
    Evidence,
    Identity,
    MiniConsole,
    Server,
    body,
    done_button,
    page,
    panel,
    redirect,
)
from tests.console.guises import GUISES
from tests.console.test_console_controls import a_page
from tests.support.values import T0

READS = {
    "GET /",
    "GET /login",
    "GET /login?expired=1",
    "POST /in",
    "GET /p",
    "GET /e",
    "GET /s",
    "GET /l",
    "GET /bye",
}
"""What reading the mini console asks for; signing in is its only POST."""


def appliance(server: Server, name: str = "a1", pin: str | None = None) -> Appliance:
    return Appliance(name, f"https://127.0.0.1:{server.port}", Trust.pinned(pin or server.identity.pin))


def credentials(password: str = PASSWORD) -> Credentials:
    return Credentials("Super Administrator", SecretStr(password))


async def visits(
    *appliances: Appliance, profile: Profile | None = None, password: str = PASSWORD
) -> list[Visit]:
    known = credentials(password)
    return [await visit(a, known, profile or load_profile(), Evidence(), QUICK) for a in appliances]


async def report(
    *appliances: Appliance,
    profile: Profile | None = None,
    password: str = PASSWORD,
    configured: tuple[str, ...] = ("a1", "A2"),
) -> Report:
    seen = await visits(*appliances, profile=profile, password=password)
    return judged("main", seen, configured, profile or load_profile(), T0)


def wrong(found: Report) -> dict[str, tuple[Outcome, tuple[str, ...]]]:
    """What is to be corrected: outcome and nearest by key."""
    keys = [finding.key for finding in found.wrong]
    assert len(set(keys)) == len(keys), keys
    return {finding.key: (finding.outcome, finding.near) for finding in found.wrong}


def outcomes(found: Report) -> dict[str, Outcome]:
    return {finding.key: finding.outcome for finding in found.findings}


def a_profile(tmp_path: Path, **sections: dict[str, str]) -> Profile:
    """The default profile with other labels."""
    lines = [
        f"[{name}]\n" + "\n".join(f'{k} = "{v}"' for k, v in rows.items()) for name, rows in sections.items()
    ]
    (tmp_path / "profile.toml").write_text("\n".join(lines))
    return load_profile(tmp_path / "profile.toml")


# --- all is there


async def test_all_is_found_and_understood(identity: Identity, server: Server) -> None:
    other = MiniConsole(server_state="Down")
    async with Server(identity, other.answer) as second:
        found = await report(appliance(server), appliance(second, "A2"))
        assert {asked.line for asked in second.asked} <= READS
    assert (found.result, found.wrong) == (Result.FOUND, ())
    assert [(c.name, c.signed_in, c.trusted, c.failure) for c in found.consoles] == [
        ("a1", True, True, ""),
        ("A2", True, True, ""),
    ]
    first, second_sight = found.consoles
    assert first.certificate is not None
    assert (first.certificate.fingerprint, first.certificate.subject) == (identity.pin, "CN=console")
    assert (first.activity, first.locked, first.errors) == (Activity.IDLE, False, ())
    assert [(p.name, p.state) for p in first.packages] == [
        (PACKAGE, PackageState.DISTRIBUTED),
        ("agent-7", PackageState.INSTALLED),
    ]
    assert first.levels == {"a1": "24.1 HF3", "A2": "24.1 HF3"}
    assert (first.server, second_sight.server) == (ServerState.RUNNING, ServerState.DOWN)
    assert "Reboot/shutdown options" in first.shows[View.START]


async def test_only_pages_are_viewed_and_the_session_ends(server: Server, mini: MiniConsole) -> None:
    await report(appliance(server))
    assert {asked.line for asked in server.asked} <= READS
    assert [asked.line for asked in server.asked if asked.method != "GET"] == ["POST /in"]
    assert mini.sessions == set()


async def test_every_key_of_the_profile_is_looked_for_or_said_not_to_be_seen(server: Server) -> None:
    profile = load_profile()
    keys = {
        f"{section.removesuffix('_') if section == 'fields_' else section}.{key}"
        for section, content in profile.model_dump(mode="json").items()
        if isinstance(content, dict)
        for key in content
    }
    assert {
        f.key for f in (await report(appliance(server))).findings if not f.key.startswith(("page.", "appl"))
    } == keys


async def test_what_only_the_procedure_opens_is_never_claimed(server: Server, mini: MiniConsole) -> None:
    mini.panel = panel("Distribution", [("a1", "Complete")], more=done_button())
    found = await report(appliance(server))
    assert found.consoles[0].activity is Activity.DISTRIBUTING
    assert found.consoles[0].subject == PACKAGE
    unseen = {
        *("labels.upload", "labels.send", "labels.finish_distribution", "labels.install"),
        *("fields.package_file", "fields.all_appliances", "columns.ipm_name", "columns.ipm_release"),
        *("headings.upload", "headings.distribute", "headings.ipm_information", "columns.work_status"),
    }
    assert {key: outcomes(found)[key] for key in unseen} == dict.fromkeys(unseen, Outcome.NOT_SEEN)
    assert found.result is Result.FOUND


# --- read-only by construction


def test_what_a_check_may_send() -> None:
    assert {p for p in READ_ONLY if RULES[p].methods != {"GET"}} == {Purpose.SIGN_IN, Purpose.SIGN_OUT}


@pytest.fixture
async def session(server: Server) -> AsyncIterator[Session]:
    one = read_only(appliance(server), credentials(), load_profile(), Evidence(), QUICK)
    yield one
    await one.close()


@pytest.mark.parametrize("purpose", sorted(LABELLED - READ_ONLY))
async def test_a_check_cannot_send_anything_else(server: Server, session: Session, purpose: Purpose) -> None:
    await session.sign_in()
    before, label = len(server.asked), load_profile().labels[purpose]
    form = f"<form method=post action=/x><button>{label}</button></form>"
    for html in (form, f"<a href=/x>{label}</a>"):
        on = a_page(html, next(iter(RULES[purpose].pages)), f"https://127.0.0.1:{server.port}/p")
        with pytest.raises(Forbidden, match="not done here"):
            await session.press(purpose, on)
    assert len(server.asked) == before


async def test_a_check_cannot_upload_or_select(server: Server, session: Session, tmp_path: Path) -> None:
    (tmp_path / "p.ipm").write_bytes(b"x")
    await session.sign_in()
    before, where = len(server.asked), f"https://127.0.0.1:{server.port}/p"
    on = a_page("<form method=post action=/u><button>Upload</button></form>", PageKind.UPLOAD, where)
    control = controls.action(on, "Upload")
    with pytest.raises(Forbidden, match="not done here"):
        await session.press(Purpose.UPLOAD, on, control, Upload(tmp_path / "p.ipm", "0" * 64, lambda _: None))
    on = a_page("<a href=/x>p-1</a>", PageKind.PACKAGES, where)
    with pytest.raises(Forbidden, match="not done here"):
        await session.select(on, controls.action(on, "p-1"), "p-1")
    assert len(server.asked) == before


async def test_a_profile_that_calls_a_tab_install_presses_no_install(
    server: Server, mini: MiniConsole, tmp_path: Path
) -> None:
    link = '<a href="/i2">Install</a>'
    mini.instead["GET /"] = [redirect("/login")] * 2 + [page(body("Welcome", link))] * 9
    found = await report(appliance(server), profile=a_profile(tmp_path, labels={"packages": "Install"}))
    assert "GET /i2" not in {asked.line for asked in server.asked}
    assert list(wrong(found)) == ["page.packages"]
    assert "not done here" in found.wrong[0].reason


async def test_a_tab_may_be_called_as_the_export_that_is_read_only_too(
    server: Server, mini: MiniConsole, tmp_path: Path
) -> None:
    button = "<form method=post action=/x><button>Logs</button></form>"
    mini.instead["GET /l"] = [page(body("Logs", button).replace('<a href="/l">Logs</a>', ""))]
    found = await report(appliance(server), profile=a_profile(tmp_path, labels={"export_logs": "Logs"}))
    assert (found.result, found.wrong) == (Result.FOUND, ())
    assert "POST /x" not in {asked.line for asked in server.asked}


# --- what is not as the profile says


async def test_exactly_the_labels_that_differ_are_told(server: Server, tmp_path: Path) -> None:
    profile = a_profile(
        tmp_path,
        labels={"export_logs": "Export All Logs", "open_distribution": "Distribute IPM"},
        columns={"enterprise_release": "Releases"},
    )
    found = await report(appliance(server), profile=profile)
    assert found.result is Result.MISSING
    assert wrong(found) == {
        "labels.open_distribution": (Outcome.MISSING, ("Distribute",)),
        "columns.enterprise_release": (Outcome.MISSING, ("Release",)),
        "labels.export_logs": (Outcome.MISSING, ("Export Logs",)),
    }
    assert outcomes(found)["page.enterprise"] is Outcome.NOT_SEEN
    assert found.consoles[0].levels == {}


@pytest.mark.parametrize("key", ["sign_in", "packages", "operations", "logs", "enterprise"])
async def test_a_heading_that_differs_is_one_finding_and_the_page_is_read(
    server: Server, tmp_path: Path, key: str
) -> None:
    found = await report(appliance(server), profile=a_profile(tmp_path, headings={key: "Another Name"}))
    assert list(wrong(found)) == [f"headings.{key}"]
    near = wrong(found)[f"headings.{key}"][1]
    assert near[0] == {"sign_in": "Imprivata Appliance Console"}.get(key, key.capitalize())
    if key != "sign_in":
        assert found.consoles[0].levels
        assert found.consoles[0].packages
        assert found.consoles[0].server


@pytest.mark.parametrize(
    ("section", "key"),
    [("labels", "sign_in"), ("fields", "user"), ("fields", "password"), ("headings", "sign_in")],
)
async def test_without_what_the_sign_in_page_needs_no_password_is_sent(
    server: Server, mini: MiniConsole, tmp_path: Path, section: str, key: str
) -> None:
    found = await report(
        appliance(server), profile=a_profile(tmp_path, **{section: {key: "Nothing Like It"}})
    )
    assert list(wrong(found)) == [f"{section}.{key}"]
    assert found.result is Result.MISSING
    assert mini.sign_ins == []
    assert outcomes(found)["labels.packages"] is Outcome.NOT_SEEN


async def test_a_tab_that_is_not_there_hides_its_page_and_no_other(server: Server, tmp_path: Path) -> None:
    found = await report(appliance(server), profile=a_profile(tmp_path, labels={"enterprise": "Enterprises"}))
    assert wrong(found) == {"labels.enterprise": (Outcome.MISSING, ("Enterprise",))}
    assert outcomes(found)["columns.enterprise_release"] is Outcome.NOT_SEEN
    assert found.consoles[0].packages


async def test_a_label_twice(server: Server, mini: MiniConsole) -> None:
    twice = "<form action=/x1 method=post><button>Export Logs</button></form>"
    mini.instead["GET /l"] = [page(body("Logs", twice + twice.replace("x1", "x2")))]
    found = await report(appliance(server))
    assert wrong(found) == {"labels.export_logs": (Outcome.UNCLEAR, ("Export Logs", "Export Logs"))}
    [finding] = found.wrong
    assert "which one is meant is not clear" in finding.reason


async def test_a_control_that_the_allow_list_refuses_is_not_found(server: Server, mini: MiniConsole) -> None:
    bad = "<section><h2>Remove Appliance</h2><form method=post action=/x><button>Export Logs</button></form></section>"
    mini.instead["GET /l"] = [page(body("Logs", bad))]
    found = await report(appliance(server))
    assert wrong(found) == {"labels.export_logs": (Outcome.UNCLEAR, ())}
    assert "must never be touched" in found.wrong[0].reason


BUTTONS = ("labels.open_distribution", "labels.open_install")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (r"<label>.*?> ([\w.-]+)</label>", r"\1", (Outcome.UNCLEAR, "nothing to select it by")),
        (
            r"<label>.*?> ([\w.-]+)</label>(.*?)<input type=.submit.*(?=</form>)",
            r'<a href="/p?pick=\1">\1</a>\2',
            (Outcome.NOT_SEEN, "it may only be there once a package is selected"),
        ),
        (r"<form action=./p. method=.post.>", "<form id=f></form>", (Outcome.UNCLEAR, "needs JavaScript")),
        (r"</table>", "</table></form><form method=post>", (Outcome.UNCLEAR, "another form than its fields")),
    ],
    ids=["nothing to select by", "buttons only after selecting", "buttons of a script", "two forms"],
)
async def test_a_button_that_a_run_could_not_press_for_any_package(
    server: Server, mini: MiniConsole, old: str, new: str, expected: tuple[Outcome, str]
) -> None:
    mini.packages = {PACKAGE: "Distributed"}
    other, changes = re.subn(old, new, mini.packages_page(), flags=re.DOTALL)
    assert changes
    mini.instead["GET /p"] = [page(other)]
    found = await report(appliance(server))
    said = [(f.outcome, expected[1] in f.reason) for f in found.findings if f.key in BUTTONS]
    assert said == [(expected[0], True)] * 2


async def test_a_button_in_the_rows_is_there_when_one_row_has_it(
    server: Server, mini: MiniConsole, tmp_path: Path
) -> None:
    server.answer = GUISES["buttons in the rows"](mini)
    found = await report(appliance(server))
    assert [f.outcome for f in found.findings if f.key in BUTTONS] == [Outcome.FOUND] * 2
    profile = a_profile(tmp_path, labels={"open_install": "Install IPM"})
    assert wrong(await report(appliance(server), profile=profile)) == {
        "labels.open_install": (Outcome.MISSING, ("Install",))
    }


async def test_status_words_that_no_list_has(server: Server, mini: MiniConsole) -> None:
    mini.packages = {PACKAGE: "Distribute pending", "agent-7": "Instaled"}
    mini.server_state = "Runing"
    found = await report(appliance(server))
    assert [(f.key, f.expected, f.near) for f in found.wrong] == [
        ("package_words", "Distribute pending", ("Distributing", "Distributed")),
        ("package_words", "Instaled", ("Installed", "Installing", "Distributed")),
        ("server_words", "Runing", ("Running",)),
    ]
    assert outcomes(found)["package_words.installed"] is Outcome.NOT_SEEN


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        (("a1", "a2"), {}),
        (("a1", "A2", "a3"), {"a3": (Outcome.MISSING, "configured, but not listed")}),
        (("a1",), {"A2": (Outcome.UNCLEAR, "listed, but not configured")}),
    ],
)
async def test_the_enterprise_page_against_the_settings(
    server: Server, configured: tuple[str, ...], expected: dict[str, tuple[Outcome, str]]
) -> None:
    found = await report(appliance(server), configured=configured)
    assert {f.expected: (f.outcome, f.reason) for f in found.wrong} == expected
    assert found.result is (Result.MISSING if expected else Result.FOUND)


async def test_an_appliance_without_a_release(server: Server, mini: MiniConsole) -> None:
    mini.release = ""
    found = await report(appliance(server))
    assert {(f.expected, f.reason) for f in found.wrong} == {
        ("a1", "listed without a release"),
        ("A2", "listed without a release"),
    }


async def test_a_page_that_cannot_be_read_is_one_finding(server: Server, mini: MiniConsole) -> None:
    mini.instead["GET /e"] = [page(body("Enterprise"), status="500 Internal Server Error")]
    mini.instead["GET /l"] = [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"]
    found = await report(appliance(server))
    assert set(wrong(found)) == {"columns.enterprise_appliance", "columns.enterprise_release", "page.logs"}
    assert found.consoles[0].packages


async def test_a_status_of_500_is_not_read(server: Server, mini: MiniConsole) -> None:
    mini.instead["GET /p"] = [page(mini.packages_page(), status="500 Internal Server Error")]
    found = await report(appliance(server))
    assert list(wrong(found)) == ["page.packages"]
    assert found.consoles[0].packages == ()


async def test_the_wizard_instead_of_a_console(server: Server, mini: MiniConsole) -> None:
    mini.instead["GET /"] = [page("<title>Appliance Setup Wizard</title><h1>Welcome</h1>")]
    found = await report(appliance(server))
    assert found.result is Result.MISSING
    assert wrong(found)["headings.sign_in"] == (Outcome.MISSING, ("Welcome", "Appliance Setup Wizard"))
    assert mini.sign_ins == []


async def test_a_session_that_ends_on_the_way_is_signed_in_again(server: Server, mini: MiniConsole) -> None:
    mini.expire_before = "GET /e"
    found = await report(appliance(server))
    assert (found.result, mini.expire_before, len(mini.sign_ins)) == (Result.FOUND, "", 2)


async def test_a_tab_that_is_open_already_and_no_link(server: Server, mini: MiniConsole) -> None:
    table_ = "<table><tr><th>Imprivata Server</th><td>Running</td></tr></table>"
    plain = body("Operations", table_).replace('<a href="/s">Operations</a>', "<b>Operations</b>")
    assert plain != body("Operations", table_)
    mini.instead["GET /s"] = [page(plain)]
    mini.instead["GET /l"] = [
        page(body("Logs", "<form method=post action=/x><button>Export Logs</button></form>"))
    ]
    found = await report(appliance(server))
    assert (found.result, outcomes(found)["labels.operations"]) == (Result.FOUND, Outcome.FOUND)


async def test_a_tab_that_is_nowhere_a_link_and_not_needed(
    server: Server, mini: MiniConsole, tmp_path: Path
) -> None:
    table_ = "<b>Operations Tab</b><table><tr><th>Imprivata Server</th><td>Running</td></tr></table>"
    mini.instead["GET /s"] = [page(body("Operations", table_))]
    profile = a_profile(tmp_path, labels={"operations": "Operations Tab"})
    found = await report(appliance(server), profile=profile)
    assert (found.result, outcomes(found)["labels.operations"]) == (Result.FOUND, Outcome.NOT_SEEN)
    gone = await report(appliance(server), profile=profile)
    assert wrong(gone) == {"labels.operations": (Outcome.MISSING, ("Operations",))}


async def test_consoles_that_agree_are_one_finding(
    identity: Identity, server: Server, mini: MiniConsole
) -> None:
    other = MiniConsole()
    for console in (mini, other):
        twice = "<form action=/x1 method=post><button>Export Logs</button></form>"
        console.instead["GET /l"] = [page(body("Logs", twice + twice.replace("x1", "x2")))]
    async with Server(identity, other.answer) as second:
        found = await report(appliance(server), appliance(second, "A2"))
    assert [(f.key, f.consoles) for f in found.wrong] == [("labels.export_logs", ("a1", "A2"))]


# --- what is not reached


async def test_a_wrong_password_is_tried_once_on_all_consoles_together(
    identity: Identity, server: Server
) -> None:
    other = MiniConsole()
    async with Server(identity, other.answer) as second:
        found = await report(appliance(server), appliance(second, "A2"), password="wrong one")
        asked = [*server.asked, *second.asked]
    assert found.result is Result.FAILED
    assert [a.line for a in asked if a.method == "POST"] == ["POST /in"]
    assert all("refused user" in console.failure for console in found.consoles)
    assert "wrong one" not in found.model_dump_json()
    assert outcomes(found)["fields.password"] is Outcome.FOUND


async def test_a_console_that_is_not_there_leaves_the_others_checked(
    identity: Identity, server: Server
) -> None:
    async with Server(identity, MiniConsole().answer) as gone:
        lost = appliance(gone, "A2")
    found = await report(lost, appliance(server))
    assert found.result is Result.FAILED
    assert "gave no certificate" in found.consoles[0].failure
    assert (found.consoles[0].trusted, found.consoles[1].failure) == (None, "")
    assert {name for f in found.findings for name in f.consoles} == {"a1"}
    assert found.wrong == ()


async def test_another_certificate_than_the_pinned_one(
    server: Server, stranger: Identity, identity: Identity
) -> None:
    found = await report(appliance(server, pin=stranger.pin))
    [console] = found.consoles
    assert (found.result, console.trusted, console.signed_in) == (Result.FAILED, False, False)
    assert console.certificate is not None
    assert console.certificate.fingerprint == identity.pin
    assert server.asked == []


@pytest.mark.parametrize("known", [True, False])
async def test_a_certificate_signed_by_a_ca(
    server: Server, identity: Identity, stranger: Identity, known: bool
) -> None:
    authority = Trust.authority((identity if known else stranger).cert)
    found = await report(Appliance("a1", f"https://127.0.0.1:{server.port}", authority))
    [console] = found.consoles
    assert (console.trusted, console.signed_in, bool(server.asked)) == (known, known, known)
    assert console.certificate is not None
    assert ("not trusted" in console.failure) is not known


async def test_a_console_that_falls_silent_on_the_way(server: Server, mini: MiniConsole) -> None:
    mini.instead["GET /e"] = [None] * 9
    found = await report(appliance(server))
    assert found.result is Result.FAILED
    assert "gave no answer" in found.consoles[0].failure
    assert found.consoles[0].packages


# --- for people


async def test_the_table_says_what_the_report_says_in_a_hundred_columns(
    server: Server, mini: MiniConsole, tmp_path: Path
) -> None:
    words = "\x1b[2J Installed \u202e" + "x" * 400
    mini.packages = {"p" * 200: words, PACKAGE: "Installed"}
    mini.panel = f"<p role=alert>{words}</p><p role=status>Enterprise lock: busy</p>"
    profile = a_profile(tmp_path, labels={"export_logs": "Export All Logs", "sign_out": "Abmelden"})
    shown = table(await report(appliance(server), profile=profile, configured=("a1",)))
    lines = shown.splitlines()
    assert max(map(len, lines)) <= WIDTH == 100
    assert all(line.isprintable() for line in lines)
    after = {
        line.split()[1]: "\n".join(lines[n : n + 4]) for n, line in enumerate(lines) if "MISSING" in line
    }
    assert "nearest: 'Export Logs'" in after["labels.export_logs"]
    assert "to be read there: " in after["labels.sign_out"]
    assert "'Log Out'" in shown
    for words in ("the enterprise lock holds", "listed, but not configured", "24.1 HF3 on A2, a1"):
        assert words in shown
    assert lines[-1].startswith("Not found or not understood (")


async def test_a_certificate_out_of_its_dates_is_said_to_be(server: Server) -> None:
    found = await report(appliance(server))
    assert found.consoles[0].certificate is not None
    for at, said in ((found.consoles[0].certificate.not_after, False), (T0.replace(year=2100), True)):
        assert ("NOT NOW" in table(found.model_copy(update={"at": at}))) is said


async def test_a_table_of_what_was_not_reached(server: Server, stranger: Identity) -> None:
    shown = table(await report(appliance(server, pin=stranger.pin)))
    for words in (
        "NOT TRUSTED",
        "NOT SIGNED IN",
        server.identity.pin,
        "Not reached, not trusted or not signed in to: a1",
    ):
        assert words in shown
