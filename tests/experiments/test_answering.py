from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicluster.experiments import GeographySettings, answering, prepare, run, settings, trial
from minicluster.experiments.answering import (
    MOST_CHARACTERS,
    Answerer,
    Landmarks,
    answerer_of,
    distances,
    misspelt_place,
    read_question,
    states_of,
)
from minicluster.tasks import ATTRIBUTES, END, SEPARATOR, load_places
from minicluster.tasks.geography import make_tokenizer, outside_questions
from minicluster.tasks.rewriting import rewrite

PLACES = load_places()
TOKENIZER = make_tokenizer(PLACES)
# The attribute that a word points to, for the made-up model.
POINTS = {
    "capital": 1, "city": 1, "money": 2, "currency": 2, "pay": 2, "dialling": 3, "equator": 5, "speak": 6, "coast": 7
}  # fmt: skip
FEW = GeographySettings(
    n_places=12, n_instructions=4, n_unseen_instructions=2, n_places_each=2, n_recordings=2, n_layers=2
)


class Knowing:
    """A model that is no network: at each token, layer 1 is the sum of a unit vector for each pointing word so far.

    It answers with the table's fact for the attribute that most words point to, or with what `says` has for it.
    """

    def __init__(self, points=POINTS, says=(), context_length=38):
        self.points, self.says = points, dict(says)
        self.config = SimpleNamespace(context_length=context_length)
        self.prompts = []
        self.separator, self.end = TOKENIZER.vocabulary.encode([SEPARATOR, END]).tolist()

    def hidden_states(self, tokens, start=None):
        names = [TOKENIZER.vocabulary.decode(row) for row in tokens]
        vectors = np.zeros((*np.shape(tokens), len(ATTRIBUTES)))  # (B, T, C)
        for b, row in enumerate(names):
            for t, name in enumerate(row):
                if name in self.points:
                    vectors[b, t, self.points[name]] = 1
        summed = vectors.cumsum(axis=1)
        return np.stack([np.full_like(summed, 7.0), summed, np.full_like(summed, -7.0)])  # (3, B, T, C)

    def generate(self, tokens, max_new_tokens, *, end):
        assert len(tokens) + max_new_tokens <= self.config.context_length and end == self.end
        self.prompts.append(TOKENIZER.decode(tokens))
        at = tokens.tolist().index(self.separator)
        attribute = ATTRIBUTES[int(self.hidden_states(tokens[None])[1, 0, at].argmax())]
        name = TOKENIZER.decode(tokens[at + 1 :])
        (place,) = (place for place in PLACES if place.name == name)
        answer = TOKENIZER.encode(self.says.get(attribute, place.facts[attribute]))
        return np.concatenate([tokens, answer, [end]])[: len(tokens) + max_new_tokens]


def unit(task, length=1.0):
    return length * np.eye(len(ATTRIBUTES))[task]


# Two questions an attribute, at 1 and 3 of its axis, so that each centroid is at 2.
LANDMARKS = Landmarks(
    tuple(f"{attribute} {length}" for attribute in ATTRIBUTES for length in (1, 3)),
    np.repeat(np.arange(len(ATTRIBUTES)), 2),
    np.concatenate([[unit(task, 1), unit(task, 3)] for task in range(len(ATTRIBUTES))]),
    np.stack([unit(0, 0), unit(1) + unit(2)]),  # what points nowhere, and to two at once
    30,
)


def answerer(places=PLACES, landmarks=LANDMARKS, **model):
    dataset = SimpleNamespace(tokenizer=TOKENIZER, places=places, tasks=ATTRIBUTES)
    return Answerer(Knowing(**model), 1, dataset, landmarks)


def test_a_question_is_answered_with_its_cluster_and_distances():
    asked = answerer()
    reply = asked.answer("Which money do people use in Peru?")
    assert (reply.question, reply.place.name) == ("which money do people use in this place", "Peru")
    assert (reply.inside, reply.text, reply.fact, reply.known_answer) == (True, "sol", "sol", True)
    assert (reply.attribute, reply.distance) == ("currency", 1.0)  # one word points there, the centroid is at 2
    # The others are equally far, at the square root of 1 + 2^2: the first of them is named.
    assert reply.runner_up == "continent" and reply.runner_up_distance == pytest.approx(5**0.5, rel=1e-12)
    assert reply.usual == 1.0
    (first, *others) = reply.nearest
    assert first == ("currency 1", 0.0) and len(others) == 2
    assert others[0] == ("continent 1", pytest.approx(2**0.5, rel=1e-12))
    assert (reply.strange, reply.left_out) == ((), ())
    assert asked.model.prompts == ["which money do people use in this place <sep> Peru"]


