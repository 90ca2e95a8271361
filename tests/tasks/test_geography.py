"""The questions about real places: what a row says, what is held out, what is never in two splits."""

import inspect
import re
from collections import Counter
from functools import lru_cache
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicluster.tasks import ATTRIBUTES, END, PAD, SEPARATOR, SPELL, geography, load_places, make_geography_dataset
from minicluster.tasks.geography import (
    MOST_STRANGE,
    make_tokenizer,
    outside_questions,
    prompt_text,
    with_strange_words,
)
from minicluster.tasks.questions import COMMON_WORDS
from minicluster.tasks.word_patterns import WORD

TABLE = load_places()
FEW = {"n_places": 30, "n_instructions": 3, "n_unseen_instructions": 2, "n_places_each": 5}
FEWER = {"n_places": 24, "n_instructions": 2, "n_unseen_instructions": 1, "n_places_each": 3, "strange": 0}
VARIANTS = [(hard, inside) for hard in (False, True) for inside in (False, True)]


@pytest.fixture(scope="module")
def dataset():
    """The data with default settings."""
    return make_geography_dataset()


def pairs(split):
    """Return the set of (pattern's number, place's number) of a split."""
    return set(zip(split.distribution.tolist(), split.input.tolist()))


def rows_of(dataset):
    """Yield what is known of each row of all splits, and the names of its tokens, targets and answer."""
    for name, split in dataset.splits.items():
        columns = vars(split).values()
        for values in zip(*columns):
            row = SimpleNamespace(**dict(zip(vars(split), values)), split=name)
            row.place = dataset.places[row.input]
            row.names = dataset.vocabulary.decode(row.tokens)
            row.answer = row.place.facts[ATTRIBUTES[row.task]]
            row.question = str(row.instruction)
            yield row


def with_name(question, name):
    """Return the question about a place of this name."""
    padded = f" {question} "
    for words in ("this place", "this country", "the place below"):
        if f" {words} " in padded:
            return padded.replace(f" {words} ", f" {name} ").strip()
    assert " its " in padded
    return padded.replace(" its ", f" {name} 's ").strip()


def spelled(tokenizer, text):
    """Return the names of the tokens of a text, none for no text."""
    return tokenizer.vocabulary.decode(tokenizer.encode(text)) if text else []


def without_words_put_in(question, pattern):
    """Return the question without a few words such that the pattern matches, or None if there are no such words."""
    words = question.split(" ")
    for n in range(MOST_STRANGE + 1):
        for left_out in combinations(range(len(words)), n):
            rest = " ".join(word for i, word in enumerate(words) if i not in left_out)
            if pattern.matches(rest):
                return rest
    return None


# ---- Rows


@pytest.mark.parametrize(("hard", "inside"), VARIANTS)
def test_a_row_is_the_question_the_separator_the_place_and_the_tables_fact(hard, inside):
    dataset = make_geography_dataset(hard=hard, inside=inside, strange=0.3, **FEW)
    facts = {place.name: place.facts for place in TABLE}
    for row in rows_of(dataset):
        assert row.task == row.distribution // dataset.n_distributions
        assert row.answer == facts[row.place.name][dataset.tasks[row.task]]
        name = spelled(dataset.tokenizer, row.place.name)
        if inside:
            before, behind = spelled(dataset.tokenizer, with_name(row.question, row.place.name)), []
        else:
            before, behind = spelled(dataset.tokenizer, row.question), name
        prompt, answer = [*before, SEPARATOR, *behind], [*spelled(dataset.tokenizer, row.answer), END]
        whole = [*prompt, *answer]
        T = dataset.context_length
        assert len(whole) <= T + 1
        padded = whole + [PAD] * (T + 1 - len(whole))
        assert row.names == padded[:-1]
        assert dataset.vocabulary.decode(row.targets) == padded[1:]
        assert row.separator == len(before)
        foretold = range(len(prompt), len(whole))  # of the whole row; the prediction stands one position earlier
        assert row.mask.nonzero()[0].tolist() == [t - 1 for t in foretold]
        assert dataset.vocabulary.decode(row.targets[row.mask]) == answer
        assert not row.start.any()
    longest = max(split.mask.shape[1] - split.mask[:, ::-1].argmax(axis=1).min() for split in dataset.splits.values())
    assert longest == dataset.context_length  # no more padding than needed
    for split in dataset.splits.values():
        np.testing.assert_array_equal(split.targets[:, :-1], split.tokens[:, 1:])
        assert split.tokens.dtype == split.targets.dtype == split.task.dtype == np.int64 and split.mask.dtype == bool


