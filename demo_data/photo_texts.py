"""Alt texts of the photographs in `demo_data.photos`, written by hand while looking at each picture.

No text says left or right, so that each is also true of the mirrored picture.
"""

from collections.abc import Mapping

Box = tuple[float, float, float, float]
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)

VIEWS: Mapping[str, tuple[tuple[Box, str], ...]] = {
    "astronaut": (
        (WHOLE, "Smiling astronaut in an orange space suit in front of an American flag and a shuttle model"),
        ((0.25, 0.00, 0.65, 0.38), "Close-up of a smiling woman with short light brown hair"),
        ((0.66, 0.00, 1.00, 0.58), "Model of a white space shuttle with a brown fuel tank on a stand"),
        ((0.52, 0.64, 1.00, 1.00), "Space helmet with a dark shiny visor resting in front of an orange suit"),
        ((0.20, 0.62, 0.48, 0.88), "Round blue mission patch sewn onto an orange flight suit"),
        (
            (0.00, 0.00, 0.28, 0.45),
            "Stars and stripes of an American flag hanging in front of a grey backdrop",
        ),
        ((0.05, 0.50, 0.60, 1.00), "Orange flight suit with a blue patch, a name tag and white straps"),
    ),
    "brick": (
        (WHOLE, "Dark bricks with light mortar between them in a black and white picture"),
        ((0.30, 0.30, 0.62, 0.62), "Long narrow bricks with pale mortar seen from close up"),
    ),
    "camera": (
        (WHOLE, "Man in a dark coat looking through a camera on a tripod, in black and white"),
        ((0.25, 0.10, 0.70, 0.50), "Head of a man with dark hair looking into a small camera"),
        ((0.42, 0.55, 0.82, 1.00), "Legs of a metal tripod standing on short grass"),
        ((0.60, 0.20, 1.00, 0.50), "Tall tower and low domed buildings beyond a playing field"),
        ((0.00, 0.10, 0.50, 0.75), "Man in a black coat and dark gloves bending forward, seen from the side"),
    ),
    "chelsea": (
        (WHOLE, "Face of a brown tabby cat with green eyes"),
        ((0.25, 0.22, 0.55, 0.55), "A single green eye of a tabby cat with a narrow pupil"),
        ((0.45, 0.60, 0.80, 1.00), "Orange nose and white whiskers of a cat"),
        ((0.40, 0.00, 0.85, 0.60), "Striped forehead, ear and wide open eyes of a tabby cat"),
        ((0.00, 0.55, 0.55, 1.00), "Long white whiskers on the cheek of a tabby cat"),
        ((0.27, 0.25, 0.82, 0.62), "Two green eyes of a cat looking at something out of the picture"),
    ),
    "china": (
        (WHOLE, "Tower of the Summer Palace in Beijing with orange roofs above a wide lake"),
        ((0.10, 0.05, 0.55, 0.40), "Curved roof of orange tiles with green edges on top of a Chinese tower"),
        ((0.50, 0.45, 0.90, 0.75), "Many small boats on a calm lake with a wooded island in the haze"),
        ((0.10, 0.55, 0.60, 0.95), "Red wooden balcony and tiled roofs of a Chinese tower above the trees"),
        ((0.80, 0.25, 1.00, 0.90), "Tall green tree in front of a pale sky and a lake"),
    ),
    "clock": ((WHOLE, "Blurred round clock on a plain wall, photographed with a moving camera"),),
    "coffee": (
        (WHOLE, "Espresso in a red and white cup with a spoon on the saucer, on a wooden table"),
        ((0.28, 0.02, 0.70, 0.55), "Espresso with golden foam in a cup with a thick white rim"),
        ((0.50, 0.50, 0.76, 0.85), "Small shiny metal spoon lying on a red saucer"),
        ((0.72, 0.00, 1.00, 0.60), "Worn brown wooden table beside the rim of a red saucer"),
        ((0.00, 0.50, 0.45, 1.00), "Edge of a red saucer and the handle of a red cup on rough wood"),
    ),
    "coins": (
        (WHOLE, "Four rows of ancient coins laid out on a dark background"),
        ((0.475, 0.03, 1.0, 0.49), "Six old coins in two rows, photographed in black and white"),
        ((0.03, 0.75, 0.55, 1.00), "Three old coins side by side on a dark surface"),
        ((0.48, 0.54, 0.80, 0.74), "Two ancient coins, each with the head of a person on it"),
    ),
    "flower": (
        (WHOLE, "Round orange dahlia in full bloom in front of dark green leaves"),
        ((0.38, 0.38, 0.58, 0.65), "Centre of an orange dahlia with tightly curled petals"),
        ((0.25, 0.50, 0.72, 0.86), "Lower petals of a pale orange dahlia, layered like scales"),
        ((0.42, 0.74, 0.75, 1.00), "Upper petals of a peach flower just below another bloom"),
        ((0.00, 0.10, 0.42, 0.80), "Edge of an orange flower beside blurred dark leaves"),
    ),
    "grass": (
        (WHOLE, "Short grass and small leaves seen from above, in black and white"),
        ((0.15, 0.18, 0.58, 0.55), "Clover leaves between blades of grass from close up"),
    ),
    "gravel": (
        (WHOLE, "Ground covered with crushed grey stones"),
        ((0.05, 0.28, 0.38, 0.58), "Sharp-edged pieces of gravel with a few thin twigs"),
    ),
    "hubble": (
        (WHOLE, "Deep space picture with thousands of small galaxies and a few bright stars"),
        ((0.60, 0.45, 0.90, 0.75), "Bright star with long spikes of light near a round yellow galaxy"),
        ((0.02, 0.33, 0.32, 0.63), "Pale spiral galaxy among many fainter ones in a black sky"),
        ((0.20, 0.02, 0.55, 0.25), "Blue, white and orange galaxies scattered over a black sky"),
        ((0.30, 0.55, 0.65, 0.95), "Small red, white and yellow galaxies in deep space"),
    ),
    "ihc": (
        (WHOLE, "Tissue stained brown and blue under a microscope"),
        ((0.48, 0.58, 0.78, 1.00), "Round gland of brown cells among blue cell nuclei under a microscope"),
        ((0.52, 0.00, 0.92, 0.60), "Brown stained gland with a white slit in the middle under a microscope"),
    ),
    "motorcycle": (
        (WHOLE, "Red Yamaha motorcycle parked in a garage in front of metal shelves"),
        ((0.65, 0.50, 0.95, 0.92), "Front wheel of a motorcycle with a red mudguard on a concrete floor"),
        ((0.15, 0.45, 0.42, 0.82), "Rear wheel of a motorcycle next to a chrome exhaust pipe"),
        ((0.43, 0.48, 0.66, 0.78), "Shiny metal engine of a red motorcycle"),
        ((0.68, 0.00, 0.97, 0.24), "Brown cardboard boxes on a grey metal shelf"),
        ((0.03, 0.18, 0.50, 0.65), "Black motorcycle seat in front of a weathered wooden bench"),
    ),
    "retina": (
        (WHOLE, "Inside of a human eye with dark red blood vessels on an orange retina"),
        ((0.02, 0.30, 0.32, 0.60), "Bright spot in an eye where the blood vessels of the retina meet"),
        ((0.35, 0.35, 0.65, 0.65), "Dark red spot in the middle of an orange retina"),
        ((0.40, 0.60, 0.95, 0.98), "Branching blood vessels near the lower edge of a retina"),
        ((0.10, 0.02, 0.60, 0.35), "Blood vessels spreading over the upper part of a retina"),
    ),
    "rocket": (
        (WHOLE, "White rocket on its launch pad at dusk between tall steel towers"),
        ((0.38, 0.25, 0.63, 0.70), "Upper part of a white rocket in front of a dark blue sky"),
        ((0.10, 0.72, 0.45, 1.00), "Bright floodlights with star-shaped rays below a dark evening sky"),
        ((0.00, 0.00, 0.26, 0.75), "Tall steel lattice tower in front of a deep blue sky"),
        ((0.25, 0.25, 0.75, 1.00), "Rocket and two thin towers lit by floodlights in the evening"),
        ((0.42, 0.70, 0.72, 1.00), "Foot of a rocket with glaring lamps beside it at night"),
    ),
}
"""Views of each photograph, the whole first: [x0, y0, x1, y1] in 0..1 of its sides, and what is seen."""

