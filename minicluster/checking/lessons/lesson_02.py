"""The task: what a pattern makes, what is to be predicted, and what a test example shares with training."""

from itertools import product

import numpy as np

from ..exercise import Exercise, Mistake

OPTIONS = ("", "a", "b", "ab", "ba")  # few letters, so that a string comes about in several ways
PAD, SEPARATOR = 0, 9
MOST = 13  # patterns and inputs are numbered up to here


def _ways(parts):
    """Return all strings, one for each way of choosing: a string may come several times."""
    return ["".join(way) for way in product(*parts)]


def string_probabilities(parts):
    """Probability of each string."""
    ways = _ways(parts)
    return {string: ways.count(string) / len(ways) for string in dict.fromkeys(ways)}


def _draw_pattern(rng, size):
    if size == 4:
        return {"parts": [["", "a"]] * 3}  # three ways to "a", and one to ""
    while True:  # until some strings are likelier than others
        n_options = 2 + rng.permutation(2 + size // 4) % 2  # 2 and 3 take turns
        parts = [[str(o) for o in rng.choice(OPTIONS, n, replace=False)] for n in n_options]
        if len(set(string_probabilities(parts).values())) > 1:
            return {"parts": parts}


def _probabilities_all_the_same(parts):
    strings = set(_ways(parts))
    return {string: 1 / len(strings) for string in strings}


def _probabilities_of_one_way(parts):
    ways = _ways(parts)
    return {string: 1 / len(ways) for string in ways}


def _in_steps(parts, probability, join=str.__add__):
    """Go from part to part; probability(of a string before, of this way) is that of a string reached again."""
    so_far = {"": 1.0}
    for options in parts:
        longer = {}
        for string, p in so_far.items():
            for option in options:
                new, way = join(string, option), p / len(options)
                longer[new] = probability(longer[new], way) if new in longer else way
        so_far = longer
    return so_far


def _probabilities_doubled(parts):
    return _in_steps(parts, lambda before, way: 2 * way)


def _probabilities_put_in_front(parts):
    return _in_steps(parts, lambda before, way: before + way, join=lambda string, option: option + string)


def _probabilities_of_two_ways(parts):
    ways = _ways(parts)
    return {string: min(2, ways.count(string)) / len(ways) for string in ways}


def _probabilities_of_two(parts):
    ways = _ways(parts)
    return {string: ways.count(string) / 2 ** len(parts) for string in ways}


def _counts_of_ways(parts):
    ways = _ways(parts)
    return {string: ways.count(string) for string in ways}


def _counts_a_string(parts):
    counts = _counts_of_ways(parts)
    return {string: count / len(counts) for string, count in counts.items()}


def _do_not_add_up(function, inputs, got):
    total = sum(got.values())
    if abs(total - 1) > 1e-9:
        return f"gives probabilities that add up to {total:.4g}, and all of them together must be 1"
    return None


def _draw_rows(rng, size):
    B, T = 1 + size, 4 + size
    separator = rng.integers(1, T - 1, B)  # the input is behind it, and needs room
    separator[0], separator[1] = T - 2, 1 + (T - 3) // 2  # one row without padding, one with
    tokens = rng.integers(1, SEPARATOR, (B, T))
    tokens[np.arange(B), separator] = SEPARATOR
    tokens[np.arange(T) > separator[:, None] + 1] = PAD
    outputs = (20 + rng.permutation(B)).astype(np.int64)
    if size > 1:
        outputs[0] = tokens[0, 1]  # an output may be a letter's token, too
    return {"tokens": tokens, "separator": separator, "outputs": outputs}


def _next(tokens):
    targets = np.zeros_like(tokens)
    targets[:, :-1] = tokens[:, 1:]
    return targets


def _with_outputs(targets, place, outputs):
    """Return targets with the outputs in place, and a mask that marks them."""
    mask = np.arange(targets.shape[1]) == place[:, None]
    return np.where(mask, outputs[:, None], targets), mask


def targets_and_mask(tokens, separator, outputs):
    """The next token, or the output, at each position, and where the output is."""
    return _with_outputs(_next(tokens), separator + 1, outputs)


def _targets_at_separator(tokens, separator, outputs):
    return _with_outputs(_next(tokens), separator, outputs)


def _targets_behind_input(tokens, separator, outputs):
    place = np.minimum(separator + 2, tokens.shape[1] - 1)
    return _with_outputs(_next(tokens), place, outputs)


def _targets_not_moved(tokens, separator, outputs):
    return _with_outputs(tokens, separator + 1, outputs)


def _targets_moved_back(tokens, separator, outputs):
    targets = np.zeros_like(tokens)
    targets[:, 1:] = tokens[:, :-1]
    return _with_outputs(targets, separator + 1, outputs)


def _targets_in_all_rows(tokens, separator, outputs):
    targets, mask = _next(tokens), np.zeros(tokens.shape, bool)
    targets[:, separator + 1] = outputs
    mask[:, separator + 1] = True
    return targets, mask


def _targets_at_tokens_like_the_position(tokens, separator, outputs):
    place = (tokens == separator[:, None]).argmax(axis=1) + 1
    return _with_outputs(_next(tokens), place, outputs)


def _mask_by_value(tokens, separator, outputs):
    targets = targets_and_mask(tokens, separator, outputs)[0]
    return targets, targets == outputs[:, None]


def _mask_of_tokens(tokens, separator, outputs):
    return targets_and_mask(tokens, separator, outputs)[0], tokens != PAD


def _not_one_a_row(function, inputs, got):
    counts = np.asarray(got[1]).sum(axis=1)  # (B,)
    if (counts != 1).any():
        row = int((counts != 1).argmax())
        return f"the mask is True {counts[row]} times in row {row}: one token counts, there where the input is read"
    return None


KINDS = (
    "its pattern was trained with its input",
    "only another pattern of its task was trained with its input",
    "no pattern of its task was trained with its input",
)


def _draw_split(rng, size):
    n_patterns, n_inputs = 4 + size // 2, 2 + size // 3
    task_of = rng.permutation(np.arange(n_patterns) // 2)
    while True:  # until there is every kind of row, and pairs that look alike if packed into one number
        patterns, inputs = (rng.permutation(MOST)[:n] for n in (n_patterns, n_inputs))
        every = np.array([(task_of[i], p, x) for i, p in enumerate(patterns) for x in inputs], np.int64)
        train = rng.permutation(every)[: 2 + size]
        kinds = seen_in_training(train, every)
        if len(set(kinds.tolist())) < len(KINDS):
            continue
        test = np.concatenate([rng.permutation(every[kinds == kind])[: 1 + size // 3] for kind in range(len(KINDS))])
        inputs = {"train": train, "test": rng.permutation(test)}
        right = seen_in_training(**inputs)
        factors = (size + 1, size + 2) if size > 1 else ()
        if not any(np.array_equal(_seen_by_packed(**inputs, factor=factor), right) for factor in factors):
            return inputs


def _known(rows, train):
    """Whether each row is one of those in train, all columns at once."""
    return (rows[:, None] == train).all(axis=2).any(axis=1)


def seen_in_training(train, test):
    """Kind of each test row: 0, 1 or 2."""
    pattern_input, task_input = _known(test[:, 1:], train[:, 1:]), _known(test[:, ::2], train[:, ::2])
    return np.where(pattern_input, 0, np.where(task_input, 1, 2))


def _seen_by_packed(train, test, factor):
    (task, pattern, x), (test_task, test_pattern, test_x) = train.T, test.T
    pattern_input = np.isin(test_pattern * factor + test_x, pattern * factor + x)
    task_input = np.isin(test_task * factor + test_x, task * factor + x)
    return np.where(pattern_input, 0, np.where(task_input, 1, 2))


def _seen_by_any_entry(train, test):
    pattern_input = (test[:, None, 1:] == train[:, 1:]).any(axis=(1, 2))
    task_input = (test[:, None, ::2] == train[:, ::2]).any(axis=(1, 2))
    return np.where(pattern_input, 0, np.where(task_input, 1, 2))


def _seen_pattern_and_input_apart(train, test):
    pattern_and_input = np.isin(test[:, 1], train[:, 1]) & np.isin(test[:, 2], train[:, 2])
    return np.where(pattern_and_input, 0, np.where(_known(test[:, ::2], train[:, ::2]), 1, 2))


def _seen_each_for_itself(train, test):
    task, pattern, x = (np.isin(test[:, column], train[:, column]) for column in range(3))
    return np.where(pattern & x, 0, np.where(task & x, 1, 2))


def _seen_by_pattern_alone(train, test):
    task_input = _known(test[:, ::2], train[:, ::2])
    return np.where(np.isin(test[:, 1], train[:, 1]), 0, np.where(task_input, 1, 2))


def _seen_or_not(train, test):
    return np.where(_known(test[:, 1:], train[:, 1:]), 0, 1)


def _seen_by_task_first(train, test):
    return np.where(_known(test[:, ::2], train[:, ::2]), 1, 2)


def _wrong_kind(function, inputs, got):
    got, right = np.asarray(got), seen_in_training(**inputs)
    if (got == right).all():
        return None
    row = int((got != right).argmax())
    _, pattern, x = inputs["test"][row]
    kind = right[row]
    return f"gives {got[row]} for row {row} of test, pattern {pattern} with input {x}. It is {kind}: {KINDS[kind]}"


EXERCISES = (
    Exercise(
        name="string_probabilities",
        draw=_draw_pattern,
        answer=string_probabilities,
        rules=(_do_not_add_up,),
        mistakes=(
            Mistake(
                "gives all strings the same probability: one that comes about in several ways is drawn more often",
                _probabilities_all_the_same,
            ),
            Mistake(
                "gives each string the probability of one way only: if several ways lead to it, add them up",
                _probabilities_of_one_way,
            ),
            Mistake(
                "takes each throw for one between two: a part with three options gives each of them 1/3",
                _probabilities_of_two,
            ),
            Mistake(
                "counts the ways to each string: divide by the number of all ways to get a probability",
                _counts_of_ways,
            ),
            Mistake(
                "divides the ways to a string by the number of strings: divide by the number of all ways",
                _counts_a_string,
            ),
            Mistake(
                "doubles a string that is reached again: add the probability of the new way; it may differ from the "
                "first, and a third may come",
                _probabilities_doubled,
            ),
            Mistake(
                "counts two ways to a string at most: a third may come, and more. Add the probability of each",
                _probabilities_of_two_ways,
            ),
            Mistake(
                "puts each option in front: append it, as parts come in order",
                _probabilities_put_in_front,
            ),
        ),
    ),
    Exercise(
        name="targets_and_mask",
        draw=_draw_rows,
        answer=targets_and_mask,
        core=True,
        parts=("targets", "mask"),
        rules=(_not_one_a_row,),
        mistakes=(
            Mistake(
                "puts the output where the separator is read: its place is one further, where the input is read",
                _targets_at_separator,
            ),
            Mistake(
                "puts the output behind the input: the target at a position is the token that comes after it, so the "
                "output's place is where the input itself is read",
                _targets_behind_input,
            ),
            Mistake(
                "gives the tokens themselves as targets: the target at position t is the token at t + 1",
                _targets_not_moved,
            ),
            Mistake(
                "gives the token before as target: it is the next one, `tokens[:, 1:]`, that is to be predicted",
                _targets_moved_back,
            ),
            Mistake(
                "brings the first token to the end of the row, as np.roll does: nothing comes after the last token, so "
                "its target is 0",
                lambda tokens, separator, outputs: _with_outputs(np.roll(tokens, -1, axis=1), separator + 1, outputs),
            ),
            Mistake(
                "writes into the places of all rows in every row, as `targets[:, place] = ...` does: pair each row "
                "with its own place, `targets[np.arange(B), place] = ...`",
                _targets_in_all_rows,
            ),
            Mistake(
                "writes the outputs into `targets` at the places of all rows: pair each row with its own place, "
                "`targets[np.arange(B), place] = outputs`",
                lambda tokens, separator, outputs: (
                    _targets_in_all_rows(tokens, separator, outputs)[0],
                    targets_and_mask(tokens, separator, outputs)[1],
                ),
            ),
            Mistake(
                "looks for `separator` among the tokens: it is a position, not a token",
                _targets_at_tokens_like_the_position,
            ),
            Mistake(
                "marks wherever the target is equal to the output: a letter may have that token, too. Mark the place",
                _mask_by_value,
            ),
            Mistake(
                "marks every token that is not padding: the mask is to mark only where the output is predicted",
                _mask_of_tokens,
            ),
        ),
    ),
    Exercise(
        name="seen_in_training",
        draw=_draw_split,
        answer=seen_in_training,
        core=True,
        rules=(_wrong_kind,),
        mistakes=(
            Mistake(
                "asks for pattern and input each for itself: both may have been trained, and yet never together. Ask "
                "for the pair",
                _seen_each_for_itself,
            ),
            Mistake(
                "asks whether the pattern and the input both occur: they may, but never together. Ask for the pair",
                _seen_pattern_and_input_apart,
            ),
            Mistake(
                "asks whether any entry agrees, as `in` of NumPy arrays does (`row in rows`): use sets of tuples",
                _seen_by_any_entry,
            ),
            Mistake(
                "packs a pair into one number, as `pattern * 5 + input`, and other pairs have the same: use tuples",
                lambda train, test: _seen_by_packed(train, test, 5),
            ),
            Mistake(
                "packs a pair into one number, as `pattern * 10 + input`, and other pairs have the same: use tuples",
                lambda train, test: _seen_by_packed(train, test, 10),
            ),
            Mistake(
                "gives 0 as soon as the pattern was trained, with any input: ask for the pair of pattern and input",
                _seen_by_pattern_alone,
            ),
            Mistake(
                "gives 1 to all that is not 0: it is 2 if no pattern of the task was trained with that input",
                _seen_or_not,
            ),
            Mistake(
                "never gives 0: wherever the pattern was trained with an input, its task was. Ask for the pattern "
                "first, and for the task only if that fails (`elif`)",
                _seen_by_task_first,
            ),
        ),
    ),
)
