"""What a newcomer should be told before a run is over."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.train import TrainConfig

PLATEAU_STEPS = 300
"""So long may a loss stay where a model that knows nothing has it (open_clip issue 17 is such a run)."""

PLATEAU_SHARE = 0.02
DATA_BOUND = 0.3
"""Share of the time spent waiting for data from which on reading is what holds a run up."""

DATA_LOOKS = 2
"""So many looks in a row: in the first one the workers are still starting."""


def chance_loss(config: TrainConfig) -> float | None:
    """Return the contrastive loss of a model that knows nothing, ln N; None for sigmoid, which has none."""
    names = {"softmax": config.batch, "leave_one_out": config.batch - 1}
    count = names.get(config.losses.contrastive.kind)
    return None if count is None else math.log(count)


@dataclass(kw_only=True)
class Alarms:
    """Watches a run; says each thing once.

    Args:
        chance: see `chance_loss`.
    """

    chance: float | None
    stuck_since: int | None = None
    slow_looks: int = 0
    told: frozenset[str] = frozenset()

    def look_at_loss(self, step: int, loss: float) -> Iterator[str]:
        """Yield what should be told of the contrastive loss, unweighted, after a step."""
        if self.chance is None or loss < (1 - PLATEAU_SHARE) * self.chance:
            self.stuck_since = None
            return
        self.stuck_since = step if self.stuck_since is None else self.stuck_since
        if step - self.stuck_since >= PLATEAU_STEPS:
            yield from self._once(
                "plateau",
                f"the loss has been at chance (ln of the batch, {self.chance:.2f}) for {PLATEAU_STEPS} "
                "steps: check that texts fit their pictures, try --overfit-one-batch, or change optim.lr",
            )

    def look_at_data(self, waiting: float) -> Iterator[str]:
        """Yield what should be told of the share of the time spent waiting for data since the last look."""
        self.slow_looks = self.slow_looks + 1 if waiting > DATA_BOUND else 0
        if self.slow_looks >= DATA_LOOKS:
            yield from self._once(
                "data",
                f"{waiting:.0%} of the time goes into waiting for data: raise data.workers, or make the "
                "pictures in the shards smaller",
            )

    def _once(self, name: str, text: str) -> Iterator[str]:
        if name not in self.told:
            self.told |= {name}
            yield text
