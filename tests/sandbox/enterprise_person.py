"""A person at an Appliance Console: finds everything by what is visible, as docs/assumed-console.md shows it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Self
from urllib.parse import urljoin

import httpx
from lxml import html

from bot.sandbox.enterprise.report import Connection


def text(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


class Person:
    def __init__(self, connection: Connection, index: int = 0) -> None:
        self.connection = connection
        self.target = connection.appliances[index]
        context = ssl.create_default_context(cadata=self.target.certificate)
        self.http = httpx.AsyncClient(
            base_url=self.target.address, verify=context, trust_env=False, follow_redirects=True
        )
        self.answer: httpx.Response
        self.page: html.HtmlElement

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.http.aclose()

    def _show(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.page = html.fromstring(answer.text or "<p></p>")

    async def visit(self, address: str = "/") -> None:
        self._show(await self.http.get(address))

    async def sign_in(self, user: str | None = None, password: str | None = None) -> None:
        await self.visit()
        await self.press(
            "Log In",
            fill={
                "User name": user or self.connection.user,
                "Password": password or self.connection.password,
            },
        )

    async def follow(self, label: str) -> None:
        links = [a for a in self.page.iter("a") if text(a) == label]
        assert len(links) == 1, f"{len(links)} links {label!r}"
        self._show(await self.http.get(urljoin(str(self.answer.url), links[0].get("href"))))

    def control(self, label: str) -> html.HtmlElement:
        labels = [e for e in self.page.iter("label") if text(e) == label]
        assert len(labels) == 1, f"{len(labels)} labels {label!r}"
        return self.page.get_element_by_id(labels[0].get("for"))

    def button(self, label: str) -> html.HtmlElement:
        buttons = [b for b in self.page.iter("button") if text(b) == label]
        assert len(buttons) == 1, f"{len(buttons)} buttons {label!r}"
        return buttons[0]

    def form(self, label: str) -> tuple[str, str, dict[str, str]]:
        """Method, address and fields of the form of that button, as the page fills them."""
        button = self.button(label)
        form = next(button.iterancestors("form"))
        fields = {}
        for field in form.iter("input"):
            kind = field.get("type")
            if kind != "file" and (kind != "radio" or field.get("checked") is not None):
                fields[field.get("name")] = field.get("value", "")
        if button.get("name"):
            fields[button.get("name")] = button.get("value")
        return form.get("method"), urljoin(str(self.answer.url), form.get("action")), fields

    async def press(
        self,
        label: str,
        *,
        choose: str | None = None,
        fill: dict[str, str] | None = None,
        files: dict[str, Path] | None = None,
    ) -> None:
        method, address, fields = self.form(label)
        if choose:
            radio = self.control(choose)
            fields[radio.get("name")] = radio.get("value")
        for name, value in (fill or {}).items():
            fields[self.control(name).get("name")] = value
        if method == "get":
            self._show(await self.http.get(address, params=fields))
            return
        named = {self.control(name).get("name"): path for name, path in (files or {}).items()}
        opened = {name: path.open("rb") for name, path in named.items()}
        try:
            sent = {name: (named[name].name, file) for name, file in opened.items()}
            self._show(await self.http.post(address, data=fields, files=sent or None, timeout=60))
        finally:
            for file in opened.values():
                file.close()

    @property
    def heading(self) -> str:
        (heading,) = self.page.iter("h1")
        return text(heading)

    @property
    def alerts(self) -> list[str]:
        return [text(e) for e in self.page.xpath("//*[@role='alert']")]

    @property
    def notices(self) -> list[str]:
        return [text(e) for e in self.page.xpath("//*[@role='status']")]

    @property
    def buttons(self) -> list[str]:
        return [text(b) for b in self.page.iter("button")]

    def table(self, *headers: str) -> list[list[str]]:
        """The rows of the table with exactly these headers."""
        for table in self.page.iter("table"):
            if tuple(text(th) for th in table.xpath(".//thead//th")) == headers:
                return [[text(td) for td in row.iter("td")] for row in table.xpath(".//tbody/tr")]
        return []

    def packages(self) -> dict[str, str]:
        """Package and Status."""
        return {row[0]: row[3] for row in self.table("Package", "Type", "Size", "Status")}

    def facts(self) -> dict[str, str]:
        """A table with header cells in the first column."""
        return {text(row.find("th")): text(row.find("td")) for row in self.page.xpath("//tbody/tr[th]")}

    def sections(self) -> list[str]:
        return [text(h) for h in self.page.iter("h2")]

    def progress(self) -> dict[str, str]:
        """Appliance and Status of what goes on."""
        return {row[0]: row[1] for row in self.table("Appliance", "Status")}

    # The steps of the vendor's procedure

    async def upload(self, file: Path) -> None:
        await self.follow("Packages")
        await self.press("Upload Imprivata Package")
        await self.press("Upload", files={"Imprivata Package": file})

    async def send(self, package: str) -> None:
        await self.follow("Packages")
        await self.press("Distribute", choose=package)
        await self.press("Send")

    async def open_install(self, package: str) -> None:
        await self.follow("Packages")
        await self.press("Install", choose=package)