FOREIGN: Mapping[str, Mapping[str, str]] = {
    "astronaut": {
        "de": "Eine lächelnde Astronautin im orangefarbenen Raumanzug vor einer amerikanischen Flagge",
        "fr": "Une astronaute souriante en combinaison orange devant un drapeau américain",
        "es": "Una astronauta sonriente con un traje espacial naranja delante de una bandera estadounidense",
        "zh": "一位身穿橙色宇航服的女宇航员在美国国旗前面微笑",
    },
    "camera": {
        "de": "Ein Mann im dunklen Mantel schaut durch eine Kamera auf einem Stativ",
        "fr": "Un homme en manteau sombre regarde dans une caméra posée sur un trépied",
        "es": "Un hombre con abrigo oscuro mira por una cámara montada en un trípode",
        "zh": "一个穿深色大衣的男人正在看三脚架上的摄像机",
    },
    "chelsea": {
        "de": "Das Gesicht einer braun getigerten Katze mit grünen Augen",
        "fr": "Le visage d'un chat tigré brun aux yeux verts",
        "es": "La cara de un gato atigrado marrón con los ojos verdes",
        "zh": "一只绿眼睛棕色虎斑猫的脸",
    },
    "china": {
        "de": "Ein chinesischer Turm mit orangefarbenen Dächern über einem weiten See",
        "fr": "Une tour chinoise aux toits orange au-dessus d'un grand lac",
        "es": "Una torre china con tejados de color naranja sobre un gran lago",
        "zh": "北京颐和园里橙色屋顶的高阁和远处宽阔的湖面",
    },
    "coffee": {
        "de": "Ein Espresso in einer rot-weißen Tasse mit einem Löffel auf der Untertasse",
        "fr": "Un expresso dans une tasse rouge et blanche avec une cuillère sur la soucoupe",
        "es": "Un café expreso en una taza roja y blanca con una cucharilla en el platillo",
        "zh": "木桌上红白相间的杯子里有一杯浓缩咖啡",
    },
    "flower": {
        "de": "Eine runde orangefarbene Dahlie in voller Blüte vor dunkelgrünen Blättern",
        "fr": "Un dahlia orange tout rond en pleine floraison devant des feuilles vert foncé",
        "es": "Una dalia naranja y redonda en plena floración delante de hojas de color verde oscuro",
        "zh": "深绿色叶子前面一朵盛开的橙色大丽花",
    },
    "motorcycle": {
        "de": "Ein rotes Motorrad steht in einer Garage vor einem Metallregal",
        "fr": "Une moto rouge garée dans un garage devant des étagères en métal",
        "es": "Una motocicleta roja aparcada en un garaje delante de unas estanterías de metal",
        "zh": "一辆红色摩托车停在车库里的金属货架前面",
    },
    "rocket": {
        "de": "Eine weiße Rakete steht in der Abenddämmerung auf ihrer Startrampe",
        "fr": "Une fusée blanche sur son pas de tir au crépuscule",
        "es": "Un cohete blanco en su plataforma de lanzamiento al anochecer",
        "zh": "黄昏时竖立在发射台上的一枚白色火箭",
    },
}
"""The same pictures, whole, described in other languages (ISO 639)."""
