"""What every value of the domain is made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_aware)]
"""A point in time, always aware, always UTC inside."""


class Value(BaseModel):
    """An immutable value: equal by content, refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
