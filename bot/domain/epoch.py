"""A new epoch: a ledger that was restored does not know what happened after its copy was made (law 1). Pure.

Every request that was open or under way is void, and the enterprise is held until two people have compared its
consoles with the last head that was announced.
"""

from __future__ import annotations

import re

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.approval import regular
from bot.domain.enterprise import Enterprise
from bot.domain.events import Event
from bot.domain.refusal import Refusal

_HEAD = re.compile(r"[0-9a-f]{8,64}")


def refuse_held(state: Enterprise) -> None:
    """The gate: nothing is asked for, approved, started or intended while the enterprise is held."""
    if hold := state.hold:
        raise Refusal(
            f"this enterprise is held since epoch {hold.epoch} began: {hold.reason}. Nothing can begin until two "
            "approvers have compared its consoles with the last head that Keyturn announced in its channel; the "
            "message about the hold there says how"
        )


def begin(state: Enterprise, command: c.BeginEpoch) -> list[Event]:
    """Nothing while a hold stands about which nobody has stated anything.

    What somebody stated was about the ledger as it was before this restoration: it has to be stated anew.
    """
    if state.hold and not state.hold.stated:
        return []
    began = e.EpochBegan(epoch=state.epoch + 1, reason=command.reason)
    voided: list[Event] = [
        e.Voided(request=r.id, reason=f"epoch {began.epoch} began: {began.reason}")
        for r in state.requests.values()
        if r.is_open or r.is_running
    ]
    return [began, *voided]


def compare(state: Enterprise, command: c.Compare) -> list[Event]:
    """One person's statement; the second person's, about the same head, ends the hold. Raises `Refusal`."""
    hold, by = state.hold, command.by.id
    regular(command.by)
    if hold is None:
        raise Refusal("this enterprise is not held; there is nothing to compare")
    if command.epoch not in (None, hold.epoch):
        raise Refusal(
            f"that is about the hold of epoch {command.epoch}; this enterprise is held by epoch {hold.epoch}. "
            "Compare again, as the newest message about it says"
        )
    if by not in command.authority.approvers:
        raise Refusal("you are not among the approvers of this enterprise")
    head = command.head.strip().lower()
    if not _HEAD.fullmatch(head):
        raise Refusal("give the head as it was announced: 8 to 64 of its first hexadecimal digits")
    said = {user: other for user, other in hold.stated.items() if user in command.authority.approvers}
    own = said.pop(by, None)
    if own is not None and _same(own, head):
        raise Refusal("you have stated this already; a second approver has to state the same head")
    for user, other in said.items():
        if not _same(other, head):
            raise Refusal(
                f"<@{user}> stated another head. Look for the last one that was announced before the hold, each of "
                "you; whoever was wrong states it again"
            )
    stated: list[Event] = [e.ComparisonStated(epoch=hold.epoch, by=by, head=head)]
    if not said:
        return stated
    longest = max([*said.values(), head], key=len)
    return [*stated, e.Compared(epoch=hold.epoch, by=(*said, by), head=longest), *_lockout_over(state)]


def _same(one: str, other: str) -> bool:
    """Whether both are the beginning of one head: one person may give more digits than the other."""
    return one.startswith(other) or other.startswith(one)


def _lockout_over(state: Enterprise) -> list[Event]:
    """The end of a lockout that a voided run left; that of a quarantine, or of somebody else's work, stays."""
    lockout = state.lockout
    left = state.requests.get(lockout.request) if lockout else None
    if left is None or left.epoch is None:
        return []
    reason = "two people compared the consoles; what became of the run is not known"
    return [e.LockoutClosed(request=left.id, reason=reason)]
