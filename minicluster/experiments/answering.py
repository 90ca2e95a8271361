"""Answering a question that somebody typed: which attribute it asks for, told by clusters, and what the model says.

The model reads the question, with "this place" in it, up to the separator. There, in the middle layer, the hidden
states of the training questions lie in clusters, one an attribute, and a new question belongs to the one whose centroid
is nearest. But every state is nearest to some centroid. So the model also reads made-up questions that ask for nothing:
training questions whose telling words are replaced. A question whose nearest neighbour is one of these, and no training
question, lies outside all clusters, and is not answered.
"""

import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches

import numpy as np

from ..tasks.geography import outside_questions
from ..tasks.places import OTHER_NAMES, Place, fold_name
from ..tasks.rewriting import rewrite, shortened
from ..tasks.vocabulary import END, SEPARATOR
from ..training import hidden_states_at
from .run import unique_strings

MOST_CHARACTERS = 500  # of a question
N_NEAREST = 3  # training questions that are shown
USUAL_SHARE = 0.95  # of an attribute's training questions that are at most its `usual` distance from its centroid
N_OUTSIDE = 700  # made-up questions that ask for nothing
TRAINED_SHARE = 0.99  # of the training questions that have at most as many tokens as a question may have
OUTSIDE_STREAM = 5  # of random numbers: made-up questions; 1 to 4 are those of `run`, `settings` and `trial`
EXAMPLE_PLACE = "Peru"
MOST_NAME_WORDS = 3  # of a misspelt place, which are compared with names
LEAST_LETTERS = 4  # of it: "man" is not meant for Oman
LEAST_LIKENESS = 0.8  # of it and the name; see `difflib.SequenceMatcher.ratio`


@dataclass(frozen=True)
class Landmarks:
    """What the state of a new question is compared with: training questions, n of them, in one layer.

    Attributes
    ----------
    questions : tuple of str
        Different ones.
    task : (n,) int64
    states : (n, C) array
        At the separator.
    outside : (m, C) array
        The same of questions that ask for nothing.
    most_tokens : int
        That a question may have: positions further on were hardly trained.
    """

    questions: tuple
    task: np.ndarray
    states: np.ndarray
    outside: np.ndarray
    most_tokens: int

    def centroids(self, n_tasks):
        """Return the mean of each task's states: (n_tasks, C) float64."""
        return np.stack([self.states[self.task == task].mean(axis=0, dtype=float) for task in range(n_tasks)])


@dataclass(frozen=True)
class Reply:
    """What came of a question.

    Attributes
    ----------
    question : str
        As the model has read it.
    place : Place or None
        None only if the question is outside.
    strange, left_out : tuple of str
        The words that it spells, and those that there was no room for.
    attribute, runner_up : str
        Of the nearest centroid, and of the next.
    distance, runner_up_distance : float
        From these centroids.
    usual : float
        How far from it 95 % of that attribute's training questions are at most.
    inside : bool
        Whether the question is taken for one of that attribute: its nearest neighbour is a training question.
    outside_distance : float
        From the nearest question that asks for nothing.
    text : str or None
        The model's answer; None if the question is outside.
    fact : str or None
        What the table says; None if the question is outside.
    known_answer : bool
        Whether the answer is one that the table has for any place.
    nearest : tuple of (str, float)
        The nearest training questions and their distances.
    """

    question: str
    place: Place | None
    strange: tuple
    left_out: tuple
    attribute: str
    distance: float
    runner_up: str
    runner_up_distance: float
    usual: float
    inside: bool
    outside_distance: float
    text: str | None
    fact: str | None
    known_answer: bool
    nearest: tuple


