"""The synthetic instruction-following tasks.

A task is a function from inputs to outputs. All tasks share their inputs, so the input alone says nothing of
the task: the instruction does, a string drawn from one of the task's patterns. The task's number is nowhere in
the sequence. The paper fixes few numbers for this data, so every number here is our own choice.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from ..checks import check_whole_number
from .patterns import Pattern
from .vocabulary import PAD, SEPARATOR, Vocabulary

ALPHABET = "abcdefghijkl"
TRIES_PER_STRING = 200  # draws before a pattern is said to have no further usable string


@dataclass(frozen=True)
class Split:
    """Encoded examples, one a row; n rows, T tokens.

    Attributes
    ----------
    tokens : (n, T) int64
        Letters, separator, input, then padding.
    targets : (n, T) int64
        The token that follows each position. After the input that is the output.
    mask : (n, T) bool
        True at the input's position only, the one whose prediction is trained and judged.
    task, distribution, input : (n,) int64
        Numbers of the task, of the pattern (counted through over all tasks) and of the input.
    instruction : (n,) array of str
    separator : (n,) int64
        The separator's position; the input's is the next.
    """

    tokens: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    task: np.ndarray
    distribution: np.ndarray
    input: np.ndarray
    instruction: np.ndarray
    separator: np.ndarray

    def __len__(self):
        return len(self.tokens)

    def __getitem__(self, rows):
        """Return the split of the chosen rows (a slice, indices or a bool mask)."""
        return Split(*(array[rows] for array in vars(self).values()))

    def unique_instructions(self):
        """Return the row (strings,) at which each different instruction occurs first, in the order of rows.

        Up to the separator, rows with one instruction are copies of one another, hidden states included.
        """
        _, first = np.unique(self.instruction, return_index=True)
        return np.sort(first)


@dataclass(frozen=True)
class InstructionDataset:
    """The three splits and what they were made from.

    Attributes
    ----------
    train, unseen_instruction, unseen_combination : Split
    patterns : tuple of Pattern
        One for each distribution.
    outputs : (n_tasks, n_inputs) int64
        The token that each task answers to each input.
    vocabulary : Vocabulary
    n_tasks, n_distributions, n_inputs : int
        `n_distributions` counts those of one task.
    """

    train: Split
    unseen_instruction: Split
    unseen_combination: Split
    patterns: tuple
    outputs: np.ndarray
    vocabulary: Vocabulary
    n_tasks: int
    n_distributions: int
    n_inputs: int

    @property
    def splits(self):
        """The three splits by name."""
        names = ("train", "unseen_instruction", "unseen_combination")
        return {name: getattr(self, name) for name in names}

    @property
    def context_length(self):
        """T, the length that all sequences are padded to."""
        return self.train.tokens.shape[1]

    def digest(self):
        """Return a SHA-256 in hexadecimal of every split's tokens and targets, to tell whether data is the same."""
        sha = hashlib.sha256()
        for split in self.splits.values():
            for array in (split.tokens, split.targets):
                sha.update(array.astype("<i8").tobytes())  # little-endian on every machine
        return sha.hexdigest()


