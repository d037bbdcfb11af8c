"""One process, one library, one item: prints the figures as one line of JSON. `bench.py` runs it.

    PYTHON benchmarks/worker.py --library steer --item C8_regular --what speed

PYTHON needs torch, NumPy and the library that is measured, nothing else. `--what`:

    build    time to build, sizes, and the peak of memory of a process that builds and trains two steps
    speed    the same, then expansion, training step and evaluation beside torch.nn
    expand   the same as build, then expansion alone
    breaks   graph breaks under torch.compile
    import   time to import the library after torch
    gpu      training step and evaluation beside torch.nn on a GPU, in several modes
"""

import argparse
import json
import os
import sys

import items


def main() -> None:
    arguments = _arguments()
    if arguments.library == "escnn" and arguments.cold:
        from libraries import Escnn

        Escnn.empty_cache()
    import numpy.random  # which NumPy loads on first use
    import torch
    from timing import machine

    torch.set_num_threads(arguments.threads)
    figures = _figures(arguments)
    versions = {"python": sys.version.split()[0], "torch": torch.__version__, "numpy": numpy.__version__}
    from libraries import LIBRARIES

    versions[arguments.library] = LIBRARIES[arguments.library]().version
    print(json.dumps({"figures": figures, "versions": versions, "machine": machine()}), flush=True)


def _figures(arguments: argparse.Namespace) -> dict[str, float]:
    import measure

    if arguments.what == "import":
        return measure.import_seconds(arguments.library)
    item = items.Case(**json.loads(arguments.case)) if arguments.case else items.find(arguments.item)
    if arguments.batch:
        item = item.of_batch(arguments.batch)
    if arguments.what == "gpu":
        import gpu

        return gpu.figures(arguments.library, arguments.item, item, arguments.device, quick=arguments.quick)
    bench = measure.Bench(arguments.library, arguments.item, item, quick=arguments.quick)
    figures = {
        "build": lambda: {},
        "speed": bench.beside_plain,
        "expand": bench.expansion,
        "breaks": bench.graph_breaks,
    }[arguments.what]
    return bench.construction() | figures()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", required=True, choices=("steer", "escnn", "plain"))
    parser.add_argument("--item", default="", help=f"one of {', '.join(items.NAMES)}")
    parser.add_argument("--case", default="", help="a layer as JSON of the fields of items.Case, instead of an item")
    parser.add_argument("--what", required=True, choices=("build", "speed", "expand", "breaks", "import", "gpu"))
    parser.add_argument("--cold", action="store_true", help="escnn: empty its cache first (steer: STEER_CACHE_DIR)")
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=0, help="images at a time; 0 for those of the item")
    found = parser.parse_args()
    try:
        if not found.case:
            items.require([found.item])
    except items.UnknownItemError as error:
        parser.error(str(error))
    if found.cold and found.library == "steer" and os.listdir(os.environ.get("STEER_CACHE_DIR") or os.devnull + "/"):
        parser.error("--cold: expected STEER_CACHE_DIR to name an empty folder")
    return found


if __name__ == "__main__":
    main()