def test_the_nearest_questions_are_sorted_by_distance():
    reply = answerer().answer("what currency and money and how to pay in Peru")  # three words: at 3
    assert [question for question, _ in reply.nearest] == ["currency 3", "currency 1", "continent 1"]
    np.testing.assert_allclose([away for _, away in reply.nearest], [0, 2, 10**0.5], rtol=1e-12)
    assert reply.distance == 1.0


@pytest.mark.parametrize("place", ["Peru", "United States", "Sri Lanka", "Equatorial Guinea"])
@pytest.mark.parametrize(("word", "attribute"), [("capital", 1), ("currency", 2), ("dialling", 3), ("speak", 6)])
def test_answers_of_several_words_are_whole(place, word, attribute):
    reply = answerer().answer(f"{word} of {place}")
    assert reply.attribute == ATTRIBUTES[attribute] and reply.place.name == place
    assert reply.text == reply.fact == reply.place.facts[reply.attribute]


def test_a_mistake_of_the_model_is_told_from_an_answer_that_no_place_has():
    other = answerer(says={"currency": "yen"}).answer("the currency of Peru")
    assert (other.text, other.fact, other.known_answer) == ("yen", "sol", True)
    for nonsense in ("Lima", "new sol", "sol sol sol"):
        reply = answerer(says={"currency": nonsense}).answer("the currency of Peru")
        assert (reply.text, reply.fact, reply.known_answer) == (nonsense, "sol", False)


def test_an_answer_without_an_end_is_cut_at_the_longest_there_is():
    asked = answerer(says={"currency": "sol " * 30})
    longest = max(len(TOKENIZER.encode(fact)) for place in PLACES for fact in place.facts.values())
    assert asked.most_new_tokens == longest + 1
    assert asked.answer("the currency of Peru").text == " ".join(["sol"] * (longest + 1))


@pytest.mark.parametrize("question", ["who is the president of Peru", "is Peru nice", "capital and money of Peru"])
def test_a_question_between_the_clusters_is_outside_and_nothing_is_answered(question):
    asked = answerer()
    reply = asked.answer(question)
    assert (reply.inside, reply.text, reply.fact, reply.known_answer) == (False, None, None, False)
    assert reply.place.name == "Peru" and len(reply.nearest) == 3 and asked.model.prompts == []
    assert reply.distance == reply.runner_up_distance  # the square root of 1 + 1, and 2 where no word points anywhere
    assert reply.outside_distance == 0


def test_inside_is_what_is_nearer_to_a_training_question_than_to_one_that_asks_for_nothing():
    def reply(length):  # at 2 of the currency's axis, 1 from two training questions
        nothing = np.stack([unit(5, 9), unit(2, 2) + unit(0, length)])
        return answerer(landmarks=replace(LANDMARKS, outside=nothing)).answer("money or currency of Peru")

    assert reply(1.001).inside and reply(1).inside and not reply(0.999).inside
    assert reply(0.5).outside_distance == 0.5 and reply(0.5).nearest[0][1] == 1.0
    assert reply(3).outside_distance == 3.0


def test_unknown_words_are_named_and_the_longest_are_left_out_for_lack_of_room():
    asked = answerer(context_length=24)
    reply = asked.answer("zxw extraordinarily money qqqqq of Peru")
    assert reply.left_out == ("extraordinarily",) and reply.strange == ("zxw", "qqqqq")
    assert reply.question == "zxw money qqqqq of this place"
    assert reply.text == "sol"
    with pytest.raises(ValueError):
        asked.answer("money " * 20 + "of Peru")


def test_a_question_of_the_very_last_length_fits():
    # Separator, one token of the name, and the answer's.
    asked = answerer(landmarks=replace(LANDMARKS, most_tokens=100))
    room = 38 - 1 - 1 - asked.most_new_tokens
    question = "money " * (room - 3) + "of Peru"
    assert asked.answer(question).question.split(" ") == ["money"] * (room - 3) + ["of", "this", "place"]
    with pytest.raises(ValueError):
        asked.answer("money " + question)


def test_a_question_has_no_more_tokens_than_training_questions_had():
    asked = answerer(landmarks=replace(LANDMARKS, most_tokens=6))
    assert asked.answer("the money of Peru please").left_out == ()  # six words
    assert asked.answer("zxw the money of Peru please").left_out == ("zxw",)
    with pytest.raises(ValueError):
        asked.answer("and the money of Peru please")


