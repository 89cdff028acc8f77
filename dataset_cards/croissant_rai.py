"""The responsible-AI fields of croissant.json (Croissant RAI 1.0), filled from the run."""

from collections.abc import Iterator, Mapping
from typing import Any

from dataset_cards.card_making import settings_line, writers
from dataset_cards.card_using import limits


def responsible_ai(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields there is something to say in; specification: mlcommons.org/croissant/RAI/1.0."""
    counts, source = run["counts"], run["config"].get("source") or {}
    lost = [f"{number:,} {kind} by {stage} for {reason}" for kind, stage, reason, number in _lost(counts)]
    told = {
        "rai:dataCollection": source.get("description"),
        "rai:dataCollectionMissingData": (
            f"Of {counts['in']:,} units of the input {counts['published']:,} are published"
            f"{': ' if lost else ''}{'; '.join(lost)}. Each of the others is a row of rejected/."
        ),
        "rai:dataPreprocessingProtocol": list(_preprocessing(run)),
        "rai:dataAnnotationProtocol": list(_protocol(run)),
        "rai:dataAnnotationPlatform": ["Pairwright"] if run["recipes"] else [],
        "rai:machineAnnotationTools": list(_tools(run)),
        "rai:dataUseCases": ["Training and evaluation of contrastive image-text models."],
        "rai:dataLimitations": limits(run),
        "rai:personalSensitiveInformation": [
            source.get("personal")
            or "Not known: pictures and alt texts are as the source had them, and nothing looked for it."
        ],
    }
    return {name: value for name, value in told.items() if value}


def _lost(counts: Mapping[str, Any]) -> Iterator[tuple[str, str, str, int]]:
    for kind in ("dropped", "failed"):
        for stage, reasons in sorted(counts[kind].items()):
            yield from ((kind, stage, reason, number) for reason, number in sorted(reasons.items()))


def _preprocessing(run: Mapping[str, Any]) -> Iterator[str]:
    config = run["config"]
    for one in (config.get("profile") or {}).get("filters", ()):
        settings = settings_line(one)
        yield f"Filter {one['kind']}{': ' if settings else ''}{settings}."
    dedup = config.get("dedup") or {}
    if dedup.get("exact"):
        yield "Of pictures with the same bytes, one was kept."
    if near := dedup.get("near"):
        yield f"Of nearly the same pictures, one was kept: {settings_line(near)}."
    if lists := dedup.get("decontaminate"):
        yield f"Pictures of {len(lists)} lists of evaluation pictures were dropped."


def _protocol(run: Mapping[str, Any]) -> Iterator[str]:
    for writer in writers(run):
        by = f" by the method of {writer['source']}" if writer["source"] else ""
        recipe = f"Recipe {writer['name']} {writer['version']}{by}"
        yield f"{recipe}: {_how(writer)} No person has looked at the texts."
    if run.get("score"):
        yield (
            f"Texts were scored by a CLIP ({_identity(run['score']['clip'])}) against the picture; what was "
            "left out for it is in the card."
        )


def _how(writer: Mapping[str, str]) -> str:
    """Return how a recipe's fields came about."""
    if writer["worker"] == "rules":
        return "written by fixed rules from alt text, picture and measurements; no model was asked."
    if writer["worker"] == "segments":
        return "areas of one colour in the picture, found and named by fixed rules; no model was asked."
    return (
        f"one request a sample, prompt with SHA-256 {writer['prompt_sha256']}; a reply that its checks "
        "refuse is rejected with its reason."
    )


def _tools(run: Mapping[str, Any]) -> Iterator[str]:
    seen = [(writer["worker"], writer["model"], writer["revision"]) for writer in writers(run)]
    for worker, model, revision in dict.fromkeys(seen):
        named = "without a model" if worker == model else f"model {model}"
        at = f", revision {revision}" if revision else ""
        yield f"Pairwright, worker {worker}, {named}{at}"
    if run.get("score"):
        yield f"CLIP: {_identity(run['score']['clip'])}"


def _identity(clip: Mapping[str, Any]) -> str:
    return settings_line({name: value for name, value in clip.items() if value not in ("", "False")})
