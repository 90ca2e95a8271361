"""English ways to ask for a fact about a place: patterns over words, several for each attribute.

The place itself is never in them, only "this place" and the like: it comes after the separator. Two sets:

- `PLAIN`, six patterns an attribute. The first, second, third and sixth name it ("the currency of this place"), two
  others describe it ("what do people pay with in this place").
- `HARD`, four patterns an attribute, where a bag of words is not enough: each sentence names two attributes, of which
  one is wanted ("not its capital but its currency" and "not its currency but its capital" have the same words), and
  the four patterns of an attribute share no word that tells it.
"""

from .places import ATTRIBUTES

HERE = "(this place|this country|the place below)"
ITS = "(this place 's|this country 's|its)"  # "'s" is a word of its own, behind names, too
SAY = "(state|name|tell me|give me|say)"
TELL = "(do you know|can you tell me|could you tell me|i want to know|i wonder|tell me)"
PEOPLE = "(people|they|you|i|we)"

PLAIN = {
    "continent": (
        f"please? {SAY}? the? continent (of|for) {HERE} please?",
        f"[what which] (continent|part of the world) is {HERE} [in on] (now|located|found|situated)?",
        f"(what is|what's|name|tell me|give me|and) {ITS} continent (please|called|now)?",
        f"[on in to] [what which] (continent|part of the world) (is {HERE}|does {HERE} (lie|belong)) please?",
        f"(is {HERE} in|does {HERE} lie in|does {HERE} belong to) (africa|europe|asia|america|oceania) or "
        "(africa|europe|asia|america|oceania)",
        f"{TELL} (on|in|to)? [which what] (continent|part of the world) {HERE} (is in|is on|belongs to|is part of)",
    ),
    "capital": (
        f"please? {SAY}? the? (capital|capital city) of {HERE} please?",
        f"(what is|what's|which is|which city is|what city is|which town is) the (capital|capital city) [of in for] {HERE}",
        f"(what is|what's|name|tell me|give me|and) {ITS} (capital|capital city) (please|called|now)?",
        "[which what] [city town] (is the seat of|is home to|hosts|houses) [the its] [government parliament] "
        f"[of in] {HERE}",
        "(where|in which city|in what city|in which town) [does do would] the "
        f"[government parliament ministers] of {HERE} [sit meet work govern]",
        f"{TELL} (what|which city|which town) (is the|the) (capital|capital city) of {HERE} (is|is called|is named)?",
    ),
    "currency": (
        f"please? {SAY}? the? (currency|money|official currency) (of|used in|in) {HERE} please?",
        "[what which] (currency|money|kind of money|sort of money) "
        f"(is used|do {PEOPLE} use|is spent|should i bring|will i need) [in for] {HERE}",
        f"(what is|what's|name|tell me|give me|and) {ITS} (currency|money|official currency) (please|called|now)?",
        f"(what|with what|how|in what) [do can] {PEOPLE} (pay|pay with|buy things with|shop with) in {HERE}",
        f"[what which] [coins notes cash banknotes bills] (do {PEOPLE} carry|should i bring|are used|do i need) "
        f"[in to for] {HERE}",
        f"{TELL} [what which] [currency money] ({HERE} [uses has]|is used in {HERE}|{PEOPLE} use in {HERE})",
    ),
    "dialling code": (
        f"please? {SAY}? the? [dialling dialing calling country phone telephone] [code prefix] [of for] {HERE} please?",
        "(what is|what's|which is) the [dialling dialing calling country phone telephone] [code prefix] "
        f"(of|for|to call|to ring) {HERE}",
        f"(what is|what's|name|tell me|give me|and) {ITS} [dialling dialing calling country phone telephone] "
        "[code prefix] (please|called|now)?",
        f"[what which] [number code prefix digits] do {PEOPLE} [dial use type enter need] "
        f"(for|to call|to phone|to ring|to reach someone in|to call a friend in) {HERE}",
        f"how [do can] {PEOPLE} [call phone ring telephone dial] (someone in|a friend in|people in|a number in)? {HERE}",
        f"{TELL} [what which] [dialling dialing calling phone telephone] [code prefix number] {HERE} [has uses]",
    ),
    "internet domain": (
        f"please? {SAY}? the? (internet domain|web domain|top level domain|domain name) [of for] {HERE} please?",
        "(what is|what's|which is) the (internet domain|web domain|domain|internet suffix|domain name) "
        f"(of|for|used in) {HERE}",
        f"(what is|what's|name|tell me|give me|and) {ITS} (internet domain|web domain|domain|internet suffix) "
        "(please|called|now)?",
        f"(how|with what|in what) do [web internet] [addresses sites pages] [in of from] {HERE} (end|finish|end in)",
        "[which what] [letters ending suffix domain] do [addresses sites pages websites] "
        f"[in of from] {HERE} (have|use|end in|end with)",
        f"{TELL} [what which] [internet web] [domain suffix ending] {HERE} [has uses]",
    ),
    "hemisphere": (
        f"please? {SAY}? the? hemisphere (of|for|that has) {HERE} please?",
        "[what which] (hemisphere|half of the globe|half of the earth|side of the equator) is "
        f"{HERE} [in on] (now|located|found|situated)?",
        f"(what is|what's|name|tell me|give me|and) {ITS} hemisphere (please|called|now)?",
        f"[in on] [what which] (hemisphere|half of the globe|side of the equator) (is {HERE}|does {HERE} lie) please?",
        f"(is {HERE}|does {HERE} lie) (north or south of the equator|above or below the equator|in the north or the south|"
        "in the [northern southern] [half part] of the [globe earth world]) please?",
        f"{TELL} [in on]? [which what] (hemisphere|half of the globe|side of the equator) {HERE} (is|lies|is in|is on)",
    ),
    "language": (
        f"please? {SAY}? the? (language|official language|main language) (of|spoken in|in) {HERE} please?",
        f"[what which] [language languages tongue] (is spoken|do {PEOPLE} speak|is used|do {PEOPLE} talk|should i learn) "
        f"[in for] {HERE}",
        f"(what is|what's|name|tell me|give me|and) {ITS} (language|official language|main language) "
        "(please|called|now)?",
        f"(what|how|what words) do (the people|{PEOPLE}) [speak talk say] (to each other|at home)? in {HERE}",
        f"[which what] [words speech tongue grammar] (should {PEOPLE} learn|do {PEOPLE} need|will {PEOPLE} hear) "
        f"[in for] {HERE}",
        f"{TELL} [what which] [language languages] ({HERE} [speaks uses has]|{PEOPLE} speak in {HERE}|is spoken in {HERE})",
    ),
    "coast": (
        f"please? (state|say|tell me) [whether if] {HERE} (has a coast|is landlocked|touches the sea|has a shore)",
        f"(is {HERE}|would you say {HERE} is) (landlocked|on the coast|coastal|on the sea|by the sea|a coastal country|"
        "a landlocked country)",
        f"(does|did|would) {HERE} [have touch reach] (a coast|the coast|a coastline|the sea|the ocean|a shore|any beaches)",
        f"(is there (a coast|a coastline|a shore|a sea|a seaside)|are there (beaches|any beaches|seaports)) [in at] {HERE}",
        f"[can could] {PEOPLE} (swim in the sea|sail|reach the sea|go to the beach|go to the seaside) [in from at] {HERE}",
        f"{TELL} [whether if] {HERE} (is landlocked|is coastal|is by the sea|has a coast|has beaches)",
    ),
}

