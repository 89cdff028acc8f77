import colorsys

import numpy as np
import pytest
from PIL import ImageColor

from schemas.colour_names import colour_table, name_colours
from schemas.facts import COLOURS

CASES = {
    "black": "black #0a0a0a #1d1d1d",
    "grey": "grey darkgrey lightgrey dimgrey slategrey darkslategrey silver #929591 #363737 #d8dcd6",
    "white": "white snow ivory whitesmoke ghostwhite",
    "red": "red darkred firebrick crimson indianred tomato #e50000 #840000 #980002",
    "orange": "orange darkorange orangered sandybrown #f97306 #fdaa48 #ff8800",
    "yellow": "yellow gold khaki lemonchiffon #ffff14 #fffe7a #d5b60a",
    "green": "green lime darkgreen forestgreen seagreen palegreen olivedrab #15b01a #96f97b #033500",
    "blue": "blue navy skyblue royalblue steelblue dodgerblue cyan teal turquoise #0343df #95d0fc #00035b",
    "purple": "purple indigo violet orchid plum darkviolet rebeccapurple #7e1e9c #35063e #bf77f6",
    "pink": "pink hotpink deeppink lightpink salmon lightcoral fuchsia #ff81c0 #ffb2d0 #fe019a",
    "brown": "brown saddlebrown sienna peru tan burlywood #653700 #7f2b0a #964b00",
}
"""CSS colours, and medians of the XKCD colour survey with lighter and darker kin, by their basic term."""


def _look_up(colour: str) -> str:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return COLOURS[colour_table()[(red >> 4) << 8 | (green >> 4) << 4 | blue >> 4]]


@pytest.mark.parametrize("name", COLOURS)
def test_known_colours_have_their_basic_term(name: str) -> None:
    assert {colour: _look_up(colour) for colour in CASES[name].split()} == dict.fromkeys(
        CASES[name].split(), name
    )


def test_the_table_is_whole_and_every_term_occurs() -> None:
    table = colour_table()
    assert table.shape == (4096,)
    assert set(table.tolist()) == set(range(len(COLOURS)))


def test_saturated_hues_are_named_in_the_order_of_the_rainbow() -> None:
    wheel = np.array([colorsys.hsv_to_rgb(hue / 360, 1, 1) for hue in range(360)]) * 255
    names = [COLOURS[place] for place in name_colours(wheel)]
    order = [name for name, before in zip(names, [names[-1], *names], strict=False) if name != before]
    start = order.index("orange")
    assert order[start:] + order[:start] == ["orange", "yellow", "green", "blue", "purple", "pink", "red"]


def test_greys_go_from_black_over_grey_to_white() -> None:
    ramp = name_colours(np.repeat(np.arange(256.0)[:, None], 3, axis=1))
    assert sorted(ramp.tolist()) == ramp.tolist()
    assert set(ramp.tolist()) == {COLOURS.index(name) for name in ("black", "grey", "white")}
