"""Words that mean the same in a caption, one way each: `word > replacement`."""

from recipes.wording.words import word_set

_PAIRS = """
    couch > sofa | sofa > couch | bicycle > bike | bicycles > bikes | motorcycle > motorbike |
    motorcycles > motorbikes | airplane > aeroplane | airplanes > aeroplanes | television > TV |
    cellphone > mobile phone | cell phone > mobile phone | fridge > refrigerator | refrigerator > fridge |
    kids > children | children > kids | large > big | big > large | tiny > very small | huge > very large |
    next to > beside | beside > next to | near > close to | close to > near | underneath > under |
    beneath > under | on top of > on | photograph > photo | photo > photograph | automobile > car |
    puppy > young dog | puppies > young dogs | kitten > young cat | kittens > young cats | grey > gray |
    gray > grey | autumn > fall | ocean > sea | guy > man | guys > men | gentleman > man | lady > woman |
    ladies > women | lots of > many | a lot of > many | a couple of > two | donut > doughnut |
    donuts > doughnuts | trousers > pants | sneakers > trainers | vintage > old-fashioned |
    colorful > brightly coloured | elderly > old | lorry > truck | rooftop > roof | sunset > sundown |
    woodland > forest | t-shirt > tee shirt | purse > handbag | rug > carpet | photographed > pictured |
    seated > sitting | towards > toward | snow-covered > snowy | multicolored > many-coloured |
    store > shop | stores > shops | washroom > bathroom | restroom > bathroom
"""

SYNONYMS: dict[str, str] = {
    word: other for word, _, other in (pair.strip().partition(" > ") for pair in _PAIRS.split("|"))
}
"""A word or phrase in lower case, and what may stand for it."""

SYNONYM_WORDS: dict[str, int] = {
    words[0]: len(words) for words in sorted((key.split() for key in SYNONYMS), key=len)
}
"""First words of `SYNONYMS`, and how many words the longest key has that begins so."""

PRAISE = word_set(
    """
    amazing awesome beautiful best breathtaking cheap cool easy exclusive fabulous fantastic gorgeous
    incredible lovely nice perfect premium pretty stunning stylish superb trendy unique wonderful
    """
)
"""Words that sell and show nothing."""
