"""Faults at the preflight and the sign-in: nobody has approved anything yet."""

from __future__ import annotations

from tests.catalogue import why
from tests.catalogue.answers import SILENT, UNREADABLE
from tests.catalogue.fault import (
    End,
    Fault,
    OtherCertificate,
    Refused,
    Rewritten,
    SignedOut,
    Simulated,
    Step,
)

_STOPPED = "refuses the request and says what it saw; nobody is asked to approve"
_AGAIN = "signs in again and goes on"

PREFLIGHT = (
    Fault(
        "refused-at-preflight",
        Step.PREFLIGHT,
        "The console's port refuses connections.",
        Refused(),
        End.STOPPED,
        _STOPPED,
        why.BEFORE_SEND,
        says=("preflight: Console: no answer", "ConnectError"),
    ),
    *(
        Fault(
            f"{s.name}-at-preflight",
            Step.PREFLIGHT,
            f"The console {s.does}.",
            s.answer,
            End.STOPPED,
            _STOPPED,
            why.BEFORE_SEND,
            says=("preflight: Console: no answer", s.says),
        )
        for s in SILENT
    ),
    *(
        Fault(
            f"{u.name}-at-preflight",
            Step.PREFLIGHT,
            f"The console {u.does}.",
            u.answer,
            End.STOPPED,
            _STOPPED,
            why.BEFORE_SEND,
            says=("Pages recognized: not by the profile", u.says),
        )
        for u in UNREADABLE
    ),
    Fault(
        "heading-changed-at-preflight",
        Step.PREFLIGHT,
        "The page “Packages” is headed “Software” since the last update of the console.",
        Rewritten("<h1>Packages</h1>", "<h1>Software</h1>"),
        End.STOPPED,
        _STOPPED,
        why.ONE_CONTROL,
        says=("expected the page 'Packages', got a page headed 'Software'",),
    ),
    Fault(
        "column-changed-at-preflight",
        Step.PREFLIGHT,
        "The column “Status” of the list of packages is called “State”.",
        Rewritten('<th scope="col">Status</th>', '<th scope="col">State</th>'),
        End.STOPPED,
        _STOPPED,
        why.ONE_CONTROL,
        says=("Pages recognized: not by the profile", "Status"),
    ),
    Fault(
        "tab-twice-at-preflight",
        Step.PREFLIGHT,
        "Two links are called “Enterprise”, and they lead to different pages.",
        Rewritten('<a href="/network">Network</a>', '<a href="/network">Enterprise</a>'),
        End.STOPPED,
        _STOPPED,
        why.ONE_CONTROL,
        says=("Pages recognized: not by the profile", "'Enterprise'"),
    ),
    Fault(
        "appliance-missing-at-preflight",
        Step.PREFLIGHT,
        "One appliance is missing from the list of the Enterprise page.",
        Simulated("appliance-missing"),
        End.STOPPED,
        _STOPPED,
        why.SAME_LEVEL,
        says=("not listed on the console: appliance-2",),
    ),
    Fault(
        "levels-differ-at-preflight",
        Step.PREFLIGHT,
        "The appliances are at different levels.",
        Simulated("mixed-levels"),
        End.STOPPED,
        _STOPPED,
        why.SAME_LEVEL,
        says=("not all at the same hotfix release", "24.1 HF1"),
    ),
    Fault(
        "foreign-distribution-at-preflight",
        Step.PREFLIGHT,
        "Another person's distribution is going on already.",
        Simulated("foreign-distribution"),
        End.STOPPED,
        _STOPPED,
        why.NOBODY_ELSE,
        says=("Nobody else at work: distributing agent-24-1-0",),
    ),
    Fault(
        "listed-with-another-size",
        Step.PREFLIGHT,
        "The package is listed already, of another size than the file that people approve.",
        Simulated("already-listed=applianceG4-24-1-HF4"),
        End.STOPPED,
        _STOPPED,
        why.LISTED,
        says=("Package not listed: listed already as Uploaded",),
    ),
    Fault(
        "certificate-changed-at-preflight",
        Step.PREFLIGHT,
        "The console shows another certificate than the pinned one.",
        OtherCertificate(),
        End.STOPPED,
        _STOPPED,
        why.PINNED,
        says=("the certificate's SHA-256 is",),
    ),
    Fault(
        "clock-wrong",
        Step.PREFLIGHT,
        "The appliance's clock is nine years behind: the date of each of its answers says so.",
        Rewritten("(?m)^date: [^\r]*", "Date: Mon, 06 Nov 2017 03:12:09 GMT"),
        End.SUCCEEDED,
        "goes by its own clock alone",
        "Time is a port: what an appliance says of the time decides nothing.",
        installs=1,
    ),
    Fault(
        "clock-wrong-in-cookies",
        Step.PREFLIGHT,
        "The appliance's clock is nine years behind, and by it each session cookie has long run out.",
        Rewritten("(?m)^set-cookie: ([^;]*)", r"set-cookie: \1; Expires=Mon, 06 Nov 2017 03:12:09 GMT"),
        End.STOPPED,
        _STOPPED,
        why.BEFORE_SEND,
        says=("the session has expired",),
    ),
)

SIGN_IN = (
    Fault(
        "password-refused",
        Step.SIGN_IN,
        "The console refuses user and password.",
        Simulated("password-changed"),
        End.STOPPED,
        "tries the password once, and refuses the request",
        why.PASSWORD,
        says=("refused user 'Super Administrator' and password",),
    ),
    Fault(
        "302-at-sign-in",
        Step.SIGN_IN,
        "The console answers each sign-in with 302 to the sign-in page, as if the session had expired.",
        SignedOut(),
        End.STOPPED,
        "does not try again and again: it refuses the request",
        why.PASSWORD,
        says=("the session ends at once",),
    ),
    Fault(
        "session-always-over",
        Step.PREFLIGHT,
        "Somebody else's session ends each of ours at once: every page behind the sign-in answers 302 to it.",
        SignedOut(),
        End.STOPPED,
        _STOPPED,
        why.SIGN_IN_AGAIN,
        says=("the session ends at once",),
    ),
    Fault(
        "302-in-a-look",
        Step.LOOK,
        "The session is over in the middle of a look: 302 to the sign-in page.",
        SignedOut(),
        End.SUCCEEDED,
        _AGAIN,
        why.SIGN_IN_AGAIN,
        installs=1,
        times=1,
    ),
)
