"""What happens on a command, a click and a submission: hand it to the desk, answer. No rule lives here."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.announce.text import flat
from bot.domain.approval import DirectoryUnavailable
from bot.domain.refusal import Refusal
from bot.upgrade.desk import Desk
from handlers import answers, form
from handlers import words as w
from handlers.replies import SLACK_ERRORS, Place, Replies, place_of, worded
from handlers.text import plain
from storage.errors import LedgerUnavailable

log = logging.getLogger(__name__)

ACK_SECONDS = 2.0
"""How long a submission may wait for the desk; Slack gives three seconds in all."""
REMEMBERED = 1000

SHOWN_BESIDE = (Refusal, DirectoryUnavailable, LedgerUnavailable)
"""What a submission may be refused for: nothing was recorded, and the form stays open."""

Body = dict[str, Any]


async def fast(ack: AsyncAck) -> None:
    """The whole of what stands before the acknowledgement of a command or a click."""
    await ack()


class Listeners:
    """The work behind each listener; all but the submissions run after the acknowledgement."""

    def __init__(self, desk: Desk, client: AsyncWebClient, replies: Replies) -> None:
        self._desk = desk
        self._client = client
        self._replies = replies
        self._submissions = Submissions()

    # --- commands

    async def command(self, body: Body) -> None:
        """/upgrade, whatever follows it."""
        place, trigger = _place(body), str(body.get("trigger_id"))
        wish = w.parse(str(body.get("text") or ""))
        if isinstance(wish, w.Ask):
            await self._open(place, trigger, lambda: self._ask_view(place))
        else:
            await self._replies.tell(place, await worded(self._do(wish, place.user), "type the command"))

    async def _do(self, wish: w.Wish, by: str) -> str:
        match wish:
            case w.Status():
                names = [wish.enterprise] if wish.enterprise else list(self._desk.enterprises)
                states = {name: await self._desk.state(name) for name in names}
                return answers.status({n: (self._desk.enterprises[n], s) for n, s in states.items()})
            case w.ListRequests():
                return answers.listing(
                    {name: await self._desk.state(name) for name in self._desk.enterprises}
                )
            case w.Act():
                return await self._act(wish.verb, wish.request, by)
            case w.Decline():
                return await self._decline(wish.request, by, wish.reason)
            case w.State():
                _, request = await self._desk.find(wish.request)
                stated = await self._desk.attest(request.id, by, wish.statement, wish.value)
                return answers.outcome(stated, request.id)
            case w.Compare():
                return answers.compared(await self._desk.compare(wish.enterprise, by, wish.head))
            case w.Help():
                return answers.help_text(wish)
        raise TypeError(f"no answer to {wish!r}")

    async def _act(self, verb: w.Verb, id_: str, by: str) -> str:
        _, request = await self._desk.find(id_)
        methods = {
            w.Verb.APPROVE: self._desk.approve,
            w.Verb.WITHDRAW: self._desk.withdraw,
            w.Verb.CANCEL: self._desk.cancel,
            w.Verb.ACKNOWLEDGE: self._desk.acknowledge,
        }
        return answers.outcome(await methods[verb](request.id, by), request.id)

    async def _decline(self, id_: str, by: str, reason: str) -> str:
        _, request = await self._desk.find(id_)
        return answers.outcome(await self._desk.decline(request.id, by, reason), request.id)

    # --- clicks

    async def act(self, body: Body) -> None:
        """A button that acts at once; its action id is the verb, its value the request's id."""
        place, action = _place(body), _action(body)
        verb, request = w.Verb(str(action.get("action_id"))), _id(action)
        work = self._act(verb, request, place.user) if request else _say(answers.NO_REQUEST)
        await self._replies.tell(place, await worded(work, "click"))

    async def open_decline(self, body: Body) -> None:
        """The Decline button: asks for the reason."""
        place, id_ = _place(body), _id(_action(body))
        if id_:
            await self._open(place, str(body.get("trigger_id")), lambda: self._decline_view(id_))
        else:
            await self._replies.tell(place, answers.NO_REQUEST)

    async def open_compare(self, body: Body) -> None:
        """The button of a hold: asks for the head."""
        place, held = _place(body), form.read_held(_action(body).get("value"))
        if held:
            await self._open(place, str(body.get("trigger_id")), lambda: self._compare_view(held))
        else:
            await self._replies.tell(place, answers.NO_REQUEST)

    # --- modals

    async def _open(self, place: Place, trigger: str, view: Callable[[], Awaitable[form.Json | str]]) -> None:
        """Open the view, or tell what there is instead of one."""

        async def opened() -> str:
            made = await view()
            if isinstance(made, str):
                return made
            try:
                await self._client.views_open(trigger_id=trigger, view=made)
            except SLACK_ERRORS as error:
                log.warning("a modal for %s was not opened: %s", place.user, error)
                return answers.NOT_OPENED
            return ""

        if text := await worded(opened(), "try"):
            await self._replies.tell(place, text)

    async def _ask_view(self, place: Place) -> form.Json | str:
        packages = form.offered(await self._desk.packages())
        return (
            form.ask_view(self._desk.enterprises, packages, place.channel) if packages else answers.NO_PACKAGE
        )

    async def _decline_view(self, id_: str) -> form.Json:
        _, request = await self._desk.find(id_)
        return form.decline_view(request.id)

    async def _compare_view(self, held: form.Held) -> form.Json | str:
        hold = (await self._desk.state(held.enterprise)).hold
        title = self._desk.enterprises[held.enterprise].title
        stands = hold is not None and hold.epoch == held.epoch
        return form.compare_view(held, title) if stands else answers.no_hold(title)

    async def submit_ask(self, ack: AsyncAck, body: Body) -> None:
        """The ask form, within the time for the acknowledgement."""
        view, by = _view(body), _place(body).user
        try:
            asked = form.read_ask(view)
        except form.Incomplete as incomplete:
            await ack(response_action="errors", errors=incomplete.errors)
            return

        async def ask() -> str:
            id_, _ = await self._desk.ask(
                asked.enterprise,
                by,
                package=asked.package,
                start=asked.start,
                reason=asked.reason,
                change=asked.change,
                attestations=asked.attestations,
            )
            return answers.asked(id_, self._desk.enterprises[asked.enterprise].channel)

        await self._submissions.settle(ack, str(view.get("id")), ask, form.beneath)

    async def submit_decline(self, ack: AsyncAck, body: Body) -> None:
        """The reason for declining, within the time for the acknowledgement."""
        view, by = _view(body), _place(body).user
        id_, reason = str(view.get("private_metadata")), form.read_text(view, "reason")
        await self._submissions.settle(
            ack, str(view.get("id")), lambda: self._decline(id_, by, reason), lambda _: "reason"
        )

    async def submit_compare(self, ack: AsyncAck, body: Body) -> None:
        """The head, within the time for the acknowledgement."""
        view, by = _view(body), _place(body).user
        held, head = form.read_held(view.get("private_metadata")), form.read_text(view, "head")

        async def compare() -> str:
            if held is None:
                raise Refusal("this form names no hold")
            return answers.compared(await self._desk.compare(held.enterprise, by, head, held.epoch))

        await self._submissions.settle(ack, str(view.get("id")), compare, lambda _: "head")

    async def tell_asked(self, body: Body) -> None:
        """What became of the ask form, told where `/upgrade` was typed."""
        view, by = _view(body), _place(body).user
        await self._tell_submitted(view, Place(by, str(view.get("private_metadata") or "")))

    async def tell_declined(self, body: Body) -> None:
        """What became of the decline form, told in the enterprise's channel."""
        view, by = _view(body), _place(body).user
        channel = ""
        try:
            name, _ = await self._desk.find(str(view.get("private_metadata")))
            channel = self._desk.enterprises[name].channel
        except Refusal:
            log.info("a decline form named no request")
        await self._tell_submitted(view, Place(by, channel))

    async def tell_compared(self, body: Body) -> None:
        """What became of a comparison, told in the enterprise's channel."""
        view, by = _view(body), _place(body).user
        held = form.read_held(view.get("private_metadata"))
        settings = self._desk.enterprises.get(held.enterprise) if held else None
        await self._tell_submitted(view, Place(by, settings.channel if settings else ""))

    async def _tell_submitted(self, view: Mapping[str, Any], place: Place) -> None:
        task = self._submissions.untold(str(view.get("id")))
        if task is not None:
            await self._replies.tell(place, await worded(asyncio.shield(task), "submit it"))


