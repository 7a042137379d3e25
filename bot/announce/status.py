"""Where a request stands, in one line. The card, the progress and the short notices say it alike. Pure."""

from __future__ import annotations

import re

from bot.announce.blocks import Inline, Line, fact, quoted, user, users, when
from bot.announce.view import View
from bot.domain.events import Phase, Step

_QUORUM_LOST = re.compile(
    r"no quorum any more: (<@[UW][A-Z0-9]+>(, <@[UW][A-Z0-9]+>)*) may no longer approve"
)


def status(view: View) -> Line:
    """What is the case now, or what became of it and by whom."""
    request = view.request
    match request.phase:
        case Phase.REQUESTED if request.plan is None:
            return [
                "The preflight is running; it only reads. Approve when its rows are shown here, in a few minutes."
            ]
        case Phase.REQUESTED:
            return ["Waiting for approval. ", *missing(view)]
        case Phase.APPROVED:
            start = request.plan.start if request.plan else request.draft.start
            begins: Line = ["starts ", when(start)] if view.now < start else ["starts now"]
            return ["Approved by ", *users(view.approvals), "; ", *begins, "."]
        case Phase.PREPARING | Phase.INSTALLING | Phase.VERIFYING:
            return ["The run is under way: ", *step(view), "."]
    return outcome(view)


def missing(view: View) -> Line:
    """How many approvals are still needed, and whose would count."""
    if view.needed == 0:
        return ["The quorum is complete."]
    more = "1 more approval is needed" if view.needed == 1 else f"{view.needed} more approvals are needed"
    if view.awaited is None:
        return [f"{more}. Slack cannot say at the moment who may approve."]
    if len(view.awaited) < view.needed:
        return [f"{more}, and not enough people are left who may approve."]
    return [f"{more}, from ", *users(view.awaited, "or"), "."]


def evidence(view: View) -> Line | None:
    """What whoever looks for the cause of a run's end has to know; None when every page was kept."""
    run = view.request.run
    if run is None or not run.evidence_lost:
        return None
    return fact(
        "Evidence", f"not complete, the bot's host could not keep all of it: {quoted(run.evidence_lost)}"
    )


def step(view: View) -> list[Inline]:
    """What the run is doing, as the second half of a sentence."""
    run = view.request.run
    if run is None:
        return ["about to begin"]
    match view.request.phase:
        case Phase.INSTALLING:
            return ["installing on all appliances"]
        case Phase.VERIFYING:
            return ["verifying; the package is shown as installed"]
    if run.cancel_asked:
        return [user(run.cancel_asked), " has cancelled; the current step ends first"]
    if Step.DISTRIBUTE in run.finished:
        return ["distributed; Install is next"]
    if Step.DISTRIBUTE in run.intended:
        return ["distributing the package to the appliances"]
    if Step.UPLOAD in run.finished:
        return ["uploaded; the distribution is next"]
    if Step.UPLOAD in run.intended:
        return ["uploading the package to the Appliance Console"]
    return ["signing in and looking at the console"]


def outcome(view: View) -> Line:
    """What became of a request that has ended, by whom, and when."""
    request = view.request
    at = when(request.ended or view.now)
    by = user(request.ended_by) if request.ended_by else "somebody"
    match request.phase:
        case Phase.SUCCEEDED:
            level = request.run.level if request.run and request.run.level else view.level
            return [
                f"Succeeded: every appliance is at level {quoted(level, 80)} since ",
                at,
                ". Approved by ",
                *users(view.approvals),
                ".",
            ]
        case Phase.DECLINED:
            return ["Declined by ", by, " ", at, f": {quoted(request.reason)}. Nothing was done."]
        case Phase.WITHDRAWN:
            return ["Withdrawn by ", by, " ", at, ". Nothing was done."]
        case Phase.CANCELLED:
            return ["Cancelled by ", by, " ", at, ", before Install. Nothing was installed."]
        case Phase.EXPIRED:
            return ["Expired ", at, ": not enough of the window was left. Nothing was installed."]
        case Phase.VOID:
            known = "What became of it since the copy was made is not known."
            nothing = "Nothing was installed." if request.epoch is None else known
            return ["Void since ", at, ": ", *_void(request.reason), f". {nothing}"]
        case Phase.STOPPED:
            return ["Stopped ", at, f": {quoted(request.reason)}. Nothing was installed."]
        case Phase.FAILED:
            return ["Failed ", at, ". ", *_held(view)]
        case Phase.UNKNOWN:
            return [
                "Nobody can tell from the console what state the enterprise is in, since ",
                at,
                ": the outcome is unknown. ",
                *_held(view),
            ]
    return [f"{request.phase.value.capitalize()}."]


def _held(view: View) -> Line:
    held = view.state.quarantine
    if held and held.request == view.id:
        return ["The enterprise is in quarantine."]
    return ["The quarantine was released."]


def _void(reason: str) -> list[Inline]:
    """Who lost the right to approve is mentioned; no other reason may mention anybody (law 9)."""
    if lost := _QUORUM_LOST.fullmatch(reason):
        people = re.findall(r"<@([UW][A-Z0-9]+)>", lost[1])
        return ["the quorum is gone, since ", *users(people), " may no longer approve"]
    return [quoted(reason)]
