"""Do the shards hold what the configuration asks of them?"""

from collections.abc import Callable, Iterable
from functools import partial

from contrastive_trainer.data.assemble import read_regions
from contrastive_trainer.data.sample import TrainSample
from contrastive_trainer.data.text_sampler import long_pairs
from schemas.errors import ConfigError
from schemas.train import TrainConfig

Check = Callable[[TrainSample], object]

_LONG = "long_positive, fused or recaption", "hqclip or recaption"
_FALSE = "long_negative that contradicts its long_positive"


def check_fields(samples: Iterable[TrainSample], config: TrainConfig) -> None:
    """Refuse a text weight or a loss whose field none of the samples has: it would do nothing, silently.

    Raises:
        ConfigError: names the setting, the field and the recipe that writes it.
    """
    lacking = list(_needs(config))
    count = 0
    for count, sample in enumerate(samples, 1):  # noqa: B007  (the last is told of)
        lacking = [need for need in lacking if not need[0](sample)]
        if not lacking:
            return
    if not count:
        raise ConfigError("data.shards: no sample can be read; look at them with `pairwright doctor`")
    _, setting, field, recipe = lacking[0]
    raise ConfigError(
        f"{setting}: none of the first {count} samples has {field}; curate the shards with a recipe that "
        f"writes it ({recipe}), or leave it out"
    )


def _needs(config: TrainConfig) -> Iterable[tuple[Check, str, str, str]]:
    """Yield what is asked for: how it is seen in a sample, the setting, the field, and who writes it."""
    texts, losses = config.texts, config.losses
    yield has_text, "data.shards", "text", "any of one text"
    for name, asked in (("hni", losses.hni), ("contrastive.negatives", losses.contrastive.negatives)):
        if asked:
            yield _has_negative, f"losses.{name}", _FALSE, "hqclip"
    if losses.stc:  # without false tags all images would soon have all tags
        for field in ("short_positive", "short_negative"):
            yield partial(TrainSample.many, name=field), "losses.stc", field, "hqclip"
    if losses.regions:
        yield read_regions, "losses.regions", "regions with box and phrase", "one of regions"
    if losses.long_clip:
        yield long_pairs, "losses.long_clip", *_LONG
    if texts.p_long:
        yield long_pairs, "texts.p_long", *_LONG
    if texts.p_short:
        yield lambda sample: sample.many("short_positive"), "texts.p_short", "short_positive", "hqclip"
    if texts.p_rewrite:
        yield lambda sample: sample.many("rewrites"), "texts.p_rewrite", "rewrites", "laclip"


def _has_negative(sample: TrainSample) -> bool:
    return any(false for _, false in long_pairs(sample))


def has_text(sample: TrainSample) -> bool:
    """Return whether there is any text to fall back on."""
    return bool(sample.text.strip() or sample.alt_text.strip())
