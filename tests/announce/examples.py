"""Settings and stories to render messages from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, time
from typing import Any, NamedTuple

from bot.announce import routes
from bot.announce.blocks import Json, Message
from bot.announce.view import EnterpriseView, View
from bot.config import ApplianceSettings, EnterpriseSettings
from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.approval import Rules
from bot.domain.enterprise import Enterprise, evolve, stream
from bot.domain.events import Event, Phase, Statement, Step
from bot.domain.ledger import Entry
from bot.domain.sight import Activity, Press
from bot.domain.windows import Day, WeeklyWindow
from tests.support import story as s
from tests.support import values as v

RULES = Rules(approver_groups=("S0APPROVE",), requester_groups=("S0REQUEST",))


def settings(**changes: Any) -> EnterpriseSettings:
    given: dict[str, Any] = {
        "title": "Main campus",
        "channel": "C0IDENTITY",
        "oncall_group": "S0ONCALL",
        "support": "Reseller hotline +49 30 1234",
        "appliances": tuple(
            ApplianceSettings(name=a, address=f"https://{a}.example:81", fingerprint="0" * 64)
            for a in v.APPLIANCES
        ),
        "windows": (WeeklyWindow(day=Day.saturday, start=time(20, 0), end=time(2, 0), zone="Europe/Berlin"),),
        "rules": RULES,
    }
    return EnterpriseSettings(**{**given, **changes})


def succeeded() -> s.Story:
    """From the question to the finish, with notices, a blackout and progress in between."""
    plan = v.plan(start=v.T0 + v.minutes(90))
    story = s.approved(plan)
    story.later(30).look_again()
    story.later(45).look_again()
    story.later(15).start()
    story.announce()
    story.intend(Step.UPLOAD)
    story.later(1).do(c.ReportUpload(request="KT-1", sent=v.package().size // 2))
    story.later(1).finish(Step.UPLOAD)
    story.intend(Step.DISTRIBUTE)
    story.later(1).observe(v.distributing())
    story.later(1).observe(v.done_offered())
    story.finish(Step.DISTRIBUTE)
    story.intend_install()
    story.press()
    story.later(5).observe(v.installing(10))
    story.later(5).observe(v.silent("an error of the connection"))
    story.later(20).observe(v.installing(80))
    story.later(5).observe(v.installed())
    return story


def released() -> s.Story:
    story = s.failed()
    story.look_again()
    story.acknowledge()
    story.both(Statement.RELEASE, "CASE-7")
    return story


def resumed_and_failed() -> s.Story:
    story = s.became_unknown()
    story.look_again()
    story.both(Statement.INSTALLING)
    story.observe(v.console_error())
    story.look_again()
    return story


def in_doubt() -> s.Story:
    story = s.ready()
    story.intend_install()
    story.press(Press.IN_DOUBT)
    story.observe(v.unreadable())
    return story


def not_started() -> s.Story:
    story = s.became_unknown()
    story.both(Statement.NOT_STARTED)
    return story


def foreign() -> s.Story:
    story = s.started()
    story.intend(Step.UPLOAD, v.work(Activity.DISTRIBUTING, subject="somebody-elses"))
    return story


def declined() -> s.Story:
    story = s.asked()
    story.decline()
    return story


def withdrawn() -> s.Story:
    story = s.asked()
    story.withdraw()
    return story


def cancelled() -> s.Story:
    story = s.sent()
    story.cancel()
    story.finish(Step.DISTRIBUTE)
    return story


def expired() -> s.Story:
    story = s.approved()
    story.later(60 * 7).look_again()
    return story


def lost_quorum() -> s.Story:
    story = s.approved()
    story.start(authority=v.authority(approvers=(v.ANNA,)))
    return story


def without_evidence() -> s.Story:
    story = succeeded()
    story.record(e.EvidenceLost(request="KT-1", reason="no room"))
    return story


def failed_without_evidence() -> s.Story:
    story = s.pressed()
    story.record(e.EvidenceLost(request="KT-1", reason="no room"))
    story.observe(v.console_error())
    return story


def drifted() -> s.Story:
    story = s.approved()
    story.start(plan=v.plan(package=v.package(sha256="c" * 64)))
    return story


def overdue_paged() -> s.Story:
    story = s.overdue()
    story.look_again()
    return story


def restored() -> s.Story:
    """In the middle of a run; the second of the two who compare gives fewer digits."""
    story = s.pressed()
    story.later(5).begin_epoch()
    story.later(5).compare(v.ANNA)
    story.later(5).compare(v.BEN, s.HEAD[:8])
    return story


def restored_while_asked() -> s.Story:
    story = s.asked()
    story.begin_epoch()
    return story


def restored_in_quarantine() -> s.Story:
    story = s.failed()
    story.begin_epoch()
    story.compare(v.ANNA)
    story.compare(v.BEN)
    return story


def restored_twice() -> s.Story:
    story = restored_while_asked()
    story.compare(v.ANNA)
    story.begin_epoch("restored again")
    return story


STORIES: Sequence[Callable[[], s.Story]] = (
    succeeded,
    released,
    resumed_and_failed,
    in_doubt,
    not_started,
    foreign,
    declined,
    withdrawn,
    cancelled,
    expired,
    lost_quorum,
    drifted,
    without_evidence,
    failed_without_evidence,
    overdue_paged,
    s.at_other_level,
    restored,
    restored_while_asked,
    restored_in_quarantine,
    restored_twice,
)


class Shown(NamedTuple):
    """A message as it reads after the event `entry`."""

    key: str
    entry: Entry
    view: EnterpriseView
    message: Message


def shown(
    recorded: Sequence[tuple[datetime, Event]], of: EnterpriseSettings | None = None, told: bool = True
) -> Iterator[Shown]:
    """Every message of a story after each of its events: the new one, and those that are kept up to date.

    `told` False: Slack cannot say who may approve.
    """
    of = of or settings()
    state, standing = Enterprise(), list[str]()
    for version, (at, event) in enumerate(with_words(recorded, {}), start=1):
        state = evolve(state, event, at)
        entry = Entry(version, stream("main"), version, at, event, "")
        subject = getattr(event, "request", "main")
        views = {"main": EnterpriseView("main", of, state, at)} | {
            id_: _view(of, state, at, id_, told) for id_ in state.requests
        }
        if (key := routes.key_of(entry)) and (message := routes.first(key, views[subject], entry)):
            standing.append(key)
            yield Shown(key, entry, views[subject], message)
        asks = [routes.ask_key(subject, real(a)) for a in v.APPROVERS if subject in state.requests]
        for key in dict.fromkeys([*standing, *asks]):
            view = views[routes.subject_of(key)]
            if routes.family(key) in routes.EDITED and (again := routes.current(key, view)):
                yield Shown(key, entry, view, again)


def _view(of: EnterpriseSettings, state: Enterprise, at: datetime, id_: str, told: bool) -> View:
    request = state.requests[id_]
    asked = request.phase is Phase.REQUESTED and told
    authority = v.authority(approvers=tuple(real(a) for a in v.APPROVERS)) if asked else None
    link = "https://example.slack.com/archives/C0IDENTITY/p1"
    return View("main", of, state, at, request, authority, link)


def real(user: str) -> str:
    """The test's user id as Slack would spell it."""
    return user.replace("U-", "U0")


def with_words(
    recorded: Sequence[tuple[datetime, Event]], words: dict[str, str]
) -> list[tuple[datetime, Event]]:
    """The story with strings replaced, wherever they stand; user ids as Slack spells them."""

    def swap(value: Any) -> Any:
        if isinstance(value, str):
            for old, new in words.items():
                value = value.replace(old, new)
            return real(value) if value.startswith("U-") else value.replace("<@U-", "<@U0")
        if isinstance(value, list):
            return [swap(item) for item in value]
        if isinstance(value, dict):
            return {key: swap(item) for key, item in value.items()}
        return value

    return [(at, type(event).model_validate(swap(event.model_dump(mode="json")))) for at, event in recorded]


def actions(message: Message) -> list[str]:
    """The action ids of a message's buttons."""
    return [e["action_id"] for b in message.blocks if b["type"] == "actions" for e in b["elements"]]


def parts(value: Any) -> Iterator[Json]:
    """Every object inside blocks."""
    if isinstance(value, list):
        for item in value:
            yield from parts(item)
    elif isinstance(value, dict):
        yield value
        for item in value.values():
            yield from parts(item)
