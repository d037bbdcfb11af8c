"""The commands `steer precompute` and `steer cache`."""

import importlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from ..errors import SteerError
from . import _terminal as terminal

app = typer.Typer(no_args_is_help=True, help="Look at, verify, empty, pack and unpack the cache of kernel bases.")

Directory = Annotated[Path | None, typer.Option("--dir", help="Of the cache; by default STEER_CACHE_DIR.")]

SHOWN = 10
"""So many bad files or failures are named, of more the number."""

BAD, BAD_INPUT, INTERRUPTED = 1, 2, 130


def precompute(
    targets: Annotated[
        list[str],
        typer.Argument(
            help="MODULE:FACTORY, a function that builds a model (or a model, or a list of KernelSpec), or a spec "
            "file (.toml, .yaml)."
        ),
    ],
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one for each core.")] = None,
    shard: Annotated[str | None, typer.Option(help="i/n: solve the i-th of n parts only.")] = None,
    directory: Directory = None,
) -> None:
    """Solve the kernel bases that models need, and keep them in the cache.

    Exit codes: 0 all are in the cache, 1 some failed, 2 bad input or an error in your own code, 130 interrupted (what
    was solved is kept).
    """
    from .._precompute import precompute as run

    console = terminal.console(soft_wrap=True)
    _use(directory)
    try:
        wanted = [_target(text) for text in targets]
    except OwnError as error:
        raise failed(error) from None
    try:
        report = run(wanted, workers=workers, shard=shard, console=console)
    except OwnError as error:
        raise failed(error) from None
    except KeyboardInterrupt as stop:
        done = stop.args[0] if stop.args else None
        kept = f" {done.solved} solved and kept, {done.hits} in the cache before." if done else ""
        console.print(f"[yellow]interrupted[/];{kept} The same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from None
    console.print(
        f"{report.total} kernel bases: {report.solved} solved, {report.hits} in the cache before, "
        f"{len(report.failed)} failed; {_size(report.size)} in {report.seconds:.1f} s"
    )
    if not report.total and not report.own:
        console.print(
            "There is nothing to solve: kernels into or out of regular fields are free, so they need no cache."
        )
    _list(console, report.failed, "failed")
    raise typer.Exit(BAD if report.failed else 0)


def _target(text: str) -> Any:
    """A path, or what MODULE:FACTORY names."""
    if ":" not in text or Path(text).suffix in (".toml", ".yaml", ".yml"):
        return text
    return named(text, "targets: expected MODULE:FACTORY, such as project.models:build, or a spec file")


def named(text: str, expected: str) -> Any:
    """What MODULE:FACTORY names, a function guarded so that its errors are `OwnError`.

    Raises:
        OwnError: the module's own code fails.
        SteerError: there is none, or it has not that name.
    """
    module, _, name = text.partition(":")
    if not all(part.isidentifier() for part in [*module.split("."), *name.split(".")]):
        raise SteerError(f"{expected}, got {text!r}")
    found: Any = _imported(module)
    for part in name.split("."):
        if not hasattr(found, part):
            raise SteerError(f"FACTORY: {module} has no {name!r}; write MODULE:FACTORY, such as project.models:build")
        found = getattr(found, part)
    return _guarded(found, text) if _is_factory(found) else found


def _imported(module: str) -> Any:
    folder = os.getcwd()
    sys.path.insert(0, folder)  # as `python -m` would: the module is often in the folder one is in
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:
        # what is not there is bad input; what fails in there is shown as Python would
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            raise SteerError(f"MODULE: cannot import {module!r} ({error})") from error
        raise OwnError(f"the import of {module}", error) from error
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _is_factory(found: Any) -> bool:
    """Whether it is a function that is called to build a model."""
    torch = sys.modules.get("torch")  # a module that makes models has imported torch
    is_model = torch is not None and isinstance(found, torch.nn.Module)
    return callable(found) and not is_model and not isinstance(found, Iterable)


def _guarded(factory: Callable[[], object], text: str) -> Callable[[], object]:
    """A factory whose errors are known as such."""

    def build() -> object:
        try:
            return factory()
        except (Exception, SystemExit) as error:
            raise OwnError(text, error) from error

    return build


class OwnError(Exception):
    """What went wrong in the code of the user, and where that is."""


def failed(error: OwnError) -> typer.Exit:
    """The end of a command whose user's code has failed, after saying how."""
    where, cause = error.args
    terminal.complain_of(cause, where)
    return typer.Exit(BAD_INPUT)


@app.command()
def info(directory: Directory = None) -> None:
    """Show where the cache is, what it holds and what that saves."""
    from ..kernels import cache

    _use(directory)
    found = cache.info()
    good = list(cache.contents())
    rows = {
        "directory": str(found.directory) + ("" if found.directory.is_dir() else " (not made yet)"),
        "writable": "yes" if _writable(found.directory) else "no",
        "files": f"{found.disk_files:,}",
        "size": f"{_size(found.disk_bytes)} of at most {_size(found.max_disk_bytes)}",
        "longest unused": _ago(min(entry.used for entry, _ in good)) if good else "-",
        "solving took": f"{sum(content.seconds for _, content in good):.1f} s, which loading saves",
        "written by": ", ".join(sorted({f"steer {content.version}" for _, content in good})) or "-",
    }
    if len(good) < found.disk_files:
        rows["not readable"] = f"{found.disk_files - len(good)} bad or of another version; see steer cache verify"
    console = terminal.console(soft_wrap=True)  # paths are to be copied, so no table that breaks them
    for name, value in rows.items():
        console.print(f"[bold]{name:<15}[/] {escape(value)}")


@app.command()
def verify(
    delete: Annotated[bool, typer.Option("--delete", help="Delete bad files.")] = False, directory: Directory = None
) -> None:
    """Check every file: complete, unchanged, and the one its name says. Exit code 1 when some are bad."""
    from ..kernels import cache

    _use(directory)
    report = cache.verify(delete=delete)
    console = terminal.console()
    console.print(f"{report.good} good, {len(report.bad)} bad" + (", deleted" if delete and report.bad else ""))
    _list(console, {path.name: reason for path, reason in report.bad.items()}, "bad")
    raise typer.Exit(BAD if report.bad else 0)


@app.command()
def clear(directory: Directory = None) -> None:
    """Delete all files of the cache, and nothing else."""
    from ..kernels import cache

    _use(directory)
    before = cache.info()
    cache.clear()
    terminal.console().print(f"{before.disk_files} files, {_size(before.disk_bytes)}, deleted")


@app.command()
def pack(path: Annotated[Path, typer.Argument(help="The file to write.")], directory: Directory = None) -> None:
    """Write the whole cache to one file, to fill others with: images, machines without a network."""
    from ..kernels import cache

    _use(directory)
    report = cache.pack(path)
    console = terminal.console(soft_wrap=True)
    console.print(f"{report.files} kernel bases, {_size(report.size)}, in {escape(str(path))}")
    _list(console, report.refused, "left out")
    raise typer.Exit(BAD if report.refused else 0)


@app.command()
def unpack(
    path: Annotated[Path, typer.Argument(help="A file that steer cache pack wrote.")], directory: Directory = None
) -> None:
    """Put the kernel bases of a pack into the cache, each verified. Exit code 1 when some were refused."""
    from ..kernels import cache

    _use(directory)
    report = cache.unpack(path)
    console = terminal.console()
    console.print(f"{report.new} new, {report.kept} there before, {len(report.refused)} refused")
    _list(console, report.refused, "refused")
    raise typer.Exit(BAD if report.refused else 0)


def _use(directory: Path | None) -> None:
    from ..kernels import cache

    if directory is not None:
        cache.use(directory)


def _writable(directory: Path) -> bool:
    """Whether a directory, or the one it would be made in, can be written; nothing is."""
    there = next(folder for folder in (directory, *directory.absolute().parents) if folder.exists())
    return there.is_dir() and os.access(there, os.W_OK)


def _list(console: Console, reasons: dict[str, str], word: str) -> None:
    for name, reason in list(reasons.items())[:SHOWN]:
        console.print(f"[red]{word}:[/] {escape(name)}: {escape(reason)}", soft_wrap=True)
    if len(reasons) > SHOWN:
        console.print(f"[red]{word}:[/] and {len(reasons) - SHOWN} more")


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _ago(moment: float) -> str:
    hours = max(0.0, time.time() - moment) / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours" if hours >= 1 else "less than an hour"
