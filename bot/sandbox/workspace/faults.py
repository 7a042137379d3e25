"""What can be made to go wrong: 429s, outages, and answers that are lost after the work was done."""

import math
import time
from collections import deque
from dataclasses import dataclass, field

# Slack's limits, when switched on: calls and seconds. chat.postMessage counts per channel; Tier 2 and Tier 3.
_POSTING = (1, 1.0)
_TIER_2 = (20, 60.0)
_TIER_3 = (50, 60.0)


@dataclass
class Faults:
    """Everything that is set to go wrong at the moment."""

    outage: bool = False
    real_limits: bool = False
    _limited: dict[str, list[int]] = field(default_factory=dict)
    _lost: dict[str, int] = field(default_factory=dict)
    _calls: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def limit(self, method: str, times: int, retry_after: int) -> None:
        """Answers the next calls of that method with 429 and Retry-After."""
        self._limited[method] = [retry_after] * times

    def lose_answers(self, method: str, times: int) -> None:
        """Carries out the next calls of that method and drops the connection instead of answering."""
        self._lost[method] = times

    def retry_after(self, method: str, channel: str) -> int | None:
        """Seconds that this call must wait; None when it may go on."""
        if forced := self._limited.get(method):
            return forced.pop()
        if not self.real_limits:
            return None
        most, seconds, scope = (*_TIER_3, "")
        if method == "chat.postMessage":
            most, seconds, scope = (*_POSTING, channel)
        elif method.startswith("usergroups."):
            most, seconds = _TIER_2
        now = time.monotonic()
        calls = self._calls.setdefault((method, scope), deque())
        while calls and calls[0] <= now - seconds:
            calls.popleft()
        if len(calls) >= most:
            return max(1, math.ceil(calls[0] + seconds - now))
        calls.append(now)
        return None

    def loses(self, method: str) -> bool:
        """Whether the answer to this call is lost."""
        if self._lost.get(method, 0) > 0:
            self._lost[method] -= 1
            return True
        return False
