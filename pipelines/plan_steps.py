"""What the annotate steps will ask of whom."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import takewhile

from lvlm_workers.base import Worker
from lvlm_workers.registry import make_worker
from pipelines.plan_interval import Estimate
from pipelines.plan_prior import image_tokens, likely_fields, reply_tokens, text_tokens
from pipelines.plan_sample import Place, Sample
from recipes.base import BadReply
from schemas.annotation import Annotation
from schemas.facts import Facts
from schemas.workers import ModelWorkerConfig, WorkerConfig
from transforms.questions import Questions, failed
from transforms.steps import Step
from transforms.written_facts import failure_among, with_written

SEGMENTS_S = 0.013
"""Seconds of one core a picture that `segments` takes (benchmarks.regions); a plan looks at no picture."""

Written = dict[Place, Annotation]
_NOTHING = Facts(index=0, uid="", key="")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """One step: what a request holds, and what stands in for the texts that it will write.

    By place: `asked`, the facts with what the recipe reads, of those about which it asks; `written`, of every
    kept sample. `share` is the part of all units that is asked about. In tokens: `text_in`, `image_in` and
    `out` of a request, and `shared`, what all prompts begin with. `seconds` are of one core a sample, where
    no model answers. `unwritten` are the fields it reads that had a likely length only.
    """

    step: Step
    looks: bool
    asked: Mapping[Place, Facts]
    written: Written
    share: Estimate
    text_in: Estimate
    image_in: Estimate
    shared: float
    out: Estimate
    seconds: float = 0.0
    unwritten: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The recipe's name."""
        return self.step.recipe.name

    @property
    def worker(self) -> WorkerConfig:
        """Who answers."""
        return self.step.worker

    @property
    def asks(self) -> bool:
        """Whether a model answers."""
        return self.worker.kind not in ("rules", "segments")


def expect_steps(steps: Sequence[Step], sample: Sample) -> list[StepPlan]:
    """Return what each step asks about the samples that profile keeps; those that others read come first.

    Nobody is asked: rules write their fields, those of a model and of `segments` have a likely length.
    """
    done: dict[str, StepPlan] = {}
    for step in sorted(steps, key=lambda step: step.wave):
        done[step.recipe.name] = _expect(step, sample, [done[s.recipe.name] for s in step.sources])
    return list(done.values())


def _expect(step: Step, sample: Sample, sources: Sequence[StepPlan]) -> StepPlan:
    guessed = {
        name for s in sources if s.worker.kind != "rules" or s.unwritten for name in s.step.recipe.fields
    }
    unwritten = tuple(name for name in step.recipe.reads if name in guessed)
    with closing(make_worker(step.worker)) as worker:
        questions = Questions(step=step, worker=worker)
        asked, written = _part(questions, sample, sources)
        if step.worker.kind == "rules":
            began = time.process_time()
            written |= _by_rule(questions, worker, asked)
            seconds = (time.process_time() - began) / max(len(asked), 1)
            return _unasked(step, asked, written, seconds, unwritten)
        likely = likely_fields(step.recipe)
        written |= {p: Annotation(index=f.index, uid=f.uid, fields=likely) for p, f in asked.items()}
        if step.worker.kind == "segments":
            return _unasked(step, asked, written, SEGMENTS_S, unwritten)
        prompts = {place: questions.ask(facts).prompt for place, facts in asked.items()}
        return StepPlan(
            step=step,
            looks=questions.looks,
            asked=asked,
            written=written,
            share=sample.share(asked.__contains__),
            text_in=_a_request(sample, {place: text_tokens(text) for place, text in prompts.items()}),
            image_in=_a_request(sample, _images(asked, step.worker) if questions.looks else {}),
            # A sample without anything parts the prompts where texts of a likely length are all the same.
            shared=shared_tokens([step.recipe.prompt(_NOTHING), *prompts.values()]),
            out=reply_tokens(step.recipe),
            unwritten=unwritten,
        )


def _unasked(
    step: Step, asked: Mapping[Place, Facts], written: Written, seconds: float, unwritten: tuple[str, ...]
) -> StepPlan:
    """Return a step that no model answers: it takes time of this machine, and no tokens."""
    nothing = Estimate.exact(0.0)
    return StepPlan(
        step=step, looks=False, asked=asked, written=written, share=nothing, text_in=nothing,
        image_in=nothing, shared=0.0, out=nothing, seconds=seconds, unwritten=unwritten,
    )  # fmt: skip


def _part(
    questions: Questions, sample: Sample, sources: Sequence[StepPlan]
) -> tuple[dict[Place, Facts], Written]:
    """Return the kept samples to ask about, and what is known of the others."""
    written: Written = {}
    asked: dict[Place, Facts] = {}
    for head, facts in sample.kept():
        place = (head.shard.order, facts.index)
        answers = [source.written[place] for source in sources]
        if failure := failure_among(answers):
            written[place] = failure
            continue
        found = with_written(facts, questions.step.recipe.reads, answers) if sources else facts
        if (known := questions.known(found)) is not None:
            written[place] = known
        else:
            asked[place] = found
    return asked, written


def _by_rule(questions: Questions, worker: Worker, asked: Mapping[Place, Facts]) -> Written:
    written: Written = {}
    for place, facts in asked.items():
        for request, reply in worker.answer([questions.ask(facts)]):
            found = questions.read(facts, request.seed, reply)
            written[place] = failed(facts, found) if isinstance(found, BadReply) else found
    return written


def _images(asked: Mapping[Place, Facts], worker: WorkerConfig) -> dict[Place, float]:
    if not isinstance(worker, ModelWorkerConfig):
        return {}
    return {p: image_tokens(f.width, f.height, worker.image_pixels) for p, f in asked.items()}


def _a_request(sample: Sample, tokens: Mapping[Place, float]) -> Estimate:
    """Return the mean over the samples that are asked about."""
    return sample.mean(tokens) if tokens else Estimate.exact(0.0)


def prices(worker: WorkerConfig) -> tuple[float, float]:
    """Return what a million tokens in and out cost."""
    return (worker.price_in, worker.price_out) if isinstance(worker, ModelWorkerConfig) else (0.0, 0.0)


def shared_tokens(prompts: Sequence[str]) -> float:
    """Return about how many tokens all prompts begin with; none where there are not two to compare."""
    if len(prompts) < 2:
        return 0.0
    first, last = min(prompts), max(prompts)  # what these two share, all between them do
    pairs = zip(first, last, strict=False)
    return text_tokens("".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)))
