"""English ways to ask for a fact about a place: patterns over words, several for each attribute.

The place itself is never in them, only "this place" and the like: it comes after the separator. Two sets:

- `PLAIN`, six patterns an attribute. The first, second, third and sixth mostly name it ("the currency of this place"),
  the two others mostly describe it ("what do people pay with in this place"). Some are as short as people type them
  ("this place currency").
- `HARD`, four patterns an attribute, where a bag of words is not enough: each sentence names two attributes, of which
  one is wanted ("not its capital but its currency" and "not its currency but its capital" have the same words), and
  the four patterns of an attribute share no word that tells it.
"""

from .places import ATTRIBUTES

HERE = "(this place|this country|the place below)"
ITS = "(this place 's|this country 's|its)"  # "'s" is a word of its own, behind names, too

# Common words that ask for no attribute: they may stand in any question, or be all there is in one outside the subject.
COMMON_WORDS = tuple(
    (
        "a about actually again all also always am an and another any are around as ask at away be because "
        "been being best better big both by came can come could day did different do does each easily else "
        "even ever every exactly far few find first for from friend get give go going good had happen has "
        "have he hello help her here hi him his hope how i idea if in into is it just keep kind know large "
        "last later least leave like little live long look lot made make many may maybe me mean might month more "
        "most much must my near need new next nice now of often old on once one only other our out over own "
        "person possible probably question quick quite really remember right same see she should show simple "
        "since small so some somebody something somewhere soon still stay such sure than thank thanks that "
        "the their them then there these they thing think this those time to today together too towards "
        "travel trip trying two under until up useful usually very visit want was way we week well went were "
        "what when where whether which while who whose why will wish with wonder would year years yes yet you "
        "your"
    ).split(" ")
)

# The same beginnings for all attributes: how a question begins does not tell what it asks for.
SAY = (
    "(what is|what's|name|state|tell me|give me|do you know|can you tell me|could you tell me|please tell me|i need|"
    "i want to know|i would like to know|i am looking for|remind me of)"
)
TELL = (
    "(do you know|can you tell me|could you tell me|i want to know|i would like to know|i wonder|i have forgotten|"
    "tell me|please tell me|please say)"
)
WHICH = "[what which]"
PEOPLE = "(people|they|you|i|we)"

_CAPITAL = "(capital|capital city|official capital)"
_CURRENCY = "(currency|money|official currency|national currency|currency unit|unit of currency)"
_CODE = "((dialling|dialing|calling|country|country calling|phone|telephone) code|(dialling|phone|telephone) prefix)"
_DOMAIN = (
    "(internet domain|web domain|domain name|top level domain|country domain|country code domain|"
    "internet suffix|domain)"
)
_SIDE = "(half of the globe|half of the earth|side of the equator)"
_LANGUAGE = "(language|official language|main language|national language)"


def _named(name, of):
    """Return the pattern of questions such as "tell me the capital of this place", or only "capital of this place"."""
    said = f"{SAY} the (name of the)?|what do (they|you) call the|(the|name of the)?"
    return f"(({said}) {name} {of} {HERE}|{name} {HERE}) please?"


def _possessive(name):
    """Return the pattern of questions such as "what is its capital called"."""
    asked = "(name|state|tell me|give me|please tell me|do you know|and)"
    return f"((what is|what's) {ITS} {name} (called|now)?|{asked}? {ITS} {name} please?|{HERE} {name})"


