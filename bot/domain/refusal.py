"""The one way in which a rule says no."""


class Refusal(Exception):
    """A command that may not become a fact, with a sentence for the person who gave it.

    The sentence may hold Slack mentions of user ids, and nothing of what a console said unless escaped by the
    one who shows it.
    """