def make_instruction_dataset(
    n_tasks=10,
    n_distributions=4,
    n_inputs=10,
    *,
    n_instructions=15,
    n_unseen_instructions=5,
    n_held_out_inputs=3,
    context_length=None,
    patterns=None,
    share=1,
    seed=0,
):
    """Make the instruction-following data.

    One whole example, row 1 of `make_instruction_dataset().train`, where T = 10:

        task 0, pattern j{1,2}c?[glk](df|hg)a[hlg], instruction jjlhgah, input x1, output y2
        names    j   j   l   h   g   a   h  <sep> x1  <pad>
        tokens  11  11  13   9   8   2   9   1   15   0
        targets 11  13   9   8   2   9   1  15   26   0      the next token; 26 is y2
        mask     .   .   .   .   .   .   .   .   T    .      only the output is trained and judged
        separator 7

    Three splits:

    - `train`: every training string with every input that is not held out for its pattern.
    - `unseen_instruction`: new strings of the same patterns, with the same inputs. Also the validation split.
    - `unseen_combination`: training strings with the held-out inputs. Pattern and input were both trained, each
      with others, but never together: only a model that treats a task's patterns as one can answer.

    Every string matches one pattern only, its own.

    Parameters
    ----------
    n_tasks : int
    n_distributions : int
        Patterns a task.
    n_inputs : int
    n_instructions, n_unseen_instructions : int
        Different strings a pattern, for training and for `unseen_instruction`.
    n_held_out_inputs : int
        Inputs that a pattern is never trained with. They differ from pattern to pattern, so that each input is
        trained with at least one pattern of each task.
    context_length : int, optional
        T, at least the longest sequence; by default exactly that.
    patterns : sequence of n_tasks sequences of n_distributions str, optional
        By default random ones over the letters a to l.
    share : int
        So many tasks answer with the same set of outputs, each by its own function; a divisor of `n_tasks`. With 1,
        every task has outputs of its own, and a target gives its task away; with `n_tasks` it doesn't.
    seed : int
        Of the patterns, strings, functions and held-out pairs.

    Returns
    -------
    InstructionDataset

    Raises
    ------
    ValueError, TypeError
        If the numbers contradict one another, or a pattern can't make as many strings.
    """
    _check_numbers(
        n_tasks, n_distributions, n_inputs, n_instructions, n_unseen_instructions, n_held_out_inputs, share, seed
    )
    rng = np.random.default_rng(seed)
    if patterns is None:
        patterns = [random_pattern(rng) for _ in range(n_tasks * n_distributions)]
    else:
        patterns = _checked_patterns(patterns, n_tasks, n_distributions)
    n_strings = n_instructions + n_unseen_instructions
    strings = [_draw_strings(own, patterns, n_strings, rng) for own in patterns]  # a list of n_strings a pattern
    functions = _draw_functions(n_tasks, n_inputs, share, rng)  # (n_tasks, n_inputs)
    held_out = _deal_held_out(n_tasks, n_distributions, n_inputs, n_held_out_inputs, rng)  # (patterns, n_inputs) bool

    examples = {"train": [], "unseen_instruction": [], "unseen_combination": []}
    for distribution, x in np.ndindex(held_out.shape):
        known = "unseen_combination" if held_out[distribution, x] else "train"
        new = None if held_out[distribution, x] else "unseen_instruction"
        for place, string in enumerate(strings[distribution]):
            split = known if place < n_instructions else new
            if split:
                examples[split].append((string, distribution // n_distributions, distribution, x))

    letters = sorted({letter for drawn in strings for string in drawn for letter in string})
    names = [f"x{i}" for i in range(n_inputs)] + [f"y{i}" for i in range(functions.max() + 1)]
    vocabulary = Vocabulary([PAD, SEPARATOR, *letters, *names])
    outputs = vocabulary.encode(["y0"])[0] + functions  # the outputs' ids follow one another

    longest = max(len(string) for drawn in strings for string in drawn) + len(("separator", "input"))
    if context_length is None:
        context_length = longest
    check_whole_number("context_length", context_length, 1)
    if context_length < longest:
        raise ValueError(f"context_length = {context_length}, expected at least {longest}, the longest sequence")
    return InstructionDataset(
        **{name: _encode(listed, outputs, vocabulary, context_length) for name, listed in examples.items()},
        patterns=tuple(patterns),
        outputs=outputs,
        vocabulary=vocabulary,
        n_tasks=n_tasks,
        n_distributions=n_distributions,
        n_inputs=n_inputs,
    )


def random_pattern(rng):
    """Draw a pattern over the letters a to l with six parts in random order, such as `f[ahk]b?(dc|ia)e{1,2}[bdl]`.

    Parameters
    ----------
    rng : np.random.Generator

    Returns
    -------
    Pattern
        It makes strings of 6 to 8 letters.
    """

    def letters(n):
        return "".join(rng.choice(list(ALPHABET), n, replace=False))

    pair = letters(4)
    parts = [
        letters(1),
        letters(1) + "?",
        letters(1) + "{1,2}",
        f"[{letters(3)}]",
        f"[{letters(3)}]",
        f"({pair[:2]}|{pair[2:]})",
    ]
    return Pattern("".join(parts[i] for i in rng.permutation(len(parts))))


def _draw_strings(own, patterns, n, rng):
    """Return a list of n different strings of the pattern `own` that match no other pattern."""
    if own.count(limit=n) < n:
        raise ValueError(f"pattern {own.text!r} makes {own.count(limit=n)} different strings, expected at least {n}")
    strings = {}  # a dict keeps the order of drawing, which a set doesn't
    for _ in range(TRIES_PER_STRING * n):
        string = own.sample(rng)
        if string not in strings and not any(other.matches(string) for other in patterns if other is not own):
            strings[string] = None
        if len(strings) == n:
            return list(strings)
    raise ValueError(
        f"pattern {own.text!r} gave {len(strings)} different strings that match no other pattern "
        f"in {TRIES_PER_STRING * n} draws, expected {n}"
    )


def _draw_functions(n_tasks, n_inputs, share, rng):
    """Return, for each task and input, the number of the output (n_tasks, n_inputs); each task's are a permutation.

    Tasks with the same outputs have different functions.
    """
    functions = []
    for task in range(n_tasks):
        group = task // share
        drawn = functions[group * share :]
        while True:
            function = tuple(group * n_inputs + rng.permutation(n_inputs))
            if function not in drawn:
                break
        functions.append(function)
    return np.array(functions, np.int64)


def _deal_held_out(n_tasks, n_distributions, n_inputs, n_held_out, rng):
    """Return which inputs each pattern is never trained with: (n_tasks * n_distributions, n_inputs) bool.

    Each task's inputs are shuffled and dealt out like cards, pattern after pattern, starting over when all are
    dealt, so that no input is held out twice before every other has been held out once.
    """
    held_out = np.zeros((n_tasks, n_distributions, n_inputs), bool)
    for task in range(n_tasks):
        deck = np.resize(rng.permutation(n_inputs), (n_distributions, n_held_out))
        np.put_along_axis(held_out[task], deck, True, axis=1)
    return held_out.reshape(-1, n_inputs)


def _encode(examples, outputs, vocabulary, T):
    """Return the Split for a list of (string, task, distribution, input)."""
    n = len(examples)
    strings = np.array([string for string, *_ in examples], str)
    task, distribution, x = np.array([numbers for _, *numbers in examples], np.int64).reshape(n, 3).T
    separator = np.array([len(string) for string in strings], np.int64)
    tokens = np.full((n, T + 1), vocabulary.encode([PAD])[0])  # one more column, for the last output
    for row, string in enumerate(strings):
        names = [*string, SEPARATOR, f"x{x[row]}"]
        tokens[row, : len(names)] = vocabulary.encode(names)
    inputs = tokens[:, :-1].copy()  # (n, T); the outputs are never part of the input
    tokens[np.arange(n), separator + 2] = outputs[task, x]
    mask = np.arange(T) == separator[:, None] + 1  # (n, T)
    return Split(inputs, tokens[:, 1:].copy(), mask, task, distribution, x, strings, separator)


def _checked_patterns(patterns, n_tasks, n_distributions):
    """Return a task's patterns after another's, as Pattern objects."""
    lists = isinstance(patterns, (list, tuple)) and all(isinstance(own, (list, tuple)) for own in patterns)
    if not lists or len(patterns) != n_tasks or any(len(own) != n_distributions for own in patterns):
        raise ValueError(f"patterns = {patterns!r}, expected {n_tasks} lists of {n_distributions} patterns")
    texts = [text for own in patterns for text in own]
    twice = [text for text in texts if texts.count(text) > 1]
    if twice:
        raise ValueError(f"patterns has {twice[0]!r} more than once, expected each pattern once")
    return [Pattern(text) for text in texts]


def _check_numbers(
    n_tasks, n_distributions, n_inputs, n_instructions, n_unseen_instructions, n_held_out_inputs, share, seed
):
    least = {
        "n_tasks": (n_tasks, 1),
        "n_distributions": (n_distributions, 1),
        "n_inputs": (n_inputs, 1),
        "n_instructions": (n_instructions, 1),
        "n_unseen_instructions": (n_unseen_instructions, 0),
        "n_held_out_inputs": (n_held_out_inputs, 0),
        "share": (share, 1),
        "seed": (seed, 0),
    }
    for name, (value, minimum) in least.items():
        check_whole_number(name, value, minimum)
    if n_tasks % share:
        raise ValueError(f"share = {share}, expected a divisor of n_tasks = {n_tasks}")
    n_functions = math.factorial(min(n_inputs, n_tasks))  # of as many inputs as matter here: n! is at least n
    if share > n_functions:
        raise ValueError(f"share = {share}, expected at most {n_functions}, the functions of {n_inputs} inputs")
    most = n_inputs * (n_distributions - 1) // n_distributions
    if n_held_out_inputs > most:
        raise ValueError(
            f"n_held_out_inputs = {n_held_out_inputs}, expected at most {most}, so that each of {n_inputs} inputs "
            f"is trained with at least one of a task's {n_distributions} patterns"
        )
