"""The texts of samples, for what is made and checked before training."""

from collections.abc import Iterator, Sequence

from contrastive_trainer.data.order import EpochOrder
from contrastive_trainer.data.sample import TrainSample, UnreadableSampleError
from contrastive_trainer.data.shard_files import ShardFiles
from contrastive_trainer.data.shard_list import TrainShard
from schemas.errors import RunError
from schemas.train import TrainConfig

MAX_FAULTS = 1000
"""So many samples may be unreadable one after the other."""


def read_texts(shards: Sequence[TrainShard], config: TrainConfig) -> Iterator[TrainSample]:
    """Yield the samples of the first epoch in their order, without their pictures.

    Those that cannot be read are left out: they are counted when training meets them.

    Raises:
        RunError: `MAX_FAULTS` in a row, or all, cannot be read.
    """
    window = config.data.shuffle_shards
    sizes = [shard.samples for shard in shards]
    order = EpochOrder(sizes, seed=config.seed, epoch=0, window=window)
    files = ShardFiles(config.data.cache, keep=window + 1)
    faults, found = 0, False
    for position in range(len(order)):
        number, row = order[position]
        try:
            sample = files.read(shards[number], row, picture=False)
        except (UnreadableSampleError, OSError) as error:
            faults += 1
            if faults == MAX_FAULTS or (position + 1 == len(order) and not found):
                raise RunError(
                    f"{faults} samples in a row cannot be read (last: {shards[number].name}, sample {row}: "
                    f"{error}); look at data.shards with `pairwright doctor`"
                ) from error
        else:
            faults, found = 0, True
            yield sample