class Submissions:
    """One piece of work for each view, however often Slack delivers its submission."""

    def __init__(self) -> None:
        self._works: OrderedDict[str, tuple[asyncio.Task[str], bool]] = OrderedDict()

    async def settle(
        self,
        ack: AsyncAck,
        view_id: str,
        work: Callable[[], Coroutine[Any, Any, str]],
        beneath: Callable[[Exception], str],
    ) -> None:
        """Acknowledge with the outcome if it is there in time: a refusal stands beneath its field.

        Otherwise the modal closes and the outcome is `untold`.
        """
        if view_id not in self._works:
            self._works[view_id] = (asyncio.create_task(work()), False)
            while len(self._works) > REMEMBERED:
                self._works.popitem(last=False)
        task, _ = self._works[view_id]
        await asyncio.wait([task], timeout=ACK_SECONDS)
        if task.done() and (error := task.exception()) and isinstance(error, SHOWN_BESIDE):
            # The person may correct the form and submit the same view again.
            if self._works.get(view_id, (None,))[0] is task:
                del self._works[view_id]
            await ack(response_action="errors", errors={beneath(error): _beside(error)})
        else:
            await ack()

    def untold(self, view_id: str) -> asyncio.Task[str] | None:
        """The work of that view, once, unless its refusal was shown in the modal."""
        task, told = self._works.get(view_id, (None, True))
        if task is None or told:
            return None
        self._works[view_id] = (task, True)
        return task


def _beside(error: Exception) -> str:
    """Plain words: errors beneath a field show no markup."""
    if isinstance(error, DirectoryUnavailable):
        return answers.UNAVAILABLE.format(again="submit it")
    if isinstance(error, LedgerUnavailable):
        return answers.UNWRITTEN.format(again="submit it")
    return flat(plain(str(error)), form.ERROR_LIMIT)


async def _say(text: str) -> str:
    return text


def _place(body: Body) -> Place:
    place = place_of(body)
    assert place is not None, "payloads without a user do not come this far"
    return place


def _action(body: Body) -> Mapping[str, Any]:
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    return first if isinstance(first, Mapping) else {}


def _id(action: Mapping[str, Any]) -> str:
    value = action.get("value")
    return value if isinstance(value, str) and len(value) <= 40 else ""


def _view(body: Body) -> Mapping[str, Any]:
    view = body.get("view")
    return view if isinstance(view, Mapping) else {}
