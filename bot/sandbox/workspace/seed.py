"""Who is in the workspace when it starts, and with which tokens: the settings and their defaults.

The file given with `--people` is JSON with the fields of `Seed`; whatever it leaves out keeps its default.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class SeedError(Exception):
    """The people file cannot be used; the message says which file and why."""


class SeedPerson(BaseModel):
    """One member of the workspace. `name` is the handle, `tz` an IANA zone."""

    model_config = ConfigDict(extra="forbid")
    id: str = Field(pattern=r"^[UW][A-Z0-9]+$")
    name: str
    real_name: str
    title: str = ""
    tz: str = "Etc/UTC"
    guest: bool = False
    deactivated: bool = False


class SeedGroup(BaseModel):
    """One user group: its handle and the ids of its members."""

    model_config = ConfigDict(extra="forbid")
    id: str = Field(pattern=r"^S[A-Z0-9]+$")
    handle: str
    name: str
    users: list[str]


def _people() -> list[SeedPerson]:
    return [
        SeedPerson(id="U0ANA", name="ana", real_name="Ana Ortiz", title="Identity engineer"),
        SeedPerson(id="U0BEN", name="ben", real_name="Ben Adler", title="Approver"),
        SeedPerson(id="U0CHLOE", name="chloe", real_name="Chloe Durand", title="Approver"),
        SeedPerson(id="U0DAN", name="dan", real_name="Dan Novak", title="Service desk"),
        SeedPerson(id="U0GUEST", name="eve", real_name="Eve Guest", title="Guest", guest=True),
        SeedPerson(id="U0SAM", name="sam", real_name="Sam Oncall", title="On call"),
    ]


def _groups() -> list[SeedGroup]:
    return [
        SeedGroup(
            id="S0APPROVE",
            handle="upgrade-approvers",
            name="Upgrade approvers",
            users=["U0ANA", "U0BEN", "U0CHLOE"],
        ),
        SeedGroup(id="S0ONCALL", handle="identity-oncall", name="Identity on call", users=["U0SAM"]),
        SeedGroup(
            id="S0REQUEST", handle="upgrade-requesters", name="Upgrade requesters", users=["U0ANA", "U0BEN"]
        ),
    ]


class Seed(BaseModel):
    """The workspace at its start. `events` are the Events API types that the app is subscribed to."""

    model_config = ConfigDict(extra="forbid")
    team_id: str = "T0LOCAL"
    team_name: str = "Local workspace"
    team_domain: str = "local"
    channel_id: str = "C0IDENTITY"
    channel_name: str = "identity-ops"
    people: list[SeedPerson] = Field(default_factory=_people, min_length=1)
    groups: list[SeedGroup] = Field(default_factory=_groups)
    bot_user: str = "U0BOT"
    bot_name: str = "keyturn"
    bot_id: str = "B0BOT"
    app_id: str = "A0KEYTURN"
    bot_token: str = "xoxb-local"  # noqa: S105 - opens nothing but this stand-in
    app_token: str = "xapp-local"  # noqa: S105
    command: str = Field(default="/upgrade", pattern=r"^/[a-z0-9_-]+$")
    events: list[str] = ["app_home_opened", "app_mention"]


def read_seed(people: Path | None, command: str | None = None) -> Seed:
    """The seed from a JSON file (or the default), with the slash command replaced when one is given.

    Raises SeedError when the file cannot be read or does not fit.
    """
    changes = {} if command is None else {"command": command}
    try:
        seed = Seed() if people is None else Seed.model_validate_json(people.read_bytes())
        return Seed.model_validate({**seed.model_dump(), **changes})
    except (OSError, ValueError) as error:
        raise SeedError(f"The people file {people or '(default)'} cannot be used: {error}") from error
