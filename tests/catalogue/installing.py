"""Faults of the one request of the last Install: whatever comes back, it is not sent again."""

from __future__ import annotations

from dataclasses import replace

from tests.catalogue import why
from tests.catalogue.answers import (
    BAD_GATEWAY,
    ERROR_MESSAGE,
    HALF,
    MESSAGE,
    RESET,
    SILENCE,
    TRICKLE,
    UNREADABLE,
)
from tests.catalogue.fault import (
    Cut,
    End,
    Fault,
    OtherCertificate,
    Refused,
    Replaced,
    SignedOut,
    Simulated,
    Step,
    Way,
)

_NEVER_AGAIN = "does not press it again; when nothing is seen for the settle budget it asks people"
_WATCHES = "does not press it again; it sees the installation and watches"
_IDLE = "the console answers and nothing is being installed"


def _lost(name: str, does: str, how: Cut | Replaced | SignedOut | Simulated, *says: str) -> Fault:
    """The request is gone, and nothing is installed."""
    return Fault(name, Step.INSTALL, does, how, End.UNKNOWN, _NEVER_AGAIN, why.ONCE, 1, (_IDLE, *says))


def _begun(name: str, does: str, how: Cut | Replaced | SignedOut | Simulated, *says: str) -> Fault:
    """The installation begins, whatever the answer."""
    return Fault(name, Step.INSTALL, does, how, End.SUCCEEDED, _WATCHES, why.ONCE, 1, says, times=1)


INSTALLING = (
    Fault(
        "refused-at-install",
        Step.INSTALL,
        "The console's port refuses the connection for Install.",
        Refused(),
        End.STOPPED,
        "knows that nothing was sent, and stops",
        why.NOT_SENT,
        says=("not sent: Install was not sent", "ConnectError"),
    ),
    Fault(
        "certificate-changed-at-install",
        Step.INSTALL,
        "The console shows another certificate on the connection for Install.",
        OtherCertificate(),
        End.STOPPED,
        "knows that nothing was sent, and stops",
        why.PINNED,
        says=("not sent: Install was not sent", "the certificate's SHA-256 is"),
    ),
    _lost(
        "reset-at-install",
        "The connection is reset when Install has come; nothing begins.",
        RESET,
        "in doubt",
    ),
    _lost(
        "black-hole-at-install", "Install is taken and never answered; nothing begins.", SILENCE, "in doubt"
    ),
    _lost(
        "302-at-install",
        "The session is over when Install comes: 302 to the sign-in page; nothing begins.",
        SignedOut(),
        "answered: 302 Found: to /sign-in",
    ),
    _lost(
        "307-at-install",
        "Install is answered with 307, which asks for the same request again; nothing begins.",
        Simulated("install-sign-in"),
        "answered: 307",
    ),
    _lost(
        "500-at-install",
        "Install is answered with 500; nothing begins.",
        Simulated("install-500"),
        "answered: 500",
    ),
    _lost(
        "502-at-install", "A proxy answers Install with 502; nothing begins.", BAD_GATEWAY, "answered: 502"
    ),
    _lost(
        "error-at-install",
        "Install is answered with an error message that stands on no other page; nothing begins.",
        ERROR_MESSAGE,
        MESSAGE,
    ),
    _lost(
        "install-ignored",
        "Install is answered as always; nothing begins.",
        Simulated("ignored-install"),
        "answered: 303",
    ),
    _begun(
        "answer-lost-at-install",
        "The connection is reset when Install has come, and the installation begins.",
        Cut(Way.RESET, carried_out=True),
        "in doubt",
    ),
    _begun(
        "never-answered-at-install",
        "Install is never answered, and the installation begins.",
        Cut(Way.SILENCE, carried_out=True),
        "in doubt",
    ),
    _begun(
        "trickle-at-install", "The answer to Install comes byte by byte; the installation begins.", TRICKLE
    ),
    _begun("half-at-install", "The answer to Install breaks off; the installation begins.", HALF),
    _begun(
        "302-after-install",
        "The installation begins, and the answer is 302 to the sign-in page.",
        SignedOut(carried_out=True),
        "answered: 302 Found: to /sign-in",
    ),
    _begun(
        "502-after-install",
        "The installation begins, and a proxy answers 502.",
        replace(BAD_GATEWAY, carried_out=True),
        "answered: 502",
    ),
    *(
        replace(
            _begun(
                f"{u.name}-after-install",
                f"The installation begins, and the console {u.does}.",
                replace(u.answer, carried_out=True),
                f"answered: {u.answer.status[:3]}",
            ),
        )
        for u in UNREADABLE
    ),
)
