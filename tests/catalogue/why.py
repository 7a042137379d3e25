"""Why a verdict is as it is: the laws of the design and the vendor's sentences, for a reader of the page."""

ONCE = "Law 1: Install is clicked at most once, whatever comes back."
NOT_SENT = "Law 1: provably no byte of Install has left, so nothing was started."
DRIFT = "Law 2: an approval belongs to one exact plan; any drift voids it."
BEFORE_SEND = "Law 4: before Send nothing is wrong with the enterprise, and a new request is allowed."
ERROR = (
    "Law 4: a console error ends the run, and nothing is retried. Vendor: “If the upgrade fails for any reason, "
    "error messages are displayed on the Imprivata Appliance Console. Do not attempt to run the upgrade again.”"
)
UNREADABLE = "Law 4: from Send on a state that nobody can read is “unknown”, and two people have to look."
NO_RETRY = "Law 4: nothing is ever retried. Law 5: a budget that is spent calls people and ends nothing."
SILENCE = "Law 5: silence is not failure; a blackout has a budget."
OVERDUE = "Law 5: a budget that is spent calls people; the watch goes on."
ONE_LOOK = "Law 5: an unrecognized page is an observation like any other; only a verdict quarantines."
SUCCESS = "Law 5: success needs the package shown installed and one same new level on every appliance."
UNSTATED = "Law 5: a level other than the stated one holds the run until two people confirm what they see."
SAME_LEVEL = "Law 6, and the vendor: “all appliances in the enterprise must be at the same hotfix release”."
NOBODY_ELSE = "Law 6: somebody else's work is never adopted; the lockout notice is raised for it."
LISTED = "Law 6: a package that is listed already is refused unless this run's own upload put it there."
SIGN_IN_AGAIN = (
    "The life of a request: signed in again whenever the session has expired, at every step but Install."
)
PASSWORD = "The life of a request, and issue 5: a wrong password is tried once, never in a loop."
LOOK_FIRST = "The life of a request: after an upload in doubt the run looks whether it has arrived."
ONE_CONTROL = "Issue 5: two candidates or none: stop, with what comes nearest."
ALL_SELECTED = (
    "The life of a request: “Install IPM on all appliances” must be selected, else the run is stopped."
)
STATED_LEVEL = "The life of a request: a level shown on IPM Information must be the stated one."
PINNED = "Only the pinned certificate is trusted; nothing is sent to another one."
LOGS = (
    "Vendor: “Collect the appliance logs and contact Imprivata Technical Support”. Looking again is no retry."
)