PLAIN = {
    "continent": (
        _named("continent", "(of|for|around)"),
        f"({WHICH} continent (is {HERE} (in|on|part of|located in|located on|situated in)|"
        f"does {HERE} (belong to|lie in|lie on|sit on|count as)|do {PEOPLE} find {HERE} [in on])|"
        f"{WHICH} part of the world (is {HERE} in|does {HERE} belong to)|{HERE} is [in on] {WHICH} continent)",
        _possessive("continent"),
        f"([in on] {WHICH} continent (is {HERE} [located situated found]?|does {HERE} lie|can {PEOPLE} find {HERE})|"
        f"in {WHICH} part of the world (is|can {PEOPLE} find) {HERE}|to {WHICH} continent does {HERE} belong) please?",
        f"((is {HERE} (in|part of|a part of|located in)|does {HERE} (lie in|belong to)) "
        "(africa|asia|europe|oceania|north america|south america) "
        "(or (to|in)? (africa|asia|europe|oceania|north america|south america|another continent))?|"
        f"is {HERE} (an african|an asian|a european|a south american|a north american) country|"
        f"(is {HERE}|does {HERE} lie) on the [african asian european american] continent)",
        f"{TELL} ({WHICH} (continent|part of the world) {HERE} (is in|belongs to|is part of|lies in)|"
        f"[in on] {WHICH} continent {HERE} (is|lies|is located|is situated))",
    ),
    "capital": (
        _named(_CAPITAL, "[of in for]"),
        f"((which|which city|what city|which town|where) is the {_CAPITAL} [of in for] {HERE} please?|"
        f"what is the {_CAPITAL} of {HERE} called|{WHICH} (capital|capital city) does {HERE} have|"
        f"{HERE} has {WHICH} (capital|capital city)|does {HERE} have (a|its own) (capital|capital city)|"
        f"is there a capital in {HERE})",
        _possessive(_CAPITAL),
        f"{WHICH} [city town] (is the seat of|is home to|hosts|houses) "
        f"[the its] [government parliament] [of in] {HERE}",
        f"((where|in which city|in what city|in which town) [does would] the [government parliament] of {HERE} "
        f"[sit meet work govern]|from {WHICH} [city town] is {HERE} [governed ruled run])",
        f"{TELL} (what|which city|which town|what city) "
        f"(is the {_CAPITAL} of {HERE}|the {_CAPITAL} of {HERE} (is|is called)|is {ITS} {_CAPITAL})",
    ),
    "currency": (
        _named(_CURRENCY, "(of|for|used in|in)"),
        f"({WHICH} (currency|money|kind of money|sort of money|cash) "
        f"((is used|is accepted|is legal tender|do {PEOPLE} use|do {PEOPLE} need) in|should i (bring|take) to|"
        f"will i need for) {HERE}|{WHICH} {_CURRENCY} does {HERE} [have use]|"
        f"does {HERE} [have use] (a|its own) currency|is there (a national|an official) currency in {HERE})",
        _possessive(_CURRENCY),
        f"((with what|how) [do can] {PEOPLE} (pay|pay for things|buy things|shop)|"
        f"what [do can] {PEOPLE} (pay with|pay in|buy things with|shop with|spend)|"
        f"in what are [prices wages] (paid|given)|"
        f"[do can] {PEOPLE} [use pay] (in|with)? [euros dollars pounds]) in {HERE}",
        f"{WHICH} [coins notes banknotes bills] "
        f"(do {PEOPLE} (carry|use|need|pay with) in|should {PEOPLE} [bring take] to|are used in) {HERE}",
        f"{TELL} ({WHICH} [currency money] ({HERE} [uses has]|is used in {HERE}|{PEOPLE} use in {HERE})|"
        f"what {ITS} {_CURRENCY} is)",
    ),
    "dialling code": (
        _named(f"international? {_CODE}", "[of for in]"),
        "((what is|what's|which is) the international? "
        f"{_CODE} (to call|to ring|to phone|for calls to|for calling) {HERE}|"
        f"{WHICH} {_CODE} (does {HERE} [have use]|belongs to {HERE}|is used for {HERE})|"
        f"does {HERE} have (a|its own) {_CODE}|is there a {_CODE} for {HERE})",
        _possessive(_CODE),
        f"{WHICH} [number numbers code prefix digits] [do must should] {PEOPLE} [dial use type enter] "
        f"(for|to call|to phone|to ring|to reach someone in|to call a friend in|before a number in) {HERE}",
        f"(how [do can should] {PEOPLE} [call phone ring telephone dial]|what [do must should] {PEOPLE} dial to "
        f"[call phone ring telephone]) (someone in|a friend in|people in|a number in)? {HERE} (from here|from abroad)?",
        f"{TELL} ({WHICH} {_CODE} {HERE} [has uses]|{WHICH} {_CODE} belongs to {HERE}|what {ITS} {_CODE} is)",
    ),
    "internet domain": (
        _named(_DOMAIN, "(of|for|used in|in)"),
        f"({WHICH} {_DOMAIN} (does {HERE} [have use]|belongs to {HERE}|is used in {HERE}|do {PEOPLE} use in {HERE}|"
        f"is used by (sites|websites) [in from] {HERE})|does {HERE} have its own {_DOMAIN}|"
        f"is there a (domain|web domain|domain name) for {HERE})",
        _possessive(_DOMAIN),
        f"((how|with what|in what) do [web internet] [addresses sites pages] [in of from] {HERE} [end finish]|"
        f"what do (web|internet)? [addresses sites pages websites] [in of from] {HERE} end [in with])",
        f"{WHICH} [letters ending suffix domain] [do must should] (web|internet)? [addresses sites pages websites] "
        f"[in of from] {HERE} (have|use|end in|end with)",
        f"{TELL} ({WHICH} [internet web] [domain suffix ending] {HERE} [has uses]|what {ITS} {_DOMAIN} is)",
    ),
    "hemisphere": (
        _named("hemisphere", "(of|for|that has|around)"),
        f"({WHICH} hemisphere (is {HERE} (in|located in|situated in)|does {HERE} (lie in|belong to)|"
        f"do {PEOPLE} find {HERE} in)|{HERE} [is lies] in {WHICH} hemisphere|"
        f"which of the two hemispheres is {HERE} in|{WHICH} {_SIDE} (is {HERE} on|does {HERE} lie on))",
        _possessive("hemisphere"),
        f"(in {WHICH} hemisphere|on {WHICH} {_SIDE}|in which of the two hemispheres) "
        f"(is {HERE} [located situated found]?|does {HERE} lie|can {PEOPLE} find {HERE}) please?",
        f"(is {HERE}|does {HERE} lie|are {PEOPLE} in {HERE}|{HERE}) ((north|south|north or south) of the equator|"
        "(above|below|above or below) the equator|in the north or the south of the [globe earth world]|"
        "in the (northern|southern|northern or southern|northern or the southern) (hemisphere|half of the globe))",
        f"{TELL} ({WHICH} hemisphere {HERE} (is in|lies in)|in {WHICH} hemisphere {HERE} [is lies]|"
        f"{WHICH} {_SIDE} {HERE} (is on|lies on)|on {WHICH} {_SIDE} {HERE} [is lies]|"
        f"[whether if] {HERE} [is lies] (north or south of|above or below) the equator)",
    ),
    "language": (
        _named(_LANGUAGE, "(of|spoken in|used in|in)"),
        f"({WHICH} (language|tongue) (is spoken|do {PEOPLE} speak|is used|is official|should i learn) in {HERE}|"
        f"{WHICH} languages (are spoken|do {PEOPLE} speak) in {HERE}|{WHICH} {_LANGUAGE} does {HERE} [have use]|"
        f"does {HERE} [have use] (a national|its own|an official) language|"
        f"is there (a national|an official|a main) language in {HERE})",
        _possessive(_LANGUAGE),
        f"((what|how) do (the people|{PEOPLE}|most people) (speak|talk|speak at home)|what is spoken|"
        f"do {PEOPLE} speak (english|french|arabic|spanish) (or another language)?|"
        f"how do {PEOPLE} (talk to|speak to|speak with) (people|others|each other)) in {HERE}",
        f"{WHICH} [words speech tongue grammar] "
        f"(should {PEOPLE} learn for|do {PEOPLE} [need use speak] in|will {PEOPLE} [hear use need] in) {HERE}",
        f"{TELL} ({WHICH} language ({HERE} [speaks uses has]|{PEOPLE} speak in {HERE}|is spoken in {HERE})|"
        f"{WHICH} languages are spoken in {HERE}|what {ITS} {_LANGUAGE} is)",
    ),
    "coast": (
        f"(please? [state say] [whether if] {HERE} (has a coast|is landlocked|touches the sea|has a shore|"
        f"has access to the sea) (or not)?|"
        f"(name|what is|tell me|give me)? the? [coast coastline shore] of {HERE} please?)",
        f"(is {HERE}|would you say {HERE} is|and is {HERE}|{HERE}) "
        "(landlocked|on the coast|coastal|on the sea|by the sea|"
        "a coastal country|a landlocked country|landlocked or coastal|coastal or landlocked|landlocked or not)",
        f"(does {HERE} have (a coast|a coastline|a sea coast|a shore|"
        "any coast|any beaches|access to the sea|sea access)|"
        f"does {HERE} (touch|reach|border|lie on|face) (the|a) (sea|ocean)|does the [sea ocean] [touch reach] {HERE}|"
        f"does {HERE} lie (on the coast|by the sea)|has {HERE} got? a [coast shore])",
        "((is there (a coast|a coastline|a shore|a sea|a seaside|a seaport)|"
        "are there (beaches|any beaches|seaports|any seaports)) in|"
        f"is there (access to the sea|sea access) for) {HERE} please?",
        f"[can could do] {PEOPLE} "
        "(swim in the sea|sail the sea|reach the sea|see the sea|go to the (beach|coast|seaside|sea)) "
        f"[in from] {HERE}",
        f"{TELL} [whether if] {HERE} (is landlocked|is coastal|is by the sea|is on the coast|has a coast|has beaches|"
        "has access to the sea|touches the sea) (or not)?",
    ),
}

