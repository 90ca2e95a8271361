"""The geography tasks: English questions about real places.

A task is a fact that one can ask for: the capital, the currency, ... It is a function from places to answers, and the
question says which, in words drawn from one of the task's patterns; the place comes after the separator. The paper
checks its finding in such a setting ("given a location, state its continent"); patterns, places and facts are ours.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..checks import check_whole_number
from .drawing import deal_held_out, draw_strings
from .examples import Dataset, Split
from .places import ATTRIBUTES, load_places
from .questions import COMMON_WORDS, HARD, PLAIN
from .tokenizer import WordTokenizer
from .vocabulary import END, PAD, SEPARATOR
from .word_patterns import WORD, WordPattern

HERE = re.compile(r"\b(this place|this country|the place below|its)\b")  # what stands for the place in a question
PLACES_JUDGED = 4  # that each question of an unseen split is asked about
MOST_STRANGE = 3  # made-up words in a question
# Letters of made-up words: some more often than others, as in English.
LETTERS = "aaaabbcccddddeeeeeeffgghhhhiiiijkkllllmmmnnnnooooppqrrrrsssstttttuuuvvwwxyyz"
STRANGE_LENGTHS = (2, 9)  # letters of a made-up word, both included


@dataclass(frozen=True)
class GeographyDataset(Dataset):
    """The three splits and what they were made from.

    Attributes
    ----------
    train, unseen_instruction, unseen_combination : Split
        `input` is the place's number, `instruction` the question with "this place" in it.
    patterns : tuple of WordPattern
        One for each distribution.
    tokenizer : WordTokenizer
    places : tuple of Place
    n_distributions : int
        Patterns a task.
    inside : bool
        Whether the place stands in the sentence.
    """

    patterns: tuple
    tokenizer: WordTokenizer
    places: tuple
    n_distributions: int
    inside: bool

    @property
    def vocabulary(self):
        """The tokenizer's Vocabulary."""
        return self.tokenizer.vocabulary

    @property
    def tasks(self):
        """The tasks' names, in the order of their numbers."""
        return ATTRIBUTES

    @property
    def n_tasks(self):
        """How many tasks there are."""
        return len(ATTRIBUTES)

    @property
    def n_inputs(self):
        """How many places there are."""
        return len(self.places)


def make_tokenizer(places):
    """Return the WordTokenizer that knows the words of all patterns, plain and hard, of these places and their facts.

    Parameters
    ----------
    places : sequence of Place

    Returns
    -------
    WordTokenizer
    """
    texts = [text for patterns in (PLAIN, HARD) for own in patterns.values() for text in own]
    words = {word for text in texts for word in WORD.findall(text)} | set(COMMON_WORDS)
    for place in places:
        for text in (place.name, *place.facts.values()):
            words.update(text.split(" "))
    return WordTokenizer(sorted(words))