# Four names for each attribute, none sharing a word that tells it with the others of its attribute.
_NAMES = {
    "continent": ("continent", "part of the world", "great landmass", "larger region"),
    "capital": ("capital", "seat of government", "chief city", "place where ministers meet"),
    "currency": ("currency", "money", "legal tender", "means of payment"),
    "dialling code": ("dialling code", "phone prefix", "number to ring first", "digits for a call"),
    "internet domain": ("internet domain", "web suffix", "ending of its sites", "letters behind the last dot"),
    "hemisphere": ("hemisphere", "half of the globe", "side of the equator", "latitude's sign"),
    "language": ("language", "tongue", "way of speaking", "words that people talk in"),
    "coast": ("coast", "access to the sea", "shore", "beach or lack of one"),
}
_NO = "(not|never mind|forget|leave out|i do not want)"
_BUT = "(but|instead|rather|i want|tell me|give me)"


def _hard_patterns(attribute, column):
    """Return the text of one hard pattern: the attribute's name of this column, before or behind another's."""
    own = _NAMES[attribute][column]
    other = "(" + "|".join(names[column] for name, names in _NAMES.items() if name != attribute) + ")"
    before = f"{_NO} the {other} {_BUT} the {own}"
    behind = f"{_BUT}? the {own} {_NO} the {other}"
    return f"({before}|{behind}) of {HERE}"


HARD = {
    attribute: tuple(_hard_patterns(attribute, column) for column in range(len(_NAMES[attribute])))
    for attribute in ATTRIBUTES
}
