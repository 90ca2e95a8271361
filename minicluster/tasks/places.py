"""The table of real places, and finding places in what somebody wrote.

`countries.csv` has the 193 member states of the United Nations, as of 2026, one a row, with eight facts each. The facts
are those of GeoNames (geonames.org, licence CC BY 4.0, https://creativecommons.org/licenses/by/4.0/), checked, and
corrected where they were out of date or our rules differ; the coast, which GeoNames lacks, and the choice among several
languages are our own. A question wants one answer, so every column has a rule:

place, also       The usual short English name, in ASCII, and other names that people type. "Congo" alone is the
                  Republic of the Congo (its name in the United Nations), "Korea" South Korea. "England" is the United
                  Kingdom, as all eight facts are the same; Scotland, Wales and Northern Ireland are in no row.
continent         By the United Nations' regions (M49); the Americas are divided at Panama, and the Caribbean is North
                  America. Asia: Turkey, Cyprus, Georgia, Armenia, Azerbaijan, Kazakhstan, East Timor. Europe: Russia.
                  Africa: Egypt. GeoNames has Cyprus in Europe and East Timor in Oceania.
capital           The one that the state's own law names, wherever the government sits, and whoever recognises it:
                  Amsterdam, Porto-Novo (Benin), Sucre (Bolivia), Yamoussoukro (Ivory Coast), Dodoma (Tanzania),
                  Jerusalem (Israel), Kuala Lumpur (Malaysia), Sanaa (Yemen), Sri Jayawardenepura Kotte (Sri Lanka; in
                  GeoNames Colombo), Ciudad de la Paz (Equatorial Guinea, since January 2026), Jakarta until a decree
                  moves it. Where the law names several or none, the government's seat: Pretoria (South Africa),
                  Mbabane (Eswatini), Bern (Switzerland), Yaren (Nauru). Newer than GeoNames: Astana (Kazakhstan);
                  the town for its state or atoll: Ngerulmud (Palau), South Tarawa (Kiribati).
currency          The everyday name in the singular, without the country: "dollar", "franc" (CFA francs too). In 2026
                  Bulgaria has the euro; GeoNames has the lev. China "yuan", Bosnia and Herzegovina "mark", Venezuela
                  "bolivar", Zimbabwe "zig" (Zimbabwe Gold). The state's own where dollars circulate as well (Panama
                  "balboa"), a foreign one where there is no other (Ecuador, El Salvador, East Timor "dollar").
dialling code     With the area under +1 where the place has one ("+1-876"), the first of several ("+1-809" for the
                  Dominican Republic). The United States and Canada share +1, Russia and Kazakhstan +7.
internet domain   The two-letter domain, ".uk" for the United Kingdom.
hemisphere        By the latitude of the capital. Just south: Quito (Ecuador), Nairobi (Kenya), Kigali (Rwanda),
                  Brazzaville and Kinshasa (the Congos). Just north: Libreville (Gabon), Kampala (Uganda), Sao Tome,
                  South Tarawa (Kiribati). So Indonesia is southern, Kiribati, Maldives and Somalia are northern.
language          The official one, or the state's working language where there is none (United Kingdom, Australia,
                  Mauritius English, Mexico Spanish, Eritrea Tigrinya, Burkina Faso French). Among several, the one that
                  most people speak at home, or at all where few speak any of them at home: Afghanistan Dari, Belarus
                  Russian, Belgium Dutch, Bosnia and Herzegovina Bosnian, Cameroon and Djibouti French, Canada, Ireland
                  and Uganda English, Central African Republic Sango, Chad Arabic, East Timor Tetum, Ethiopia Amharic,
                  Fiji Fijian, Haiti Haitian Creole, India Hindi, Kazakhstan Kazakh, Kenya and Tanzania Swahili,
                  Luxembourg Luxembourgish, Madagascar Malagasy, Mali Bambara, Niger Hausa, Pakistan Urdu, Papua New
                  Guinea Tok Pisin, Paraguay Guarani, Philippines Filipino, Seychelles Seychellois Creole, Singapore
                  English, South Africa Zulu, Switzerland German, Vanuatu Bislama, Zimbabwe Shona. The only official
                  one, though few speak it at home: English in Botswana, Malawi, Micronesia and Namibia. China Mandarin,
                  Montenegro Montenegrin.
coast             "coastal" on an ocean or a sea that joins one, else "landlocked". The Caspian Sea does not count, nor
                  a port on a river (Moldova, Paraguay). 43 are landlocked; the often-read 44 counts Vatican City.
"""

