import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from recipes.identify import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("two dogs are playing in the snow", "en"),
        ("a red car", "en"),
        ("ein Hund spielt im Schnee mit seinem Ball", "de"),
        ("un chien joue dans la neige avec sa balle", "fr"),
        ("собака играет в снегу", "ru"),
        ("雪の中で遊んでいる二匹の犬", "ja"),
        ("THERE ARE TWO PEOPLE RIDING HORSES ON THE BEACH", "en"),
        ("two dogs\nare playing\r\nin the snow", "en"),
    ],
)
def test_languages(text: str, language: str) -> None:
    found, probability = detect_language(text)
    assert found == language
    assert 0 < probability <= 1


@pytest.mark.parametrize("text", ["", " \n ", "1234 567", "!!! ... ???", "😀😀", "\0"])
def test_text_without_letters_has_no_language(text: str) -> None:
    assert detect_language(text) == (None, 0.0)


def test_only_the_head_of_a_text_is_asked() -> None:
    head = "two dogs are playing in the snow " * 10
    assert detect_language(head[:300] + "собака играет в снегу " * 1000) == detect_language(head[:300])


def test_nothing_touches_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    assert detect_language("two dogs are playing")[0] == "en"


def test_threads_agree() -> None:
    texts = ["two dogs in the snow", "ein Hund spielt im Schnee", "un chien joue dans la neige"] * 30
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(detect_language, texts)) == [detect_language(text) for text in texts]
