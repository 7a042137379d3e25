"""The codec: every event comes back as it was written; what is unknown refuses."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import events as e
from bot.domain.events import EVENTS, Draft, Event, UnknownEvent, decode, encode
from bot.domain.plan import Package, Plan
from bot.domain.windows import Window
from tests.support.strategies import drafts, packages, plans, whole, windows

st.register_type_strategy(Package, packages)
st.register_type_strategy(Plan, plans)
st.register_type_strategy(Draft, drafts)
st.register_type_strategy(Window, windows)


def test_every_event_is_known_by_its_name() -> None:
    declared = {name for name, kind in vars(e).items() if isinstance(kind, type) and issubclass(kind, Event)}
    assert set(EVENTS) == declared - {"Event"}


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_comes_back_as_it_was_written(name: str) -> None:
    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(whole(EVENTS[name]))
    def comes_back(event: Event) -> None:
        kind, version, data = encode(event)
        assert kind == name
        again = decode(kind, version, data)
        assert again == event
        assert type(again) is type(event)
        assert encode(again) == (kind, version, data)

    comes_back()


def test_what_is_stored_is_canonical() -> None:
    name, version, data = encode(e.Declined(request="KT-1", by="U-ANNA", reason="übermorgen"))
    assert (name, version) == ("Declined", 1)
    assert data == '{"by":"U-ANNA","reason":"übermorgen","request":"KT-1"}'


@pytest.mark.parametrize(
    ("name", "version"), [("Exploded", 1), ("Declined", 2), ("Declined", 0), ("Event", 1), ("", 1)]
)
def test_an_unknown_type_or_version_refuses(name: str, version: int) -> None:
    data = json.dumps({"request": "KT-1", "by": "U-ANNA", "reason": ""})
    with pytest.raises(UnknownEvent, match=f"{name} version {version}.*run the version of Keyturn"):
        decode(name, version, data)


@pytest.mark.parametrize("data", ["{}", '{"request":"KT-1","by":"U","reason":"","more":1}', "[]", "not json"])
def test_a_known_event_with_other_fields_refuses(data: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        decode("Declined", 1, data)


def test_an_event_cannot_be_changed() -> None:
    event = e.Expired(request="KT-1")
    with pytest.raises(ValueError, match="frozen"):
        setattr(event, "request", "KT-2")  # noqa: B010  # the type checker forbids it too
