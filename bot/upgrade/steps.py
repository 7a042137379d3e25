"""The run's steps up to the one Install click (design, "The life of a request").

Each function does one step from wherever the ledger has it and returns; the runner asks the ledger again.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

from bot.console import port
from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.approval import DirectoryUnavailable
from bot.domain.decide_run import verdict
from bot.domain.enterprise import Request
from bot.domain.events import Check, Step
from bot.domain.plan import Plan
from bot.domain.progress import Judgement, errors, foreign, not_begun
from bot.domain.sight import InstallOutcome, Observation, Press
from bot.drain import uncut
from bot.upgrade.preflight import make_plan, rows
from bot.upgrade.run import Run
from storage.errors import LedgerUnavailable

log = logging.getLogger(__name__)

INTENT_LIFE = 30.0
"""Real seconds after which the intent of Send or Install is too old: others may have decided meanwhile (law 1)."""
UPLOAD_TRIES = 3
"""How often a broken upload is begun in one process, each time after a look that shows the package absent."""

UPLOAD_TOLD_EVERY = timedelta(minutes=1)
"""As often as the progress in the channel is brought up to date at least; a short upload is not told of at all."""


class IntentTooOld(Exception):
    """The machine or the process was suspended between the install intent and its request."""


async def preflight(run: Run) -> None:
    """At request time, read-only: the approvers see the rows, and the plan is made of what was seen."""
    request = await run.request()
    seen = await run.look()
    fingerprint = await run.services.facts.store.fingerprint(request.draft.package)
    missing = await run.missing_patiently()
    checks = (
        Check(
            name="Ledger", ok=missing is None, detail=missing or "whole, and no older than what Slack shows"
        ),
        *rows(run.settings, request.draft, await run.state(), seen, fingerprint),
    )
    plan = None
    if all(row.ok for row in checks):
        profile = run.services.facts.profiles[run.enterprise]
        plan = make_plan(run.id, run.enterprise, run.settings, profile, request.draft, seen)
    await run.handle(c.ReportPreflight(request=run.id, rows=checks, plan=plan))


async def start(run: Run) -> None:
    """At the start: preflight, authority, plan and window again."""
    if not await run.may_begin():
        return
    request = await run.request()
    plan = _plan(request)
    try:
        await run.authority(plan.latest_start)
    except DirectoryUnavailable as error:
        return await run.stop(str(error))
    seen = await run.look_patiently(plan.latest_start)
    authority = await run.authority_now()
    fingerprint = await run.services.facts.store.fingerprint(request.draft.package)
    checks = rows(run.settings, request.draft, await run.state(), seen, fingerprint)
    command = c.Start(
        request=run.id,
        authority=authority,
        rows=checks,
        plan=await run.plan_now(seen),
        foreign=foreign(seen),
    )
    await run.handle(command)


async def upload(run: Run) -> None:
    """Upload, or see that this run's own upload has arrived: a listed package is never taken on trust (law 6)."""
    if not await run.may_begin():
        return
    request = await run.request()
    package = request.draft.package
    for _ in range(UPLOAD_TRIES):
        seen = await run.look_patiently(_plan(request).window.closes)
        request = await run.request()
        if request.run is None or not request.is_running:
            return
        if seen.package(package.name) is not None:
            if Step.UPLOAD not in request.run.intended:
                return await run.stop(
                    f"{package.name} is listed on the console, and not by this run's upload"
                )
            await run.report(c.Finish(request=run.id, step=Step.UPLOAD, detail="seen listed on the console"))
            return
        if not await _intended(run, Step.UPLOAD, seen):
            return
        try:
            file = run.services.facts.store.path(package)
            await _sent(run, file, package.sha256)
        except (port.Unreachable, OSError) as error:
            log.warning("%s: the upload broke: %s", run.id, error)
            await run.pause()
            continue
        await run.report(c.Finish(request=run.id, step=Step.UPLOAD, detail=f"{package.size} bytes"))
        return
    await run.stop(f"the upload broke {UPLOAD_TRIES} times; nothing was distributed")


async def _sent(run: Run, file: Path, sha256: str) -> None:
    """Upload, and tell the ledger how far it has got. Raises as `Console.upload`."""
    sent = 0

    def told(count: int) -> None:
        nonlocal sent
        sent = count

    async def tell() -> None:
        while True:
            await run.clock.sleep(UPLOAD_TOLD_EVERY)
            try:
                await run.handle(c.ReportUpload(request=run.id, sent=sent))
            except LedgerUnavailable as error:
                log.warning("%s: the upload goes on; how far it has got is not recorded: %s", run.id, error)

    telling = asyncio.create_task(tell())
    try:
        await run.console.upload(file, sha256, told)
    finally:
        telling.cancel()
        await asyncio.wait([telling])


