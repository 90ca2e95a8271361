"""The geography tasks: English questions about real places.

A task is a fact that one can ask for: the capital, the currency, ... It is a function from places to answers, and the
question says which, in words drawn from one of the task's patterns; the place comes after the separator. The paper
checks its finding in such a setting ("given a location, state its continent"); patterns, places and facts are ours.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real

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
PIECE = re.compile(rf"{HERE.pattern}( 's)?|[^ ]+")  # a word, but what stands for the place stays in one piece
PLACES_JUDGED = 4  # that each question of an unseen split is asked about
MOST_STRANGE = 3  # words that are put into a question
COMMON_SHARE = 0.5  # of them that are common words; the others are made up
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

    One whole example, row 3360 of `make_geography_dataset().train`, padded up to T = 38:

        task 1, capital; pattern 8; place 9, Austria
        instruction give me its capital
        names    give    me   its  capital  <sep>  Austria  Vienna  <end>  <pad>  ...
        tokens   1294  1395  1340     1221      1      681    1136      2      0  ...
        targets  1395  1340  1221        1    681     1136       2      0      0  ...
        mask        .     .     .        .      .        T       T      .      .  ...
        separator 4

    The answer is trained and judged, END included: a position of the mask foretells the token behind it.

    Three splits, as in `make_instruction_dataset`:

    - `train`: every training question with some of the places that are not held out for its pattern.
    - `unseen_instruction`: new questions of the same patterns, with 4 such places each. Also the validation split.
    - `unseen_combination`: training questions with 4 places each that are held out for their pattern. The fact was
      trained with other patterns: only a model that treats an attribute's patterns as one can answer.

    Every question matches one pattern only.

    Parameters
    ----------
    n_places : int, optional
        So many places, at least 2, drawn at random; by default all of the table.
    n_instructions, n_unseen_instructions : int
        Different questions a pattern, for training and for `unseen_instruction`.
    n_held_out : int, optional
        Places that a pattern is never trained with, different ones for the patterns of a task as far as possible; by
        default so many that half of the places are held out for one of a task's patterns, the others for none.
    n_places_each : int
        Places that a training question is asked about; all that are not held out, if there are fewer. Where
        `n_instructions` times this is at least the number of places, every pattern asks about each that it may.
    hard : bool
        Whether the patterns are those that a bag of words can't tell; see `questions`.
    inside : bool
        Whether the place stands in the sentence, instead of "this place", and the separator at its end.
    strange : float
        The share of questions with one to three words put in somewhere, common ones or made-up ones, which are spelled,
        as a user's own words would be.
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
    table = load_places()
    texts = HARD if hard else PLAIN
    n_distributions = len(texts[ATTRIBUTES[0]])
    if n_places is None:
        n_places = len(table)
    _check_places(n_places, len(table))
    if n_held_out is None:
        n_held_out = max(1, n_places // (2 * n_distributions))
    _check_held_out(n_held_out, n_places, n_distributions)
    _check_others(n_instructions, n_unseen_instructions, n_places_each, strange, seed)

    rng = np.random.default_rng(seed)
    places = table
    if n_places < len(table):
        places = tuple(table[i] for i in np.sort(rng.permutation(len(table))[:n_places]))
    patterns = tuple(WordPattern(text) for attribute in ATTRIBUTES for text in texts[attribute])
    held_out = deal_held_out(len(ATTRIBUTES), n_distributions, n_places, n_held_out, rng)  # (patterns, places) bool
    tokenizer = make_tokenizer(table)  # of all places, so that every data set has the same tokens
    known = frozenset(tokenizer.words)
    questions = [  # by pattern, those of training first
        [with_strange_words(question, strange, known, rng) for question in own]
        for own in _draw_questions(patterns, n_instructions + n_unseen_instructions, rng)
    ]
    examples = _ask_about_places(questions, held_out, n_instructions, n_places_each, rng)

    rows = {name: _encode_rows(listed, places, n_distributions, tokenizer, inside) for name, listed in examples.items()}
    T = max(len(prompt) + len(answer) for listed in rows.values() for prompt, answer in listed) - 1
    return GeographyDataset(
        **{name: _make_split(examples[name], rows[name], n_distributions, tokenizer, T) for name in rows},
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
        With "this place" or the like in it, or "its".
    name : str
        Of the place.
    inside : bool
        Whether the name takes the place of "this place", and where there is none, with "'s" that of "its".

    Returns
    -------
    before, behind : str
        "name its capital" becomes "name Peru 's capital", but "does this place have its own currency" becomes "does
        Peru have its own currency".
    """
    if not inside:
        return question, name
    if set(HERE.findall(question)) <= {"its"}:
        return HERE.sub(lambda found: f"{name} 's", question), ""
    return HERE.sub(lambda found: found[0] if found[0] == "its" else name, question), ""


