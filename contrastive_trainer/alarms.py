"""What a newcomer should be told before a run is over."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.errors import RunError

PLATEAU_STEPS = 300
"""So long may a loss stay where a model that knows nothing has it (open_clip issue 17 is such a run)."""

PLATEAU_SHARE = 0.02
DATA_BOUND = 0.3
"""Share of the time spent waiting for data from which on reading is what holds a run up."""


@dataclass(kw_only=True)
class Alarms:
    """Watches a run; says each thing once.

    Args:
        chance: the loss of a model that knows nothing, ln N for InfoNCE over N samples; None: unknown.
    """

    chance: float | None
    stuck_since: int | None = None
    told: frozenset[str] = frozenset()

    def look(self, step: int, loss: float, waiting: float) -> Iterator[str]:
        """Yield what should be told after a step.

        Args:
            loss: the contrastive part, unweighted.
            waiting: share of the time since the last look spent waiting for data, 0..1.

        Raises:
            RunError: the loss is no number.
        """
        if not math.isfinite(loss):
            raise RunError(
                f"the loss of step {step} is {loss}; lower optim.lr, lengthen optim.warmup or set "
                "optim.clip_norm, and run again: it goes on from the last checkpoint"
            )
        if self.chance is not None and abs(loss - self.chance) <= PLATEAU_SHARE * self.chance:
            self.stuck_since = step if self.stuck_since is None else self.stuck_since
            if step - self.stuck_since >= PLATEAU_STEPS:
                yield from self._once(
                    "plateau",
                    f"the loss has been at chance (ln of the batch, {self.chance:.2f}) for {PLATEAU_STEPS} "
                    "steps: check that texts fit their pictures, try --overfit-one-batch, or raise optim.lr",
                )
        else:
            self.stuck_since = None
        if waiting > DATA_BOUND:
            yield from self._once(
                "data",
                f"{waiting:.0%} of the time goes into waiting for data: raise data.workers, or make the "
                "pictures in the shards smaller",
            )

    def _once(self, name: str, text: str) -> Iterator[str]:
        if name not in self.told:
            self.told |= {name}
            yield text
