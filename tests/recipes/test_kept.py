import pytest

from recipes.kept import keeps_all
from schemas.facts import Facts


def facts(alt_text: str, language: str = "en") -> Facts:
    return Facts(index=0, uid="u", key="k", alt_text=alt_text, language=language)


@pytest.mark.parametrize(
    ("alt_text", "rewrite"),
    [
        ("old red tractor in Vermont, 1962", "An old tractor, painted red, in Vermont in 1962."),
        ("3 kittens in a basket", "Three kittens are together inside a basket."),
        ("hand made oak table, seats 6", "An oak table for six people."),
        ("a walk with Anna's dog", "Anna walks her dog."),
        ("1,200 people in a square", "A square with 1200 people."),
        ("Blue Ceramic Mug With Handle", "A mug made of ceramic with a handle."),
        ("best pancakes EVER with honey", "Pancakes with honey."),
        ("IMG_1234.jpg a dog on grass", "A dog lies on grass."),
        ("Ein Haus in der Stadt", "In der Stadt ist ein Haus."),
    ],
)
def test_what_is_kept(alt_text: str, rewrite: str) -> None:
    assert keeps_all(rewrite, facts(alt_text, "de" if alt_text.startswith("Ein ") else "en"))


@pytest.mark.parametrize(
    ("alt_text", "rewrite"),
    [
        ("old red tractor in Vermont, 1962", "An old tractor in Vermont."),
        ("old red tractor in Vermont, 1962", "An old tractor in America in 1962."),
        ("3 kittens in a basket", "Several kittens in a basket."),
        ("a portrait of Anna Weber", "A portrait of Anna."),
        ("Bus 14 in the snow", "A bus in the snow."),
        ("a table that seats 26", "A table for many."),
    ],
)
def test_what_is_lost(alt_text: str, rewrite: str) -> None:
    assert not keeps_all(rewrite, facts(alt_text))