class Answerer:
    """A trained model that one can ask.

    Parameters
    ----------
    model : Transformer
        Trained on questions about `places`, with the tokens of `make_tokenizer` for the whole table.
    layer : int
        Where the states of `landmarks` are from.
    dataset : GeographyDataset, or any object with `tokenizer`, `places` and `tasks`
    landmarks : Landmarks
    """

    def __init__(self, model, layer, dataset, landmarks):
        self.model, self.layer, self.landmarks = model, layer, landmarks
        self.tokenizer, self.places, self.tasks = dataset.tokenizer, tuple(dataset.places), tuple(dataset.tasks)
        self.centroids = landmarks.centroids(len(self.tasks))  # (tasks, C)
        own = distances(landmarks.states, self.centroids)[np.arange(len(landmarks.task)), landmarks.task]  # (n,)
        self.usual = [np.quantile(own[landmarks.task == task], USUAL_SHARE) for task in range(len(self.tasks))]
        facts = {fact for place in self.places for fact in place.facts.values()}
        self.most_new_tokens = 1 + max(len(self.tokenizer.encode(fact)) for fact in facts)  # END is one

    def answer(self, text):
        """Answer a question.

        Parameters
        ----------
        text : str

        Returns
        -------
        Reply

        Raises
        ------
        ValueError
            If it is none that can be answered; the message is one line that says what was expected.
        ArithmeticError
            If the model's parameters are broken.
        """
        read = read_question(text, self.places, self.tokenizer)
        place = read.places[0] if read.places else None
        behind = self.tokenizer.encode(place.name) if place else np.empty(0, np.int64)
        room = self.model.config.context_length - 1 - len(behind) - self.most_new_tokens  # 1: the separator
        fitting, left_out = shortened(read, self.tokenizer, min(room, self.landmarks.most_tokens))
        separator, end = self.tokenizer.vocabulary.encode([SEPARATOR, END])
        before = np.append(self.tokenizer.encode(fitting.question), separator)
        state = self.model.hidden_states(before[None])[self.layer, 0, -1]  # (C,)
        if not np.isfinite(state).all():
            raise ArithmeticError("hidden states are NaN or infinite: the model's parameters are broken")
        from_centroids = distances(state[None], self.centroids)[0]  # (tasks,)
        nearest, runner_up = np.argsort(from_centroids, kind="stable")[:2]
        attribute = self.tasks[nearest]
        neighbours = self._nearest(state)
        outside_distance = float(distances(self.landmarks.outside, state[None]).min())
        inside = neighbours[0][1] <= outside_distance
        if place is None:
            self._demand_place(text, read, inside)
        answer = fact = None
        if inside:
            prompt = np.concatenate([before, behind])
            written = self.model.generate(prompt, self.most_new_tokens, end=int(end))[len(prompt) :]
            answer, fact = self._decode(written, end), place.facts[attribute]
        return Reply(
            question=fitting.question,
            place=place,
            strange=fitting.strange,
            left_out=left_out,
            attribute=attribute,
            distance=float(from_centroids[nearest]),
            runner_up=self.tasks[runner_up],
            runner_up_distance=float(from_centroids[runner_up]),
            usual=float(self.usual[nearest]),
            inside=inside,
            outside_distance=outside_distance,
            text=answer,
            fact=fact,
            known_answer=any(answer == other.facts[attribute] for other in self.places),
            nearest=neighbours,
        )

    def _nearest(self, state):
        """Return the N_NEAREST training questions nearest to a state (C,), and their distances."""
        away = distances(self.landmarks.states, state[None])[:, 0]  # (n,)
        return tuple(
            (self.landmarks.questions[i], float(away[i])) for i in np.argsort(away, kind="stable")[:N_NEAREST]
        )

    def _decode(self, written, end):
        """Return the text of an answer, which is over where END is."""
        over = np.flatnonzero(written == end)
        return self.tokenizer.decode(written[: over[0]] if len(over) else written)

    def _demand_place(self, text, read, inside):
        """Raise ValueError if a question without a place wants one: it is inside, or a name in it is almost right."""
        if (name := misspelt_place(read, self.places)) is not None:
            raise ValueError(f"no place in {text!r}: do you mean {name}?")
        if inside:
            names = [place.name for place in self.places]
            example = EXAMPLE_PLACE if EXAMPLE_PLACE in names else names[0]
            raise ValueError(f"no place in {text!r}, expected one of the table's {len(names)}, such as {example}")


