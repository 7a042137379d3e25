"""The live progress of a run: one message, edited on; a row per appliance. Pure.

Silence is said as what it is, an expected thing (law 5); why the console did not answer is not repeated here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.announce.blocks import (
    Json,
    Line,
    Message,
    bold,
    bullets,
    console_words,
    fact,
    heading,
    lines,
    message,
    quoted,
    when,
)
from bot.announce.status import outcome, step
from bot.announce.text import flat, size, span
from bot.announce.view import View
from bot.domain.enterprise import Run
from bot.domain.events import Phase, Step
from bot.domain.progress import Seen, estimate
from bot.domain.sight import Activity, Observation, Press, WorkRow, WorkState

APPLIANCES = 12
_ENDED = {Phase.FAILED: "✗", Phase.UNKNOWN: "?"}
"""How the step is marked in which a run has ended badly."""


def progress(view: View) -> Message:
    """The progress as it stands; of a run that has ended, its end."""
    run = view.request.run
    assert run is not None, "only a run has progress"
    ended = view.request.ended
    return message(
        heading(f"Upgrade {view.id}: {view.title}"),
        lines(
            [bold("Now: "), *(step(view) if view.request.is_running else outcome(view))],
            fact("Package", f"{view.package}, level {quoted(view.level, 80)}"),
            fact("Started", when(run.started), f", {span((ended or view.now) - run.started)} so far")
            if ended is None
            else fact("Ran", when(run.started), " until ", when(ended), f", {span(ended - run.started)}"),
            *(_expectation(view, run) if view.request.is_running else []),
        ),
        _steps(view, run),
        _upload(view, run) if view.request.is_running else None,
        _appliances(view, run) if view.request.is_running else None,
        _lines_of(run) if view.request.is_running else None,
        console_words(view.request.reason) if view.request.phase is Phase.FAILED else None,
    )


def _expectation(view: View, run: Run) -> list[Line]:
    if run.install_intended is None:
        window = view.request.plan.window if view.request.plan else view.request.draft.window
        return [
            fact("Install", "is pressed once every appliance has the package"),
            fact("Window closes", when(window.closes)),
        ]
    expected = estimate(run.seen, run.install_intended, view.settings.budgets)
    likely: Line = fact("Expected end", "about ", when(expected.likely))
    if expected.likely <= view.now:
        likely = fact("Expected end", "any moment; it may take longer (vendor: 45 to 90 minutes, or longer)")
    return [
        fact(
            "Installing since", when(run.install_intended), f", for {span(view.now - run.install_intended)}"
        ),
        likely,
        fact("People are called when it is not over by", when(expected.overdue)),
    ]


def _steps(view: View, run: Run) -> Json:
    """The steps of the procedure: done, under way or where it ended badly, not begun."""
    over = view.request.phase in (Phase.VERIFYING, Phase.SUCCEEDED)
    done = {
        "Preflight": True,
        "Upload": Step.UPLOAD in run.finished,
        "Distribute": Step.DISTRIBUTE in run.finished,
        "Install": over,
        "Verify": view.request.phase is Phase.SUCCEEDED,
    }
    first = next((name for name, is_done in done.items() if not is_done), None)
    here = _ENDED.get(view.request.phase, "→" if view.request.is_running else "·")
    marks = ("✓" if is_done else here if name == first else "·" for name, is_done in done.items())
    return lines(
        [bold("Steps: "), "  ".join(f"{mark} {name}" for mark, name in zip(marks, done, strict=True))]
    )


def _upload(view: View, run: Run) -> Json | None:
    """How far the upload has got, once it has taken a while."""
    if not run.uploading or not run.sent:
        return None
    whole = view.request.draft.package.size
    percent = 100 * run.sent // whole
    return lines([bold("Uploading: "), f"{bar(percent)} {percent}% of {size(whole)}"])


def _appliances(view: View, run: Run) -> Json | None:
    """A row per appliance, as last seen."""
    if Step.DISTRIBUTE not in run.intended:
        return None
    seen = next(
        (s.observation for s in reversed(run.seen) if s.observation.recognized and s.observation.answered),
        None,
    )
    names = view.appliances
    rows: list[Line] = [[bold(f"{flat(name, 60)}: "), _row(name, seen)] for name in names[:APPLIANCES]]
    if len(names) > APPLIANCES:
        rows.append([f"and {len(names) - APPLIANCES} more"])
    return bullets(*rows)


def _row(name: str, seen: Observation | None) -> str:
    if seen is None:
        return "not seen yet"
    row = next((r for r in seen.rows if r.appliance == name), None)
    if row is not None and seen.activity is not Activity.IDLE:
        return _work(row, "installing" if seen.activity is Activity.INSTALLING else "distributing")
    sight = next((a for a in seen.appliances if a.name == name), None)
    if sight is None or sight.level is None:
        return "no news"
    return f"at level {quoted(sight.level, 80)}"


def _work(row: WorkRow, doing: str) -> str:
    match row.state:
        case WorkState.WAITING:
            return "waiting"
        case WorkState.DONE:
            return f"{bar(100)} done"
        case WorkState.WORKING:
            return doing if row.percent is None else f"{bar(row.percent)} {doing}, {row.percent}%"
        case WorkState.ERROR:
            return f"the console shows {quoted(row.words, 150)}"
    return f"in a state that the profile does not recognize: {quoted(row.words, 150)}"


def bar(percent: int) -> str:
    """Ten characters, full from the left."""
    full = max(0, min(10, percent // 10))
    return "█" * full + "░" * (10 - full)


def _lines_of(run: Run) -> Json | None:
    """What else there is to say about the watch, when there is anything."""
    said: list[Line] = []
    if silent := _since(run.seen, lambda o: not o.answered):
        expected = (
            "This is expected during an installation." if run.install_intended else "Keyturn goes on looking."
        )
        said.append(["No answer from the console since ", when(silent), f". {expected}"])
    elif odd := _since(run.seen, lambda o: not o.recognized):
        said.append(
            [
                "Since ",
                when(odd),
                " the console shows a page that the profile does not recognize. Keyturn goes on looking.",
            ]
        )
    if run.pressed and run.pressed.press is Press.IN_DOUBT:
        said.append(
            [
                "The answer to Install was lost. Keyturn looks whether it arrived and never presses it a second time."
            ]
        )
    if run.overdue:
        said.append(["It takes longer than planned and is being watched on; people were called."])
    if run.unexpected_level:
        said.append(
            [
                f"The appliances show level {quoted(run.unexpected_level, 80)}, not the stated one: "
                "two approvers have to say which it is."
            ]
        )
    return lines(*said) if said else None


def _since(history: Sequence[Seen], holds: Callable[[Observation], bool]) -> datetime | None:
    """Since when every look has been such that `holds`; None when the last one is not."""
    since: datetime | None = None
    for seen in reversed(history):
        if not holds(seen.observation):
            break
        since = seen.at
    return since
