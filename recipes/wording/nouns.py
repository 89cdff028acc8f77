"""Nouns that exclude one another: a thing is at most one of the words of its set.

In a set, words are separated by spaces, `_` stands for a space inside a word, and `|` joins names of one
thing, of which the first is written. No set holds a word beside its hypernym (no `bird` beside `owl`), nor
two things that are seldom told apart (`desk` and `table` are one).
"""

NOUN_SETS: dict[str, tuple[str, ...]] = {
    "animal": (
        "dog|puppy|doggy cat|kitten|kitty horse|pony|foal cow|calf sheep|lamb goat pig|piglet "
        "rabbit|bunny chicken|hen|rooster",
        "elephant giraffe zebra lion|lioness tiger bear monkey kangaroo wolf hippo|hippopotamus "
        "rhino|rhinoceros camel panda koala deer fox",
        "eagle owl parrot penguin duck|duckling swan flamingo pigeon peacock",
        "shark dolphin whale turtle octopus crab jellyfish|jellyfish",
        "butterfly bee spider ant dragonfly beetle",
        "frog snake lizard crocodile|alligator",
    ),
    "vehicle": (
        "car|sedan|hatchback bus truck|lorry train tram bicycle motorcycle|motorbike scooter van "
        "tractor ambulance fire_truck|fire_engine taxi",
        "airplane|aeroplane|aircraft helicopter hot_air_balloon boat|sailboat|ship|ferry|yacht|canoe|kayak",
    ),
    "food": (
        "apple banana strawberry lemon pear pineapple watermelon mango cherry blueberry raspberry kiwi "
        "peach grape",
        "carrot broccoli|broccoli tomato potato onion cucumber eggplant|aubergine zucchini pumpkin mushroom",
        "pizza sandwich salad burger|hamburger|cheeseburger cake|cupcake pie taco donut|doughnut cookie "
        "pancake omelette",
        "croissant bagel muffin waffle",
    ),
    "furniture": (
        "table|desk bed sofa|couch bookshelf|bookcase wardrobe|closet",
        "chair|armchair|stool bench",
    ),
    "tableware": (
        "cup|mug bowl plate|platter vase bottle jar teapot pan|frying_pan basket",
        "spoon fork knife",
    ),
    "object": (
        "laptop|computer phone|cell_phone|cellphone|smartphone television|tv camera radio",
        "umbrella backpack suitcase handbag|purse|tote_bag briefcase",
        "skateboard surfboard snowboard",
        "frisbee kite balloon",
        "toilet|urinal bathtub sink|washbasin refrigerator|fridge oven|stove washing_machine|washer "
        "dishwasher",
        "traffic_light fire_hydrant parking_meter mailbox stop_sign",
        "teddy_bear doll toy_car",
        "candle lamp|lantern chandelier",
        "toothbrush comb hairbrush|hairbrush",
    ),
    "clothing": (
        "shirt|t-shirt|tee|blouse|jacket|coat|sweater|hoodie|cardigan dress|gown swimsuit|bikini",
        "hat|cap|beanie helmet crown",
        "sneaker|trainer boot sandal high_heel",
        "necklace bracelet|bangle earring",
    ),
    "instrument": ("guitar|electric_guitar piano violin trumpet flute saxophone cello harp accordion drum",),
    "place": (
        "beach|seashore forest|woodland desert mountain|mountains swamp",
        "lake river|stream waterfall",
        "kitchen bathroom|restroom bedroom living_room office garage classroom gym",
        "church|cathedral castle lighthouse barn skyscraper windmill",
        "restaurant museum hospital supermarket airport stadium library",
    ),
    "plant": ("sunflower daisy tulip orchid lily rose cactus lavender|lavender",),
    "shape": ("circle triangle square hexagon rectangle",),
    "sport": (
        "baseball|baseball tennis|tennis football|football|soccer basketball|basketball "
        "volleyball|volleyball hockey|hockey",
    ),
    "person": (
        "chef farmer soldier firefighter nurse astronaut pilot cowboy|cowgirl ballerina",
        "skateboarder surfer|surfer skier|snowboarder",
    ),
}

GENDER: tuple[tuple[str, str], ...] = (
    ("man", "woman"),
    ("men", "women"),
    ("boy", "girl"),
    ("boys", "girls"),
    ("gentleman", "lady"),
    ("gentlemen", "ladies"),
    ("guy", "woman"),
    ("guys", "women"),
    ("father", "mother"),
    ("dad", "mom"),
    ("son", "daughter"),
    ("brother", "sister"),
    ("grandfather", "grandmother"),
    ("husband", "wife"),
    ("male", "female"),
    ("policeman", "policewoman"),
    ("businessman", "businesswoman"),
    ("prince", "princess"),
    ("groom", "bride"),
    ("men's", "women's"),
    ("mens", "womens"),
    ("boy's", "girl's"),
)

_IRREGULAR = {
    "sheep": "sheep", "deer": "deer", "wolf": "wolves", "calf": "calves", "knife": "knives",
    "aircraft": "aircraft", "potato": "potatoes", "tomato": "tomatoes", "mango": "mangoes",
    "bookshelf": "bookshelves", "jellyfish": "jellyfish", "broccoli": "broccoli", "octopus": "octopuses",
    "child": "children", "person": "people", "foot": "feet", "mouse": "mice", "goose": "geese",
    "man": "men", "woman": "women", "fish": "fish", "mountains": "mountains",
    "baseball": "baseball", "tennis": "tennis", "football": "football", "soccer": "soccer",
    "basketball": "basketball", "volleyball": "volleyball", "hockey": "hockey", "lavender": "lavender",
}  # fmt: skip


def plural(noun: str) -> str:
    """Return the plural of an English noun of these sets.

    >>> plural("bus"), plural("fire truck"), plural("cherry"), plural("knife"), plural("toy")
    ('buses', 'fire trucks', 'cherries', 'knives', 'toys')
    """
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"
