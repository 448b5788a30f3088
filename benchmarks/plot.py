"""Draws growth. matplotlib lives in an environment of its own, so this module is also a script.

python plot.py PICTURE < points.json
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

_PANELS = (("milliseconds", "ms of time a task"), ("cpu", "ms of CPU a task"), ("memory", "MB PSS"))
_AXES = {"tasks": "tasks in one run", "runs": "active runs"}


@dataclass(frozen=True)
class Point:
    title: str
    size: int
    milliseconds: float
    cpu: float
    memory: float | None


def draw(points: dict[str, list[Point]], picture: Path) -> bool:
    """Whether there was anything to draw."""
    from benchmarks.environments import python_of

    if not any(len(found) > 1 for found in points.values()):
        return False
    plain = {growth: [asdict(point) for point in found] for growth, found in points.items()}
    command = [python_of("plot"), __file__, picture]
    subprocess.run(command, input=json.dumps(plain), text=True, check=True)
    return True


def _draw(points: dict[str, list[dict]], picture: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, rows = pyplot.subplots(
        len(points), len(_PANELS), figsize=(13, 3.6 * len(points)), squeeze=False
    )
    for row, (growth, found) in zip(rows, points.items(), strict=True):
        for axes, (measure, label) in zip(row, _PANELS, strict=True):
            for title in dict.fromkeys(point["title"] for point in found):
                mine = sorted((p for p in found if p["title"] == title), key=lambda p: p["size"])
                sizes = [point["size"] for point in mine]
                axes.plot(sizes, [point[measure] for point in mine], marker="o", label=title)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlabel(_AXES[growth])
            axes.set_ylabel(label)
            axes.grid(visible=True, which="both", alpha=0.25)
    rows[0][0].legend()
    figure.tight_layout()
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    _draw(json.load(sys.stdin), sys.argv[1])