def answerer_of(setup):
    """Return the Answerer of a training that is over.

    Parameters
    ----------
    setup : Setup
        Of GeographySettings, trained.

    Returns
    -------
    Answerer
    """
    dataset, layer = setup.dataset, setup.settings.middle_layer
    rows = unique_strings(dataset.train)
    made_up = outside_questions(dataset, N_OUTSIDE, np.random.default_rng([setup.seed, OUTSIDE_STREAM]))
    landmarks = Landmarks(
        questions=tuple(rows.instruction.tolist()),
        task=rows.task,
        states=hidden_states_at(setup.model, rows.tokens, rows.separator)[layer],  # (n, C)
        outside=states_of(setup.model, dataset.tokenizer, made_up)[layer],  # (m, C)
        most_tokens=int(np.quantile(rows.separator, TRAINED_SHARE)),
    )
    return Answerer(setup.model, layer, dataset, landmarks)


def read_question(text, places, tokenizer):
    """Return a question as the model is to read it, or say in one line why it can't be answered.

    Parameters
    ----------
    text : str
    places : sequence of Place
    tokenizer : WordTokenizer

    Returns
    -------
    Rewritten
        With one place, or none.

    Raises
    ------
    ValueError
        If it is too long, empty, in another script than Latin, or about two places.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"the question has {len(text)} characters, expected at most {MOST_CHARACTERS}")
    letters = [character for character in unicodedata.normalize("NFKC", text) if character.isalpha()]
    latin = [character for character in letters if unicodedata.name(character, "").startswith("LATIN ")]
    if 2 * len(latin) < len(letters):
        raise ValueError(f"{text!r} is mostly not in Latin letters, expected a question in English")
    read = rewrite(text, places, tokenizer)
    if len(read.places) > 1:
        names = " and ".join(place.name for place in read.places)
        raise ValueError(f"the question is about {names}, expected one place at a time")
    return read


def misspelt_place(read, places):
    """Return the name of a place that is most like some words of a question, or None if none is much like any.

    Parameters
    ----------
    read : Rewritten
        Words that the tokenizer knows are right; one of those compared, at least, must be another. Names that are
        none of a place of the table ("New Mexico") are right, too.
    places : sequence of Place

    Returns
    -------
    str or None
    """
    names = {fold_name(name): name for place in places for name in (place.name, *place.also)}
    question = f" {read.question} "
    for name in OTHER_NAMES:
        question = question.replace(f" {fold_name(name)} ", " ")
    words, alike = question.split(), {}
    for first in range(len(words)):
        for last in range(first + 1, min(first + MOST_NAME_WORDS, len(words)) + 1):
            piece = " ".join(words[first:last])
            if len(piece) >= LEAST_LETTERS and not set(read.strange).isdisjoint(words[first:last]):
                for name in get_close_matches(piece, names, n=1, cutoff=LEAST_LIKENESS):
                    alike[SequenceMatcher(None, name, piece).ratio()] = names[name]
    return alike[max(alike)] if alike else None


def distances(states, centroids):
    """Return the Euclidean distance of each state (n, C) from each centroid (k, C): (n, k) float64."""
    differences = np.asarray(states, float)[:, None] - np.asarray(centroids, float)  # (n, k, C)
    return np.sqrt((differences**2).sum(axis=-1))


def states_of(model, tokenizer, questions):
    """Return every layer's state at the separator of each question.

    Parameters
    ----------
    model : Transformer
    tokenizer : WordTokenizer
    questions : list of str
        n of them. Of one that is too long for the model, the end is read.

    Returns
    -------
    (L + 1, n, C) array
    """
    (separator,) = tokenizer.vocabulary.encode([SEPARATOR])
    rows = [np.append(tokenizer.encode(question), separator)[-model.config.context_length :] for question in questions]
    tokens = np.full((len(rows), max(map(len, rows))), separator)  # what stands behind the first is not read
    for row, own in enumerate(rows):
        tokens[row, : len(own)] = own
    return hidden_states_at(model, tokens, np.array([len(own) - 1 for own in rows]))