def with_strange_words(question, share, known, rng):
    """Return the question, with the given probability with one to three words put in somewhere.

    Each is one of `COMMON_WORDS` or made up: a user's own words are such that the model knows but that tell nothing, or
    such that it has never seen.

    Parameters
    ----------
    question : str
    share : float
        The probability.
    known : collection of str
        None of the made-up words is one of these, which could change what is asked.
    rng : np.random.Generator

    Returns
    -------
    str
    """
    if rng.random() >= share:
        return question
    pieces = [found[0] for found in PIECE.finditer(question)]
    for _ in range(rng.integers(1, MOST_STRANGE, endpoint=True)):
        pieces.insert(rng.integers(len(pieces) + 1), _other_word(known, rng))
    return " ".join(pieces)


def outside_questions(dataset, n, rng):
    """Return questions that ask for none of the attributes.

    They are training questions whose telling words are replaced, each by a common or a made-up word: "what is the
    capital of this place" may become "what is the ekton of this place". A word tells if more than half of the
    training questions that it occurs in are of one task, and it is not one of `COMMON_WORDS`.

    Parameters
    ----------
    dataset : GeographyDataset
    n : int
    rng : np.random.Generator

    Returns
    -------
    list of n str
    """
    rows = dataset.train.unique_instructions()
    questions = [question.split(" ") for question in dataset.train.instruction[rows].tolist()]
    counts = defaultdict(Counter)
    for question, task in zip(questions, dataset.train.task[rows].tolist()):
        for word in set(question):
            counts[word][task] += 1
    telling = {word for word, of in counts.items() if 2 * max(of.values()) > of.total()}.difference(COMMON_WORDS)
    known = frozenset(dataset.tokenizer.words)
    return [
        " ".join(_other_word(known, rng) if word in telling else word for word in questions[i])
        for i in rng.integers(len(questions), size=n)
    ]


def _other_word(known, rng):
    """Return a word that asks for no attribute: a common one, or one made up."""
    if rng.random() < COMMON_SHARE:
        return COMMON_WORDS[rng.integers(len(COMMON_WORDS))]
    return _make_up_word(known, rng)


def _make_up_word(known, rng):
    """Return random letters that are none of the known words."""
    while True:
        length = rng.integers(*STRANGE_LENGTHS, endpoint=True)
        word = "".join(LETTERS[i] for i in rng.integers(len(LETTERS), size=length))
        if word not in known:
            return word


def _draw_questions(patterns, n, rng):
    """Return a list of n different questions for each pattern, none of which matches another pattern."""
    return [draw_strings(own, [other for other in patterns if other is not own], n, rng) for own in patterns]


def _ask_about_places(questions, held_out, n_instructions, n_places_each, rng):
    """Return, by the splits' names, lists of examples (question, distribution, place): what is asked about where.

    Parameters
    ----------
    questions : list of lists of str
        By pattern; the first n_instructions are for training.
    held_out : (n_patterns, n_places) bool
    n_instructions, n_places_each : int
    rng : np.random.Generator
    """
    examples = {"train": [], "unseen_instruction": [], "unseen_combination": []}
    for distribution, own in enumerate(questions):
        known, new = own[:n_instructions], own[n_instructions:]
        allowed, held = np.flatnonzero(~held_out[distribution]), np.flatnonzero(held_out[distribution])
        for split, asked, about, n_each in (
            ("train", known, allowed, n_places_each),
            ("unseen_instruction", new, allowed, PLACES_JUDGED),
            ("unseen_combination", known, held, PLACES_JUDGED),
        ):
            for question, hand in zip(asked, _deal(about, len(asked), n_each, rng)):
                examples[split] += [(question, distribution, place) for place in hand]
    return examples


