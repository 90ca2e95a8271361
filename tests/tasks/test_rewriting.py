"""What users type, rewritten by hand; any text at all; and questions that the model learns, which stay as they are."""

import time
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minicluster.tasks import load_places
from minicluster.tasks.geography import make_tokenizer
from minicluster.tasks.questions import PLAIN
from minicluster.tasks.rewriting import Rewritten, rewrite, shortened
from minicluster.tasks.word_patterns import WordPattern

PLACES = load_places()
TOKENIZER = make_tokenizer(PLACES)
KNOWN = set(TOKENIZER.words)

# Any character; and few characters, so that names, possessives and quotes come up.
texts = st.text(st.characters()) | st.lists(
    st.sampled_from(["Peru", "US", "Chad", "what", "'s", "'", "\u2019", "s", " ", "-", ".", "?", "\u00e9", "\u0130"])
).map("".join)


def names_of(rewritten):
    return [place.name for place in rewritten.places]


@pytest.mark.parametrize(
    "text, question, names",
    [
        ("which money do people use in Peru?", "which money do people use in this place", ["Peru"]),
        ("  PERU\u2019S   capital, please!\n", "this place 's capital please", ["Peru"]),
        ("the capital of Peru", "the capital of this place", ["Peru"]),
        ("Peru capital", "this place capital", ["Peru"]),
        ("Peru: currency?", "this place currency", ["Peru"]),
        ("capital-of-Peru", "capital of this place", ["Peru"]),
        ("What's the currency of the Netherlands?", "what's the currency of this place", ["Netherlands"]),
        ("whats the currency of Peru", "what's the currency of this place", ["Peru"]),
        ("What\u2019s the 'capital' of \u201cPeru\u201d", "what's the capital of this place", ["Peru"]),
        ("Laos' capital", "this place 's capital", ["Laos"]),
        ("'Laos' capital", "this place capital", ["Laos"]),
        ("the capital of 'the Netherlands'", "the capital of this place", ["Netherlands"]),
        ("Laos'es capital", "this place es capital", ["Laos"]),
        ("'Laos'", "this place", ["Laos"]),
        ("the 'capital of the Netherlands'", "the capital of this place", ["Netherlands"]),
        ("capi\u00adtal cafe\u0301s Stra\u00dfe", "capital cafes strasse", []),
        ("\ud398\ub8e8\uc758", "\ud398\ub8e8\uc758", []),  # stays composed
        ("Peru' s", "this place s", ["Peru"]),
        ("Is Cote d'Ivoire landlocked", "is this place landlocked", ["Ivory Coast"]),
        ("Is C\u00f4te d\u2019Ivoire\u2019s capital big?", "is this place 's capital big", ["Ivory Coast"]),
        ("the U.S.'s capital", "this place 's capital", ["United States"]),
        ("Peru'sname", "this place sname", ["Peru"]),
        ("a top-level domain for Peru", "a top level domain for this place", ["Peru"]),
        ("Peru or Chad, and Peru's money", "this place or this place and this place 's money", ["Peru", "Chad"]),
        ("tell me a joke", "tell me a joke", []),
        ("this country's capital", "this country 's capital", []),
        (
            "\u0441\u0442\u043e\u043b\u0438\u0446\u0430 \u041f\u0435\u0440\u0443?",
            "\u0441\u0442\u043e\u043b\u0438\u0446\u0430 \u043f\u0435\u0440\u0443",
            [],
        ),
        ("la capitale du P\u00e9rou \U0001f600", "la capitale du perou", []),
        ("\u00bd \u00b2", "1 2 2", []),
        ("7", "7", []),
    ],
)
def test_by_hand(text, question, names):
    rewritten = rewrite(text, PLACES, TOKENIZER)
    assert rewritten.question == question
    assert names_of(rewritten) == names
    assert rewritten.strange == tuple(word for word in question.split(" ") if word not in KNOWN)


def test_strange_words_are_those_that_are_spelled_each_time():
    rewritten = rewrite("zork the capital, zork of Peru", PLACES, TOKENIZER)
    assert rewritten == Rewritten("zork the capital zork of this place", (rewritten.places[0],), ("zork", "zork"))


@pytest.mark.parametrize("text", ["", " ", "?", "\n\t\x00\x1b", "\U0001f600", "''' '", "\u0301", "\ud800", "\u00ad"])
def test_without_letter_or_digit_it_is_refused(text):
    with pytest.raises(ValueError, match="the question has no words") as error:
        rewrite(text, PLACES, TOKENIZER)
    assert "\n" not in str(error.value)


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="text has type NoneType"):
        rewrite(None, PLACES, TOKENIZER)


