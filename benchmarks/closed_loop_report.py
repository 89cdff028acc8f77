"""Results of the closed loop: tables in Markdown, and everything as JSON."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.closed_loop_arms import ARMS, Plan
from benchmarks.closed_loop_evaluation import SINGLES

Result = Mapping[str, Any]
"""What `closed_loop_arms.run_arm` returns."""

CLASSES_AND_RETRIEVAL = {
    "both.top1": "colour and shape (48)",
    "colour.top1": "colour (8)",
    "shape.top1": "shape (6)",
    "retrieval.image_to_text.recall.1": "image to text R@1",
    "retrieval.image_to_text.recall.5": "R@5",
    "retrieval.text_to_image.recall.1": "text to image R@1",
    "retrieval.text_to_image.recall.5": "R@5",
}
PAIRS = {
    "pairs.types.replace_att.accuracy": "replaced: colour",
    "pairs.types.replace_obj.accuracy": "shape",
    "pairs.types.replace_rel.accuracy": "relation",
    "pairs.types.swap_att.accuracy": "swapped: colours",
    "pairs.types.swap_obj.accuracy": "objects",
    "pairs.overall.accuracy": "all",
    "blind.overall.accuracy": "all, blind",
}
TAKEN_OFF = 0.9
"""An arm has taken off when its loss, averaged over `SMOOTH` rows, is below this share of ln(batch)."""
SMOOTH = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A figure over seeds; `spread` is the sample standard deviation, none of a single seed."""

    mean: float
    spread: float | None
    values: tuple[float, ...]

    def text(self) -> str:
        """Return it for a table."""
        return f"{self.mean:.3f}" if self.spread is None else f"{self.mean:.3f} ± {self.spread:.3f}"


def cell(results: Sequence[Result], name: str) -> Cell:
    """Return a figure over the seeds of an arm."""
    values = tuple(float(result["figures"][name]["value"]) for result in results)
    spread = statistics.stdev(values) if len(values) > 1 else None
    return Cell(mean=statistics.fmean(values), spread=spread, values=values)


def by_arm(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Return the results of each arm, arms and seeds in their order."""
    ordered = sorted(results, key=lambda result: result["seed"])
    found = {arm.name: [r for r in ordered if r["arm"] == arm.name] for arm in ARMS}
    return {name: rows for name, rows in found.items() if rows}


def mean_curve(results: Sequence[Result]) -> list[tuple[int, float]]:
    """Return (samples seen, contrastive loss): the mean over seeds, then over the last `SMOOTH` rows."""
    rows = [result["loss"] for result in results]
    means = [statistics.fmean(loss for _, loss in points) for points in zip(*rows, strict=True)]
    windows = (means[max(0, i + 1 - SMOOTH) : i + 1] for i in range(len(means)))
    return [(seen, statistics.fmean(window)) for (seen, _), window in zip(rows[0], windows, strict=True)]


def take_off(results: Sequence[Result], batch: int) -> int | None:
    """Return the samples seen by which the slowest seed had taken off; none where one has not."""
    firsts = []
    for result in results:
        low = (seen for seen, loss in mean_curve([result]) if loss < TAKEN_OFF * math.log(batch))
        firsts.append(next(low, None))
    found = [first for first in firsts if first is not None]
    return max(found) if len(found) == len(firsts) else None


def report(plan: Plan, about: Mapping[str, int], results: Sequence[Result]) -> str:
    """Return the whole report as Markdown."""
    found = by_arm(results)
    lines = ["# Did the curation make a better CLIP?", "", *_told(plan, about), ""]
    lines += ["## Zero-shot classification and retrieval", "", *_table(found, CLASSES_AND_RETRIEVAL), ""]
    lines += ["## True captions against false ones", "", *_table(found, PAIRS), ""]
    lines += [
        "A tie is no success. `all, blind` has the mean picture in place of each: what the texts alone give."
    ]
    lines += ["", "## Training", "", *_training(found, plan), ""]
    return "\n".join(lines)


def as_json(plan: Plan, about: Mapping[str, int], results: Sequence[Result]) -> dict[str, Any]:
    """Return plan, data, table and every run."""
    names = [*CLASSES_AND_RETRIEVAL, *PAIRS]
    table = {
        arm: {name: asdict(cell(rows, name)) | {"chance": _chance(rows, name)} for name in names}
        for arm, rows in by_arm(results).items()
    }
    return {"plan": asdict(plan), "data": dict(about), "table": table, "runs": list(results)}


def _told(plan: Plan, about: Mapping[str, int]) -> list[str]:
    share = about["facts wrong"] / about["facts"]
    kinds = {name.removeprefix("alt text: "): n for name, n in about.items() if name.startswith("alt text: ")}
    named = ", ".join(f"{n / about['samples']:.0%} {kind}" for kind, n in kinds.items())
    return [
        f"{plan.scenes:,} rendered scenes of {plan.size_px} px with one or two objects; every arm sees "
        f"{plan.samples_seen:,} samples in batches of {plan.batch} and starts from the same weights; "
        f"seeds: {plan.seeds}. Tests: {plan.test_scenes:,} scenes of two objects and {SINGLES} of one, none "
        "of them trained on.",
        "",
        f"Alt texts name of their picture: {named}. No vision-language model wrote the other texts: they are "
        f"the ground truth with {share:.1%} of {about['facts']:,} facts (colours, shapes, relations) wrong. "
        "Rewrites are the package's own, by rule, of the alt text alone.",
    ]


def _table(found: Mapping[str, Sequence[Result]], columns: Mapping[str, str]) -> list[str]:
    titles = {arm.name: arm.title for arm in ARMS}
    any_arm = next(iter(found.values()))
    chances = [_chance(any_arm, name) for name in columns]
    rows = [("chance", ["" if chance is None else f"{chance:.3f}" for chance in chances])]
    rows += [(titles[arm], [cell(runs, name).text() for name in columns]) for arm, runs in found.items()]
    head = [f"| | {' | '.join(columns.values())} |", "|---" + "|---:" * len(columns) + "|"]
    return [*head, *(f"| {title} | {' | '.join(cells)} |" for title, cells in rows)]


def _chance(results: Sequence[Result], name: str) -> float | None:
    chance = results[0]["figures"][name]["chance"]
    return None if chance is None else float(chance)


def _training(found: Mapping[str, Sequence[Result]], plan: Plan) -> list[str]:
    titles = {arm.name: arm.title for arm in ARMS}
    lines = [
        f"Contrastive loss, at chance ln {plan.batch} = {math.log(plan.batch):.2f}; taken off: below "
        f"{TAKEN_OFF:.0%} of it. Losses of different texts do not compare.",
        "",
        "| | taken off after, samples | last loss | CPU s a run |",
        "|---|---:|---:|---:|",
    ]
    for arm, runs in found.items():
        off = take_off(runs, plan.batch)
        seen = "**not yet: says nothing**" if off is None else f"{off:,}"
        cpu_s = [run["cpu_s"] for run in runs if run["cpu_s"] is not None]
        cost = f"{statistics.fmean(cpu_s):.0f}" if cpu_s else "resumed"
        lines.append(f"| {titles[arm]} | {seen} | {mean_curve(runs)[-1][1]:.2f} | {cost} |")
    return lines
