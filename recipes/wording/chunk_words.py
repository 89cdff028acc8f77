"""Classes of English words that the noun-phrase chunker tells apart; what is in none is taken for a noun."""

from recipes.wording.attributes import SHADES
from recipes.wording.english import FUNCTION_WORDS, VERBS
from recipes.wording.lexicon import LEXICON
from recipes.wording.words import word_set

ARTICLES = word_set("a an the")

AFTER_VERB = ARTICLES | word_set(
    """
    my your his her its our their this that these those some on in at into onto over down up past through
    along across around behind under toward towards off out by with for near next beside between against
    from to while together and as
    """
)
"""Words that may follow a verb at once."""

PLACES = word_set("front back left right top bottom side pair group set style close inside outside full")
"""Function words that stand before a noun too: `front door`, `top hat`, `full moon`."""

ADJECTIVES = word_set(
    """
    little open grassy colorful colourful ready empty hot cold warm cool long short remote double high low
    dark flat older younger busy outdoor indoor polar dry wet lush past tiled wooded clear multiple clean
    dirty bright shiny private wild sandy vintage retro commercial ornate nearby professional smaller larger
    bigger longer shorter taller messy fried smart overhead tasty electronic electric electrical plain rocky
    single grilled fresh fenced odd fancy residential deep pregnant ancient stainless heavy metallic mobile
    blurry oval round rectangular personal interior exterior visible prominent happy sad angry interactive
    assorted calico whole homeless aerial ripe raw decorative multicolored multi-colored bearded scenic
    strange weird adorable serious urban suburban rural fluffy defensive simple liquid bare steep cozy cosy
    rusty fluorescent straight curly miniature additional identical traditional leafy delicious stylish
    extra curious digital mid comfortable uncomfortable funny hard soft blond blonde lone hind pointy
    circular unique iced partial opposite juvenile wrinkled snowy sunny rainy cloudy foggy muddy stormy
    misty windy beautiful pretty lovely cute gorgeous handsome attractive elegant modern contemporary
    classic rustic nice great good best new old young tall small large big huge giant tiny wide narrow thick
    thin different various several separate wooden golden furry hairy fuzzy smooth rough sharp shallow
    crowded quiet calm choppy tropical floral striped plaid checkered asian african american european
    english french german italian spanish japanese chinese mexican indian british korean russian blue-eyed
    half-eaten well-dressed free cheap custom casual formal royal holy magical funky healthy organic vegan
    frozen natural artificial fake real true entire main major minor common popular famous favorite
    favourite local global national international solid hollow loose tight lit unlit asleep awake atop alone
    topless shirtless barefoot upright sideways upside friendly lonely ugly silly lively elderly woolly
    hilly chilly sparkly
    """
) | frozenset(
    word
    for word, entry in LEXICON.items()
    if entry.attribute in ("colour", "size", "age", "weather", "expression") and word != "baby"
)
"""Adjectives; as the last words of a chunk they are left out. Materials are nouns here."""

PLURALS = word_set("people men women children kids")
"""Plurals without an s."""

COLOUR_NAMES = frozenset(SHADES) | word_set("gold silver cream ivory charcoal tan khaki mustard coral aqua")

MAIN_VERBS = (VERBS - FUNCTION_WORDS) | word_set(
    """
    toss tosses throw throws lean leans rest rests sleep sleeps pose poses serve serves carry carries travel
    travels rise rises reach reaches pull pulls extend extends pass passes cover covers laugh laughs include
    includes pick picks stare stares gather gathers enjoy enjoys perch perches chase chases feed feeds drive
    drives swim swims ski skis talk talks sing sings dance dances smile smiles climb climbs lick licks sniff
    sniffs chew chews graze grazes roam roams float floats dangle dangles hover hovers prepare prepares try
    tries attempt attempts want wants like likes need needs have find finds tell tells use uses appear
    occupy occupies overlook overlooks surround surrounds display displays depict depicts sell sells swing
    swings skate skates skateboards snowboards pour pours cook cooks open opens close closes turn turns
    leave push pushes touch kick kicks bring brings kneel kneels crouch crouches wander wanders adorn adorns
    pretend pretends decorate decorates resemble resembles provide provides create creates move moves lead
    lay lays sat stood ran went came saw wore held rode flew ate drank threw caught left seems seem let lets
    begin begins start starts stop stops
    """
)
"""Finite verbs; those of `DUAL` only where they agree with a noun before them."""

