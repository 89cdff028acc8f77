"""`--overfit-one-batch`: a model that cannot learn one batch by heart is broken."""

from transformers.utils.logging import disable_progress_bar

from contrastive_trainer.data.shard_list import list_shards
from contrastive_trainer.distributed import Ranks, join
from contrastive_trainer.reporter import Clock, Say, step_line
from contrastive_trainer.starting import make_learner, make_reader
from contrastive_trainer.training import check_batch
from schemas.errors import ConfigError, RunError
from schemas.train import TrainConfig

STEPS = 200
LEARNT = 0.5
"""Share of the first loss below which the last one must be. Equal texts in a batch keep it above 0."""


def overfit(config: TrainConfig, *, say: Say = print) -> float:
    """Train on the first batch alone, without dropout and with a short warm-up, and save nothing.

    Returns:
        The last contrastive loss.

    Raises:
        ConfigError: the configuration does not fit, or torchrun is used.
        RunError: the batch is not learnt.
    """
    disable_progress_bar()
    with join(config.device) as ranks:
        if ranks.count > 1:
            raise ConfigError("--overfit-one-batch runs in one process; leave torchrun out")
        shards = list_shards(config.data.shards, say)
        check_batch(config, shards, ranks)
        config = _plain(config)
        learner = make_learner(config, shards, ranks)
        batch = make_reader(config, shards, learner, Ranks())[0]
        clock = Clock(batch=config.batch, first=0)
        losses = []
        for step in range(STEPS):
            figures = learner.step(batch, step, STEPS)
            losses.append(figures["contrastive"])
            if (step + 1) % config.log_steps == 0 or step + 1 == STEPS:
                say(step_line(step + 1, STEPS, figures | clock.lap(step + 1, 0.0)))
    first, last = losses[0], losses[-1]
    if last > LEARNT * first:
        raise RunError(
            f"one batch of {config.batch} samples is not learnt: the contrastive loss went from {first:.3f} "
            f"to {last:.3f} in {STEPS} steps; try another optim.lr, and look at the texts with "
            "`pairwright inspect`: equal ones cannot be told apart"
        )
    say(f"one batch is learnt: the contrastive loss went from {first:.3f} to {last:.3f} in {STEPS} steps")
    return last


def _plain(config: TrainConfig) -> TrainConfig:
    optim = config.optim.model_copy(update={"warmup": min(config.optim.warmup, STEPS // 10), "ema": None})
    model = config.model.model_copy(update={"dropout": 0.0})
    return config.model_copy(update={"optim": optim, "model": model})
