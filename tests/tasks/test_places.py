"""The table of real places (complete, consistent, and right where checked by hand), and finding places in a text."""

import csv
import re
import time
import unicodedata
from collections import Counter
from importlib.resources import files

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import minicluster.tasks
from minicluster.tasks.places import ATTRIBUTES, OTHER_NAMES, Place, find_places, fold_name, load_places

PLACES = load_places()
FACTS = {place.name: place.facts for place in PLACES}
NAMES = {fold_name(name): place for place in PLACES for name in (place.name, *place.also)}

FORMS = {
    "continent": "Africa|Asia|Europe|North America|South America|Oceania",
    "capital": r"(?:St\. )?[A-Z][A-Za-z]*(?:'[A-Za-z]+)?(?:[ -](?:[A-Z][a-z]+|of|de|la|au))*",
    "currency": "[a-z]+(?:'[a-z]+)?",
    "dialling code": r"\+[1-9]\d{0,2}|\+1-[2-9]\d\d",
    "internet domain": r"\.[a-z]{2}",
    "hemisphere": "northern|southern",
    "language": "[A-Z][a-z]+(?: [A-Z][a-z]+)?",
    "coast": "coastal|landlocked",
}


def found(text):
    """Return [(name of the place, what was written)] for each mention."""
    return [(place.name, text[start:stop]) for place, start, stop in find_places(text, PLACES)]


def names(text):
    return [name for name, _ in found(text)]


# The table


def test_the_file_has_these_columns_and_nothing_that_a_reader_must_clean():
    data = (files(minicluster.tasks) / "countries.csv").read_bytes()
    text = data.decode("utf-8")
    assert unicodedata.normalize("NFC", text) == text and "\ufeff" not in text and text.endswith("\n")
    rows = list(csv.reader(text.splitlines()))
    assert rows[0] == ["place", "also", *ATTRIBUTES]
    assert {len(row) for row in rows} == {10} and len(rows) == 194
    for row in rows:
        for cell in row:
            assert cell == " ".join(cell.split()), cell


def test_every_member_of_the_united_nations_is_there_once_in_alphabetical_order():
    order = [fold_name(place.name) for place in PLACES]
    assert len(order) == 193
    assert order == sorted(set(order))


def test_every_fact_is_there_in_its_form():
    assert tuple(FORMS) == ATTRIBUTES
    for place in PLACES:
        assert tuple(place.facts) == ATTRIBUTES
        for attribute, value in place.facts.items():
            assert re.fullmatch(FORMS[attribute], value), (place.name, attribute, value)


def test_names_are_ascii_and_no_two_are_alike():
    assert all(place.name.isascii() and place.name for place in PLACES)
    every = [fold_name(name) for place in PLACES for name in (place.name, *place.also)]
    assert "" not in every
    assert [name for name, n in Counter(every).items() if n > 1] == []


def test_domains_and_capitals_differ_and_dialling_codes_are_shared_by_two_pairs_only():
    def shared(attribute):
        counts = Counter(place.facts[attribute] for place in PLACES)
        return {value: n for value, n in counts.items() if n > 1}

    assert shared("internet domain") == {}
    assert shared("capital") == {}
    assert shared("dialling code") == {"+1": 2, "+7": 2}


def test_numbers_of_places_are_the_known_ones():
    def count(attribute):
        return Counter(place.facts[attribute] for place in PLACES)

    # The United Nations' regions; in North America are 23 of the Americas' 35.
    assert count("continent") == {
        "Africa": 54, "Asia": 47, "Europe": 43, "North America": 23, "Oceania": 14, "South America": 12,
    }
    # The 32 landlocked developing countries of the United Nations' list, and 11 in Europe.
    assert count("coast") == {"landlocked": 43, "coastal": 150}
    # The euro area's 21 states in 2026, and Andorra, Monaco, Montenegro, San Marino.
    assert count("currency")["euro"] == 25
    # The eight states of the West African franc, the six of the Central African one, and others' own.
    francs = {place.name for place in PLACES if place.facts["currency"] == "franc"}
    assert francs == {
        *("Benin", "Burkina Faso", "Ivory Coast", "Guinea-Bissau", "Mali", "Niger", "Senegal", "Togo"),
        *("Cameroon", "Central African Republic", "Chad", "Equatorial Guinea", "Gabon", "Republic of the Congo"),
        *("Burundi", "Comoros", "Djibouti", "DR Congo", "Guinea", "Rwanda", "Switzerland", "Liechtenstein"),
    }


