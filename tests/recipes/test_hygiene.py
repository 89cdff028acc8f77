import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.hygiene import (
    clean_text,
    copies,
    is_loop,
    is_refusal,
    repeats_itself,
    repetition,
    strip_opening,
    words_of,
)

REFUSALS = [
    "I'm sorry, but I can't assist with that request.",
    "I\u2019m sorry, I cannot identify people in images.",
    "I'm sorry",
    "Sorry, but I can't help with identifying people.",
    "I cannot describe the picture because it has not been provided.",
    "I can't see the image.",
    "I can not answer this.",
    "Unfortunately, I cannot view images.",
    "As an AI language model, I don't have the ability to see images.",
    "as a language model I have no eyes",
    "I am unable to view the picture.",
    "I don't have access to the image.",
    "I apologize, but the alt text is inappropriate.",
    "No image was provided.",
    "No image is available here.",
    "It seems that you have not attached an image. Could you share it?",
    "It looks like there is no image in your message.",
    "It appears you haven\u2019t uploaded any picture yet.",
    'Please provide the image you would like described."',
    "  \"I'm unable to process this image.",
    "\u62b1\u6b49\uff0c\u6211\u65e0\u6cd5\u63cf\u8ff0\u8fd9\u5f20\u56fe\u7247\u3002",
]
NO_REFUSALS = [
    "A sign that says 'Sorry, we are closed' hangs on a door.",
    "Sorry, we're closed, reads a sign on a glass door.",
    "I can't even mug in white ceramic.",
    "I am what I am, printed on a blue shirt.",
    "As an airplane lands, people watch.",
    "A robot with the words 'I cannot help' on its chest.",
    "Please Please Me, an album cover with four men.",
    "No image on the screen of an old television.",
    "It looks like rain over a grey harbour with three boats.",
    "It seems that there is a picture of a dog on the wall.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", NO_REFUSALS)
def test_captions_that_sound_like_refusals(text: str) -> None:
    assert not is_refusal(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The image shows a red car on a road.", "A red car on a road."),
        ("This picture depicts two dogs in the snow.", "Two dogs in the snow."),
        ("In this photo, a man rides a bike.", "A man rides a bike."),
        ("In the image we can see a bowl of fruit.", "A bowl of fruit."),
        ("In this picture there is a cat on a chair.", "There is a cat on a chair."),
        ("This is an image of a quiet street.", "A quiet street."),
        ("We can see three boats in a harbour.", "Three boats in a harbour."),
        ("Caption: A dog lies on a sofa.", "A dog lies on a sofa."),
        ("**Short caption:** a dog on a sofa", "A dog on a sofa"),
        ("Here is a rewritten caption: A dog on a sofa.", "A dog on a sofa."),
        ("Description 2 - A dog on a sofa.", "Description 2 - A dog on a sofa."),
        ("The photo clearly shows \u00e9clairs on a plate.", "\u00c9clairs on a plate."),
    ],
)
def test_openings_are_taken_off(text: str, left: str) -> None:
    assert strip_opening(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "The image shows dogs.",
        "The image shows that it is raining.",
        "In the picture frame on the wall is a dog.",
        "In this photo of a kitchen, a man cooks.",
        "A photo of a red car on a road.",
        "The picture hangs over a green sofa.",
        "A scene from a film shows two men.",
        "The image shows off a new car.",
        "A caption below the photo: two men in hats.",
        "Captions: three of them on one poster.",
    ],
)
def test_sentences_that_stay(text: str) -> None:
    assert strip_opening(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a dog and a cat and a dog and a cat and a dog and a cat",
        "The man is standing. The man is standing. The man is standing.",
        "very very very very very very big",
        "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
        "\u304b\u308f\u3044\u3044" * 12,
        "on the left, on the right, on the left, on the right, on the left",
    ],
)
def test_loops(text: str) -> None:
    assert is_loop(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bora Bora",
        "A man in a red shirt stands beside a man in a blue shirt.",
        "A red car, a blue car and a green car are parked in a row.",
        "Knock, knock, knock on the door!!!",
        "A dog on a sofa and a cat on a sofa in a living room.",
    ],
)
def test_no_loops(text: str) -> None:
    assert not is_loop(text)


def test_repetition_by_hand() -> None:
    # Six 4-grams, abcd bcda cdab dabc abcd bcda: the last two repeat.
    assert repetition(list("abcdabcda")) == pytest.approx(2 / 6)
    assert repetition(list("abc")) == 0


def test_the_same_text_three_times() -> None:
    assert repeats_itself(["A dog.", "a dog", "A  DOG!", "A cat."])
    assert not repeats_itself(["A dog.", "A dog.", "A cat.", "...", "...", "..."])


INSTRUCTION = "Name objects with their colour, size, material, number, action and place to one another."


@pytest.mark.parametrize(
    ("text", "is_copy"),
    [
        (INSTRUCTION, True),
        ("A car: name OBJECTS with their colour size material, number!", True),
        ("objects with their colour, size, material, number, action", True),
        ("Two dogs. Size, material, number, action and place to one another.", True),
        ("Colour, size, material, number, action and place to one side", True),
        ("objects with their colour, size, material, number", False),
        ("A car and its colour, size and material", False),
        ("", False),
        ("Objects stand next to one another.", False),
        ("their colour, shape, size, material, number of wheels, action and place", False),
    ],
)
def test_eight_words_in_a_row_are_a_copy(text: str, is_copy: bool) -> None:
    assert copies(text, INSTRUCTION) is is_copy


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("A red\x00 car", "A red car"),
        ("A dog\non a sofa", "A dog on a sofa"),
        ("A dog\r\n\ton a sofa", "A dog on a sofa"),
        ("\ufeffA\u200b dog\u202e", "A dog"),
        ("A \ud83d dog", "A  dog"),
        (
            "A caf\u00e9, \U0001f469\u200d\U0001f373 \u5927\u962a",
            "A caf\u00e9, \U0001f469\u200d\U0001f373 \u5927\u962a",
        ),
    ],
)
def test_control_characters_go(text: str, clean: str) -> None:
    assert clean_text(text) == clean


@given(st.text())
def test_any_text_is_cleaned_once_and_for_all(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    cleaned.encode()
    assert not any(ord(char) < 32 for char in cleaned)
    assert (
        words_of(strip_opening(cleaned)) == words_of(cleaned)[-len(words_of(strip_opening(cleaned))) :]
        or not cleaned
    )
    assert 0 <= repetition(words_of(text)) < 1
