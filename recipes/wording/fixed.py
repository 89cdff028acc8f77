"""Pairs of words that name one thing, so that neither word can be changed for another of its kind."""

_PAIRS = """
    above all | above average | above ground | age old | american football | angry bird | ant man |
    apple ipad | apple iphone | apple music | apple pencil | apple pie | apple tv | apple watch | baked
    chicken | balloon animal | banana republic | barn door | barn owl | baseball bat | baseball cap |
    baseball glove | baseball hat | basketball hoop | bathroom sink | beach ball | beach boys | beach
    chair | beach towel | beach umbrella | bed and | bed room | bed sheet | bee gees | bench mark |
    bench press | big apple | big bang | big ben | big brother | big data | big deal | big time | black
    bear | black belt | black forest | black friday | black hole | black market | black pepper | black
    sea | black tea | black widow | blu ray | blue cheese | blue jay | blue moon | blue mountain | blue
    ray | boot camp | boot cut | bottle cap | bottle caps | box office | bridal gown | brother printer |
    brown bear | brown rice | brown sugar | bunk bed | bus driver | bus stop | cake stand | cake topper
    | camera bag | cap sleeve | car insurance | car loan | car park | car rental | car seat | car wash |
    castle rock | cat eye | cat walk | cell phone | chair lift | cherry blossom | cherry blossoms |
    cherry tomato | cherry tomatoes | cherry tree | cherry wood | chicken breast | chicken salad |
    chicken sandwich | chicken soup | chicken wings | christmas father | city square | coffee table |
    coffee tables | cotton candy | cotton on | crab cake | crab cakes | crown molding | cup cake | cup
    cakes | cup final | dallas cowboys | deer hunter | deer park | desk lamp | desk top | dog house |
    dog tag | dog tags | dress code | dress shirt | dress shirts | dress shoes | dress up | drum kit |
    drum machine | duck dynasty | duck tape | eagle eye | family circle | family guy | fashion model |
    father christmas | fish eye | flower bed | football club | football field | football team | forest
    service | fork lift | fox news | french horn | fried chicken | fruit fly | garage door | garage sale
    | gold fish | grape vine | green bay | green bean | green beans | green card | green energy | green
    light | green onion | green onions | green screen | green tea | grilled chicken | hat trick | heavy
    metal | high chair | high school | hockey stick | home office | home plate | hot dog | hot dogs |
    indian summer | inside out | iron man | jack o | kings cross | kitchen aid | kitchen sink | kitchen
    table | kite surfing | knife block | lady gaga | lake city | lamb chops | lamp post | lamp shade |
    laptop bag | laptop case | laptop sleeve | large format | lemon juice | license plate | lone wolf |
    long beach | long island | man cave | man made | market square | metal band | miami beach |
    microsoft office | mirror image | monkey business | month old | months old | mother board | mother
    nature | mountain bike | mountain bikes | mountain biking | mountain dew | near me | new york |
    night table | number plate | office chair | office desk | old fashioned | old school | old town |
    open office | orange county | orange juice | orange peel | orange slice | orange slices | orange
    tree | oven mitt | palm beach | pan cake | peach tree | pear shaped | phone case | phone cover |
    phone number | piano bench | picnic table | pilot season | pink floyd | pizza oven | plastic surgery
    | polar bear | post office | potato chips | potato head | prince charles | prince harry | prince
    william | public square | pumpkin spice | queen bee | radio city | rain boots | real madrid | red
    bull | red carpet | red cross | red light | red onion | red panda | red pepper | red sea | red sox |
    red velvet | red wine | river bed | river city | roast chicken | roast lamb | rock guitar | rocky
    mountain | rose bowl | rubber duck | running back | running late | running man | running shoes |
    running water | salad bowl | salad dressing | salt lake | sea horse | sea lion | sea lions | shirt
    dress | shower head | sink hole | sister act | sitting room | size large | size small | sleeping bag
    | sleeping beauty | small business | smiling face | snow boots | soccer club | sofa bed | soldier
    field | spider man | spider web | square feet | square foot | square inches | square meter | square
    meters | standing desk | summer olympics | summer school | super bowl | sweater dress | sweet potato
    | sweet potatoes | table cloth | table lamp | table lamps | table tennis | table top | taxi driver |
    teddy bear | teddy bears | tennis ball | tennis balls | tennis court | tennis racket | tennis
    racquet | tennis shoes | tiger woods | time square | times square | toilet bowl | toilet paper |
    toilet seat | town square | trafalgar square | truck bed | truck driver | under armor | under armour
    | under attack | under construction | under control | under pressure | under stress | under water |
    under way | walking dead | walking stick | wedding dress | white house | white noise | white paper |
    white rice | white sox | white wine | winter garden | winter olympics | winter park | winter soldier
    | wood river | world cup | year old | years old | young living |
    rose gold
"""

FIXED_PAIRS = frozenset(" ".join(pair.split()) for pair in _PAIRS.split("|"))
"""Two words in lower case, with one space."""
