"""Print the reference of filters, reasons and configuration in Markdown: `python -m pipelines.reference`."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.card import CardConfig, SourceConfig
from schemas.choosing import Choosing
from schemas.config import (
    AnnotateStep,
    DedupConfig,
    InputConfig,
    NearConfig,
    ProfileConfig,
    PublishConfig,
    RunConfig,
)
from schemas.examining import OcrConfig, QualityConfig, TagsConfig
from schemas.filters import Filter
from schemas.reasons import MENDED, REASONS
from schemas.score import ClipConfig
from schemas.scoring import KeepRule, NegativesConfig, ScoreConfig, TextRules, WordRules
from schemas.selecting import BalanceConfig, MiningConfig, SemanticConfig

SECTIONS: dict[str, type[BaseModel]] = {
    "(top)": RunConfig,
    "input": InputConfig,
    "profile": ProfileConfig,
    "dedup": DedupConfig,
    "dedup.near": NearConfig,
    "annotate[]": AnnotateStep,
    "regions": Choosing,
    "score": ScoreConfig,
    "score.clip": ClipConfig,
    "score.keep[]": KeepRule,
    "score.texts": TextRules,
    "score.words": WordRules,
    "score.negatives": NegativesConfig,
    "score.quality": QualityConfig,
    "score.tags": TagsConfig,
    "score.ocr": OcrConfig,
    "score.semantic": SemanticConfig,
    "score.balance": BalanceConfig,
    "score.hard_negatives": MiningConfig,
    "publish": PublishConfig,
    "source": SourceConfig,
    "card": CardConfig,
}


def reference() -> Iterator[str]:
    """Yield the lines of docs/reference.md."""
    yield "# Reference\n"
    yield "Made from the code by `python -m pipelines.reference`; a test holds the two together.\n"
    yield "## Filters\n"
    yield "`profile.filters` runs them in order; the first that objects gives the reason: its kind.\n"
    yield "| kind | options | |\n|---|---|---|"
    for model in get_args(get_args(Filter)[0]):
        kind = get_args(model.model_fields["kind"].annotation)[0]
        yield f"| `{kind}` | {_options(model)} | {_line(model.__doc__)} |"
    yield "\n## Reasons\n"
    yield "What a row of `rejected/` can say besides the kind of a filter.\n"
    yield "| reason | meaning |\n|---|---|"
    yield from (f"| `{reason}` | {meaning} |" for reason, meaning in REASONS.items())
    yield "\n## Mended\n"
    yield "What could be mended without guessing, as `facts.mended` of a sample says.\n"
    yield "| note | meaning |\n|---|---|"
    yield from (f"| `{note}` | {meaning} |" for note, meaning in MENDED.items())
    yield "\n## Configuration\n"
    yield "`pairwright schema` prints it as JSON Schema.\n"
    yield "| field | default | |\n|---|---|---|"
    for section, model in SECTIONS.items():
        prefix = "" if section == "(top)" else f"{section}."
        for name, field in model.model_fields.items():
            default = (
                "needed"
                if field.is_required()
                else f"`{_value(field.get_default(call_default_factory=True))}`"
            )
            yield f"| `{prefix}{field.alias or name}` | {default} | {_about(field)} |"


def _options(model: type[BaseModel]) -> str:
    shown = []
    for name, field in model.model_fields.items():
        if name != "kind":
            shown.append(f"`{name}`" if field.is_required() else f"`{name}: {_value(field.default)}`")
    return ", ".join(shown)


def _about(field: FieldInfo) -> str:
    """Return a field's description, else that of the section that it is; and the names it may have."""
    sections = [part for part in _parts(field.annotation) if isinstance(part, type)]
    about = field.description or next((s.__doc__ for s in sections if issubclass(s, BaseModel)), "")
    names = [f"`{part}`" for part in _parts(field.annotation) if isinstance(part, str)]
    return _line(f"{about} One of {', '.join(names)}." if names else about)


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield the types and the literals in a type."""
    inner = get_args(annotation)
    yield from (part for one in inner for part in _parts(one)) if inner else (annotation,)


def _value(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "..."
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    print("\n".join(reference()))
