"""The whole demo: data, training, table, pictures."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ..errors import SteerError
from . import _networks
from ._data import Digits, load
from ._networks import Classifier
from ._train import BATCH, Result, build, measure, test_views, train

NETWORKS: tuple[tuple[str, Callable[[], Classifier]], ...] = (
    ("plain CNN", _networks.plain),
    ("C8 regular", _networks.regular),
    ("SO(2) irreps", _networks.irreps),
)
BY_ANGLE = 150


def run(folder: Path, *, epochs: int = 6, seed: int = 0, console: Console | None = None) -> list[Result]:
    """Train three networks on upright digits, test them on rotated ones, print a table and write pictures.

    Args:
        folder: where the pictures go; made if missing.
        epochs: passes over the 1197 training digits.
        seed: of the weights, the order of the batches and the test angles.
        console: where to print.

    Returns:
        One result for each network.

    Raises:
        SteerError: an argument is out of range, the folder cannot be written, or scikit-learn or matplotlib is missing.
    """
    missing = [name for name in ("sklearn", "matplotlib") if importlib.util.find_spec(name) is None]
    if missing:
        raise SteerError(f"the demo needs {' and '.join(missing)}: pip install 'steer[demo]'")
    if epochs < 1:
        raise SteerError(f"epochs: expected an integer >= 1, got {epochs}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SteerError(f"folder: cannot write pictures to {folder} ({error}); choose another with --out") from error
    out = console or Console()
    training, test = load()
    out.print(
        f"[bold]Handwritten digits[/]: {len(training.images)} to train on, all upright; {len(test.images)} to test on, "
        f"upright and turned by random angles.\n"
    )
    results = _train_all(training, test, epochs, seed, out)
    out.print(table(results))
    from ._pictures import write_all

    for path, caption in write_all(results, test, folder):
        out.print(f"{caption}: [cyan]{path}[/]", soft_wrap=True)
    return results


def _train_all(training: Digits, test: Digits, epochs: int, seed: int, console: Console) -> list[Result]:
    steps = epochs * (len(training.images) // BATCH)
    results = []
    columns = (
        TextColumn("{task.description:14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]:12}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    lines = not console.is_terminal  # in files and pipes, where a bar would be seen when all is done
    with Progress(*columns, console=console, disable=lines) as progress:
        tasks = [progress.add_task(name, total=steps, note="", start=False) for name, _ in NETWORKS]
        views, turned = test_views(test, seed, BY_ANGLE)
        for task, (name, make) in zip(tasks, NETWORKS, strict=True):
            progress.start_task(task)
            model, hits, solved = build(make, seed)

            def advance(loss: float, task: TaskID = task, name: str = name) -> None:
                progress.update(task, advance=1, note=f"loss {loss:.3f}")
                epoch, rest = divmod(int(progress.tasks[task].completed), steps // epochs)
                if lines and not rest:
                    console.print(f"{name}: epoch {epoch} of {epochs}, loss {loss:.3f}")

            seconds = train(model, training, epochs, seed, advance)
            progress.update(task, note="testing")
            result = measure(name, model, test, views, turned)
            result.seconds, result.hits, result.solved = seconds, hits, solved
            progress.update(task, note=f"{result.rotated:.0%} rotated")
            results.append(result)
            if lines:
                console.print(f"{name}: {result.rotated:.1%} of turned digits right, after {seconds:.0f} s of training")
    return results


def table(results: list[Result]) -> Table:
    """The results, one network a row; fits 80 columns."""
    out = Table(
        title="Trained upright, tested rotated",
        title_style="bold",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        pad_edge=False,
    )
    out.add_column("network", no_wrap=True)
    for title in (
        "weights",
        "upright",
        "rotated",
        "error\n90\N{DEGREE SIGN}",
        "error\nany",
        "train\nseconds",
        "cache\nhits",
    ):
        out.add_column(title, justify="right", no_wrap=True)
    best = max(result.rotated for result in results)
    for r in results:
        rotated = f"{r.rotated:.1%}"
        out.add_row(
            r.name,
            f"{r.parameters:,}",
            f"{r.upright:.1%}",
            f"[bold green]{rotated}[/]" if r.rotated == best else rotated,
            f"{r.quarter_error:.0e}",
            f"{r.error:.2f}",
            f"{r.seconds:.1f}",
            f"{r.hits}/{r.hits + r.solved}" if r.hits + r.solved else "-",
        )
    out.caption = (
        "upright, rotated: accuracy on test digits as they are, and each turned by a\n"
        "random angle. error: change of the class scores when a digit is turned by 90\n"
        "degrees or any angle, relative to their size. cache hits: kernel bases that\n"
        "were at hand when the network was built; regular fields need none. A turned 6\n"
        "is a 9: what that costs is the price of invariance."
    )
    return out
