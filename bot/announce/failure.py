"""When the run failed, nobody can tell, it takes too long, or the level is another: what to do and not to do. Pure."""

from __future__ import annotations

from bot.announce.blocks import (
    Json,
    Line,
    Message,
    bold,
    bullets,
    code,
    console_words,
    fact,
    heading,
    lines,
    message,
    quoted,
    when,
)
from bot.announce.status import evidence, outcome, step
from bot.announce.text import flat, span
from bot.announce.view import View
from bot.domain.events import Phase

PROHIBITIONS = (
    "Do not attempt to run the upgrade again.",
    "Do not remove any of the appliances from the enterprise, as doing so would leave the enterprise in a corrupted "
    "state.",
    "Do not attempt to upload other IPMs of a lower or higher version to attempt another upgrade, as doing so would "
    "leave the enterprise in a corrupted state.",
    "Do not initiate a reboot or restart of the server or VM if you are not certain whether the upgrade is still in "
    "progress.",
)
"""The vendor's words, "Upgrade Failures"."""


def failure(view: View) -> Message:
    """Failed or unknown, with the quarantine; once that is over, what became of it."""
    held = view.state.quarantine
    if held is None or held.request != view.id:
        return _settled(view)
    failed = view.request.phase is Phase.FAILED
    title = f"Upgrade {view.id} of {view.title} failed"
    if not failed:
        title = f"Upgrade {view.id} of {view.title}: outcome unknown"
    return message(
        heading(title),
        lines(
            fact("Since", when(view.request.ended or view.now)),
            fact(
                "Quarantine",
                "on since ",
                when(held.since),
                "; nothing is done on this enterprise through Keyturn until two approvers release it",
            ),
            [bold(_says(view))],
        ),
        console_words(view.request.reason),
        lines([bold("Do not, whatever happens:")]),
        bullets(*([words] for words in PROHIBITIONS)),
        lines(
            fact("Call now", view.support),
            fact(
                "Logs",
                "Keyturn exports the appliance logs by itself and says here what came of it; by hand: System, Logs",
            ),
            evidence(view),
            fact("Consoles", "the lockout stays on: use neither the Admin Console nor the Packages page"),
        ),
        None if failed else _attest(view),
        _release(view),
    )


def _says(view: View) -> str:
    if view.request.declared_by:
        return "Two approvers declared failure; what they saw:"
    return "The console says:" if view.request.phase is Phase.FAILED else "What was seen:"


def overdue(view: View) -> Message:
    """Longer than planned: watched on, and people look (law 5)."""
    run = view.request.run
    if not view.request.is_running or run is None:
        return _settled(view)
    begun = run.install_intended or run.started
    return message(
        heading(f"Upgrade {view.id} of {view.title} is overdue"),
        lines(
            fact("What", *step(view), ", for ", span(view.now - begun), ", since ", when(begun)),
            ["This is not a failure: Keyturn goes on watching, and the lockout stays on."],
            fact("Look", "at the Appliance Console, read only; press nothing there"),
            fact("Call", view.support),
        ),
        lines(
            [
                "If you see there that it failed, two approvers say so with ",
                code(f"/upgrade failed {view.id} WHAT-YOU-SAW"),
                ". Otherwise wait.",
            ],
        ),
    )


def unexpected_level(view: View) -> Message:
    """One new level everywhere that is not the stated one: two people say which it is (law 5)."""
    run = view.request.run
    if not view.request.is_running or run is None or run.unexpected_level is None:
        return _settled(view)
    seen = flat(run.unexpected_level, 80)
    return message(
        heading(f"Upgrade {view.id} of {view.title}: another level than stated"),
        lines(
            fact("Seen on every appliance", quoted(seen, 80)),
            fact("Stated for the package", quoted(view.level, 80)),
            [
                "The package is shown as installed. The lockout stays on until two approvers have said what they see."
            ],
        ),
        lines(
            ["If that level is right: ", code(f"/upgrade confirm {view.id} {seen}")],
            ["If it is not: ", code(f"/upgrade failed {view.id} WHAT-YOU-SAW")],
            fact("Call", view.support),
        ),
    )


def _attest(view: View) -> Json:
    said: list[Line] = [["not-started", ": nothing was begun; the run ends there"]]
    if view.request.run and view.request.run.install_intended:
        said.append(["installing", ": it is being installed; Keyturn watches on"])
    said.append(
        ["cannot-tell CASE", ": releases the enterprise; only when the vendor says so, with the case number"]
    )
    return lines(
        [bold("Or look at the Appliance Console, read only, and two approvers state the same:")],
        *([code(f"/upgrade attest {view.id} {words}"), meaning] for words, meaning in said),
    )


def _release(view: View) -> Json:
    return lines(
        [
            bold("Release: "),
            "when the vendor says that the enterprise is sound, two approvers type ",
            code(f"/upgrade release {view.id} CASE"),
            " with the same case number.",
        ]
    )


def _settled(view: View) -> Message:
    running = view.request.is_running
    return message(
        heading(f"Upgrade {view.id} of {view.title}: this has been settled"),
        lines(["It is being watched: ", *step(view), "."] if running else outcome(view)),
        console_words(view.request.reason) if view.request.phase in (Phase.FAILED, Phase.UNKNOWN) else None,
    )
