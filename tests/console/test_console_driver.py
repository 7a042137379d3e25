"""The driver's steps against a small console over a real TLS socket."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path

import pytest

from bot.console.port import CertificateMismatch, Forbidden, Refused, SignInRefused, Unrecognized
from bot.console.reading import Timeouts
from bot.domain.sight import Activity, PackageState, ServerState, WorkState
from tests.console.console_server import (
    INSTALL_FORM,
    PACKAGE,
    PASSWORD,
    Asked,
    Evidence,
    Identity,
    MiniConsole,
    Server,
    body,
    done_button,
    driver,
    page,
    panel,
    redirect,
)


def lines(server: Server) -> list[str]:
    return [asked.line for asked in server.asked]


async def test_look_reads_all_consoles(identity: Identity, mini: MiniConsole, server: Server) -> None:
    mini.panel = panel("Distribution", [("a1", "Copying 40%"), ("A2", "Error: no room")])
    other = MiniConsole(server_state="Down")
    async with Server(identity, other.answer) as second, driver(server, second) as console:
        seen = await console.look()
        again = await console.look()
    assert (seen.answered, seen.recognized, seen.reason) == (True, True, "")
    assert (seen.activity, seen.subject, seen.finished) == (Activity.DISTRIBUTING, PACKAGE, False)
    assert [(r.appliance, r.state, r.percent) for r in seen.rows] == [
        ("a1", WorkState.WORKING, 40),
        ("A2", WorkState.ERROR, None),
    ]
    assert seen.package("agent-7") is not None
    assert [(a.name, a.level, a.server, a.answered) for a in seen.appliances] == [
        ("a1", "24.1 HF3", ServerState.RUNNING, True),
        ("a2", "24.1 HF3", ServerState.DOWN, True),
    ]
    assert len(seen.pages) == 4
    assert again.same_as(seen)
    assert (mini.sign_ins, other.sign_ins) == (["Super Administrator"], ["Super Administrator"])
    assert mini.sessions == other.sessions == set(), "leaving signs out"
    read_only = {"GET /", "GET /login?expired=1", "POST /in", "GET /p", "GET /e", "GET /s", "GET /bye"}
    assert set(lines(server)) == read_only | {"GET /login"}
    assert "GET /p" not in lines(second)


async def test_procedure_from_upload_to_done(mini: MiniConsole, server: Server, tmp_path: Path) -> None:
    content = b"package" * 100_000
    file = tmp_path / "new-one.ipm"
    file.write_bytes(content)
    told: list[int] = []
    async with driver(server) as console:
        await console.upload(file, hashlib.sha256(content).hexdigest(), told.append)
        seen = (await console.look()).package("new-one")
        assert seen is not None
        assert seen.state is PackageState.UPLOADED
        await console.open_distribution("new-one")
        assert mini.panel == ""
        await console.send()
        assert (await console.look()).activity is Activity.DISTRIBUTING
        mini.panel = panel("Distribution", [("a1", "Complete")], more=done_button())
        assert (await console.look()).finished
        await console.finish_distribution()
        assert (await console.look()).activity is Activity.IDLE
        ipm = await console.open_install("new-one")
        assert (ipm.package, ipm.level, ipm.all_selected) == ("new-one", "24.1 HF9", True)
        logs = await console.export_logs(tmp_path / "evidence")
    assert told == sorted(told)
    assert told[-1] == len(content)
    uploaded = next(asked for asked in server.asked if asked.line == "POST /u")
    assert content in uploaded.body
    assert 'name="t"\r\n\r\ntök"en\r\n'.encode() in uploaded.body
    assert b'name="f%229"; filename="new-one.ipm"' in uploaded.body
    assert logs.read_bytes() == b"log bytes"
    assert logs.parent == tmp_path / "evidence"
    assert logs.name == "logs_1.zip"
    assert list(logs.parent.iterdir()) == [logs]


@pytest.mark.parametrize(
    "line", ["GET /p", "POST /p", "GET /u", "POST /u", "POST /d", "POST /done", "GET /e", "GET /l", "POST /x"]
)
async def test_session_ends_anywhere_before_install(
    mini: MiniConsole, server: Server, tmp_path: Path, line: str
) -> None:
    file = tmp_path / "new-one.ipm"
    file.write_bytes(b"x" * 1000)
    async with driver(server) as console:
        await console.look()
        mini.expire_before = line
        await console.upload(file, hashlib.sha256(b"x" * 1000).hexdigest(), lambda _: None)
        await console.open_distribution("new-one")
        await console.send()
        mini.panel = panel("Distribution", [("a1", "Complete")], more=done_button())
        await console.finish_distribution()
        await console.look()
        await console.export_logs(tmp_path / "logs")
    assert mini.expire_before == "", "the session did end on the way"
    assert len(mini.sign_ins) == 2
    assert list(mini.packages).count("new-one") == 1
    done = sum(line == "POST /done" for line in lines(server))
    sent = sum(line == "POST /d" for line in lines(server))
    assert (done, sent) == (1 + (line == "POST /done"), 1 + (line == "POST /d"))


async def test_send_is_not_pressed_again_when_the_distribution_has_begun(
    mini: MiniConsole, server: Server
) -> None:
    async with driver(server) as console:
        await console.open_distribution(PACKAGE)
        mini.instead["POST /d"] = [redirect("/login")]
        mini.panel = panel("Distribution", [("a1", "Waiting")])
        mini.sessions.clear()
        await console.send()
    assert lines(server).count("POST /d") == 1


async def test_a_session_that_never_holds_is_not_a_loop(mini: MiniConsole, server: Server) -> None:
    mini.instead["GET /p"] = [redirect("/login")] * 50
    mini.instead["GET /login"] = []
    async with driver(server) as console:
        await console.look()
        mini.instead["GET /login"] = [mini._sign_in_page()] * 50
        seen = await console.look()
    assert not seen.recognized
    assert len(mini.sign_ins) < 6


async def test_a_refused_password_is_tried_once(
    mini: MiniConsole, identity: Identity, server: Server
) -> None:
    other = MiniConsole()
    async with (
        Server(identity, other.answer) as second,
        driver(server, second, password="wrong one") as console,
    ):
        for _ in range(3):
            with pytest.raises(SignInRefused, match="Wrong user name or password") as refused:
                await console.look()
            assert "wrong one" not in str(refused.value)
        with pytest.raises(SignInRefused):
            await console.open_distribution(PACKAGE)
    assert len(mini.sign_ins) == 1
    assert other.sign_ins == []


async def test_one_wrong_password_among_many_consoles_is_tried_once(
    identity: Identity, server: Server
) -> None:
    async with (
        Server(identity, MiniConsole().answer) as second,
        Server(identity, MiniConsole().answer) as third,
    ):
        tried: list[str] = []

        async def refusing(asked: object) -> bytes:
            tried.append(getattr(asked, "line", ""))
            return MiniConsole()._sign_in_page("<p role=alert>No</p>")

        second.answer = third.answer = refusing
        async with driver(server, second, third) as console:
            with pytest.raises(SignInRefused):
                await console.look()
    assert tried.count("POST /in") == 1


async def test_certificate_that_is_not_pinned_gets_no_request(
    identity: Identity, stranger: Identity, server: Server
) -> None:
    console = driver(server, pin=stranger.pin)
    with pytest.raises(CertificateMismatch) as mismatch:
        await console.look()
    await console.__aexit__()
    assert identity.pin in str(mismatch.value)
    assert stranger.pin in str(mismatch.value)
    assert server.asked == []


async def test_a_second_console_with_another_certificate_is_not_just_silent(
    stranger: Identity, identity: Identity, server: Server
) -> None:
    async with (
        Server(stranger, MiniConsole().answer) as second,
        driver(server, second, pin=identity.pin) as console,
    ):
        with pytest.raises(CertificateMismatch):
            await console.look()
        assert second.asked == []


async def test_silence_is_an_observation(identity: Identity, server: Server) -> None:
    async with Server(identity, MiniConsole().answer) as second, driver(server, second) as console:
        await second.stop()
        seen = await console.look()
        assert [(a.answered, a.server) for a in seen.appliances] == [
            (True, ServerState.RUNNING),
            (False, None),
        ]
        assert seen.answered
        assert seen.recognized
        await server.stop()
        silent = await console.look()
        assert not silent.answered
        assert "a1" in silent.reason
        assert silent.packages == ()


async def test_a_console_that_accepts_and_says_nothing_is_silent(mini: MiniConsole, server: Server) -> None:
    never = asyncio.Event()

    async def mute(_asked: object) -> bytes | None:
        await never.wait()
        return None

    server.answer = mute
    async with driver(server, timeouts=Timeouts(connect=5, page=0.2)) as console:
        assert not (await console.look()).answered


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
async def test_a_busy_console_is_silent(mini: MiniConsole, server: Server, status: str) -> None:
    mini.instead["GET /p"] = [page(body("Packages"), status=status)]
    async with driver(server) as console:
        seen = await console.look()
    assert not seen.answered
    assert status[:3] in seen.reason


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", id="empty"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Encoding: gzip\r\n\r\nzip", id="gzip garbage"
        ),
        pytest.param(page("<h1>Packages</h1>", headers="Content-Encoding: br\r\n"), id="compressed"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=klingon\r\nContent-Length: 2\r\n\r\nhi",
            id="charset",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-16\r\nContent-Length: 9\r\n\r\n<h1>x</h1",
            id="odd",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x00\xff\xfe\x80\x00", id="binary"),
        pytest.param(page("<h1>Packages</h1><h1>Packages</h1>"), id="two headings"),
        pytest.param(page("<title>Appliance Setup Wizard</title><h1>Welcome</h1>"), id="wizard"),
        pytest.param(page(body("Packages")), id="no table"),
        pytest.param(page(body("Packages"), status="500 Internal Server Error"), id="500"),
        pytest.param(page(body("Oops")), id="another page"),
        pytest.param(redirect("http://[::1"), id="redirect to nowhere"),
        pytest.param(page("<h1>" + "<div>" * 5000 + "x"), id="deep"),
    ],
)
async def test_what_is_not_understood_is_told_and_the_rest_is_kept(
    mini: MiniConsole, server: Server, answer: bytes
) -> None:
    evidence = Evidence()
    mini.instead["GET /p"] = [answer]
    async with driver(server, evidence=evidence) as console:
        seen = await console.look()
        after = await console.look()
    assert seen.answered
    assert not seen.recognized
    assert "a1" in seen.reason
    assert seen.activity is Activity.UNRECOGNIZED
    assert seen.appliances[0].level == "24.1 HF3"
    assert set(seen.pages) <= set(evidence.pages)
    assert after.recognized, "a page that was not understood does not spoil the next look"


async def test_the_wizard_is_named(mini: MiniConsole, server: Server) -> None:
    mini.instead["GET /p"] = [page("<title>Appliance Setup Wizard</title><h1>Welcome</h1>")]
    async with driver(server) as console:
        assert "Appliance Setup Wizard" in (await console.look()).reason


async def test_an_endless_page_is_cut_off(mini: MiniConsole, server: Server) -> None:
    mini.instead["GET /p"] = [page("x" * 5_000_000)]
    async with driver(server) as console:
        seen = await console.look()
    assert "longer than" in seen.reason


async def test_redirects_are_followed_five_times_at_most(mini: MiniConsole, server: Server) -> None:
    mini.instead["GET /p"] = [redirect("/p")] * 20
    async with driver(server) as console:
        assert not (await console.look()).recognized
    assert len(mini.instead["GET /p"]) == 20 - 6


@pytest.mark.parametrize(
    "where", ["https://example.com/p", "http://127.0.0.1/p", "https://127.0.0.1:1/p", "//x/"]
)
async def test_no_redirect_leads_off_the_console(mini: MiniConsole, server: Server, where: str) -> None:
    mini.instead["GET /p"] = [redirect(where)]
    async with driver(server) as console:
        with pytest.raises(Forbidden, match="leads away"):
            await console.look()


@pytest.mark.parametrize("status", ["307 Temporary Redirect", "308 Permanent Redirect"])
async def test_a_redirect_that_repeats_a_body_is_not_followed(
    mini: MiniConsole, server: Server, status: str
) -> None:
    mini.instead["POST /d"] = [redirect("/d", status=status)] * 3
    async with driver(server) as console:
        await console.open_distribution(PACKAGE)
        with pytest.raises(Unrecognized, match="send the same request again"):
            await console.send()
    assert lines(server).count("POST /d") == 1


async def test_the_consoles_words_are_told_when_it_refuses(mini: MiniConsole, server: Server) -> None:
    refusal = page(body("Distribute", "<p role=alert>Disk is full</p>"))
    mini.instead["POST /d"] = [refusal]
    async with driver(server) as console:
        await console.open_distribution(PACKAGE)
        with pytest.raises(Refused) as refused:
            await console.send()
    assert refused.value.words == "Disk is full"


async def test_a_dialog_about_another_package_is_not_left_open(mini: MiniConsole, server: Server) -> None:
    async with driver(server) as console:
        await console.look()
        mini.instead["POST /p"] = [page(body("Distribute", f"<p>{PACKAGE}.2</p>"))]
        with pytest.raises(Unrecognized, match="does not name"):
            await console.open_distribution(PACKAGE)
        with pytest.raises(Unrecognized, match="not open"):
            await console.send()


async def test_packages_are_selected_by_exact_name(mini: MiniConsole, server: Server) -> None:
    async with driver(server) as console:
        for name in (PACKAGE.upper(), PACKAGE[:-1], f" {PACKAGE}"):
            with pytest.raises(Unrecognized, match="does not list"):
                await console.open_install(name)
    assert "POST /p" not in lines(server)


@pytest.mark.parametrize("work", ["Distribution", "Installation"])
async def test_nothing_is_opened_while_somebody_else_is_at_work(
    mini: MiniConsole, server: Server, work: str
) -> None:
    async with driver(server) as console:
        await console.look()
        mini.panel = panel(work, [("a1", "Waiting")], package="agent-7")
        with pytest.raises(Unrecognized, match="nothing was pressed"):
            await console.open_distribution(PACKAGE)
        with pytest.raises(Unrecognized, match="nothing was pressed"):
            await console.open_install(PACKAGE)
        with pytest.raises(Unrecognized, match="not open"):
            await console.send()
        mini.panel = ""
        assert (await console.open_install(PACKAGE)).package == PACKAGE
    assert lines(server).count("POST /p") == 1


async def test_opening_install_again_looks_first(mini: MiniConsole, server: Server) -> None:
    async with driver(server) as console:
        await console.look()

        async def begun_meanwhile(asked: Asked) -> bytes | None:
            if asked.line == "POST /p":
                mini.sessions.clear()
                mini.panel = panel("Installation", [("a1", "Waiting")])
            return await mini.answer(asked)

        server.answer = begun_meanwhile
        with pytest.raises(Unrecognized, match="work going on"):
            await console.open_install(PACKAGE)
    assert lines(server).count("POST /p") == 1


async def test_no_neighbour_of_the_procedure_is_ever_asked_for(mini: MiniConsole, server: Server) -> None:
    mini.install_form = INSTALL_FORM.replace('action="/i2"', 'action="/reboot"').replace(
        'value="Install"', 'value="Reboot/shutdown options"'
    )
    async with driver(server) as console:
        await console.look()
        await console.open_install(PACKAGE)
        outcome = await console.install(lambda: None)
    assert "no button or link 'Install'" in outcome.words
    assert not any("reboot" in line for line in lines(server))


async def test_secrets_stay_out_of_evidence_errors_and_logs(
    mini: MiniConsole, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    evidence = Evidence()
    escaped = PASSWORD.replace("&", "&amp;")
    mini.instead["GET /e"] = [
        page(
            body(
                "Enterprise",
                f"<p role=alert>{escaped} session-00000001</p><a href='/q?k=token-0123456789'>q</a>",
            )
        )
    ]
    with caplog.at_level(logging.DEBUG):
        async with driver(server, evidence=evidence) as console:
            seen = await console.look()
            await console.open_install(PACKAGE)
            outcome = await console.install(lambda: None)
    assert seen.errors == ("[taken out] [taken out]",)
    for text in (
        evidence.everything.decode(),
        caplog.text,
        seen.model_dump_json(),
        outcome.words,
        repr(console),
    ):
        for secret in (PASSWORD, escaped, "session-00000001", "token-0123456789"):
            assert secret not in text
    assert b"Reboot/shutdown options" in evidence.everything, "the rest of the page is kept"


async def test_an_error_that_the_answer_to_send_shows_is_told_though_it_may_be_gone_at_the_next_look(
    mini: MiniConsole, server: Server
) -> None:
    async with driver(server) as console:
        await console.open_distribution(PACKAGE)
        failed = panel("Distribution", [("a1", "Error: disk full"), ("a2", "Waiting")])
        mini.instead["POST /d"] = [
            page(mini.packages_page().replace('<a href="/u">', failed + '<a href="/u">'))
        ]
        with pytest.raises(Refused) as refused:
            await console.send()
    assert refused.value.words == "a1: Error: disk full"
