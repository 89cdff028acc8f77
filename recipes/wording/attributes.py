"""Attributes and the values that exclude one another."""

from schemas.facts import COLOURS

_NEAR = {
    "black": "grey brown blue purple",
    "grey": "black white blue brown",
    "white": "grey pink yellow",
    "red": "orange pink brown purple",
    "orange": "red yellow brown pink",
    "yellow": "orange white brown green",
    "green": "yellow blue",
    "blue": "purple green grey black",
    "purple": "pink blue red black",
    "pink": "purple red orange white",
    "brown": "orange red black grey yellow",
}
"""Colours that people name one for the other: neighbours among the basic terms (Berlin & Kay 1969)."""

FAR_COLOURS: dict[str, tuple[str, ...]] = {
    colour: tuple(
        c for c in COLOURS if c != colour and c not in near.split() and colour not in _NEAR[c].split()
    )
    for colour, near in _NEAR.items()
}
"""The colours that no one takes for the key."""

SHADES: dict[str, str] = {
    "gray": "grey", "navy blue": "blue", "royal blue": "blue", "sky blue": "blue", "baby blue": "blue",
    "lime green": "green", "olive green": "green", "emerald green": "green", "forest green": "green",
    "mint green": "green", "army green": "green", "sea green": "green", "hot pink": "pink",
    "jet black": "black", "off white": "white", "ruby red": "red", "cherry red": "red",
    "mustard yellow": "yellow", "canary yellow": "yellow", "burnt orange": "orange",
    "chocolate brown": "brown", "teal": "green", "turquoise": "blue", "beige": "white", "maroon": "red",
    "crimson": "red", "scarlet": "red", "violet": "purple", "lavender purple": "purple", "navy": "blue",
}  # fmt: skip
"""Other names of colours, by the basic term whose opposites they take."""

SHADES_NEAR: dict[str, str] = {
    "teal": "blue", "turquoise": "green", "beige": "brown", "maroon": "black", "violet": "pink",
}  # fmt: skip
"""A second basic term that a shade may pass for."""

OPPOSITES: dict[str, tuple[str, ...]] = {
    "size": (
        "large > small, tiny", "big > small, tiny", "small > large, huge", "tiny > large, huge",
        "huge > small, tiny", "tall > short", "wide > narrow", "narrow > wide", "thick > thin",
        "long hair > short hair", "short hair > long hair", "long sleeve > short sleeve",
        "short sleeve > long sleeve", "long sleeves > short sleeves", "short sleeves > long sleeves",
        "long dress > short dress", "long table > short table", "long beard > short beard",
        "long tail > short tail", "long legs > short legs",
    ),
    "age": (
        "young > elderly", "elderly > young", "old > new", "baby > adult",
    ),
    "position": (
        "to the left > to the right", "to the right > to the left", "on the left > on the right",
        "on the right > on the left", "at the left > at the right", "at the right > at the left",
        "left side > right side", "right side > left side", "left hand > right hand",
        "right hand > left hand", "left of > right of", "right of > left of", "top left > bottom right",
        "top right > bottom left", "bottom left > top right", "bottom right > top left",
        "at the top > at the bottom", "at the bottom > at the top", "the top of > the bottom of",
        "the bottom of > the top of", "above > below", "below > above", "beneath > on top of",
        "underneath > on top of", "under > on top of", "on top of > under", "in front of > behind",
        "behind > in front of", "next to > far from", "beside > far from", "near > far from",
        "in the foreground > in the background", "in the background > in the foreground",
    ),
    "setting": (
        "indoor > outdoor", "outdoor > indoor", "indoors > outdoors", "outdoors > indoors",
        "inside > outside", "outside > inside",
    ),
    "scene": (
        "on the beach > in the forest, in the desert", "on a beach > in a forest, in a desert",
        "at the beach > in the forest, in the desert", "at a beach > in a forest, in a desert",
        "in the forest > on the beach, in the desert", "in a forest > on a beach, in a desert",
        "in the woods > on the beach, in the desert", "in the desert > on the beach, in the forest",
        "in a desert > on a beach, in a forest", "on the mountain > on the beach",
        "on a mountain > on a beach", "in the mountains > on the beach", "in the snow > on the grass",
        "in the grass > in the snow", "on the grass > in the snow", "on a couch > on a bed",
        "on the couch > on the bed", "in bed > on a couch", "at the airport > at the beach",
        "on the street > on the beach",
    ),
    "material": (
        "wooden > metal, plastic, stone", "wood > metal, plastic, stone", "metal > wooden, plastic, stone",
        "plastic > wooden, metal, stone", "brick > wooden, metal", "concrete > wooden, metal",
        "steel > wooden, plastic", "marble > wooden, metal", "ceramic > wooden, metal",
        "bamboo > metal, stone", "cardboard > metal, stone", "leather > denim, wool, silk",
        "denim > leather, silk", "silk > leather, denim", "wool > leather, silk", "velvet > leather, denim",
        "cotton > leather, fur",
    ),
    "pattern": (
        "striped > floral, polka dot, plain", "plaid > floral, polka dot", "floral > striped, checkered",
        "polka dot > striped, floral", "checkered > floral, polka dot",
    ),
    "weather": (
        "sunny > rainy, foggy, stormy", "rainy > sunny", "foggy > sunny", "stormy > sunny",
        "cloudy > cloudless", "overcast > cloudless", "cloudless > cloudy", "snowy > grassy, sandy",
        "snow covered > grass covered", "snow-covered > grass-covered, sand-covered",
    ),
    "season": (
        "winter > summer", "summer > winter", "autumn > spring", "springtime > autumn",
    ),
    "time": (
        "at night > at noon", "by night > by day", "by day > by night", "at sunset > at noon, at midnight",
        "at sunrise > at noon, at midnight", "at dusk > at noon", "at dawn > at noon", "at noon > at night",
        "during the day > during the night", "in the morning > at midnight",
        "in the afternoon > at midnight",
    ),
    "posture": (
        "sitting > standing, lying", "standing > sitting, lying", "lying > standing", "laying > standing",
        "sits > stands", "stands > sits", "walking > sitting", "running > sleeping", "sleeping > running",
    ),
    "expression": (
        "smiling > frowning, crying", "laughing > crying", "crying > laughing",
    ),
    "state": (
        "open door > closed door", "closed door > open door", "open window > closed window",
        "closed window > open window", "empty street > crowded street", "crowded street > empty street",
        "empty beach > crowded beach", "crowded beach > empty beach",
    ),
}  # fmt: skip
"""Values and what excludes them, one way: `value > replacements`."""

NUMBERS = (
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
)
"""Number words. One is left out: it is a pronoun as often as a number."""
