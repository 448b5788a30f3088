"""PNG pictures of a soak's samples. Needs matplotlib, in an environment of its own."""

import csv
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt


def main(folder: Path) -> None:
    with (folder / "samples.csv").open() as file:
        rows = list(csv.DictReader(file))
    minutes = [float(row["minutes"]) for row in rows]
    kinds: dict[str, list[str]] = {}
    for name in rows[0]:
        if name != "minutes":
            kinds.setdefault(name.partition(",")[0], []).append(name)
    for kind, names in kinds.items():
        figure, axes = plt.subplots(figsize=(9, 4))
        for name in names:
            values = [float(row[name]) if row[name] else float("nan") for row in rows]
            axes.plot(minutes, values, label=name.partition(",")[2].strip() or name, linewidth=1)
        axes.set(title=kind, xlabel="minutes", ylim=(0, None))
        axes.grid(alpha=0.3)
        if len(names) > 1:
            axes.legend(fontsize=6, ncols=2)
        figure.tight_layout()
        figure.savefig(folder / f"{kind.replace(' ', '_')}.png", dpi=110)
        plt.close(figure)


main(Path(sys.argv[1]))
