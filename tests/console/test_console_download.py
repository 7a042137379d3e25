"""The name under which a console's file is saved."""

from __future__ import annotations

import pytest

from bot.console.download import safe_name


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="logs.zip"', "logs.zip"),
        ("attachment; filename=logs.zip", "logs.zip"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\logs\\\\a b.zip"', "a_b.zip"),
        ('attachment; filename=".bashrc"', "bashrc"),
        ('attachment; filename=".."', "appliance-logs"),
        ('attachment; filename="<!channel>\x07é.zip"', "channel_.zip"),
        ("attachment; filename*=UTF-8''l%C3%B6gs%2F..%2Fx.zip", "x.zip"),
        (f'attachment; filename="{"a" * 300}.zip"', "a" * 96 + ".zip"),
        ("attachment", "appliance-logs"),
        ("", "appliance-logs"),
    ],
)
def test_a_harmless_name(disposition: str, name: str) -> None:
    assert safe_name(disposition) == name
