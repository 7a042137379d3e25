"""The console profile: what the console's labels, words and pages are called. Data, not code.

A profile is TOML; what it leaves out is as in `default.toml`. What a purpose is and where it may be pressed is
not in it: that is `allow.RULES`.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from lxml import etree
from pydantic import AfterValidator, StringConstraints, ValidationError, field_validator, model_validator

from bot.console.allow import LABELLED, Purpose, denied
from bot.console.pages import Element, PageKind, cut, normal
from bot.domain.sight import PackageState, ServerState, WorkState
from bot.domain.values import Value

_DEFAULT = Path(__file__).with_name("default.toml")


class ProfileError(ValueError):
    """A profile that cannot be used: file, key and what is expected, on one line."""


def _not_denied(label: str) -> str:
    if denied(label):
        raise ValueError(f"a label that may be pressed; {label!r} is on the deny-list")
    return label


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from error
    return pattern


def _finds(path: str) -> str:
    try:
        etree.XPath(path)
    except etree.XPathError as error:
        raise ValueError(f"an XPath ({error})") from error
    return path


Label = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"\S")]
Pressed = Annotated[Label, AfterValidator(_not_denied)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_compiles)]
XPath = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_finds)]


class Fields(Value):
    """Labels of fields and choices."""

    user: Label
    password: Label
    package_file: Label
    all_appliances: Pressed


class Columns(Value):
    """Column headers, and header cells of two-column tables."""

    package: Label
    package_status: Label
    work_appliance: Label
    work_status: Label
    enterprise_appliance: Label
    enterprise_release: Label
    server: Label
    ipm_name: Label
    ipm_release: Label


class Patterns(Value):
    """Regular expressions, searched ignoring letter case, in one line of at most 300 characters."""

    percent: Pattern
    error: Pattern
    distribution: Pattern
    installation: Pattern
    lock: Pattern
    session_expired: Pattern
    wizard: Pattern
    confirmation: Pattern

    @model_validator(mode="after")
    def _groups(self) -> Self:
        for key, group in (("percent", "percent"), ("distribution", "package"), ("installation", "package")):
            if group not in re.compile(getattr(self, key)).groupindex:
                raise ValueError(f"{key} needs a group (?P<{group}>…)")
        return self


class Places(Value):
    """XPath expressions: where a page's heading, error messages and notices stand."""

    headings: XPath
    errors: XPath
    notices: XPath

    def elements(self, path: str, document: Element) -> list[Element]:
        """What `path`, one of these, finds."""
        found = etree.XPath(path)(document)
        return [e for e in found if isinstance(e, etree._Element)] if isinstance(found, list) else []


class Profile(Value):
    """One console's profile. Words are compared ignoring letter case and white space."""

    entry: Annotated[str, StringConstraints(pattern=r"^/([\w.-][\w./-]*)?$", max_length=200)]
    labels: dict[Purpose, Pressed]
    fields_: Fields
    headings: dict[PageKind, Label]
    columns: Columns
    package_words: dict[PackageState, tuple[Label, ...]]
    work_words: dict[WorkState, tuple[Label, ...]]
    server_words: dict[ServerState, tuple[Label, ...]]
    patterns: Patterns
    places: Places

    @field_validator("labels")
    @classmethod
    def _every_purpose(cls, labels: dict[Purpose, str]) -> dict[Purpose, str]:
        _expect_keys(set(labels), set(LABELLED))
        return labels

    @field_validator("headings")
    @classmethod
    def _every_page(cls, headings: dict[PageKind, str]) -> dict[PageKind, str]:
        _expect_keys(set(headings), set(PageKind) - {PageKind.OTHER})
        if len({normal(h) for h in headings.values()}) < len(headings):
            raise ValueError("a heading of its own for each page")
        return headings

    @field_validator("package_words", "work_words", "server_words")
    @classmethod
    def _one_state_a_word(cls, words: dict[Any, tuple[str, ...]]) -> dict[Any, tuple[str, ...]]:
        if any(state.value == "unrecognized" for state in words):
            raise ValueError("no words for 'unrecognized': that is everything else")
        every = [normal(word) for known in words.values() for word in known]
        if len(set(every)) < len(every):
            raise ValueError("each word in one list only")
        return words

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the content: comments, order of keys and layout make no difference."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()


def _expect_keys(found: set[Any], expected: set[Any]) -> None:
    if missing := sorted(e.value for e in expected - found):
        raise ValueError(f"also {', '.join(missing)}")
    if extra := sorted(e.value for e in found - expected):
        raise ValueError(f"no {', '.join(extra)}")


def load_profile(path: Path | None = None) -> Profile:
    """The profile in the TOML file `path` laid over the default one; None is the default itself.

    Raises `ProfileError`.
    """
    content = _read(_DEFAULT)
    if path is not None:
        content = _laid_over(content, _read(path))
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"] if part != "[key]").replace("fields_", "fields")
        expected = cut(first["msg"].removeprefix("Value error, ").removeprefix("Input should be "), 200)
        raise ProfileError(f"Console profile {path}: {key}: expected {expected}.") from None


def schema() -> dict[str, Any]:
    """The JSON schema of a profile file. Nothing is required: what is left out is as in the default, told with it."""
    default, made = load_profile().model_dump(mode="json"), Profile.model_json_schema()
    for part in (made, *made["$defs"].values()):
        part.pop("required", None)
    for name, section in made["properties"].items():
        section["default"] = default[name]
        if "propertyNames" in section:
            section["propertyNames"] = {"enum": list(default[name])}
    made["properties"]["fields"] = made["properties"].pop("fields_")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "Keyturn console profile",
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError(f"Console profile {path}: cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"Console profile {path}: expected TOML in UTF-8; {error}.") from None
    # `fields` is taken: it is pydantic's own name.
    return {("fields_" if key == "fields" else key): value for key, value in content.items()}


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(under, dict) and isinstance(value, dict)
        merged[key] = _laid_over(under or {}, value) if both else value
    return merged