def make_geography_dataset(
    *,
    n_places=None,
    n_instructions=25,
    n_unseen_instructions=5,
    n_held_out=None,
    n_places_each=16,
    hard=False,
    inside=False,
    strange=0.25,
    seed=0,
):
    """Make the geography data.

    One whole example:

EXAMPLE

    Three splits, as in `make_instruction_dataset`:

    - `train`: every training question with some of the places that are not held out for its pattern.
    - `unseen_instruction`: new questions of the same patterns, with such places. Also the validation split.
    - `unseen_combination`: training questions with places that are held out for their pattern. The fact was trained
      with other patterns: only a model that treats an attribute's patterns as one can answer.

    Every question matches one pattern only.

    Parameters
    ----------
    n_places : int, optional
        So many places, drawn at random; by default all of the table.
    n_instructions, n_unseen_instructions : int
        Different questions a pattern, for training and for `unseen_instruction`.
    n_held_out : int, optional
        Places that a pattern is never trained with, different ones for the patterns of a task as far as possible; by
        default so many that half of the places are held out for one of a task's patterns.
    n_places_each : int
        Places that a question is asked about.
    hard : bool
        Whether the patterns are those that a bag of words can't tell; see `questions`.
    inside : bool
        Whether the place stands in the sentence, instead of "this place", and the separator at its end.
    strange : float
        The share of questions with one or two made-up words somewhere, spelled, as a user's own words would be.
    seed : int
        Of the choice of places, the questions, the held-out pairs.

    Returns
    -------
    GeographyDataset

    Raises
    ------
    ValueError, TypeError
        If a number is out of range, or a pattern can't make as many questions.
    """
    places = load_places()
    texts = HARD if hard else PLAIN
    n_distributions = len(texts[ATTRIBUTES[0]])
    n_places = len(places) if n_places is None else n_places
    n_held_out = n_places // (2 * n_distributions) if n_held_out is None else n_held_out
    _check_numbers(n_places, len(places), n_instructions, n_unseen_instructions, n_held_out, n_places_each, strange, seed)
    rng = np.random.default_rng(seed)
    tokenizer = make_tokenizer(places)  # of all, so that every data set has the same tokens
    if n_places < len(places):
        places = tuple(places[i] for i in np.sort(rng.permutation(len(places))[:n_places]))
    patterns = tuple(WordPattern(text) for attribute in ATTRIBUTES for text in texts[attribute])
    held_out = deal_held_out(len(ATTRIBUTES), n_distributions, n_places, n_held_out, rng)  # (patterns, places) bool
    examples = {"train": [], "unseen_instruction": [], "unseen_combination": []}
    for distribution, own in enumerate(patterns):
        others = [other for other in patterns if other is not own]
        questions = [
            with_strange_words(question, strange, rng)
            for question in draw_strings(own, others, n_instructions + n_unseen_instructions, rng)
        ]
        known, new = questions[:n_instructions], questions[n_instructions:]
        allowed, held = np.flatnonzero(~held_out[distribution]), np.flatnonzero(held_out[distribution])
        for split, asked, about, n in (
            ("train", known, allowed, n_places_each),
            ("unseen_instruction", new, allowed, PLACES_JUDGED),
            ("unseen_combination", known, held, PLACES_JUDGED),
        ):
            for question, chosen in zip(asked, _deal(about, len(asked), n, rng)):
                examples[split] += [(question, distribution, place) for place in chosen]
    prompts, answers = _encoder(places, tokenizer, inside)
    rows = {
        name: [(prompts(q, place), answers[d // n_distributions][place]) for q, d, place in listed]
        for name, listed in examples.items()
    }
    T = max(len(prompt) + len(answer) for listed in rows.values() for prompt, answer in listed) - 1
    return GeographyDataset(
        **{name: _split(examples[name], rows[name], n_distributions, tokenizer, T) for name in rows},
        patterns=patterns,
        tokenizer=tokenizer,
        places=places,
        n_distributions=n_distributions,
        inside=inside,
    )


def prompt_text(question, name, inside=False):
    """Return the words before the separator and those behind it.

    Parameters
    ----------
    question : str
        With "this place" or the like in it.
    name : str
        Of the place.
    inside : bool
        Whether the place's name takes the place of "this place".

    Returns
    -------
    before, behind : str
    """
    if not inside:
        return question, name
    return HERE.sub(lambda found: name + (" 's" if found[0] == "its" else ""), question), ""


def with_strange_words(question, share, rng):
    """Return the question, with the given probability with a few words put in somewhere, each common or made up."""
    words = question.split(" ")
    if rng.random() < share:
        for _ in range(rng.integers(1, MOST_STRANGE, endpoint=True)):
            words.insert(rng.integers(len(words) + 1), _other_word(rng))
    return " ".join(words)


def outside_questions(dataset, n, rng):
    """Return questions that ask for none of the attributes.

    They are training questions whose telling words are replaced, each by a common or a made-up word. A word tells if
    more than half of the training questions that it occurs in are of one task, and it is no common word.

    Parameters
    ----------
    dataset : GeographyDataset
    n : int
    rng : np.random.Generator

    Returns
    -------
    list of str
    """
    rows = dataset.train.unique_instructions()
    questions, tasks = dataset.train.instruction[rows].tolist(), dataset.train.task[rows]
    counts = {}
    for question, task in zip(questions, tasks):
        for word in set(question.split(" ")):
            counts.setdefault(word, np.zeros(dataset.n_tasks, np.int64))[task] += 1
    telling = {word for word, own in counts.items() if 2 * own.max() > own.sum() and word not in COMMON_WORDS}
    return [
        " ".join(_other_word(rng) if word in telling else word for word in questions[row].split(" "))
        for row in rng.integers(len(questions), size=n)
    ]


def _other_word(rng):
    """Return a word that asks for no attribute: one of the common words or one made up, each in half of the cases."""
    if rng.random() < 0.5:
        return COMMON_WORDS[rng.integers(len(COMMON_WORDS))]
    return "".join(LETTERS[i] for i in rng.integers(len(LETTERS), size=rng.integers(*STRANGE_LENGTHS, endpoint=True)))


def _encoder(places, tokenizer, inside):
    """Return a function from question and place's number to the prompt's tokens, and the answers' tokens.

    Returns
    -------
    prompts : function to list of int
    answers : list of lists of lists of int
        By task and place, each with END behind it.
    """
    separator, end = tokenizer.vocabulary.encode([SEPARATOR, END]).tolist()
    encode = lru_cache(maxsize=None)(lambda text: tuple(tokenizer.encode(text).tolist()) if text else ())

    def prompts(question, place):
        before, behind = prompt_text(question, places[place].name, inside)
        return [*encode(before), separator, *encode(behind)]

    return prompts, [[[*encode(place.facts[task]), end] for place in places] for task in ATTRIBUTES]


def _deal(numbers, n_hands, n_each, rng):
    """Deal numbers to hands like shuffled cards, starting over when all are dealt: n_hands sorted arrays, no number
    twice in a hand."""
    n_each = min(n_each, len(numbers))
    hands, deck = [], []
    for _ in range(n_hands):
        if len(deck) < n_each:
            deck = rng.permutation(numbers).tolist()
        hands.append(sorted(deck[:n_each]))
        deck = deck[n_each:]
    return hands


def _split(examples, rows, n_distributions, tokenizer, T):
    """Return the Split of examples (question, distribution, place) whose rows are pairs of prompt and answer."""
    pad, separator = tokenizer.vocabulary.encode([PAD, SEPARATOR])
    n = len(rows)
    tokens, mask = np.full((n, T + 1), pad), np.zeros((n, T), bool)
    for row, (prompt, answer) in enumerate(rows):
        tokens[row, : len(prompt) + len(answer)] = prompt + answer
        mask[row, len(prompt) - 1 : len(prompt) + len(answer) - 1] = True  # each foretells the next
    distribution, place = np.array([numbers for _, *numbers in examples], np.int64).reshape(n, 2).T
    return Split(
        tokens=tokens[:, :-1].copy(),
        targets=tokens[:, 1:].copy(),
        mask=mask,
        task=distribution // n_distributions,
        distribution=distribution,
        input=place,
        instruction=np.array([question for question, *_ in examples], str),
        separator=(tokens == separator).argmax(axis=1),
        start=np.zeros((n, T), np.int64),
    )


def _check_numbers(n_places, most, n_instructions, n_unseen_instructions, n_held_out, n_places_each, strange, seed):
    least = {
        "n_places": (n_places, 1),
        "n_instructions": (n_instructions, 1),
        "n_unseen_instructions": (n_unseen_instructions, 1),
        "n_held_out": (n_held_out, 1),
        "n_places_each": (n_places_each, 1),
        "seed": (seed, 0),
    }
    for name, (value, minimum) in least.items():
        check_whole_number(name, value, minimum)
    if n_places > most:
        raise ValueError(f"n_places = {n_places}, expected at most {most}, those of the table")
    if n_held_out >= n_places:
        raise ValueError(f"n_held_out = {n_held_out}, expected fewer than n_places = {n_places}")
    if not 0 <= strange <= 1:
        raise ValueError(f"strange = {strange}, expected a share, 0 to 1")
