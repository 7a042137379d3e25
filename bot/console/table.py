"""A report as people read it: plain text, at most 100 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Hashable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from bot.console.report import WRONG, ConsoleSight, Finding, Outcome, Report, Result
from bot.domain.sight import Activity

Key = TypeVar("Key", bound=Hashable)

WIDTH = 100
_INDENT = " " * 10
_DIGITS = 12


def table(report: Report) -> str:
    """All of it: the consoles, what was looked for, what is understood, what could not be seen, and the result."""
    when = f"{report.at:%Y-%m-%d %H:%M UTC}"
    lines = [f"{report.enterprise}, {when}, profile {report.profile[:_DIGITS]}"]
    for console in report.consoles:
        lines += ["", *_console(console, report.at)]
    for part in (_looked_for, _understood, _not_seen, _result):
        lines += ["", *part(report)]
    return "\n".join(lines)


def _console(console: ConsoleSight, at: datetime) -> Iterator[str]:
    yield f"{console.name}  {console.address}"
    if certificate := console.certificate:
        trust = {True: "trusted", False: "NOT TRUSTED", None: "trust not seen"}[console.trusted]
        yield from _fact("certificate", f"{certificate.subject or 'no name'}, {trust}")
        dates = f"{certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"
        now = certificate.not_before <= at <= certificate.not_after
        yield from _fact("valid", dates if now else f"{dates}, NOT NOW")
        yield from _fact("SHA-256", certificate.fingerprint)
    yield from _fact("sign-in", "signed in" if console.signed_in else "NOT SIGNED IN")
    if console.failure:
        yield from _fact("failure", console.failure)


def _looked_for(report: Report) -> Iterator[str]:
    yield "Looked for"
    everywhere = tuple(console.name for console in report.consoles)
    for finding in report.findings:
        if finding.outcome is Outcome.NOT_SEEN:
            continue
        if finding.outcome is Outcome.FOUND and finding.key.startswith("page."):
            continue  # what was understood stands below
        wrong = finding.outcome in WRONG
        outcome = finding.outcome.value.upper() if wrong else finding.outcome.value
        view = finding.view.value if finding.view else ""
        start = f"  {outcome:7}  {finding.key:28}  {view:10}"
        yield from textwrap.wrap(
            f"{start}  {finding.expected}", WIDTH, subsequent_indent=" " * (len(start) + 2)
        )
        if wrong:
            yield from _wrapped(finding.reason)
            if finding.near:
                yield from _wrapped("nearest: " + ", ".join(map(repr, finding.near)))
            if finding.consoles != everywhere:
                yield from _wrapped("on " + ", ".join(finding.consoles))
            if finding.outcome is Outcome.MISSING:
                yield from _wrapped(_to_be_read(report, finding))


def _to_be_read(report: Report, finding: Finding) -> str:
    there = next((c.shows for c in report.consoles if c.name in finding.consoles), {})
    read = there.get(finding.view, ()) if finding.view else ()
    return "to be read there: " + ", ".join(map(repr, read)) if read and not finding.near else ""


def _understood(report: Report) -> Iterator[str]:
    yield "Understood"
    read = [console for console in report.consoles if console.signed_in]
    for levels, on in _alike((tuple(sorted(c.levels.items())), c.name) for c in read if c.levels):
        by: dict[str, list[str]] = {}
        for appliance, level in levels:
            by.setdefault(level or "no release", []).append(appliance)
        said = "; ".join(f"{level} on {', '.join(names)}" for level, names in by.items())
        differ = " (they differ: no run starts so)" if len(by) > 1 else ""
        yield from _fact("levels", f"{said}{differ} [{_names(on, report)}]")
    for packages, on in _alike((c.packages, c.name) for c in read if c.activity):
        yield from _fact("packages", f"{len(packages)} listed [{_names(on, report)}]")
        for package in packages:
            yield from _fact("", f"{package.name:40}  {package.state.value:12}  {package.words!r}")
    for doing, on in _alike(((c.activity, c.subject), c.name) for c in read if c.activity):
        activity, subject = doing
        said = (
            "nothing" if activity is Activity.IDLE else f"{activity.value}, {subject or 'nobody knows what'}"
        )
        yield from _fact("going on", f"{said} [{_names(on, report)}]")
    for server, on in _alike((c.server, c.name) for c in read if c.server):
        yield from _fact("server", f"{server.value} [{_names(on, report)}]")
    for locked, on in _alike((c.locked, c.name) for c in read):
        yield from _fact(
            "lock", f"{'the enterprise lock holds' if locked else 'none'} [{_names(on, report)}]"
        )
    for console in read:
        for words in console.errors:
            yield from _fact("message", f"{console.name}: {words!r}")


def _names(names: list[str], report: Report) -> str:
    return "all consoles" if len(names) == len(report.consoles) > 1 else ", ".join(names)


def _not_seen(report: Report) -> Iterator[str]:
    yield "Not seen"
    unseen = [f for f in report.findings if f.outcome is Outcome.NOT_SEEN]
    for reason, keys in _alike((finding.reason, finding.key) for finding in unseen):
        yield from _wrapped(f"{reason}: {', '.join(dict.fromkeys(keys))}", "  ")


def _result(report: Report) -> Iterator[str]:
    if report.result is Result.FOUND:
        yield "All that could be looked for was found."
    if report.wrong:
        keys = ", ".join(dict.fromkeys(f.key for f in report.wrong))
        yield from _wrapped(f"Not found or not understood ({len(report.wrong)}): {keys}", "")
    if failed := [console.name for console in report.consoles if console.failure]:
        yield from _wrapped(f"Not reached, not trusted or not signed in to: {', '.join(failed)}", "")


def _alike(pairs: Iterable[tuple[Key, str]]) -> Iterable[tuple[Key, list[str]]]:
    """The names of those that are alike, by what they have in common."""
    alike: dict[Key, list[str]] = {}
    for key, name in pairs:
        alike.setdefault(key, []).append(name)
    return alike.items()


def _fact(name: str, words: str) -> Iterator[str]:
    yield from textwrap.wrap(words, WIDTH, initial_indent=f"  {name:11}  ", subsequent_indent=" " * 15)


def _wrapped(words: str, indent: str = _INDENT) -> Iterable[str]:
    return textwrap.wrap(words, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
