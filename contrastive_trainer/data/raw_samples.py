"""Samples as they lie in the shards, in the order of the first epoch."""

from collections.abc import Iterator, Sequence

from contrastive_trainer.data.order import EpochOrder
from contrastive_trainer.data.sample import TrainSample, UnreadableSampleError, read_sample
from contrastive_trainer.data.shard_files import ShardFiles
from contrastive_trainer.data.shard_list import TrainShard
from schemas.train import TrainConfig


def read_raw(shards: Sequence[TrainShard], config: TrainConfig) -> Iterator[TrainSample]:
    """Yield the samples of the first epoch; those that cannot be read are left out.

    Raises:
        ConfigError: a shard is remote and there is no folder for copies.
    """
    sizes = [shard.samples for shard in shards]
    window = config.data.shuffle_shards
    order = EpochOrder(sizes, seed=config.seed, epoch=0, window=window)
    files = ShardFiles(config.data.cache, keep=2 * window)
    for position in range(len(order)):
        shard, row = order[position]
        path = shards[shard].path
        try:
            with files.open(path) as (stream, index):
                if row < len(index):
                    yield read_sample(stream, index[row], f"{path}:{row}")
        except (UnreadableSampleError, OSError):
            continue