def test_a_question_without_a_place():
    asked = answerer()
    with pytest.raises(ValueError) as told:
        asked.answer("which money do people use in Atlantis")
    assert str(told.value) == (
        "no place in 'which money do people use in Atlantis', expected one of the table's 193, such as Peru"
    )
    with pytest.raises(ValueError, match="no place in 'money of Gemany': do you mean Germany\\?"):
        asked.answer("money of Gemany")
    with pytest.raises(ValueError, match="do you mean Germany"):  # outside, and yet it helps
        asked.answer("president of gemany")
    reply = asked.answer("what is the meaning of life")  # outside: it would not help to name a place
    assert reply.place is None and not reply.inside and reply.text is None
    few = answerer([place for place in PLACES if place.name in ("Chad", "Fiji")])
    with pytest.raises(ValueError, match="expected one of the table's 2, such as Chad$"):
        few.answer("which money do people use in Atlantis")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the question"),
        ("  ?! ", "the question"),
        ("x" * 10_000, f"the question has 10000 characters, expected at most {MOST_CHARACTERS}"),
        (
            "\u043a\u0430\u043a\u0430\u044f \u0441\u0442\u043e\u043b\u0438\u0446\u0430 Peru",
            "is mostly not in Latin letters, expected a question in English",
        ),
        ("\u79d8\u9c81\u7684\u9996\u90fd", "is mostly not in Latin letters"),
        ("the money of Peru and Chile", "the question is about Peru and Chile, expected one place at a time"),
        ("Chile, Peru, Cuba: money?", "about Chile and Peru and Cuba, expected one"),
    ],
)
def test_bad_input_gets_one_line(text, message):
    with pytest.raises(ValueError) as told:
        answerer().answer(text)
    assert message in str(told.value) and "\n" not in str(told.value)


# Any characters, and words of which some mean something.
WORDS = st.sampled_from(["Peru", "Chile", "Peru's", "money", "capital", "equator", "of", "xqv", "\u043c\u0438\u0440"])


@given(st.one_of(st.text(max_size=60), st.lists(st.one_of(WORDS, st.text(max_size=12)), max_size=12).map(" ".join)))
def test_whatever_is_typed_gets_a_reply_or_one_line(text):
    try:
        reply = answerer().answer(text)
    except ValueError as error:
        assert len(str(error).splitlines()) == 1
        return
    assert reply.inside == (reply.text is not None) == (reply.fact is not None)
    assert reply.place is not None or not reply.inside
    assert 0 <= reply.distance <= reply.runner_up_distance and reply.attribute != reply.runner_up


def test_what_is_just_good_enough():
    assert read_question("a" * MOST_CHARACTERS, PLACES, TOKENIZER).places == ()
    with pytest.raises(ValueError):
        read_question("a" * (MOST_CHARACTERS + 1), PLACES, TOKENIZER)
    # Half of the letters, accents and digits are no harm.
    assert read_question("ab \u0431\u0432 12345", PLACES, TOKENIZER).question
    with pytest.raises(ValueError, match="Latin"):
        read_question("ab \u0431\u0432\u0433 12345", PLACES, TOKENIZER)
    assert read_question("\u00bfmoneda de Per\u00fa?", PLACES, TOKENIZER).places[0].name == "Peru"
    assert len(read_question("Peru or Peru", PLACES, TOKENIZER).places) == 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("capital of perru", "Peru"),
        ("capital of new zeland please", "New Zealand"),
        ("capital of the dominican republik", "Dominican Republic"),
        ("capital of perru or of gemany", "Germany"),  # 12 of 13 letters are alike, and 8 of 9
        ("capital of gemany or of perru", "Germany"),
        ("capital of atlantis", None),
        ("internet domain of atlantis", None),  # "domain" is like Oman, but known
        ("how old is a man", None),  # Oman
        ("which coins are used", None),
    ],
)
def test_misspelt_places(text, name):
    assert misspelt_place(rewrite(text, PLACES, TOKENIZER), PLACES) == name


def test_distances_by_hand():
    found = distances(np.array([[0, 0], [3, 4]], np.float32), np.array([[3, 4], [0, 2], [6, 8]], np.float32))
    np.testing.assert_allclose(found, [[5, 2, 10], [0, 13**0.5, 5]], rtol=1e-12)


