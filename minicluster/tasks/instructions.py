"""The synthetic instruction-following tasks.

A task is a function from inputs to outputs. All tasks share their inputs, so the input alone says nothing of
the task: the instruction does, a string drawn from one of the task's patterns. The task's number is nowhere in
the sequence. The paper fixes few numbers for this data, so every number here is our own choice.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..checks import check_whole_number
from .drawing import ALPHABET, TRIES_PER_STRING, deal_held_out, draw_string, draw_strings, random_pattern
from .examples import Dataset, encode_examples
from .patterns import Pattern
from .vocabulary import PAD, SEPARATOR, Vocabulary


@dataclass(frozen=True)
class InstructionDataset(Dataset):
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
    replaced : float
    exclusive, bottleneck : bool
        As it was made; see `make_instruction_dataset`.
    """

    patterns: tuple
    outputs: np.ndarray
    vocabulary: Vocabulary
    n_tasks: int
    n_distributions: int
    n_inputs: int
    replaced: float
    exclusive: bool
    bottleneck: bool

    def fresh_instructions(self, n, rng):
        """Draw further instructions: a pattern at random, a string of it, kept if it is none of the training strings.

        Strings that the model could not read are left out, too: those longer than its context, or with a letter that
        the vocabulary lacks because no string of the three splits had it.

        Unlike those of `unseen_instruction` they may repeat, and patterns that make more new strings have more of them:
        so the probability that a string is of a task follows from the patterns' own, see `task_probabilities`.

        Parameters
        ----------
        n : int
            Strings.
        rng : np.random.Generator

        Returns
        -------
        Split
            n x n_inputs rows: each string with every input, those that are held out for its pattern included.

        Raises
        ------
        ValueError
            If new strings are too seldom.
        """
        check_whole_number("n", n, 1)
        known, readable, drawn = set(self.train.instruction.tolist()), set(self.vocabulary.names), []
        for _ in range(TRIES_PER_STRING * n):
            distribution = int(rng.integers(len(self.patterns)))
            own = self.patterns[distribution]
            others = [other for other in self.patterns if other is not own] if self.exclusive else ()
            string = draw_string(own, others, rng, self.replaced)
            if string is None or string in known:
                continue
            if len(string) <= self.context_length - 2 and readable.issuperset(string):
                drawn.append((string, distribution // self.n_distributions, distribution))
            if len(drawn) == n:
                examples = [(*instruction, x) for instruction in drawn for x in range(self.n_inputs)]
                return encode_examples(
                    examples, self.outputs, self.vocabulary, self.context_length, self.bottleneck
                )
        raise ValueError(f"the patterns gave {len(drawn)} new strings in {TRIES_PER_STRING * n} draws, expected {n}")

    def task_probabilities(self, strings):
        """How probable it is that each string was drawn from each task, all tasks being asked for equally often.

        Parameters
        ----------
        strings : (n,) sequence of str
            Such as `fresh_instructions` draws. No reader of the string alone can name its task more often, on average,
            than the largest of its probabilities: this is the ceiling for any model.

        Returns
        -------
        (n, n_tasks) float64 array
            Rows sum to 1; a row of NaN for a string that no pattern makes.
        """
        alphabet = len(ALPHABET) if self.replaced else None
        by_pattern = [[p.probability(str(s), self.replaced, alphabet) for p in self.patterns] for s in strings]
        by_task = np.reshape(by_pattern, (len(strings), self.n_tasks, self.n_distributions)).sum(axis=2)  # (n, tasks)
        with np.errstate(invalid="ignore"):
            return by_task / by_task.sum(axis=1, keepdims=True)


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
    replaced=0.0,
    exclusive=True,
    bottleneck=False,
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

    Every string matches one pattern only, its own, unless `exclusive` is False.

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
    replaced : float
        The probability that a letter of an instruction is replaced by one drawn from a to l, itself included.
    exclusive : bool
        Whether strings that match another pattern are drawn anew. Where letters are replaced they can't be.
    bottleneck : bool
        Whether the input sees the separator and itself only: all it knows of the instruction went through there.
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
    if not 0 <= replaced <= 1:
        raise ValueError(f"replaced = {replaced}, expected a probability, 0 to 1")
    if replaced and exclusive:
        raise ValueError(f"replaced = {replaced} and exclusive = True, expected exclusive = False: strings may overlap")
    rng = np.random.default_rng(seed)
    if patterns is None:
        patterns = [random_pattern(rng) for _ in range(n_tasks * n_distributions)]
    else:
        patterns = _checked_patterns(patterns, n_tasks, n_distributions)
    n_strings = n_instructions + n_unseen_instructions
    strings = []  # a list of n_strings a pattern
    for own in patterns:
        others = [other for other in patterns if other is not own] if exclusive else ()
        strings.append(draw_strings(own, others, n_strings, rng, replaced))
    letters = sorted({letter for drawn in strings for string in drawn for letter in string})
    if replaced and not set(letters) <= set(ALPHABET):
        raise ValueError(f"patterns make {''.join(letters)}, expected letters of {ALPHABET} where some are replaced")
    functions = _draw_functions(n_tasks, n_inputs, share, rng)  # (n_tasks, n_inputs)
    held_out = deal_held_out(n_tasks, n_distributions, n_inputs, n_held_out_inputs, rng)  # (patterns, n_inputs) bool

    examples = {"train": [], "unseen_instruction": [], "unseen_combination": []}
    for distribution, x in np.ndindex(held_out.shape):
        known = "unseen_combination" if held_out[distribution, x] else "train"
        new = None if held_out[distribution, x] else "unseen_instruction"
        for place, string in enumerate(strings[distribution]):
            split = known if place < n_instructions else new
            if split:
                examples[split].append((string, distribution // n_distributions, distribution, x))

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
        **{
            name: encode_examples(listed, outputs, vocabulary, context_length, bottleneck)
            for name, listed in examples.items()
        },
        patterns=tuple(patterns),
        outputs=outputs,
        vocabulary=vocabulary,
        n_tasks=n_tasks,
        n_distributions=n_distributions,
        n_inputs=n_inputs,
        replaced=replaced,
        exclusive=exclusive,
        bottleneck=bottleneck,
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