async def distribute(run: Run) -> None:
    """Distribute, Send, wait, Done. After a crash: look whether it is distributed, still going, or not begun."""
    request = await run.request()
    package = request.draft.package.name
    seen = await run.look_patiently(_plan(request).window.closes)
    if request.run and Step.DISTRIBUTE in request.run.intended and not not_begun(seen, package):
        return await _await_distribution(run, seen)
    if not await run.may_begin():
        return
    if seen.answered and seen.recognized and not foreign(seen):
        await run.services.ledger.try_write()
        await run.console.open_distribution(package)
    born = run.clock.uptime()
    if not await _intended(run, Step.DISTRIBUTE, seen):
        return
    if (age := run.clock.uptime() - born) > INTENT_LIFE:
        log.warning("%s: suspended for %.0f s; Send waits for another look", run.id, age)
        return
    try:
        await uncut(run.console.send(), f"{run.id}: Send")
    except port.Refused:
        raise
    except port.ConsoleError as error:
        log.warning("%s: Send was not answered as expected: %s", run.id, error)
    await _await_distribution(run, await run.look())


async def _await_distribution(run: Run, seen: Observation) -> None:
    while True:
        request = await run.observe(seen)
        if not request.is_running:
            return
        judged = verdict(request, run.watching, run.settings.budgets, run.clock.now())
        if judged.judgement is not Judgement.FINISHED:
            await run.pause()
        elif seen.finished:
            await _press_done(run)
        else:
            await run.handle(c.Finish(request=run.id, step=Step.DISTRIBUTE))
            return
        seen = await run.look()


async def _press_done(run: Run) -> None:
    if not await run.may_begin():
        return
    await run.services.ledger.try_write()
    try:
        await run.console.finish_distribution()
    except port.Refused:
        raise
    except port.ConsoleError as error:
        log.warning("%s: Done was not answered as expected: %s", run.id, error)
    await run.pause()


async def install(run: Run) -> None:
    """IPM Information, the intent with all its gates, and the one click."""
    if not await run.may_begin():
        return
    request = await run.request()
    plan = _plan(request)
    lockout = (await run.state()).lockout
    told = lockout is not None and lockout.announced is not None
    if plan.window.left(run.clock.now()) < timedelta(minutes=plan.install_minutes):
        late = "the window is over" if told else "the lockout notice could not be delivered in time"
        return await run.stop(f"{late}; Install was not pressed")
    if not told:
        return await run.pause()
    try:
        await run.authority(plan.window.closes)
    except DirectoryUnavailable as error:
        return await run.stop(f"{error}; Install was not pressed")
    seen = await run.look_patiently(plan.window.closes, readable=True)
    seen_at = run.clock.now()
    if fault := _fault_before_install(run, seen, plan.package.name):
        await run.handle(fault)
        return
    authority = await run.authority_now()
    await run.services.ledger.try_write()
    information = await run.console.open_install(plan.package.name)
    command = c.IntendInstall(
        request=run.id,
        authority=authority,
        plan=await run.plan_now(seen),
        observation=seen,
        seen_at=seen_at,
        information=information,
    )
    await uncut(_install_once(run, command), f"{run.id}: Install, from its intent to its outcome,")


async def _install_once(run: Run, command: c.IntendInstall) -> None:
    """The one click between its intent and its outcome: a restart that cut it would leave Install in doubt (law 1)."""
    born = run.clock.uptime()
    try:
        decision = await run.handle(command)
    except LedgerUnavailable as error:
        # What failed is not known to be undone. Nothing is sent on it, whatever is read afterwards.
        words = f"Install was not sent: the ledger did not take its intent ({type(error).__name__})"
        run.unsent = InstallOutcome(press=Press.NOT_SENT, words=words)
        raise
    run.unsent = None
    if not any(isinstance(event, e.InstallIntended) for event in decision.events):
        return

    def young_enough() -> None:
        if (age := run.clock.uptime() - born) > INTENT_LIFE:
            raise IntentTooOld(f"the intent was {age:.0f} s old; nothing is sent after {INTENT_LIFE:.0f} s")

    outcome = await run.console.install(young_enough)
    await run.report(c.ReportPress(request=run.id, outcome=outcome))


def _fault_before_install(run: Run, seen: Observation, package: str) -> c.Fault | None:
    """Why the IPM Information page is not even opened; None when the console is free (law 6)."""
    if not seen.answered:
        return c.Fault(request=run.id, words=f"no answer before Install: {seen.reason}")
    if words := errors(seen, package):
        return c.Fault(request=run.id, words="; ".join(words), console_error=True)
    if not seen.recognized:
        return c.Fault(request=run.id, words=seen.reason, unreadable=True)
    if other := foreign(seen):
        return c.Fault(
            request=run.id, words=f"somebody else is at work on the console: {other}", foreign=True
        )
    return None


async def _intended(run: Run, step: Step, seen: Observation) -> bool:
    """Whether the intent stands in the ledger; when not, the run has ended instead."""
    decision = await run.handle(c.Intend(request=run.id, step=step, observation=seen))
    return any(isinstance(event, e.StepIntended) for event in decision.events)


def _plan(request: Request) -> Plan:
    assert request.plan is not None, "an approved request has a plan"
    return request.plan