def test_centroids_and_usual_distance_by_hand():
    states = np.concatenate([[unit(task, length) for length in range(21)] for task in range(8)]).astype(np.float32)
    landmarks = Landmarks(tuple(map(str, range(168))), np.repeat(np.arange(8), 21), states, LANDMARKS.outside, 30)
    np.testing.assert_array_equal(landmarks.centroids(8), 10 * np.eye(8))
    dataset = SimpleNamespace(tokenizer=TOKENIZER, places=PLACES, tasks=ATTRIBUTES)
    # Distances 0, 1, 1, ..., 10, 10: the 95th percentile of 21 is the second largest.
    assert Answerer(Knowing(), 1, dataset, landmarks).usual == [10.0] * 8
    states[20] = 0  # of the first attribute: now the centroid is nearer to 0
    usual = Answerer(Knowing(), 1, dataset, replace(landmarks, states=states)).usual
    assert usual[0] == pytest.approx(190 / 21, rel=1e-12) and usual[1:] == [10.0] * 7  # below 19 - 190 / 21


def test_the_usual_distance_is_that_of_the_nearest_cluster():
    wider = LANDMARKS.states.copy()
    wider[:2] = [unit(0, 0.5), unit(0, 3.5)]  # of the first attribute, which is the runner-up
    asked = answerer()
    asked = Answerer(asked.model, 1, asked, replace(LANDMARKS, states=wider))
    assert asked.answer("money of Peru").usual == 1.0 and asked.answer("money of Peru").runner_up == "continent"
    assert asked.usual == [1.5] + [1.0] * 7


@pytest.fixture(scope="module")
def few():
    return prepare(FEW, 0, backend="numpy")


def test_states_of_questions_of_different_lengths():
    found = states_of(Knowing(), TOKENIZER, ["money", "the capital city of this place", "what"])
    np.testing.assert_array_equal(found[1], [unit(2), unit(1, 2), unit(0, 0)])
    assert found.shape == (3, 3, 8)
    found = states_of(Knowing({**POINTS, SEPARATOR: 0}), TOKENIZER, ["money", "what capital"])
    np.testing.assert_array_equal(found[1], [unit(2) + unit(0), unit(1) + unit(0)])
    # Of one that is too long, the end is read.
    found = states_of(Knowing(context_length=4), TOKENIZER, ["money money pay capital", "money"])
    np.testing.assert_array_equal(found[1], [unit(2, 2) + unit(1), unit(2)])


def test_the_answerer_of_a_training(few):
    """The model tells questions by a few words, which only some of them have."""
    model, train = Knowing(), few.dataset.train
    asked = answerer_of(replace(few, model=model))
    landmarks = asked.landmarks
    assert sorted(landmarks.questions) == sorted(set(train.instruction.tolist()))
    for question, task, state in zip(landmarks.questions, landmarks.task, landmarks.states):
        assert set(train.task[train.instruction == question]) == {task}
        points = [POINTS[word] for word in question.split(" ") if word in POINTS]
        np.testing.assert_array_equal(state, np.bincount(points, minlength=8))
    assert asked.layer == few.settings.middle_layer == 1 and asked.places == few.dataset.places
    made_up = outside_questions(few.dataset, 700, np.random.default_rng([few.seed, answering.OUTSIDE_STREAM]))
    np.testing.assert_array_equal(landmarks.outside, states_of(model, TOKENIZER, made_up)[1])
    lengths = [len(TOKENIZER.encode(question)) for question in landmarks.questions]
    assert landmarks.most_tokens == int(np.quantile(lengths, 0.99)) < max(lengths)


def test_broken_parameters_are_an_error():
    model = prepare(FEW, 0, backend="numpy").model
    model.parameters.flat[:] = np.nan
    with np.errstate(all="ignore"):
        dataset = SimpleNamespace(tokenizer=TOKENIZER, places=PLACES, tasks=ATTRIBUTES)
        asked = Answerer(model, 1, dataset, Landmarks((), np.arange(8), np.eye(8, 64), np.eye(1, 64), 30))
        with pytest.raises(ArithmeticError, match="parameters are broken"):
            asked.answer("money of Peru")


def test_the_stream_of_made_up_questions_is_its_own():
    others = {settings.ORDER_STREAM, run.SAMPLE_STREAM, settings.PATTERN_STREAM, trial.INPUT_STREAM}
    assert len(others) == 4 and answering.OUTSIDE_STREAM not in others
