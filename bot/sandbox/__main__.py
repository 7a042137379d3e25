"""`python -m bot.sandbox`: the same commands as `keyturn sandbox`."""

from bot.sandbox.cli import app

app(prog_name="keyturn sandbox")