def _deal(numbers, n_hands, n_each, rng):
    """Deal numbers to hands like shuffled cards, with a new deck under the old one when that runs short.

    Returns
    -------
    list of n_hands sorted lists
        Of n_each numbers, or all if there are fewer. None is twice in a hand, and none is dealt k + 1 times before all
        were dealt k times.
    """
    hands, deck = [], []
    for _ in range(n_hands):
        if len(deck) < n_each:
            # What is left of the old deck goes into this hand; so its numbers wait at the bottom of the new one.
            deck += sorted(rng.permutation(numbers).tolist(), key=deck.__contains__)
        hands.append(sorted(deck[:n_each]))
        deck = deck[n_each:]
    return hands


def _encode_rows(examples, places, n_distributions, tokenizer, inside):
    """Return the tokens of each example (question, distribution, place): pairs of prompt and answer, lists of int.

    The prompt ends where the answer is to begin; the answer has END behind it.
    """
    separator, end = tokenizer.vocabulary.encode([SEPARATOR, END]).tolist()

    @lru_cache(maxsize=None)  # every question, name and answer is there many times
    def encode(text):
        return tokenizer.encode(text).tolist() if text else []

    rows = []
    for question, distribution, place in examples:
        before, behind = prompt_text(question, places[place].name, inside)
        answer = places[place].facts[ATTRIBUTES[distribution // n_distributions]]
        rows.append(([*encode(before), separator, *encode(behind)], [*encode(answer), end]))
    return rows


def _make_split(examples, rows, n_distributions, tokenizer, T):
    """Return the Split of examples (question, distribution, place) whose rows are pairs of prompt and answer."""
    pad, separator = tokenizer.vocabulary.encode([PAD, SEPARATOR])
    n = len(rows)
    tokens, mask = np.full((n, T + 1), pad), np.zeros((n, T), bool)  # one more column, for the last target
    for row, (prompt, answer) in enumerate(rows):
        tokens[row, : len(prompt) + len(answer)] = prompt + answer
        mask[row, len(prompt) - 1 : len(prompt) + len(answer) - 1] = True  # where the next token is the answer's
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


def _check_places(n_places, most):
    """Raise an error unless so many places can be drawn from a table of `most`."""
    check_whole_number("n_places", n_places, 2)  # one to be held out, one to be trained with
    if n_places > most:
        raise ValueError(f"n_places = {n_places}, expected at most {most}, the places of the table")


def _check_held_out(n_held_out, n_places, n_distributions):
    """Raise an error unless a task's patterns can each do without so many places, and train all of them together."""
    check_whole_number("n_held_out", n_held_out, 1)
    most = n_places * (n_distributions - 1) // n_distributions
    if n_held_out > most:
        raise ValueError(
            f"n_held_out = {n_held_out}, expected at most {most}, so that each of {n_places} places is trained with "
            f"at least one of a task's {n_distributions} patterns"
        )


def _check_others(n_instructions, n_unseen_instructions, n_places_each, strange, seed):
    """Raise an error unless these numbers are in their range."""
    check_whole_number("n_instructions", n_instructions, 1)
    check_whole_number("n_unseen_instructions", n_unseen_instructions, 1)
    check_whole_number("n_places_each", n_places_each, 1)
    if not isinstance(strange, Real):
        raise TypeError(f"strange = {strange!r}, expected a share, 0 to 1")
    if not 0 <= strange <= 1:
        raise ValueError(f"strange = {strange}, expected a share, 0 to 1")
    check_whole_number("seed", seed, 0)
