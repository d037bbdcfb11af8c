"""``python -m steer``: the command `steer`, of this very interpreter."""

from .cli import app

app(prog_name="steer")
