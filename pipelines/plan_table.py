"""A plan as a plain table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce

from pipelines.plan_ask import Asked
from pipelines.plan_figures import TOKENS_A_SECOND, Figures, StepFigures, detection_s, step_figures
from pipelines.plan_interval import Estimate
from pipelines.plan_sample import Place, Sample
from pipelines.plan_score import GPU_SCORES_A_SECOND, ScorePlan, uses_gpu
from pipelines.plan_steps import StepPlan
from schemas.workers import DETECTORS, CheckpointConfig
from transforms.process_server import cores
from transforms.publish.plain_text import plain_text
from transforms.shard_groups import window_of

MAX_REASONS = 6
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_LABEL, _VALUE, _INTERVAL = 26, 10, 22

Show = Callable[[float], str]


def table(
    name: str,
    sample: Sample,
    figures: Figures,
    steps: Sequence[tuple[StepPlan, Asked | None]],
    workers: Mapping[str, str],
) -> Iterator[str]:
    """Yield the lines of a plan; `workers` are the names of who answers, by recipe."""
    yield _row(f"plan of {name}", "estimate", "95 % interval")
    yield from _input(sample, figures)
    for step, asked in steps:
        yield from _step(f"{step.name} by {workers[step.name]}", step, asked, figures)
    models = [
        step_figures(step, asked, figures.units).cost
        for step, asked in steps
        if step.asks and step.worker.kind not in DETECTORS
    ]
    if len(models) > 1:
        yield _line("cost of all models", reduce(Estimate.plus, models), money)
    if figures.score is not None:
        yield from _score(figures.score, figures)
    yield from _machine(figures, has_rules=any(not step.asks for step, _ in steps))


def _row(label: str, value: str, interval: str = "", note: str = "") -> str:
    indent = " " * (len(label) - len(label.lstrip()))
    return f"{indent + plain_text(label):{_LABEL}}{value:>{_VALUE}}  {interval:{_INTERVAL}}  {note}".rstrip()


def _line(label: str, found: Estimate, show: Show, note: str = "", known: str = "") -> str:
    """Return a figure with its interval, or with the word for one that is known."""
    is_known = found.low == found.high
    return _row(
        label, show(found.value), known if is_known else f"{show(found.low)} .. {show(found.high)}", note
    )


def percent(value: float) -> str:
    """Return a share in percent."""
    return f"{100 * value:.1f} %"


def count(value: float) -> str:
    """Return a number as a whole one; millions and billions with four digits.

    >>> count(1234.4), count(12_345_678), count(2.5e12)
    ('1,234', '12.35 M', '2,500 bn')
    """
    if value < 10**7:
        return f"{round(value):,}"
    for size, name in ((10**9, "bn"), (10**6, "M")):
        if value >= size:
            scaled = value / size
            return f"{scaled:,.{max(0, 4 - len(str(int(scaled))))}f} {name}"
    raise AssertionError(value)


def money(value: float) -> str:
    """Return an amount, with decimals where it is small."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.2f}" if value >= 1 else f"{value:.4f}"


def duration(hours: float) -> str:
    """Return hours in the unit that fits.

    >>> duration(0.001), duration(0.5), duration(2.25), duration(12345)
    ('3.6 s', '30.0 min', '2.2 h', '12,345 h')
    """
    if hours < 1 / 60:
        return f"{3600 * hours:.1f} s"
    if hours < 1:
        return f"{60 * hours:.1f} min"
    return f"{hours:.1f} h" if hours < 100 else f"{hours:,.0f} h"


def show_bytes(value: float) -> str:
    """Return a size with a unit.

    >>> show_bytes(1536), show_bytes(10)
    ('1.5 KiB', '10 B')
    """
    power = 0
    while value >= 1024 and power < len(_UNITS) - 1:
        value, power = value / 1024, power + 1
    return f"{value:.1f} {_UNITS[power]}" if power else f"{value:.0f} B"


def _input(sample: Sample, figures: Figures) -> Iterator[str]:
    read = f"{sample.number:,} samples read, the first of {len(sample.heads):,} shards"
    yield _row("shards", count(sample.listed * figures.scale), "", "")
    yield _row("bytes", show_bytes(sample.bytes_in * figures.scale), "", "")
    yield _line("samples", figures.units, count, read, "exact")
    yield _line("kept by profile", figures.share_kept, percent, "of the samples", "exact")
    for label, share in _reasons(sample):
        yield _line(f"  {label}", share, percent, known="exact")
    yield _line("kept", figures.kept, count, "before dedup", "exact")


