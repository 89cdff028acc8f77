"""Do the shards hold what the configuration asks of them?"""

from collections.abc import Iterable

from contrastive_trainer.data.sample import TrainSample
from schemas.errors import ConfigError
from schemas.train import TrainConfig

_LONG = ("long_positive", "recaption", "fused")


def check_fields(samples: Iterable[TrainSample], config: TrainConfig) -> None:
    """Refuse a text weight or a loss whose field none of the samples has: it would do nothing, silently.

    Raises:
        ConfigError: names the setting, the field and the recipe that writes it.
    """
    texts, losses = config.texts, config.losses
    needs = {
        "texts.p_long": (_LONG if texts.p_long else (), "hqclip or recaption"),
        "texts.p_short": (("short_positive",) if texts.p_short else (), "hqclip"),
        "texts.p_rewrite": (("rewrites",) if texts.p_rewrite else (), "laclip"),
        "losses.hni": (("long_negative",) if losses.hni else (), "hqclip"),
        "losses.regions": (("regions",) if losses.regions else (), "one that writes regions"),
    }
    filled = [{name for name, value in sample.fields.items() if value} for sample in samples]
    if not filled:
        raise ConfigError("data.shards: no sample can be read; look at them with `pairwright doctor`")
    for setting, (names, recipe) in needs.items():
        if names and all(there.isdisjoint(names) for there in filled):
            raise ConfigError(
                f"{setting}: none of the first {len(filled)} samples has {' or '.join(names)}; curate the "
                f"shards with recipe {recipe}, or leave it out"
            )
