"""Answers that no console gives when it is well, by the words that the catalogue calls them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.catalogue.fault import Cut, Replaced, Way

MIB = 1 << 20

RESET, SILENCE = Cut(Way.RESET), Cut(Way.SILENCE)
TRICKLE, HALF = Cut(Way.TRICKLE, carried_out=True), Cut(Way.HALF, carried_out=True)


def page(heading: str, words: str, *, alert: bool = False) -> bytes:
    """A page without the console's navigation; with `alert` the words stand where the profile looks for errors."""
    role = ' role="alert"' if alert else ""
    return f"<!DOCTYPE html><title>{heading}</title><h1>{heading}</h1><p{role}>{words}</p>".encode()


ADVISORY = Replaced(body=page("Service Advisory", "The service is temporarily degraded."))
SERVER_ERROR = Replaced("500 Internal Server Error", page("Internal Server Error", "Please try again later."))
BAD_GATEWAY = Replaced("502 Bad Gateway", page("502 Bad Gateway", "nginx"))
MESSAGE = "The package database is damaged (error 1310)"
ERROR_MESSAGE = Replaced(body=page("Error", MESSAGE, alert=True))
EMPTY = Replaced()
WRONG_CHARSET = Replaced(
    body="<h1>Packages</h1>".encode("utf-16-le"), headers={"Content-Type": "text/html; charset=utf-8"}
)
UNKNOWN_CHARSET = Replaced(
    body=b"<h1>Packages</h1>", headers={"Content-Type": "text/html; charset=appliance-7"}
)
GZIP_GARBAGE = Replaced(
    body=b"\x1f\x8b\x08\x00garbage, not deflate" * 9,
    headers={"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "gzip"},
)
HUGE = Replaced(body=b"<p>Packages</p>".ljust(MIB, b" "), repeat=50)
WIZARD = Replaced(body=page("Appliance Setup Wizard", "Welcome. Choose a name for this appliance."))


@dataclass(frozen=True)
class Unreadable:
    """An answer that is no page of the console: its name, a sentence, and a word of what the ledger has to say."""

    name: str
    does: str
    answer: Replaced
    says: str


UNREADABLE = (
    Unreadable("500", "answers with 500 and a page that says nothing", SERVER_ERROR, "Internal Server Error"),
    Unreadable(
        "error-page", "answers 200 with an error page in words of its own", ADVISORY, "Service Advisory"
    ),
    Unreadable("empty", "answers 200 with nothing in it", EMPTY, "there is no text in it"),
    Unreadable(
        "wrong-charset", "sends its page in another charset than it says", WRONG_CHARSET, "without a heading"
    ),
    Unreadable(
        "unknown-charset", "names a charset that nobody knows", UNKNOWN_CHARSET, "its charset is unknown"
    ),
    Unreadable(
        "gzip-garbage", "answers with garbage that is said to be compressed", GZIP_GARBAGE, "compressed"
    ),
    Unreadable("50-mb", "answers with a page of 50 MB", HUGE, "a page is longer than"),
    Unreadable("wizard", "shows the Appliance Setup Wizard", WIZARD, "Appliance Setup Wizard"),
)


@dataclass(frozen=True)
class Silent:
    """An answer that does not come, or not whole: its name and a sentence."""

    name: str
    does: str
    answer: Cut | Replaced
    says: str = "the console gave no answer"


SILENT = (
    Silent("reset", "resets the connection before it answers", RESET),
    Silent("black-hole", "takes the request and never answers", SILENCE),
    Silent("trickle", "answers so slowly, byte by byte, that no page is ever whole", TRICKLE),
    Silent("half-a-page", "breaks off in the middle of its answer", HALF),
    Silent(
        "502",
        "has a proxy before it that answers 502 with a page of its own",
        BAD_GATEWAY,
        "answered 502, which a busy or starting one does",
    ),
)