@given(texts)
@example("''s")
@example("'s")
@example("s's's Peru's's")
@example("\u0130\u0345\u03aa")
def test_any_text_gives_plain_words_or_is_refused(text):
    try:
        rewritten = rewrite(text, PLACES, TOKENIZER)
    except ValueError as error:
        assert str(error).startswith("the question has no words")
        assert not any(character.isalnum() for character in text if character.isascii())
        return
    question = rewritten.question
    assert question and question == " ".join(question.split())
    assert all(character.isalnum() or character in "' " for character in question)
    assert not any(unicodedata.category(character) == "Lu" for character in question)
    assert TOKENIZER.decode(TOKENIZER.encode(question)) == question
    assert bool(rewritten.places) <= ("this place" in question)
    assert len(set(rewritten.places)) == len(rewritten.places)
    assert rewritten.strange == tuple(word for word in question.split(" ") if word not in KNOWN)


@pytest.mark.parametrize("attribute", PLAIN)
def test_questions_that_are_learned_stay_as_they_are(attribute):
    rng = np.random.default_rng(0)
    for text in PLAIN[attribute]:
        for _ in range(20):
            question = WordPattern(text).sample(rng)
            assert rewrite(question, PLACES, TOKENIZER) == Rewritten(question, (), ()), text
            loud = question.replace("this place", "Peru").replace(" 's", "'s").upper() + "?!"
            quiet = rewrite(loud, PLACES, TOKENIZER)
            assert quiet.question == question
            assert names_of(quiet) == (["Peru"] if "this place" in question else [])


@given(st.lists(st.sampled_from([word for word in TOKENIZER.words if word.islower() or word == "'s"]), min_size=1))
def test_rewriting_twice_changes_nothing_more(words):
    try:
        once = rewrite(" ".join(words), PLACES, TOKENIZER)
    except ValueError:
        assert set(words) == {"'s"}
        return
    if not once.places:
        assert rewrite(once.question, PLACES, TOKENIZER) == once


@pytest.mark.parametrize(
    "text", ["Peru " * 2000, "x" * 10_000, "'" * 9_999 + "a", "a'" * 5_000, "x's" * 3_333, "\u0301a" * 5_000]
)
def test_long_texts_take_time_in_proportion(text):
    begin = time.perf_counter()
    rewritten = rewrite(text, PLACES, TOKENIZER)
    assert time.perf_counter() - begin < 2  # 0.1 s; a square of 10,000 steps would be minutes
    assert len(rewritten.places) <= 1


def test_shortened_leaves_out_the_longest_strange_words_until_it_fits():
    question = rewrite("zz zzzzzz the capital zzzz of Peru zzzzzz", PLACES, TOKENIZER)
    # Words 5 (the, capital, of, this, place), spelled ones 1 + letters: 3, 7, 5, 7; together 27.
    assert shortened(question, TOKENIZER, 27) == (question, ())
    for most, expected, left_out in [
        (26, "zz the capital zzzz of this place zzzzzz", ("zzzzzz",)),
        (20, "zz the capital zzzz of this place zzzzzz", ("zzzzzz",)),
        (19, "zz the capital zzzz of this place", ("zzzzzz", "zzzzzz")),
        (12, "zz the capital of this place", ("zzzzzz", "zzzz", "zzzzzz")),
        (5, "the capital of this place", ("zz", "zzzzzz", "zzzz", "zzzzzz")),
    ]:
        short, out = shortened(question, TOKENIZER, most)
        assert (short.question, out) == (expected, left_out)
        assert short.places == question.places
        assert short.strange == tuple(word for word in expected.split(" ") if set(word) == {"z"})
        assert len(TOKENIZER.encode(short.question)) <= most
    with pytest.raises(ValueError, match="the question is too long, 9 words"):
        shortened(question, TOKENIZER, 4)


def test_shortened_counts_bytes_and_leaves_something():
    question = rewrite("the \u044f\u044f", PLACES, TOKENIZER)  # two bytes a letter
    assert shortened(question, TOKENIZER, 6)[1] == ()
    assert shortened(question, TOKENIZER, 5)[0].question == "the"
    with pytest.raises(ValueError, match="the question is too long, 1 words"):
        shortened(rewrite("x" * 10_000, PLACES, TOKENIZER), TOKENIZER, 40)
