"""Where the command prints: what fits in a terminal, whole lines in files and pipes, errors beside it."""

import contextlib
import errno
import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from typing import NoReturn

from rich.console import Console, RenderableType
from rich.markup import escape

from ..errors import SteerError

NARROWEST = 60
"""Columns that tables are made for at least: in a narrower terminal lines run on, but no cell is cut."""

ENDLESS = 100_000
"""Columns where nothing is to be broken, since lines are read by programs."""


def console(*, soft_wrap: bool = False) -> Console:
    """The standard output."""
    return Console(highlight=False, soft_wrap=soft_wrap, width=_width())


def _columns() -> int | None:
    """What COLUMNS says, if that is a width."""
    given = os.environ.get("COLUMNS", "")
    valid = given.isascii() and given.isdigit() and 0 < int(given) <= ENDLESS
    return max(int(given), NARROWEST) if valid else None


def _width() -> int:
    columns = _columns()
    if columns is not None:
        return columns
    with contextlib.suppress(OSError, ValueError):  # a stream that has no terminal, or is closed
        if sys.stdout is not None and sys.stdout.isatty():
            return max(os.get_terminal_size(sys.stdout.fileno()).columns, NARROWEST)
    return ENDLESS


@contextlib.contextmanager
def legible() -> Iterator[None]:
    """Help and errors of usage, which others lay out by COLUMNS: without it where it is no width, never too narrow."""
    columns, given = _columns(), os.environ.pop("COLUMNS", None)
    try:
        if columns:
            os.environ["COLUMNS"] = str(columns)
        yield
    finally:
        if given is not None:
            os.environ["COLUMNS"] = given


def show(part: RenderableType, where: Console) -> None:
    """Print a table or text; in files and pipes without the blanks that fill the lines."""
    if where.is_terminal:
        where.print(part)
        return
    with where.capture() as lines:
        where.print(part)
    where.file.write("".join(line.rstrip() + "\n" for line in lines.get().splitlines()))


def complain(message: str) -> None:
    """An error, on the standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]error:[/] {escape(message)}")


def complain_of(error: BaseException, what: str) -> None:
    """An error in the user's own code: its traceback, without what is of this package before and after that code."""
    complain(f"{what} failed")
    found = traceback.TracebackException.from_exception(error, compact=True)
    frames = list(found.stack)
    while frames and _is_ours(frames[0]):
        frames.pop(0)
    while frames and _is_ours(frames[-1]):
        frames.pop()
    found.stack = traceback.StackSummary.from_list(frames)
    if sys.stderr is not None:
        sys.stderr.write("".join(found.format(chain=not isinstance(error, SteerError))))


def _is_ours(frame: traceback.FrameSummary) -> bool:
    own = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")
    return frame.filename.startswith((own, "<frozen importlib")) or frame.filename == importlib.__file__


def unwritable(error: OSError) -> NoReturn:
    """End the process where its output cannot be written: without a word where nobody reads it any more."""
    if error.errno != errno.EPIPE:
        complain(f"cannot write: {error}")
    with contextlib.suppress(AttributeError, OSError, ValueError):
        # what is left in the buffer fails no more when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
