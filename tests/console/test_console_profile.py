"""The profile: what a bad one says, and what its digest depends on."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.console.allow import Purpose
from bot.console.profile import ProfileError, load_profile


def written(directory: Path, content: str) -> Path:
    path = directory / "mine.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_a_profile_holds_only_what_differs(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, "[labels]\nsign_in = 'Anmelden'\n[fields]\nuser = 'Benutzer'\n"))
    assert profile.labels[Purpose.SIGN_IN] == "Anmelden"
    assert profile.labels[Purpose.INSTALL] == "Install"
    assert profile.fields_.user == "Benutzer"
    assert profile.digest != load_profile().digest


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    same = load_profile(written(tmp_path, "# a comment\n[labels]\nupload = 'Upload'\nsend = 'Send'\n"))
    assert same.digest == load_profile().digest
    assert len(same.digest) == 64


@pytest.mark.parametrize(
    ("content", "key", "expected"),
    [
        ("[labels]\ninstall = 'Remove Appliance'", "labels.install", "deny-list"),
        ("[labels]\ninstall = 'Reboot/shutdown options'", "labels.install", "deny-list"),
        ("[labels]\ninstall = ''", "labels.install", "at least 1 character"),
        ("[labels]\ninstall = 3", "labels.install", "valid string"),
        ("[labels]\nformat_disk = 'Format'", "labels.format_disk", "sign_in"),
        (
            "[fields]\nall_appliances = 'Install IPM on this appliance only'",
            "fields.all_appliances",
            "deny-list",
        ),
        ("[headings]\nlogs = 'Packages'", "headings", "a heading of its own"),
        ("[headings]\nother = 'Other'", "headings", "no other"),
        ("[patterns]\nlock = '('", "patterns.lock", "regular expression"),
        ("[patterns]\npercent = 'x'", "patterns", "(?P<percent>"),
        ("[places]\nerrors = '//*['", "places.errors", "XPath"),
        ("[package_words]\nunrecognized = ['x']", "package_words", "everything else"),
        ("[package_words]\nuploaded = ['Installed']", "package_words", "one list only"),
        ("[package_words]\nsleeping = ['x']", "package_words.sleeping", "uploaded"),
        ("surprise = 1", "surprise", "Extra inputs"),
        ("entry = '//elsewhere/'", "entry", "match pattern"),
        ("labels = 1", "labels", "valid dictionary"),
        ("[labels", "", "expected TOML"),
    ],
)
def test_a_bad_profile_is_one_clear_line(tmp_path: Path, content: str, key: str, expected: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ProfileError) as bad:
        load_profile(path)
    message = str(bad.value)
    assert "\n" not in message
    assert str(path) in message
    assert f"{key}: expected" in message or not key
    assert expected in message


def test_a_missing_profile_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"gone\.toml: cannot be read \(No such file"):
        load_profile(tmp_path / "gone.toml")
