"""The preflight: rows of what was looked at, and the plan made of it (laws 2 and 6). Pure but for the facts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from bot.config import ApplianceSettings, EnterpriseSettings
from bot.domain.enterprise import Enterprise
from bot.domain.events import Check, Draft
from bot.domain.plan import ApplianceLevel, ConsoleAddress, Package, Plan
from bot.domain.progress import foreign
from bot.domain.sight import Observation
from bot.domain.windows import upcoming


def rows(
    settings: EnterpriseSettings,
    draft: Draft,
    state: Enterprise,
    seen: Observation,
    fingerprint: tuple[str, int] | None,
) -> tuple[Check, ...]:
    """One row for each thing that must hold before anything starts."""
    checks = [
        Check(name="Package file", **_package_file(draft.package, fingerprint)),
        Check(name="Enterprise free", **_free(state)),
        Check(
            name="Console",
            ok=seen.answered,
            detail="answered and signed in" if seen.answered else f"no answer: {seen.reason}",
        ),
    ]
    if not seen.answered:
        return tuple(checks)
    listed = seen.package(draft.package.name)
    other = foreign(seen)
    return (
        *checks,
        Check(
            name="Pages recognized",
            ok=seen.recognized,
            detail="all" if seen.recognized else f"not by the profile: {seen.reason}",
        ),
        Check(name="Appliances", **_appliances(settings, seen)),
        Check(name="One level", **_one_level(draft.package.level, seen)),
        Check(name="Nobody else at work", ok=other is None, detail=other or "the console is idle"),
        Check(
            name="Messages on the console",
            ok=not seen.errors,
            detail="none" if not seen.errors else "; ".join(seen.errors),
        ),
        Check(
            name="Package not listed",
            ok=listed is None,
            detail="not on the console yet"
            if listed is None
            else f"listed already as {listed.words}; a person has to remove it on the console first",
        ),
    )


def _package_file(package: Package, found: tuple[str, int] | None) -> dict[str, object]:
    if found is None:
        return {"ok": False, "detail": f"{package.file} cannot be read on the bot's host"}
    if found != (package.sha256, package.size):
        return {"ok": False, "detail": f"sha256 is {found[0][:12]}…, not {package.sha256[:12]}…"}
    return {"ok": True, "detail": f"sha256 {package.sha256[:12]}… as recorded"}


def _free(state: Enterprise) -> dict[str, object]:
    if state.quarantine:
        return {"ok": False, "detail": f"in quarantine: {state.quarantine.reason}"}
    if state.running:
        return {"ok": False, "detail": f"run {state.running.id} is under way"}
    return {"ok": True, "detail": "no other run is under way"}


def _appliances(settings: EnterpriseSettings, seen: Observation) -> dict[str, object]:
    wanted = {a.name for a in settings.appliances}
    shown = {a.name for a in seen.appliances if a.level is not None}
    silent = sorted(a.name for a in seen.appliances if a.name in wanted and not a.answered)
    if missing := sorted(wanted - shown):
        return {"ok": False, "detail": f"not listed on the console: {', '.join(missing)}"}
    if extra := sorted(shown - wanted):
        return {"ok": False, "detail": f"listed but not configured: {', '.join(extra)}"}
    if silent:
        return {"ok": False, "detail": f"no answer from: {', '.join(silent)}"}
    return {"ok": True, "detail": f"all {len(wanted)} listed and answering"}


def _one_level(target: str, seen: Observation) -> dict[str, object]:
    levels = {a.level for a in seen.appliances}
    if len(levels) != 1 or None in levels:
        listing = ", ".join(f"{a.name} {a.level or 'no level'}" for a in seen.appliances)
        return {"ok": False, "detail": f"not all at the same hotfix release: {listing or 'none is listed'}"}
    if target in levels:
        return {"ok": False, "detail": f"all are at {target} already"}
    return {"ok": True, "detail": f"all at {levels.pop()}"}


def trust(appliance: ApplianceSettings) -> str:
    """How the appliance's certificate is trusted, as the plan keeps it. Raises `OSError` for an unreadable CA file."""
    if appliance.fingerprint:
        return f"sha256:{appliance.fingerprint}"
    assert appliance.ca_file is not None
    return f"ca:{hashlib.sha256(appliance.ca_file.read_bytes()).hexdigest()}"


def make_plan(
    request: str, enterprise: str, settings: EnterpriseSettings, profile: str, draft: Draft, seen: Observation
) -> Plan:
    """The plan of a request whose rows all hold. `profile` is the digest of the profile's content."""
    return Plan(
        request=request,
        enterprise=enterprise,
        consoles=tuple(
            ConsoleAddress(appliance=a.name, address=a.address, trust=trust(a)) for a in settings.appliances
        ),
        package=draft.package,
        appliances=tuple(
            ApplianceLevel(appliance=a.name, level=a.level or "")
            for a in sorted(seen.appliances, key=lambda a: a.name)
        ),
        start=draft.start,
        window=draft.window,
        needs_minutes=settings.needs_minutes,
        install_minutes=settings.install_minutes,
        attestations=draft.attestations,
        change=draft.change,
        rules=settings.rules,
        profile=profile,
    )


def plan_now(
    approved: Plan,
    settings: EnterpriseSettings,
    profile: str,
    fingerprint: tuple[str, int] | None,
    levels: Mapping[str, str | None],
) -> Plan | None:
    """The approved plan as it would be made now: drift shows as a difference (law 2). None: the file is gone.

    `levels`: those just seen, by appliance; an appliance not seen keeps its planned level.
    """
    if fingerprint is None:
        return None
    sha256, size = fingerprint
    windows = upcoming(settings.windows, approved.start)
    still_open = any(w.contains(approved.start) and approved.window.closes <= w.closes for w in windows)
    shortened = approved.window.model_copy(update={"closes": approved.window.opens})
    return approved.model_copy(
        update={
            "consoles": tuple(
                ConsoleAddress(appliance=a.name, address=a.address, trust=trust(a))
                for a in settings.appliances
            ),
            "package": approved.package.model_copy(update={"sha256": sha256, "size": size}),
            "appliances": tuple(
                a.model_copy(update={"level": levels.get(a.appliance) or a.level})
                for a in approved.appliances
            ),
            "window": approved.window if still_open else shortened,
            "needs_minutes": settings.needs_minutes,
            "install_minutes": settings.install_minutes,
            "rules": settings.rules,
            "profile": profile,
        }
    )