import csv
import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

ATTRIBUTES = (
    "continent",
    "capital",
    "currency",
    "dialling code",
    "internet domain",
    "hemisphere",
    "language",
    "coast",
)

# What contains a place's name and is no place of the table. Capitals ("Mexico City") are added from the table.
OTHER_NAMES = (
    "American Samoa",
    "Belgian Congo",
    "Caribbean Netherlands",
    "Central America",
    "Congo River",
    "Djibouti City",
    "East China Sea",
    "East Germany",
    "French Guinea",
    "guinea pig",
    "Gulf of Guinea",
    "Gulf of Mexico",
    "Gulf of Oman",
    "Gulf of Thailand",
    "Inner Mongolia",
    "Jordan River",
    "Lake Chad",
    "Lake Malawi",
    "Latin America",
    "Luxembourg City",
    "Netherlands Antilles",
    "New England",
    "New Guinea",
    "New Mexico",
    "Niger Delta",
    "Niger River",
    "North America",
    "Northern Ireland",
    "Panama Canal",
    "Republic of China",  # Taiwan
    "River Congo",
    "River Jordan",
    "Sea of Japan",
    "South America",
    "South China Sea",
    "South Georgia",
    "US Virgin Islands",
    "United States Virgin Islands",
    "West Germany",
)

APOSTROPHES = frozenset("'`\u00b4\u02b9\u02bb\u02bc\u02be\u02bf\u2018\u2019\u201b\u2032\uff07")
HYPHENS = frozenset("-_\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d")  # no long dash: it divides sentences
OTHER = ","  # stands for every character that no name goes across
# In folded text: initials ("u.s.a."), which are read as one word, or letters and digits, or "&".
WORD = re.compile(r"\w(?:\.\w)+(?!\w)\.?|\w+|&")
GAP = re.compile(r"[ '-]*")  # what may stand between two words of a name
GAP_AFTER_SHORT = re.compile(r"\.?[ '-]*")  # "St. Lucia", "N. Korea"
SHORT = 2  # letters


@dataclass(frozen=True)
class Place:
    """One row of the table.

    Attributes
    ----------
    name : str
    also : tuple of str
        Other names.
    facts : dict of str to str
        The value of each of `ATTRIBUTES`.
    """

    name: str
    also: tuple
    facts: dict = field(hash=False)  # a dict has no hash; places have names of their own


def load_places():
    """Read the table of places.

    Returns
    -------
    tuple of Place
        193, in alphabetical order.
    """
    with files(__package__).joinpath("countries.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Place(
                row["place"],
                tuple(row["also"].split(";")) if row["also"] else (),
                {attribute: row[attribute] for attribute in ATTRIBUTES},
            )
            for row in csv.DictReader(file)
        )


