import pytest

from recipes.languages import is_english, is_in_script_of, other_letters


@pytest.mark.parametrize(
    "text",
    [
        "Ein Hund liegt auf dem Sofa und schl\u00e4ft mit einer Katze.",
        "Un chien est sur le canap\u00e9 avec une balle dans la bouche.",
        "Un perro con una pelota est\u00e1 en el sof\u00e1 del sal\u00f3n.",
        "Um cachorro com uma bola na boca e os gatos s\u00e3o pretos.",
        "Een hond van het dorp en de kat zijn op een bank.",
        "Il cane della signora che dorme nel letto sono due.",
        "\u4e00\u53ea\u72d7\u5750\u5728\u6c99\u53d1\u4e0a\u3002",
        "Собака лежит на диване.",
        "Two dogs \u4e00\u53ea\u72d7\u5750\u5728\u6c99\u53d1\u4e0a\u770b\u7535\u89c6\u8282\u76ee",
    ],
)
def test_other_languages(text: str) -> None:
    assert not is_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "A dog lies on the sofa.",
        "red car",
        "The Rue de la Paix in Paris, seen from the Place de l'Op\u00e9ra.",
        "A sign reads \u5927\u962a in front of the castle.",
        "Los Angeles and Las Vegas at night",
        "A bowl of pho with a caf\u00e9 au lait",
    ],
)
def test_english(text: str) -> None:
    assert is_english(text)


def test_shares_by_hand() -> None:
    assert other_letters("ab\u5927\u962a") == 0.5
    assert other_letters("123 \u00e9\u00df") == 0
    assert other_letters("\u5927 1") == 1


@pytest.mark.parametrize(
    ("text", "source", "fits"),
    [
        ("A castle in Osaka", "Osaka castle", True),
        ("A castle in Osaka", "\u5927\u962a\u57ce", False),
        ("A castle in Osaka", "\u5927\u962a\u57ce Osaka", True),
        ("\u5927\u962a\u306e\u57ce", "\u5927\u962a\u57ce Osaka", True),
        ("\u5927\u962a\u306e\u57ce", "Osaka castle", False),
        ("A castle", "12", True),
    ],
)
def test_scripts(text: str, source: str, fits: bool) -> None:
    assert is_in_script_of(text, source) is fits
