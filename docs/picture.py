"""Draw the README's picture from a finished run of first_steps: what each arm goes through, and where its learners end.

python docs/picture.py runs/first-steps docs/first_steps.svg
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

from devlearn.report.style import stage_colour

DARK, PALE = 0.3, 0.12  # opacity of a stage, and of a sham


def main(run: Path, out: Path) -> None:
    found = json.loads((run / "comparison.json").read_text())
    arms = json.loads((run / "resolved.json").read_text())["points"][0]["arms"]
    figure, (lives, ends) = plt.subplots(1, 2, figsize=(9, 3.2), width_ratios=(1.25, 1), sharey=True)
    for row, (name, arm) in enumerate(arms.items()):
        for place, stage in enumerate(arm["stages"]):
            budget = stage["budget"]
            sham = stage["keys"].get("sham") not in (None, False, "none")
            title = f"{stage['name']} (sham)" if sham else stage["name"]
            text = title if budget is None else f"{title}\n{budget[1]:,}\n{budget[0].replace('_', ' ')}"
            bar = {"color": stage_colour(stage["kind"]), "alpha": PALE if sham else DARK}
            lives.barh(row, 0.94, left=place, height=0.8, **bar)
            lives.text(place + 0.47, row, text, ha="center", va="center", fontsize=7, linespacing=1.05)
        values = 100 * np.array(list(found["arms"][name]["values"].values()))
        spread = np.linspace(-0.22, 0.22, len(values))
        ends.scatter(values, row + spread, s=13, color="#0072B2", alpha=0.6, linewidths=0)
        ends.plot([values.mean()] * 2, [row - 0.36, row + 0.36], color="black", linewidth=2)
        ends.text(values.mean(), row - 0.38, f"{values.mean():.1f}", ha="center", va="bottom", fontsize=8)
    lives.set_yticks(range(len(arms)), list(arms))
    lives.set_ylim(len(arms) - 0.45, -0.65)
    lives.set_xticks([])
    lives.set_title("what each arm goes through", fontsize=9)
    ends.set_title(f"test accuracy (%) of {len(values)} learners", fontsize=9)
    for axes in (lives, ends):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(left=False)
    lives.spines["bottom"].set_visible(False)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None}, facecolor="white")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
