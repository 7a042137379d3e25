"""`python -m bot.sandbox.workspace`: the local workspace by itself."""

import typer

from bot.sandbox.workspace.command import workspace

if __name__ == "__main__":
    typer.run(workspace)