def find_places(text, places):
    """Find every mention of a place in a text.

    Names are whole words, read without regard to case, accents and kinds of apostrophe or hyphen. Where one name is
    part of another, the longer counts: "Papua New Guinea" does not mention Guinea. A "the" in front belongs to the
    mention, a possessive "'s" does not. "US" needs its capitals, its dots or a "the", for "us" is a word; in a text all
    in capitals it needs the dots or the "the", unless it is the whole text. Names of what is no place of the table
    (`OTHER_NAMES`, and capitals such as Mexico City) are passed over.

    Parameters
    ----------
    text : str
        Any. Time grows in proportion to its length.
    places : sequence of Place

    Returns
    -------
    list of (Place, start, stop)
        In the order of mention, none overlapping; `text[start:stop]` is what was written. A place that is mentioned
        twice is listed twice.

    Raises
    ------
    TypeError
        If `text` is no str.
    """
    if not isinstance(text, str):
        raise TypeError(f"text has type {type(text).__name__}, expected str")
    known, longest = _names(tuple(places))
    words = _words(text)
    shouted = len(words) > 1 and text == text.upper()  # capitals say nothing then
    mentions, i = [], 0
    while i < len(words):
        n = _match(words, i, known, longest)
        if not n:
            i += 1
            continue
        place = known[_key(words[i : i + n])]
        start, stop = words[i].start, words[i + n - 1].stop
        after_the = i > 0 and words[i - 1].joined and words[i - 1].folded == "the"
        if _key(words[i : i + n]) == "us" and not after_the:
            written = text[start:stop]
            if "." not in written and (shouted or written != written.upper()):
                place = None
        if place is not None:
            mentions.append((place, words[i - 1].start if after_the else start, stop))
        i += n
    return mentions


def fold_name(text):
    """Return a text as names are compared: lower case, no accents, single spaces, initials without dots.

    Parameters
    ----------
    text : str
        Such as "Côte d’Ivoire" or "U.S."

    Returns
    -------
    str
        Such as "cote d ivoire" or "us".
    """
    return _key(_words(text))


@dataclass(frozen=True)
class _Word:
    """A word of a text: as compared, where it was written, and whether a name may go on with the next word."""

    folded: str
    start: int
    stop: int
    joined: bool


def _key(words):
    """Return what a sequence of words is compared by."""
    return " ".join(word.folded for word in words)


def _words(text):
    """Return the list of words of a text."""
    folded, origin = [], []  # of each folded character, the position in the text
    for position, character in enumerate(text):
        for letter in _fold(character):
            folded.append(letter)
            origin.append(position)
    folded = "".join(folded)
    origin.append(len(text))
    found, words = list(WORD.finditer(folded)), []
    for k, match in enumerate(found):
        name = "and" if match[0] == "&" else match[0].replace(".", "")
        gap = GAP_AFTER_SHORT if len(name) <= SHORT else GAP
        joined = k + 1 < len(found) and gap.fullmatch(folded, match.end(), found[k + 1].start()) is not None
        # Characters that fold to nothing, such as the accents of the last letter, belong to the word before them.
        words.append(_Word(name, origin[match.start()], origin[match.end()], joined))
    return words


@lru_cache(maxsize=4096)
def _fold(character):
    """Return what one character is compared as: letters, a sign that names may contain, `OTHER`, or nothing."""
    if character in APOSTROPHES:
        return "'"
    if character in HYPHENS:
        return "-"
    if character.isspace():
        return " "
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    plain = "".join(c for c in plain if unicodedata.category(c)[0] != "M" and unicodedata.category(c) != "Cf")
    return plain if plain.isalnum() or plain in ("&", ".", "") else OTHER


def _match(words, i, known, longest):
    """Return how many words from the i-th on make the longest known name, 0 if none do."""
    limit = longest.get(words[i].folded, 0)
    most = 1
    while most < limit and words[i + most - 1].joined:  # the last word is joined to none
        most += 1
    for n in range(most, 0, -1):
        if _key(words[i : i + n]) in known:
            return n
    return 0


@lru_cache(maxsize=8)
def _names(places):
    """Return {folded name: Place, or None for another thing} and {first word: words of the longest such name}."""
    known = {fold_name(name): None for name in OTHER_NAMES}
    known.update((fold_name(place.facts["capital"]), None) for place in places)
    known.update((fold_name(name), place) for place in places for name in (place.name, *place.also))
    longest = {}
    for name in known:
        words = name.split(" ")
        longest[words[0]] = max(longest.get(words[0], 0), len(words))
    return known, longest