DUAL = word_set(
    """
    watch watches play plays ride rides look looks walk walks stand stands cross crosses cut run runs jump
    jumps plan plans feature features sleep rest rests pose poses drive drives dance dances smile smiles
    cover covers display displays swing swings ski skis skate skates stop stops start starts turn turns feed
    float floats climb climbs pass passes chase kick kicks pick picks drink drinks surf surfs park parks
    catch catches hit hits bat bats bear bears leaves sink sinks match matches handle handles face faces top
    tops line lines fly flies wait waits work works point points crowd crowds shop shops rocks stick sticks
    race races slide slides board boards block blocks grab grabs wave waves shape hang hangs bite bites
    reads read show shows lead leads leash rise lies lie serve serves pull pulls push fish hold holds sit
    sits wear wears touch touches pour cook cooks
    """
)
"""Words that are verbs as often as nouns."""

PARTICIPLES = word_set(
    """
    seen worn torn broken woven driven thrown eaten stolen fallen drawn grown known built bent hidden
    written blown kept bound caught cut hung lit set spread strewn sunken swollen taken given shown made
    left
    """
)
"""Irregular participles: adjectives before a noun, verbs elsewhere."""

NO_PARTICIPLES = word_set(
    """
    bed beds shed sled seed weed steed feed bobsled flatbed seabed waterbed sunbed newlywed daybed flowerbed
    moped biped infrared hundred breed speed greed tweed need reed deed ted fred alfred mohamed ahmed led
    """
)
"""Nouns in -ed."""

NO_ADVERBS = word_set(
    """
    family butterfly dragonfly firefly italy assembly july holly jelly belly lily bully trolly emily sally
    kelly molly polly billy willy reply supply monopoly anomaly teddy ally doily gully homily jolly friendly
    lonely ugly silly lively elderly woolly hilly chilly sparkly lovely curly wooly early daily weekly
    monthly only
    """
)
"""Words in -ly that are no adverbs."""

ADVERBS = word_set(
    """
    even now then already still almost ever again away today tonight yesterday tomorrow soon once twice
    often always sometimes perhaps maybe alongside whilst amid beyond despite except since until although
    though because like unlike others either neither twenty thirty forty fifty hundred thousand dozen
    january february march april may june july august september october november december monday tuesday
    wednesday thursday friday saturday sunday
    """
)
"""Adverbs, prepositions, numbers and dates that are in no other class."""

CONTRACTIONS = word_set("it's that's there's here's he's she's who's what's where's how's let's one's")
"""Words in 's that possess nothing."""

COMPOUND_HEADS = frozenset({"parking lot", "parking lots", "tea set", "train set"})
"""Compounds whose head is a function word by itself."""

NAMES_IN_ING = word_set("thanksgiving beijing boeing sterling")
"""More nouns in -ing than `ING_NOUNS` has."""

ING_PAIRS = word_set(
    """
    cutting-board frying-pan rolling-pin sleeping-bag sewing-machine washing-machine chewing-gum
    running-shoe walking-stick watering-can baking-sheet baking-pan baking-dish waiting-room waiting-area
    sitting-room sitting-area serving-dish serving-tray serving-plate serving-bowl mixing-bowl measuring-cup
    rocking-chair changing-table vending-machine drinking-fountain drinking-glass hitting-net batting-cage
    batting-helmet racing-car racing-bike driving-range boarding-pass playing-card playing-field riding-boot
    running-track skating-rink skating-park skating-ramp eating-utensil shipping-container wrapping-paper
    cooking-utensil
    """
)
"""Compounds whose first word is no participle that describes the noun before it."""

WEB_WORDS = word_set(
    """
    photo photos photograph photographs photography photographic picture pictures pic pics image images img
    jpg jpeg png gif pdf svg eps psd webp stock stockfoto stockfotos stockphoto royalty free vector vectors
    clipart clip-art illustration illustrations wallpaper wallpapers background-image download downloads
    downloadable hd uhd 4k fullhd desktop-background screenshot screenshots thumbnail thumbnails preview
    footage video videos shot closeup close-up view views snapshot rendering render mockup template
    templates buy sale sales shopping price prices pricing discount deals offer offers shipping delivery
    online website web site page homepage blog article news review reviews tutorial tutorials ideas idea
    tips guide pinterest flickr etsy ebay amazon instagram facebook twitter youtube shutterstock istock
    alamy getty dreamstime depositphotos copyright credit courtesy editorial usage resolution pixels size
    sizes file files format collection wholesale brand isolated com www http https
    """
)
"""Words of the web page rather than of the picture; after CLOC (2410.02746), which drops about 60 such."""

HOLLOW = word_set(
    """
    bits thing things way ways time times kind type piece pieces number variety amount middle center centre
    end ends edge edges distance background foreground part parts lot lots bit area areas surface position
    direction corner row rows line lines display instance example place front action purpose use case
    anything something stuff item items object objects scene scenes day addition order form some course fact
    result sort sorts top bottom sides bunch majority rest half
    """
)
"""Nouns that name no part of a picture by themselves; a phrase of nothing else is dropped."""
