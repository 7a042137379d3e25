"""The sessions of one console: cookies, idle time, tokens, and names of controls that mean nothing."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field


@dataclass
class Session:
    """One visitor's session; `user` is None until signed in. Times in simulated seconds."""

    opened: float
    used: float
    user: str | None = None
    requests: int = 0
    key: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(18))

    def word(self, meaning: str) -> str:
        """A name, id or value for a control: the same within this session, different in the next.

        Who finds controls by anything but their visible label breaks here.
        """
        return "x" + hashlib.blake2s(f"{self.token}/{meaning}".encode(), digest_size=5).hexdigest()


class Sessions:
    """All sessions of one console.

    `cookie` is the cookie's name. It must differ between consoles: cookies know no ports, and all consoles are
    on one address.
    """

    def __init__(self, cookie: str, idle_seconds: float) -> None:
        self.cookie = cookie
        self._idle = idle_seconds
        self._open: dict[str, Session] = {}

    def open(self, now: float, user: str | None = None) -> Session:
        """A new session; those that have expired are forgotten."""
        self._open = {key: s for key, s in self._open.items() if now - s.used <= self._idle}
        session = Session(opened=now, used=now, user=user)
        self._open[session.key] = session
        return session

    def find(self, key: str, now: float, *, void_before: float, limit: int | None) -> Session | None:
        """The live session of a cookie, used now; None when it is unknown, idle too long, or otherwise over."""
        session = self._open.get(key)
        if session is None:
            return None
        session.requests += 1
        lost = session.opened < void_before and session.user is not None
        worn = limit is not None and session.requests > limit and session.user is not None
        if now - session.used > self._idle or lost or worn:
            self.close(session)
            return None
        session.used = now
        return session

    def close(self, session: Session) -> None:
        """End a session: signed out, or taken away."""
        self._open.pop(session.key, None)

    def signed_in(self, now: float) -> int:
        """How many sessions of signed-in users are alive."""
        return sum(1 for s in self._open.values() if s.user and now - s.used <= self._idle)