# Four names for each attribute, none sharing a word that tells it with the others of its attribute.
_NAMES = {
    "continent": ("continent", "part of the world", "great landmass", "larger region"),
    "capital": ("capital", "seat of government", "chief city", "town of ministers"),
    "currency": ("currency", "money", "legal tender", "means of payment"),
    "dialling code": ("dialling code", "phone prefix", "number to ring", "digits for calls"),
    "internet domain": ("internet domain", "web suffix", "ending of sites", "last letters on pages"),
    "hemisphere": ("hemisphere", "half of the globe", "side of the equator", "latitude's sign"),
    "language": ("language", "tongue", "way of speaking", "words people say"),
    "coast": ("coast", "access to the sea", "shore", "beaches"),
}
_SAY = "(tell me|give me|i want)"


def _hard_patterns(attribute, column):
    """Return the text of one hard pattern: the attribute's name of this column, another's before or behind it."""
    own = _NAMES[attribute][column]
    other = "(" + "|".join(names[column] for name, names in _NAMES.items() if name != attribute) + ")"
    before = (
        f"((not|i do not want) the {other} but|(never mind|forget|leave out) the {other} (and|but)? {_SAY}) the {own}"
    )
    behind = f"{_SAY}? the {own} (not|and not|instead of|never mind|forget|leave out) the {other}"
    return f"({before}|{behind}) of {HERE}"


HARD = {
    attribute: tuple(_hard_patterns(attribute, column) for column in range(len(_NAMES[attribute])))
    for attribute in ATTRIBUTES
}
