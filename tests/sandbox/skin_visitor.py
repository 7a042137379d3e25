"""Somebody at a console of any skin: asks what the skin's layout says, by plain names, and reads no markup."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Self

import httpx

from bot.sandbox.enterprise.acts import PRESS
from bot.sandbox.enterprise.report import Connection
from bot.sandbox.enterprise.skins import Skin

_TOKEN = re.compile(r'(?:value=|"token": )"([\w-]{24})"', re.IGNORECASE)


class SkinVisitor:
    def __init__(self, connection: Connection, skin: str) -> None:
        self.connection = connection
        self.skin = Skin(skin)
        target = connection.appliances[0]
        context = ssl.create_default_context(cadata=target.certificate)
        self.http = httpx.AsyncClient(base_url=target.address, verify=context, trust_env=False)
        self.token = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.http.aclose()

    def request(self, act: str) -> tuple[str, str]:
        """Which request does it: one of its own, or any form that several acts share."""
        return next((r for wanted in (act, PRESS) for r, does in self.skin.acts.items() if does == wanted))

    async def page(self, page: str) -> httpx.Response:
        return await self.http.get(self.skin.layout.pages[page])

    async def see_token(self) -> str:
        """The token of the session, from the first page that holds one."""
        for address in self.skin.layout.pages.values():
            if found := _TOKEN.search((await self.http.get(address)).text):
                self.token = found[1]
                return self.token
        raise AssertionError("no page holds a token")

    async def do(self, act: str, file: Path | None = None, **fields: str) -> httpx.Response:
        method, address = self.request(act)
        sent = {"token": self.token, "button": act, **fields}
        if method == "GET":
            return await self.http.get(address, params=fields)
        files = {"file": (file.name, file.read_bytes())} if file else None
        return await self.http.request(method, address, data=sent, files=files)

    async def sign_in(self, password: str | None = None) -> httpx.Response:
        await self.see_token()
        user, known = self.connection.user, self.connection.password
        answer = await self.do("sign_in", user=user, password=password or known)
        if password is None:
            await self.see_token()
        return answer
