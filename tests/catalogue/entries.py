"""The catalogue: all faults, in the order of the life of a request."""

from __future__ import annotations

from tests.catalogue.before_send import BEFORE_SEND
from tests.catalogue.fault import Fault, Step
from tests.catalogue.installing import INSTALLING
from tests.catalogue.preflight import PREFLIGHT, SIGN_IN
from tests.catalogue.sending import SENDING
from tests.catalogue.watching import WATCHING

_IN_ORDER = list(Step)

_ALL = (*PREFLIGHT, *SIGN_IN, *BEFORE_SEND, *SENDING, *INSTALLING, *WATCHING)

CATALOGUE: tuple[Fault, ...] = tuple(sorted(_ALL, key=lambda fault: _IN_ORDER.index(fault.at)))
