"""What any set of question patterns must keep: enough questions, one place in each, no overlap between attributes."""

from itertools import combinations

import numpy as np
import pytest

from minicluster.tasks import ATTRIBUTES, WordPattern
from minicluster.tasks.questions import HARD, PLAIN

SETS = {"plain": PLAIN, "hard": HARD}
N_DRAWN = 120  # questions of each pattern, drawn once
NAMED = ("this place", "this country", "the place below")


class Drawn:
    """The patterns of a set and questions drawn from each."""

    def __init__(self, texts):
        rng = np.random.default_rng(0)
        self.patterns = {attribute: [WordPattern(text) for text in texts[attribute]] for attribute in ATTRIBUTES}
        self.questions = {
            attribute: [[pattern.sample(rng) for _ in range(N_DRAWN)] for pattern in own]
            for attribute, own in self.patterns.items()
        }


@pytest.fixture(scope="module")
def all_drawn():
    return {name: Drawn(texts) for name, texts in SETS.items()}


@pytest.fixture(params=list(SETS))
def drawn(request, all_drawn):
    """One of the two sets."""
    return all_drawn[request.param]


def mentions(question):
    """Return how often a place is asked about: "its" is a mention only where nothing else is."""
    padded = f" {question} ".replace(" ", "  ")  # neighbours share no space
    named = sum(padded.count(f" {words.replace(' ', '  ')} ") for words in NAMED)
    return named or padded.count(" its ")


@pytest.mark.parametrize(
    ("question", "n"),
    [
        ("the capital", 0),
        ("its capital", 1),
        ("this country 's capital in the place below", 2),
        ("does this place have its own", 1),
        ("its its", 2),
        ("this places", 0),
    ],
)
def test_mentions_by_hand(question, n):
    assert mentions(question) == n


@pytest.mark.parametrize("texts", SETS.values(), ids=SETS)
def test_every_attribute_has_as_many_patterns(texts):
    assert tuple(texts) == ATTRIBUTES
    assert len({len(own) for own in texts.values()}) == 1
    assert len(texts[ATTRIBUTES[0]]) >= 3  # for training, and for a place to be held out for one of them
    every = [text for own in texts.values() for text in own]
    assert len(set(every)) == len(every)


def test_no_pattern_is_in_both_sets():
    plain, hard = ({text for own in texts.values() for text in own} for texts in SETS.values())
    assert plain.isdisjoint(hard)


def test_every_pattern_makes_thirty_questions(drawn):
    for own in drawn.patterns.values():
        for pattern in own:
            assert pattern.count(limit=30) == 30, pattern


def test_a_question_mentions_the_place_exactly_once(drawn):
    wrong = {
        (attribute, number, question)
        for attribute, own in drawn.questions.items()
        for number, questions in enumerate(own)
        for question in questions
        if mentions(question) != 1
    }
    assert not wrong


def test_no_question_of_one_attribute_is_one_of_another(drawn):
    for attribute, own in drawn.questions.items():
        others = [p for other, patterns in drawn.patterns.items() if other != attribute for p in patterns]
        for questions in own:
            for question in set(questions):
                assert not [pattern for pattern in others if pattern.matches(question)], question


def test_most_questions_of_a_pattern_are_its_own(drawn):
    # Those of two patterns of an attribute are drawn anew; a pattern inside another would never get any.
    for attribute, own in drawn.patterns.items():
        for number, questions in enumerate(drawn.questions[attribute]):
            others = own[:number] + own[number + 1 :]
            shared = [q for q in questions if any(pattern.matches(q) for pattern in others)]
            assert len(shared) <= N_DRAWN / 2, (attribute, number)


def test_a_question_is_no_longer_than_a_line(drawn):
    for own in drawn.questions.values():
        for questions in own:
            assert max(len(question.split(" ")) for question in questions) <= 24


# ---- The hard set


def always(questions):
    """Return the words that stand in every one of the questions."""
    return set.intersection(*(set(question.split(" ")) for question in questions))


def ever(questions):
    """Return the words that stand in any of the questions."""
    return set.union(*(set(question.split(" ")) for question in questions))


def test_hard_patterns_of_one_attribute_share_no_telling_word(all_drawn):
    by_attribute = all_drawn["hard"].questions
    for words_of in (always, ever):
        words = {attribute: [words_of(questions) for questions in own] for attribute, own in by_attribute.items()}
        for attribute, own in words.items():
            elsewhere = set().union(*(one for other, sets in words.items() if other != attribute for one in sets))
            telling = [one - elsewhere for one in own]
            for one, other in combinations(telling, 2):
                assert one.isdisjoint(other), (attribute, one & other)
            assert words_of is ever or all(telling), attribute  # each pattern has a name for its attribute


def test_no_word_of_a_hard_question_tells_its_attribute(all_drawn):
    by_attribute = all_drawn["hard"].questions
    words = {a: set().union(*map(ever, own)) for a, own in by_attribute.items()}
    for attribute, own in words.items():
        # Each word also stands in questions after another attribute: there it is the one not wanted.
        assert own <= set().union(*(others for other, others in words.items() if other != attribute))


def test_hard_questions_of_different_attributes_have_the_same_words(all_drawn):
    by_words = {}
    for attribute, own in all_drawn["hard"].questions.items():
        for number, questions in enumerate(own):
            for question in questions:
                by_words.setdefault((number, *sorted(question.split(" "))), set()).add(attribute)
    mixed = {(number, attribute) for (number, *_), found in by_words.items() if len(found) > 1 for attribute in found}
    n_patterns = len(HARD[ATTRIBUTES[0]])
    assert mixed == {(number, attribute) for number in range(n_patterns) for attribute in ATTRIBUTES}


def test_the_wanted_attribute_stands_before_or_behind_the_other(all_drawn):
    by_attribute = all_drawn["hard"].questions
    for number in range(len(HARD[ATTRIBUTES[0]])):
        words = {attribute: always(own[number]) for attribute, own in by_attribute.items()}
        names = {  # of each attribute, the words that no other one's questions must have
            attribute: own - set().union(*(words[other] for other in ATTRIBUTES if other != attribute))
            for attribute, own in words.items()
        }
        for attribute, own in by_attribute.items():
            n_first = n = 0
            unwanted = set().union(*(names[other] for other in ATTRIBUTES if other != attribute))
            for question in own[number]:
                telling = [word for word in question.split(" ") if word in names[attribute] | unwanted]
                order = [word in names[attribute] for word in telling]
                if set(order) == {True, False}:
                    n_first += order[0]
                    n += 1
            assert n == N_DRAWN, (attribute, number)  # each names another attribute as well
            assert abs(n_first / n - 0.5) < 0.23, (attribute, number)  # five standard deviations of a binomial share