def test_the_landlocked_are_these():
    landlocked = {place.name for place in PLACES if place.facts["coast"] == "landlocked"}
    assert landlocked == set(
        "Afghanistan,Andorra,Armenia,Austria,Azerbaijan,Belarus,Bhutan,Bolivia,Botswana,Burkina Faso,Burundi,"
        "Central African Republic,Chad,Czechia,Eswatini,Ethiopia,Hungary,Kazakhstan,Kyrgyzstan,Laos,Lesotho,"
        "Liechtenstein,Luxembourg,Malawi,Mali,Moldova,Mongolia,Nepal,Niger,North Macedonia,Paraguay,Rwanda,San Marino,"
        "Serbia,Slovakia,South Sudan,Switzerland,Tajikistan,Turkmenistan,Uganda,Uzbekistan,Zambia,Zimbabwe".split(",")
    )


def test_the_capitals_south_of_the_equator_are_these():
    southern = {place.name for place in PLACES if place.facts["hemisphere"] == "southern"}
    assert southern == set(
        "Angola,Argentina,Australia,Bolivia,Botswana,Brazil,Burundi,Chile,Comoros,DR Congo,East Timor,Ecuador,Eswatini,"
        "Fiji,Indonesia,Kenya,Lesotho,Madagascar,Malawi,Mauritius,Mozambique,Namibia,Nauru,New Zealand,"
        "Papua New Guinea,Paraguay,Peru,Republic of the Congo,Rwanda,Samoa,Seychelles,Solomon Islands,South Africa,"
        "Tanzania,Tonga,Tuvalu,Uruguay,Vanuatu,Zambia,Zimbabwe".split(",")
    )


@pytest.mark.parametrize(
    "line",
    [  # well known
        "Peru,South America,Lima,sol,+51,.pe,southern,Spanish,coastal",
        "France,Europe,Paris,euro,+33,.fr,northern,French,coastal",
        "Germany,Europe,Berlin,euro,+49,.de,northern,German,coastal",
        "Japan,Asia,Tokyo,yen,+81,.jp,northern,Japanese,coastal",
        "Egypt,Africa,Cairo,pound,+20,.eg,northern,Arabic,coastal",
        "Brazil,South America,Brasilia,real,+55,.br,southern,Portuguese,coastal",
        "Australia,Oceania,Canberra,dollar,+61,.au,southern,English,coastal",
        "Mexico,North America,Mexico City,peso,+52,.mx,northern,Spanish,coastal",
        "United Kingdom,Europe,London,pound,+44,.uk,northern,English,coastal",
        "United States,North America,Washington,dollar,+1,.us,northern,English,coastal",
        "China,Asia,Beijing,yuan,+86,.cn,northern,Mandarin,coastal",
        "Russia,Europe,Moscow,ruble,+7,.ru,northern,Russian,coastal",
        # decided
        "India,Asia,New Delhi,rupee,+91,.in,northern,Hindi,coastal",
        "Turkey,Asia,Ankara,lira,+90,.tr,northern,Turkish,coastal",
        "Switzerland,Europe,Bern,franc,+41,.ch,northern,German,landlocked",
        "South Africa,Africa,Pretoria,rand,+27,.za,southern,Zulu,coastal",
        "Bolivia,South America,Sucre,boliviano,+591,.bo,southern,Spanish,landlocked",
        "Netherlands,Europe,Amsterdam,euro,+31,.nl,northern,Dutch,coastal",
        "Bulgaria,Europe,Sofia,euro,+359,.bg,northern,Bulgarian,coastal",
        "Kazakhstan,Asia,Astana,tenge,+7,.kz,northern,Kazakh,landlocked",
        "Ecuador,South America,Quito,dollar,+593,.ec,southern,Spanish,coastal",
        "Gabon,Africa,Libreville,franc,+241,.ga,northern,French,coastal",
        "Equatorial Guinea,Africa,Ciudad de la Paz,franc,+240,.gq,northern,Spanish,coastal",
        "Dominican Republic,North America,Santo Domingo,peso,+1-809,.do,northern,Spanish,coastal",
        "Dominica,North America,Roseau,dollar,+1-767,.dm,northern,English,coastal",
        "East Timor,Asia,Dili,dollar,+670,.tl,southern,Tetum,coastal",
        "Cyprus,Asia,Nicosia,euro,+357,.cy,northern,Greek,coastal",
        "Zimbabwe,Africa,Harare,zig,+263,.zw,southern,Shona,landlocked",
        "Moldova,Europe,Chisinau,leu,+373,.md,northern,Romanian,landlocked",
        "Iraq,Asia,Baghdad,dinar,+964,.iq,northern,Arabic,coastal",
    ],
)
def test_facts_written_down_by_hand(line):
    name, *values = line.split(",")
    assert list(FACTS[name].values()) == values


