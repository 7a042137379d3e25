"""The skins of the simulated console: how it looks, never what it does. Each is a folder of data beside this file.

docs/skins.md says what such a folder holds.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER = Path(__file__).parent
LAYOUT, PROFILE = "skin.toml", "profile.toml"
PLAIN, PLAIN_PAGES = "plain", frozenset({"general", "affinity", "agents", "network"})
"""The template for pages that only have a name, where they have none of their own."""
_TYPES = {".html": "text/html", ".json": "application/json"}


class SkinError(Exception):
    """A skin that there is not, or that cannot be used. The message says which, and what is wrong with it."""


class Layout(BaseModel):
    """`skin.toml`.

    `pages`: the address of each page that has one. `acts`: what a request does, by "METHOD /address".
    `done`, `refused`: which page follows an act, where it is not the usual one. `without_session`: pages for anybody.
    `statuses`: the HTTP status of the page `sign_in`, and of what follows a refused act (`refused`); 200 if not told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    needs_javascript: bool = False
    pages: dict[str, str]
    acts: dict[str, str]
    done: dict[str, str] = {}
    refused: dict[str, str] = {}
    without_session: tuple[str, ...] = ()
    statuses: dict[str, int] = {}


class Rendered(NamedTuple):
    """A page as it is sent."""

    text: str
    content_type: str


class Skin:
    """One skin. Raises `SkinError` when there is none of that name, or its layout cannot be read."""

    def __init__(self, name: str, within: Path = FOLDER) -> None:
        if name not in names(within):
            raise SkinError(f"no skin is called {name!r}; there are: {', '.join(names(within))}")
        self.name = name
        folder = within / name
        try:
            text = (folder / LAYOUT).read_text(encoding="utf-8")
            self.layout = Layout.model_validate(tomllib.loads(text))
        except (OSError, ValueError) as error:
            reason = _first(error)
            raise SkinError(f"the skin {name}: {LAYOUT} cannot be used ({reason})") from None
        self.acts: dict[tuple[str, str], str] = {}
        for request, act in self.layout.acts.items():
            method, _, address = request.partition(" ")
            self.acts[method, address] = act
        self.pages = {address: page for page, address in self.layout.pages.items()}
        self.files = {f"/files/{file.name}": file for file in (folder / "files").glob("*")}
        self._templates = {
            file.stem: file.name for file in (folder / "pages").glob("*") if file.suffix in _TYPES
        }
        self._environment = Environment(
            loader=FileSystemLoader(folder / "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def is_data(self, page: str) -> bool:
        """Whether a script reads the page, and not a person."""
        return self._template(page).endswith(".json")

    def draws(self, page: str) -> bool:
        """Whether there is a template for the page."""
        return page in self._templates or (page in PLAIN_PAGES and PLAIN in self._templates)

    def render(self, page: str, context: dict[str, object]) -> Rendered:
        """A page, from its template."""
        template = self._template(page)
        text = self._environment.get_template(template).render(context)
        return Rendered(text, _TYPES[Path(template).suffix])

    def _template(self, page: str) -> str:
        return self._templates[page if page in self._templates else PLAIN]


def names(within: Path = FOLDER) -> list[str]:
    """The skins that there are: every folder with a layout."""
    return sorted(path.parent.name for path in within.glob(f"*/{LAYOUT}"))


def profile(name: str) -> str:
    """What differs from the default console profile, as TOML. Raises `SkinError`."""
    return (FOLDER / Skin(name).name / PROFILE).read_text(encoding="utf-8")


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
    return str(error)