def _reasons(sample: Sample) -> Iterator[tuple[str, Estimate]]:
    """Yield the main reasons for which samples go."""
    found: dict[Place, tuple[str, str]] = {
        (head.shard.order, index): (verdict.kind, verdict.reason)
        for head in sample.heads
        for index, verdict in head.verdicts.items()
    }
    shares: Mapping[tuple[str, str], Estimate] = {
        which: sample.share(lambda place, which=which: found.get(place) == which)  # type: ignore[misc]
        for which in sorted(set(found.values()))
    }
    main = sorted(shares.items(), key=lambda item: (-item[1].value, item[0]))
    yield from ((f"{kind} {reason}", share) for (kind, reason), share in main[:MAX_REASONS])
    if len(main) > MAX_REASONS:
        rest = {which for which, _ in main[MAX_REASONS:]}
        yield f"{len(rest)} other reasons", sample.share(lambda place: found.get(place) in rest)


def _step(who: str, step: StepPlan, asked: Asked | None, whole: Figures) -> Iterator[str]:
    if not step.asks:
        yield _row(who, "", note=f"{step.worker.kind}: asks nobody, costs nothing")
        return
    figures = step_figures(step, asked, whole.units)
    yield _row(who, "")
    if step.share != whole.share_kept:
        yield _line("  asked about", step.share, percent, "of the samples; the others need no model", "exact")
    if step.worker.kind not in DETECTORS:
        yield _line("  asked again", figures.again, percent, _faults(step, asked))
    yield _line("  requests", figures.requests, count)
    if step.worker.kind not in DETECTORS:
        yield from _tokens(step, asked, figures)
    yield _line("  time", figures.hours, duration, _speed(step, asked, figures.limit))


def _tokens(step: StepPlan, asked: Asked | None, figures: StepFigures) -> Iterator[str]:
    if asked is not None and asked.tokens_in:
        yield _line("  tokens in, a request", figures.text_in, count, "as the server counts")
    else:
        yield _line("  text in, a request", figures.text_in, count, "tokens: bytes of the prompt / 4")
        if step.looks:
            yield _line("  image in, a request", figures.image_in, count, "tokens: pixels / (28 x 28)")
    yield _row("    the same in all", count(step.shared), "", "tokens that a prefix cache computes once")
    told = asked is not None and bool(asked.tokens_out)
    out_note = "as the server counts" if told else "guess, from the reply's schema"
    yield _line("  tokens out, a request", figures.out, count, out_note)
    yield _line("  tokens in", figures.tokens_in, count)
    yield _line("  tokens out", figures.tokens_out, count, "" if told else "guess")
    yield _line("  cost", figures.cost, money, "" if told else "guess")


def _speed(step: StepPlan, asked: Asked | None, limit: str) -> str:
    if limit:
        return f"limited by {limit}"
    if asked is not None:
        return ""
    if step.worker.kind in DETECTORS:
        on_gpu = isinstance(step.worker, CheckpointConfig) and uses_gpu(step.worker.device)
        where = "on a GPU" if on_gpu else "of a core"
        return f"guess: {detection_s(step.worker).value:g} s a picture {where}; --ask measures"
    return f"guess: {TOKENS_A_SECOND.value:.0f} tokens/s for each of {window_of(step.worker)} in flight"


def _faults(step: StepPlan, asked: Asked | None) -> str:
    if asked is None or step.unwritten:
        return "guess"
    return ", ".join(f"{reason} {number}" for reason, number in asked.reasons.items())


def _score(score: ScorePlan, whole: Figures) -> Iterator[str]:
    yield _row(f"score by {score.name}", "")
    yield _row("  texts, a sample", f"{score.texts:.1f}", note="beside its picture")
    if score.share < 1:
        yield _row("  kept", percent(score.share), note="of the scored ones at most: score.keep")
    if score.on_gpu:
        note = f"guess: {GPU_SCORES_A_SECOND:.0f} pictures a second, as they are decoded"
        yield _line("  time of a GPU", whole.kept.scaled(1 / (3600 * GPU_SCORES_A_SECOND)), duration, note)


def _machine(figures: Figures, *, has_rules: bool) -> Iterator[str]:
    stages = [("profile", figures.profile_h), ("dedup", figures.dedup_h)]
    stages += [("annotate without a model", figures.rules_h)] if has_rules else []
    stages += [("score", figures.score_h)] if figures.score is not None else []
    stages += [("publish", figures.publish_h)]
    total = sum(hours.value for _, hours in stages)
    note = f"of one core of this machine; {duration(total / cores())} on its {cores()}"
    yield _row("time of a core", duration(total), note=note)
    for name, hours in stages:
        yield _row(f"  {name}", duration(hours.value))
    yield _line("published", figures.published, show_bytes, "before dedup")
    yield _line("work, at most about", figures.work, show_bytes)
