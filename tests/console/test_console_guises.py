"""The whole procedure on consoles of other guises, over a real TLS socket: the same changes, and no others."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bot.console.port import Refused, Unrecognized
from bot.domain.sight import Activity, PackageState, Press
from tests.console.console_server import PACKAGE, Asked, MiniConsole, Server, done_button, driver, page, panel
from tests.console.guises import GUISES, in_frames

CONTENT = b"package" * 1000
CHANGES = ["POST /in", "POST /u", "POST /p", "POST /d", "POST /done", "POST /p", "POST /i2"]


def changes(server: Server) -> list[str]:
    return [asked.line for asked in server.asked if asked.method != "GET"]


@pytest.mark.parametrize("name", GUISES)
async def test_the_procedure_from_sign_in_to_install(
    mini: MiniConsole, server: Server, tmp_path: Path, name: str
) -> None:
    server.answer = GUISES[name](mini)
    file = tmp_path / "new-one.ipm"
    file.write_bytes(CONTENT)
    async with driver(server) as console:
        seen = await console.look()
        assert (seen.recognized, seen.reason, seen.activity) == (True, "", Activity.IDLE)
        assert (seen.appliances[0].level, [p.name for p in seen.packages]) == (
            "24.1 HF3",
            [PACKAGE, "agent-7"],
        )
        await console.upload(file, hashlib.sha256(CONTENT).hexdigest(), lambda _: None)
        uploaded = (await console.look()).package("new-one")
        assert uploaded is not None
        assert uploaded.state is PackageState.UPLOADED
        await console.open_distribution("new-one")
        await console.send()
        assert (await console.look()).activity is Activity.DISTRIBUTING
        mini.panel = panel("Distribution", [("a1", "Complete")], more=done_button())
        assert (await console.look()).finished
        await console.finish_distribution()
        ipm = await console.open_install("new-one")
        assert (ipm.package, ipm.level, ipm.all_selected) == ("new-one", "24.1 HF9", True)
        asked = len(server.asked)
        outcome = await console.install(lambda: None)
        assert (outcome.press, len(server.asked)) == (Press.ANSWERED, asked + 1)
        logs = await console.export_logs(tmp_path / "evidence")
        assert logs.read_bytes() == b"log bytes"
    assert changes(server) == [*CHANGES, "POST /x"]
    assert mini.sessions == set(), "leaving signs out"
    assert not [asked.line for asked in server.asked if "reboot" in asked.path]
    chosen = [asked.form["pick"] for asked in server.asked if asked.line == "POST /p"]
    assert chosen == ["new-one", "new-one"]
    (install,) = (asked.form for asked in server.asked if asked.line == "POST /i2")
    assert (install["k"], install["w"]) == ("new-one", "all")


@pytest.mark.parametrize("name", GUISES)
async def test_a_session_that_ends_is_begun_again(mini: MiniConsole, server: Server, name: str) -> None:
    server.answer = GUISES[name](mini)
    async with driver(server) as console:
        await console.look()
        mini.expire_before = "POST /p"
        await console.open_distribution(PACKAGE)
        mini.expire_before = "GET /e"
        assert (await console.look()).recognized
    assert len(mini.sign_ins) == 3


async def test_every_frame_is_new_at_each_look(mini: MiniConsole, server: Server) -> None:
    notice = ""
    inner = in_frames(mini)

    async def answer(asked: Asked) -> bytes | None:
        return page(f"<p role=status>{notice}</p>") if asked.line == "GET /banner" else await inner(asked)

    server.answer = answer
    async with driver(server) as console:
        assert not (await console.look()).locked
        notice = "Enterprise lock"
        assert (await console.look()).locked
        notice = ""
        assert not (await console.look()).locked


async def test_leaving_a_window_without_tabs_signs_out(mini: MiniConsole, server: Server) -> None:
    server.answer = GUISES["pop-ups"](mini)
    async with driver(server) as console:
        await console.open_distribution(PACKAGE)
        assert len(mini.sessions) == 1
    assert mini.sessions == set()


async def test_a_pop_up_that_tells_an_error_is_refused_with_its_words(
    mini: MiniConsole, server: Server
) -> None:
    inner = GUISES["pop-ups"](mini)

    async def answer(asked: Asked) -> bytes | None:
        refusal = "<h1>Sorry</h1><p role=alert>Disk is full</p>"
        return page(refusal) if asked.line == "POST /d" else await inner(asked)

    server.answer = answer
    async with driver(server) as console:
        await console.open_distribution(PACKAGE)
        with pytest.raises(Refused) as refused:
            await console.send()
    assert refused.value.words == "Disk is full"


async def test_another_page_after_send_is_not_passed_over_in_the_same_window(
    mini: MiniConsole, server: Server
) -> None:
    async with driver(server) as console:
        await console.open_distribution(PACKAGE)
        mini.instead["POST /d"] = [page("<h1>Thank you</h1>")]
        with pytest.raises(Unrecognized, match="expected the page 'Packages'"):
            await console.send()


async def test_work_that_begins_while_a_package_is_selected_is_seen(
    mini: MiniConsole, server: Server
) -> None:
    inner = GUISES["links"](mini)

    async def answer(asked: Asked) -> bytes | None:
        if "pick=" in asked.path:
            mini.panel = panel("Installation", [("a1", "Waiting")], package="agent-7")
        return await inner(asked)

    server.answer = answer
    async with driver(server) as console:
        with pytest.raises(Unrecognized, match="work going on"):
            await console.open_install(PACKAGE)
    assert "POST /p" not in changes(server)