@pytest.mark.parametrize("inside", [False, True])
def test_the_place_is_behind_the_separator_or_in_the_sentence(inside):
    dataset = make_geography_dataset(inside=inside, strange=1, **FEW)
    assert dataset.inside is inside
    known = {word for pattern in dataset.patterns for word in WORD.findall(pattern.text)}
    for row in rows_of(dataset):
        before, behind = row.names[: row.separator], row.names[row.separator + 1 : row.mask.argmax() + 1]
        name = row.place.name.split(" ")
        where = [t for t in range(len(before)) if before[t : t + len(name)] == name]
        assert len(where) == inside
        assert behind == ([] if inside else name)
        if not inside:  # nor a word of it, unless it is one of the pattern's, such as "and"
            assert not (set(name) - known) & set(before)
        assert bool(re.search(r"this place|this country|the place below", " ".join(before))) <= (not inside)


@pytest.mark.parametrize(
    ("question", "inside", "expected"),
    [
        ("the capital of this place", False, ("the capital of this place", "Peru")),
        ("name its capital", False, ("name its capital", "Peru")),
        ("the capital of this place", True, ("the capital of Peru", "")),
        ("this country 's capital please", True, ("Peru 's capital please", "")),
        ("is the place below in asia", True, ("is Peru in asia", "")),
        ("name its capital", True, ("name Peru 's capital", "")),
        ("it's itself visits its", True, ("it's itself visits Peru 's", "")),
        ("does this place have its own currency", True, ("does Peru have its own currency", "")),
        ("its sites in this country", True, ("its sites in Peru", "")),
    ],
)
def test_the_prompt_by_hand(question, inside, expected):
    assert prompt_text(question, "Peru", inside) == expected


def test_a_backslash_in_a_name_stays_one():
    assert prompt_text("of this place", r"\1", inside=True) == (r"of \1", "")


# ---- What is held out


def test_sizes(dataset):
    n_patterns = len(dataset.patterns)
    assert n_patterns == dataset.n_tasks * dataset.n_distributions
    assert len(dataset.train) == n_patterns * 25 * 16
    assert len(dataset.unseen_instruction) == n_patterns * 5 * 4
    assert len(dataset.unseen_combination) == n_patterns * 25 * 4
    assert dataset.n_inputs == len(dataset.places) == 193 and dataset.tasks == ATTRIBUTES
    assert dataset.context_length == dataset.train.tokens.shape[1]