# Finding places


@pytest.mark.parametrize(
    "text, expected",
    [
        ("which money do people use in Peru?", [("Peru", "Peru")]),
        ("peru PERU pErU", [("Peru", "peru"), ("Peru", "PERU"), ("Peru", "pErU")]),
        ("Peru's coast, the Philippines’ capital", [("Peru", "Peru"), ("Philippines", "the Philippines")]),
        ("COTE D'IVOIRE", [("Ivory Coast", "COTE D'IVOIRE")]),
        ("(Côte d’Ivoire)", [("Ivory Coast", "Côte d’Ivoire")]),
        ("Co\u0302te d\u00b4Ivoire.", [("Ivory Coast", "Co\u0302te d\u00b4Ivoire")]),
        ("Pe\u0301ru\u0301's", [("Peru", "Pe\u0301ru\u0301")]),
        ("ＰＥＲＵ, Pe\u00adru", [("Peru", "ＰＥＲＵ"), ("Peru", "Pe\u00adru")]),
        ("\u0130ran", [("Iran", "\u0130ran")]),  # its lower case has two characters
        ("\u01c6 \ufb03 Fiji", [("Fiji", "Fiji")]),  # one character each, but two and three letters
        (
            "Guinea Bissau, guinea\u2011bissau",
            [("Guinea-Bissau", "Guinea Bissau"), ("Guinea-Bissau", "guinea\u2011bissau")],
        ),
        ("Guinea, Bissau", [("Guinea", "Guinea")]),
        ("Guinea. Bissau", [("Guinea", "Guinea")]),
        ("Guinea\u00a8Bissau", [("Guinea", "Guinea")]),  # a sign that is decomposed into a space and an accent
        ("\U0001d40f\U0001d404\U0001d411\U0001d414", [("Peru", "\U0001d40f\U0001d404\U0001d411\U0001d414")]),  # bold
        ("the Gambia and The  Netherlands", [("Gambia", "the Gambia"), ("Netherlands", "The  Netherlands")]),
        ("breathe Peru; the, Peru", [("Peru", "Peru"), ("Peru", "Peru")]),
        ("Trinidad&Tobago, Bosnia & Herzegovina",
         [("Trinidad and Tobago", "Trinidad&Tobago"), ("Bosnia and Herzegovina", "Bosnia & Herzegovina")]),
        ("St. Lucia, St Kitts", [("Saint Lucia", "St. Lucia"), ("Saint Kitts and Nevis", "St Kitts")]),
        ("N. Korea, South_Korea, Korea", [("North Korea", "N. Korea"), ("South Korea", "South_Korea"),
                                          ("South Korea", "Korea")]),
    ],
)  # fmt: skip
def test_mentions_are_cut_out_as_written(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Papua New Guinea", ["Papua New Guinea"]),
        ("Equatorial Guinea Guinea", ["Equatorial Guinea", "Guinea"]),
        ("South Sudan, Sudan", ["South Sudan", "Sudan"]),
        ("Dominica or the Dominican Republic", ["Dominica", "Dominican Republic"]),
        ("Niger or Nigeria", ["Niger", "Nigeria"]),
        ("Congo", ["Republic of the Congo"]),
        ("the Democratic Republic of the Congo", ["DR Congo"]),
        ("D.R. Congo, drc", ["DR Congo", "DR Congo"]),
        ("People's Republic of China", ["China"]),
        ("America or England", ["United States", "United Kingdom"]),
        ("the United Kingdom of Great Britain and Northern Ireland", ["United Kingdom"]),
        ("Burma, Holland, Swaziland, Macedonia, Türkiye, Cabo Verde, Timor Leste, Czech Republic",
         ["Myanmar", "Netherlands", "Eswatini", "North Macedonia", "Turkey", "Cape Verde", "East Timor", "Czechia"]),
    ],
)  # fmt: skip
def test_the_longest_name_counts(text, expected):
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "Mexico City", "kuwait city", "Lima", "Northern Ireland", "South America", "north-america", "New Mexico",
     "American Samoa", "Republic of China", "the U.S. Virgin Islands", "Atlantis", "Perus", "Peru2", "xPeru", "u's",
     "Romanian", "南美洲秘鲁", "Перу"],
)  # fmt: skip
def test_what_is_no_place_of_the_table_is_passed_over(text):
    assert names(text) == []