def test_half_of_the_places_are_held_out_for_one_pattern_of_a_task(dataset):
    held_out = pairs(dataset.unseen_combination)
    n_each = 193 // (2 * dataset.n_distributions)
    assert Counter(d for d, _ in held_out) == dict.fromkeys(range(len(dataset.patterns)), n_each)
    counts = Counter((d // dataset.n_distributions, place) for d, place in held_out)
    assert set(counts.values()) == {1}  # none for two patterns of a task
    of_task = [{place for d, place in held_out if d // dataset.n_distributions == task} for task in range(8)]
    assert all(one != other for one, other in combinations(of_task, 2))


def test_no_held_out_pair_is_trained_but_every_fact_is(dataset):
    train, unseen, held_out = map(pairs, dataset.splits.values())
    assert train.isdisjoint(held_out) and unseen.isdisjoint(held_out)
    # Every pair is in one of the two: a pattern asks about all the places it may.
    assert train | held_out == set(np.ndindex(len(dataset.patterns), 193))
    facts = {(d // dataset.n_distributions, place) for d, place in train}
    assert facts == set(np.ndindex(len(ATTRIBUTES), 193))


def test_each_place_is_asked_about_as_often_as_any_other(dataset):
    for split in dataset.splits.values():
        counts = Counter(zip(split.distribution.tolist(), split.input.tolist()))
        for distribution in range(len(dataset.patterns)):
            own = [n for (d, _), n in counts.items() if d == distribution]
            assert max(own) - min(own) <= 1


def test_the_places_that_a_question_is_asked_about_are_drawn(dataset):
    train = dataset.train
    spans = []
    for row in train.unique_instructions():
        about = train.input[train.instruction == train.instruction[row]]
        assert len(set(about.tolist())) == len(about) == 16
        spans.append(about.max() - about.min())
    # 16 neighbours of the alphabet span some 20; that 16 drawn of 193 span less than half happens once in 2,000 times.
    assert np.mean(np.array(spans) > 96) > 0.98


@settings(max_examples=6)  # data sets of some hundred questions
@given(
    n_places=st.integers(2, 40),
    n_held_out=st.none() | st.integers(1, 20),
    n_instructions=st.integers(1, 4),
    n_unseen=st.integers(1, 3),
    n_places_each=st.integers(1, 30),
    hard=st.booleans(),
    strange=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)
def test_every_promise_at_any_size(
    n_places, n_held_out, n_instructions, n_unseen, n_places_each, hard, strange, seed
):
    if n_held_out is not None:
        n_held_out = min(n_held_out, n_places // 2)
    dataset = make_geography_dataset(
        n_places=n_places,
        n_held_out=n_held_out,
        n_instructions=n_instructions,
        n_unseen_instructions=n_unseen,
        n_places_each=n_places_each,
        hard=hard,
        strange=strange,
        seed=seed,
    )
    n_patterns, M = len(dataset.patterns), dataset.n_distributions
    n_held_out = n_held_out or max(1, n_places // (2 * M))
    train, unseen, combination = dataset.splits.values()
    assert dataset.n_inputs == n_places and set(dataset.places) <= set(TABLE)
    assert pairs(train).isdisjoint(pairs(combination)) and pairs(unseen).isdisjoint(pairs(combination))
    assert max(Counter(d for d, _ in pairs(combination)).values()) <= n_held_out
    # No question is there twice, or in two splits that are to differ.
    asked = {name: {(str(q), d) for q, d in zip(s.instruction, s.distribution.tolist())}
             for name, s in dataset.splits.items()}  # fmt: skip
    assert len(asked["train"]) == n_patterns * n_instructions and asked["unseen_combination"] == asked["train"]
    assert len(asked["unseen_instruction"]) == n_patterns * n_unseen
    assert not {q for q, _ in asked["train"]} & {q for q, _ in asked["unseen_instruction"]}
    for split, n, n_each in (
        (train, n_instructions, min(n_places_each, n_places - n_held_out)),
        (unseen, n_unseen, min(4, n_places - n_held_out)),
        (combination, n_instructions, min(4, n_held_out)),
    ):
        rows = set(zip(split.instruction, split.input.tolist()))
        assert len(rows) == len(split) == n_patterns * n * n_each
    if n_instructions * n_places_each >= n_places:
        assert {(d // M, place) for d, place in pairs(train)} == set(np.ndindex(len(ATTRIBUTES), n_places))


def test_places_are_drawn_from_the_whole_table_in_its_order():
    drawn = [make_geography_dataset(**FEWER, seed=seed).places for seed in range(3)]
    for places in drawn:
        numbers = [TABLE.index(place) for place in places]
        assert numbers == sorted(set(numbers)) and len(numbers) == 24
        assert numbers[-1] > 96  # of 193: the others are all in the first half in 1 of 30 million draws
    assert drawn[0] != drawn[1] != drawn[2]


# ---- Questions


@pytest.mark.parametrize("hard", [False, True])
def test_a_question_matches_its_own_pattern_and_no_other(hard):
    for strange in (0, 0.5):
        dataset = make_geography_dataset(hard=hard, strange=strange, **FEW)
        asked = {(row.question, int(row.distribution)) for row in rows_of(dataset)}
        for question, distribution in asked:
            plain = without_words_put_in(question, dataset.patterns[distribution])
            assert plain is not None and (strange or plain == question)
            assert [d for d, pattern in enumerate(dataset.patterns) if pattern.matches(plain)] == [distribution]


def test_patterns_of_one_task_do_not_share_questions():
    # Where patterns overlap, too: of each pattern's questions here, many would match another pattern of its task.
    dataset = make_geography_dataset(n_instructions=20, n_places_each=1, n_unseen_instructions=5, strange=0)
    for split in (dataset.train, dataset.unseen_instruction):
        for question, own in {(str(q), int(d)) for q, d in zip(split.instruction, split.distribution)}:
            assert [d for d, pattern in enumerate(dataset.patterns) if pattern.matches(question)] == [own]


@lru_cache
def words_put_in(hard, strange):
    """Return (n, 2) int64: how many words of each question are not its pattern's, and how many are spelled."""
    dataset = make_geography_dataset(hard=hard, **FEW | {"strange": strange, "n_instructions": 7})
    words = [set(WORD.findall(pattern.text)) for pattern in dataset.patterns]
    spell = dataset.vocabulary.encode([SPELL])[0]
    return np.array(
        [
            (
                sum(word not in words[distribution] for word in question.split(" ")),
                np.count_nonzero(dataset.tokenizer.encode(question) == spell),
            )
            for question, distribution in {(row.question, int(row.distribution)) for row in rows_of(dataset)}
        ]
    )


@pytest.mark.parametrize("hard", [False, True])
def test_strange_is_the_share_of_questions_with_words_put_in(hard):
    assert (words_put_in(hard, 0) == 0).all()
    every, n_spelled = words_put_in(hard, 1).T
    assert set(every) - {0} == set(range(1, MOST_STRANGE + 1))
    assert (n_spelled > 0).mean() > 0.4
    some = words_put_in(hard, 0.3)[:, 0]
    assert abs((some > 0).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / len(some))  # standard deviations of a binomial share


def test_words_put_in_stand_anywhere_but_in_what_stands_for_the_place():
    # One made-up word in a hundred would be among these: e and another letter.
    rng, known = np.random.default_rng(0), frozenset("e" + letter for letter in "abcdefghijklmnopqrstuvwxyz")
    question = "the coast of the place below is this country 's now its"
    pieces = ["the", "coast", "of", "the place below", "is", "this country 's", "now", "its"]
    lengths, stand, letters = Counter(), Counter(), Counter()
    n_made_up = n_common = 0
    for _ in range(3_000):
        rest = with_strange_words(question, 1, known, rng)
        put_in = []
        for i, piece in enumerate(pieces):
            while not f"{rest} ".startswith(f"{piece} "):
                word, _, rest = rest.partition(" ")
                put_in.append(word)
                stand[i] += 1
            rest = rest[len(piece) + 1 :]
        behind = rest.split(" ") if rest else []
        stand[len(pieces)] += len(behind)
        put_in += behind
        assert 1 <= len(put_in) <= MOST_STRANGE
        made_up = [word for word in put_in if word not in COMMON_WORDS]
        assert known.isdisjoint(made_up)
        n_made_up, n_common = n_made_up + len(made_up), n_common + len(put_in) - len(made_up)
        lengths.update(map(len, made_up))
        letters.update("".join(made_up))
    assert set(lengths) == set(range(2, 10)) and set(letters) == set("abcdefghijklmnopqrstuvwxyz")
    assert set(stand) == set(range(9))
    assert letters["e"] > 3 * letters["q"]
    assert abs(n_common / (n_common + n_made_up) - 0.5) < 0.04  # of 6,000; five standard deviations are .03
    # Of some 6,000 words one in nine stands in each place: 667 +- 122, five standard deviations.
    assert all(abs(n - stand.total() / 9) < 122 for n in stand.values())


def test_outside_questions_have_no_telling_word(dataset):
    rows = dataset.train.unique_instructions()
    known = dataset.train.instruction[rows].tolist()
    questions = outside_questions(dataset, 300, np.random.default_rng(0))
    assert len(questions) == 300 and len(set(questions)) > 250 and not set(questions) & set(known)
    words = {word for question in questions for word in question.split(" ")}
    telling = {"capital", "currency", "money", "hemisphere", "equator", "continent", "language", "landlocked", "dial"}
    assert telling <= {word for question in known for word in question.split(" ")}
    assert telling.isdisjoint(words)
    assert {"this", "place", "country", "what", "the", "is", "of"} <= words  # what tells nothing stays
    assert questions == outside_questions(dataset, 300, np.random.default_rng(0))
    assert questions != outside_questions(dataset, 300, np.random.default_rng(1))


def test_common_words_are_no_words_of_one_attribute_alone():
    assert len(set(COMMON_WORDS)) == len(COMMON_WORDS)
    names = "continent capital currency money code prefix domain hemisphere language coast sea city town phone internet"
    assert set(COMMON_WORDS).isdisjoint(names.split(" "))
    denials = "not no never but instead rather forget"  # would turn round what a hard question asks for
    assert set(COMMON_WORDS).isdisjoint(denials.split(" "))


def test_hard_questions_name_two_attributes_in_either_order(dataset):
    hard = make_geography_dataset(hard=True, strange=0, n_instructions=25, n_places_each=1)
    assert {p.text for p in hard.patterns}.isdisjoint(p.text for p in dataset.patterns)
    train = hard.train
    by_words = {}
    for question, task in zip(train.instruction.tolist(), train.task.tolist()):
        by_words.setdefault(" ".join(sorted(question.split(" "))), set()).add(task)
    assert any(len(tasks) > 1 for tasks in by_words.values())


# ---- The tokenizer


def test_the_tokenizer_is_the_same_for_every_seed_variant_and_number_of_places(dataset):
    for change in ({"seed": 1}, {"hard": True}, {"inside": True}, {"strange": 1}, {"n_places": 193}):
        other = make_geography_dataset(**FEWER | change)
        assert other.tokenizer.words == dataset.tokenizer.words
        assert other.vocabulary is other.tokenizer.vocabulary
    assert make_tokenizer(TABLE).words == dataset.tokenizer.words


def test_the_tokenizer_knows_what_questions_names_and_answers_are_written_in(dataset):
    known = set(dataset.tokenizer.words)
    for place in TABLE:
        assert known.issuperset(" ".join([place.name, *place.facts.values()]).split(" "))
    for hard in (False, True):
        patterns = make_geography_dataset(hard=hard, **FEWER).patterns
        assert known.issuperset(word for pattern in patterns for word in WORD.findall(pattern.text))
    assert "'s" in known  # which stands behind names
    assert list(dataset.tokenizer.words) == sorted(known)


@pytest.mark.parametrize(("hard", "inside"), VARIANTS)
def test_without_made_up_words_nothing_is_spelled(hard, inside):
    dataset = make_geography_dataset(hard=hard, inside=inside, **FEWER)
    spell = dataset.vocabulary.encode([SPELL])[0]
    assert not any((split.tokens == spell).any() for split in dataset.splits.values())


# ---- Repeatable


def test_the_same_seed_makes_the_same_data_and_another_seed_other_data():
    one, again, other = (make_geography_dataset(**FEWER | {"strange": 0.5}, seed=seed) for seed in (3, 3, 4))
    for name, split in one.splits.items():
        for field, array in vars(split).items():
            np.testing.assert_array_equal(array, getattr(again.splits[name], field))
    assert one.places == again.places and one.places != other.places
    assert one.digest() == again.digest() != other.digest()
    assert set(one.train.instruction) != set(other.train.instruction)
    assert pairs(one.unseen_combination) != pairs(other.unseen_combination)


def test_inside_changes_nothing_but_where_the_place_stands():
    plain, inside = (make_geography_dataset(inside=inside, **FEWER) for inside in (False, True))
    for name, split in plain.splits.items():
        other = inside.splits[name]
        np.testing.assert_array_equal(split.instruction, other.instruction)
        np.testing.assert_array_equal(split.input, other.input)
    assert plain.digest() != inside.digest()


# ---- What is refused


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_places": 1}, ValueError, "n_places = 1, expected at least 2"),
        ({"n_places": 194}, ValueError, "n_places = 194, expected at most 193, the places of the table"),
        ({"n_places": 2.5}, TypeError, "n_places = 2.5, expected a whole number"),
        ({"n_places": "ten"}, TypeError, "n_places = 'ten', expected a whole number"),
        ({"n_instructions": 0}, ValueError, "n_instructions = 0, expected at least 1"),
        ({"n_unseen_instructions": 0}, ValueError, "n_unseen_instructions = 0, expected at least 1"),
        ({"n_places_each": 0}, ValueError, "n_places_each = 0, expected at least 1"),
        ({"n_places_each": True}, TypeError, "n_places_each = True, expected a whole number"),
        ({"n_held_out": 0}, ValueError, "n_held_out = 0, expected at least 1"),
        ({"seed": -1}, ValueError, "seed = -1, expected at least 0"),
        ({"seed": None}, TypeError, "seed = None, expected a whole number"),
        ({"strange": -0.1}, ValueError, "strange = -0.1, expected a share, 0 to 1"),
        ({"strange": 1.5}, ValueError, "strange = 1.5, expected a share, 0 to 1"),
        ({"strange": float("nan")}, ValueError, "strange = nan, expected a share, 0 to 1"),
        ({"strange": "0.5"}, TypeError, "strange = '0.5', expected a share, 0 to 1"),
    ],
)
def test_numbers_out_of_range_are_named(arguments, error, message):
    with pytest.raises(error) as caught:
        make_geography_dataset(**arguments)
    assert str(caught.value) == message


def test_as_many_are_held_out_as_leaves_each_place_a_pattern(dataset):
    M = dataset.n_distributions
    most = 30 * (M - 1) // M
    full = make_geography_dataset(**FEW | {"n_held_out": most, "n_places_each": 30})
    assert {(d // M, place) for d, place in pairs(full.train)} == set(np.ndindex(len(ATTRIBUTES), 30))
    with pytest.raises(ValueError) as caught:
        make_geography_dataset(**FEW | {"n_held_out": most + 1})
    assert str(caught.value) == (
        f"n_held_out = {most + 1}, expected at most {most}, so that each of 30 places is trained with at least one of "
        f"a task's {M} patterns"
    )


def test_more_questions_than_a_pattern_makes_are_refused(monkeypatch):
    small = {attribute: (f"[a b] w{i} of this place", f"w{i} of this place") for i, attribute in enumerate(ATTRIBUTES)}
    monkeypatch.setattr(geography, "PLAIN", small)
    with pytest.raises(ValueError, match="pattern 'w0 of this place' makes 1 different strings, expected at least 2"):
        make_geography_dataset(n_instructions=1, n_unseen_instructions=1)


# ---- The docstring


def shown_example(dataset, number):
    """Return row `number` of the training split as the docstring shows it."""
    row = dataset.train[number : number + 1]
    length = int(row.mask[0].nonzero()[0][-1]) + 3  # up to END, and one PAD
    columns = {
        "names": dataset.vocabulary.decode(row.tokens[0, :length]),
        "tokens": row.tokens[0, :length].tolist(),
        "targets": row.targets[0, :length].tolist(),
        "mask": ["T" if counted else "." for counted in row.mask[0, :length]],
    }
    widths = [max(len(str(value)) for value in column) for column in zip(*columns.values())]
    lines = [
        f"    task {row.task[0]}, {dataset.tasks[row.task[0]]}; pattern {row.distribution[0]}; "
        f"place {row.input[0]}, {dataset.places[row.input[0]].name}",
        f"    instruction {row.instruction[0]}",
    ]
    for label, values in columns.items():
        cells = "  ".join(f"{value:>{width}}" for value, width in zip(values, widths))
        lines.append(f"    {label:8} {cells}  ...")
    lines.append(f"    separator {row.separator[0]}")
    return "\n".join(lines)


def test_the_example_in_the_docstring(dataset):
    shown = inspect.cleandoc(make_geography_dataset.__doc__)
    number, T = map(int, re.search(r"row (\d+) of .*train.*T = (\d+)", shown).groups())
    expected = shown_example(dataset, number)
    assert expected in shown, f"row {number} is\n{expected}"
    assert T == dataset.context_length