@pytest.mark.parametrize(
    "text, written",
    [
        ("tell us about it", []),
        ("Us?", []),
        ("tell us of a lake", []),
        ("TELL US MORE", []),
        ("tell US more", ["US"]),
        ("US", ["US"]),
        ("US-based", ["US"]),
        ("the us", ["the us"]),
        ("CAPITAL OF THE US", ["THE US"]),
        ("CAPITAL OF U.S.?", ["U.S."]),
        ("the u.s.'s capital", ["the u.s."]),
        ("U.S.dollars", ["U.S."]),
        ("U\uff0eS\uff0e", ["U\uff0eS\uff0e"]),  # wide dots
        ("usa, U.S.A., the States", ["usa", "U.S.A.", "the States"]),
    ],
)
def test_us_is_a_place_where_it_is_no_word(text, written):
    assert found(text) == [("United States", words) for words in written]


def test_other_abbreviations_do_without_capitals():
    assert names("uk U.K. uae U.A.E nz drc") == [
        *["United Kingdom"] * 2, *["United Arab Emirates"] * 2, "New Zealand", "DR Congo",
    ]  # fmt: skip


def test_every_name_finds_its_place_alone_and_in_a_sentence():
    for place in PLACES:
        for name in (place.name, *place.also):
            assert found(name) == [(place.name, name)]
            text = f"What is said of {name}'s neighbours, please?"
            assert found(text) == [(place.name, name)]
            if name != "US":
                assert names(name.upper()) == names(name.lower()) == [place.name]


def test_every_other_name_contains_a_place_and_is_none():
    for name in OTHER_NAMES:
        assert names(name) == [], name
        # Parts of it are a name; a line that hides nothing would be there for nothing.
        words = fold_name(name).split()
        parts = {" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}
        assert parts & set(NAMES) - {fold_name(name)} or name in ("Djibouti City", "Luxembourg City"), name


def test_only_the_given_places_are_looked_for():
    own = Place("Freedonia", ("Wei\u00dfland",), {"capital": "Peru Town"})
    assert find_places("Peru, WEISSLAND, Peru Town", [own]) == [(own, 6, 15)]
    assert find_places("Peru", []) == []


def test_a_text_is_asked_for():
    with pytest.raises(TypeError, match="text has type bytes, expected str"):
        find_places(b"Peru", PLACES)


PIECES = st.one_of(
    st.sampled_from(sorted({name for place in PLACES for name in (place.name, *place.also)})),
    st.sampled_from("the |The | |-|\u2019s|.|\u0301|\u0130|\ufb01|&|us|\u00ad|st. ".split("|")),
    st.text(max_size=6),
)


@given(st.lists(PIECES, max_size=8).map("".join), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
@example("\u0130\u0130\u0130 Peru\u0301", "NFC")
def test_every_mention_is_a_known_name_wherever_it_stands(text, form):
    text = unicodedata.normalize(form, text)
    end = 0
    for place, start, stop in find_places(text, PLACES):
        assert end <= start < stop <= len(text)
        written = fold_name(text[start:stop])
        assert NAMES.get(written, NAMES.get(written.removeprefix("the "))) == place
        end = stop


@given(st.sampled_from(PLACES), st.sampled_from(["NFC", "NFD"]), st.text("\u0130\ufb03e\u0301 ,", max_size=5))
def test_positions_are_right_behind_characters_that_change_their_length(place, form, before):
    for name in (place.name, *place.also):
        name = unicodedata.normalize(form, name)
        text = f"{before}; {name}\u2019s ?"
        start = len(before) + 2
        assert find_places(text, PLACES) == [(place, start, start + len(name))]


@given(st.text(max_size=60))
def test_nothing_that_is_typed_raises(text):
    find_places(text, PLACES)


@pytest.mark.parametrize(
    "piece",
    ["-", "'", " ", ".", "a", "u.", "U.S.", "the ", "\u0301", "\u6f22", "\ufdfa", "Peru ", "saint vincent and the ",
     "united kingdom of great britain and northern ", "St. -"],
)  # fmt: skip
def test_ten_thousand_characters_of_anything_are_quick(piece):
    text = (piece * 10_000)[:10_000]
    find_places("", PLACES)  # the names are prepared
    begin = time.perf_counter()
    find_places(text, PLACES)
    assert time.perf_counter() - begin < 1  # a few hundredths; a quadratic way takes seconds


def test_a_long_run_of_accents_belongs_to_its_letter():
    text = "Peru" + "\u0301" * 9_000 + "\u2019s capital"
    assert found(text) == [("Peru", text[:9_004])]
