import copy
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import pyplot

from minicluster.cluster import adjusted_rand_score
from minicluster.experiments import Settings, perturbed
from minicluster.experiments.investigate import about
from minicluster.experiments.measure import cluster
from minicluster.experiments.perturbed import DIALS, NAMES, ceilings, plotted, read_states, summarise, table
from minicluster.experiments.readers import bigram_counts, surface_readings
from minicluster.experiments.trial import train
from minicluster.files import json_text
from minicluster.plots.perturbed import draw_perturbed
from minicluster.tasks import make_instruction_dataset
from minicluster.training import answer, hidden_states_at

TINY = Settings(
    n_tasks=3, n_distributions=2, n_inputs=4, n_instructions=6, n_unseen_instructions=3, n_held_out_inputs=1,
    d_model=8, n_layers=2, n_heads=2, steps=6, batch_size=8, n_recordings=2, restarts=3,
)  # fmt: skip


def test_one_training_a_level_and_level_0_once():
    made = perturbed.trainings(replace(TINY, n_recordings=9))
    dials = {name: (settings.alike, settings.replaced) for name, settings in made.items()}
    assert dials == {
        "independent": (0, 0), "alike 3": (3, 0), "alike 4": (4, 0), "alike 5": (5, 0),
        "replaced 0.1": (0, 0.1), "replaced 0.2": (0, 0.2), "replaced 0.3": (0, 0.3),
    }  # fmt: skip
    assert tuple(made) == NAMES
    for settings in made.values():
        assert settings.n_recordings == 2
        assert replace(settings, alike=0, replaced=0.0) == TINY


def test_the_docstring_says_what_would_falsify_it():
    title, falsified_by = about("perturbed")
    assert "claim 5" in title and "a third of the ceiling" in falsified_by


# ---- Measuring one training


@pytest.fixture(scope="module")
def trained():
    return train(replace(TINY, alike=4, replaced=0.1), seed=3)


@pytest.fixture(scope="module")
def measured(trained):
    return perturbed.measure(trained)


def test_new_strings_are_those_of_a_stream_of_their_own(trained, measured):
    dataset, known = trained.dataset, trained.strings["train"]
    fresh = dataset.fresh_instructions(300, np.random.default_rng([3, 6]))
    new = fresh[::4]
    found = measured["fresh"]
    assert len(new) == 300 and (new.input == 0).all()
    assert found["answers"] == answer(trained.model, fresh)[1].mean()
    for reader, tasks in surface_readings(known, new, dataset.vocabulary).items():
        assert found["readers"][reader] == (tasks == new.task).mean()
    assert found["chance"] == 1 / 3
    assert measured["ceiling"] == ceilings(dataset, known, new)
    assert (measured["alike"], measured["replaced"], measured["middle_layer"]) == (4, 0.1, 1)


def test_states_are_read_before_and_after(trained, measured):
    dataset, known = trained.dataset, trained.strings["train"]
    new = dataset.fresh_instructions(300, np.random.default_rng([3, 6]))[::4]
    found = measured["fresh"]
    states = hidden_states_at(trained.model, new.tokens, new.separator)
    for layer in range(3):
        distances = np.linalg.norm(states[layer][:, None] - trained.centroids(layer), axis=-1)  # (m, tasks)
        assert found["nearest_centroid"][layer] == (distances.argmin(axis=1) == new.task).mean()
    untrained = perturbed.measure(replace(trained, recordings=trained.recordings[:1] * 2))["fresh"]["untrained"]
    assert found["untrained"] == untrained != {key: found[key] for key in untrained}
    # An untrained model, read with states of the same weights: the very same strings lie at distance 0.
    same = read_states(*[trained.recordings[0].states["train"]] * 2, known, known)
    assert same["nearest_string"][2] == 1


def test_the_untrained_model_is_the_one_that_was_recorded_before_the_training(trained, monkeypatch):
    # With the training strings in place of new ones, every string is its own nearest one, if the weights agree.
    known = trained.strings["train"]
    again = np.repeat(np.arange(len(known)), 4)
    monkeypatch.setattr(type(trained.dataset), "fresh_instructions", lambda self, n, rng: known[again])
    fresh = perturbed.measure(trained)["fresh"]
    assert fresh["untrained"]["nearest_string"][1:] == fresh["nearest_string"][1:] == [1, 1]
    assert all(share == 1 for reader, share in fresh["readers"].items() if reader == "edit_distance")


def test_surface_controls_cluster_and_read_counts(trained, measured):
    known, unseen = trained.strings.values()
    counts = [bigram_counts(own.instruction) for own in (known, unseen)]
    labels, _ = cluster(trained.setup, *counts)
    assert measured["ari_bigrams"] == adjusted_rand_score(known.task, labels)
    new = trained.dataset.fresh_instructions(300, np.random.default_rng([3, 6]))[::4]
    centroids = np.stack([counts[0][known.task == task].mean(axis=0) for task in range(3)])
    distances = ((bigram_counts(new.instruction)[:, None] - centroids) ** 2).sum(axis=-1)
    # By rounding, distances that tie may fall either way: not more than a string or two.
    share = (distances.argmin(axis=1) == new.task).mean()
    assert measured["fresh"]["surface_centroids"]["bigrams"] == pytest.approx(share, abs=2 / 300)
    letters = np.stack([[list(s).count(c) for c in "abcdefghijkl"] for s in known.instruction])
    new_letters = np.stack([[list(s).count(c) for c in "abcdefghijkl"] for s in new.instruction])
    centroids = np.stack([letters[known.task == task].mean(axis=0) for task in range(3)])
    distances = ((new_letters[:, None] - centroids) ** 2).sum(axis=-1)
    share = (distances.argmin(axis=1) == new.task).mean()
    assert measured["fresh"]["surface_centroids"]["bag_of_letters"] == pytest.approx(share, abs=2 / 300)


def test_states_that_hold_the_task_tell_it_and_others_do_not():
    dataset = make_instruction_dataset(3, 2, 4, n_instructions=6, n_unseen_instructions=3, n_held_out_inputs=1)
    known, new = (own[own.unique_instructions()] for own in (dataset.train, dataset.unseen_instruction))
    rng = np.random.default_rng(0)

    def states(tasks):
        corner = 10.0 * np.eye(3)[tasks] + rng.normal(size=(len(tasks), 3))
        return np.stack([np.zeros_like(corner), corner])

    found = read_states(states(known.task), states(new.task), known, new)
    # At layer 0 all states are equal: the first task's centroid and the first string are taken.
    assert found == {"nearest_centroid": [1 / 3, 1], "nearest_string": [1 / 3, 1]}
    found = read_states(states(known.task), states((new.task + 1) % 3), known, new)
    assert found["nearest_centroid"][1] == found["nearest_string"][1] == 0


def test_a_string_may_be_nearest_to_one_tasks_centroid_and_to_anothers_string():
    dataset = make_instruction_dataset(2, 1, 1, n_instructions=3, n_unseen_instructions=1, n_held_out_inputs=0)
    known, new = dataset.train, dataset.unseen_instruction
    at_known = np.array([0, 1, 2, 1.2, 9, 9], float).reshape(1, 6, 1)  # centroids 1 and 6.4
    at_new = np.array([1.21, 1.21]).reshape(1, 2, 1)  # of task 0, and of task 1
    found = read_states(at_known, at_new, known[[0, 1, 2, 3, 4, 5]], new[[0, 0]])
    assert found == {"nearest_centroid": [1.0], "nearest_string": [0.0]}
    assert read_states(at_known, at_new, known, new) == {"nearest_centroid": [0.5], "nearest_string": [0.5]}


# ---- Ceilings


@pytest.fixture(scope="module")
def overlapping():
    patterns = [["[ab]c", "[ab]d"], ["ac", "[cd]d"]]
    return make_instruction_dataset(
        2, 2, 2, patterns=patterns, n_instructions=1, n_unseen_instructions=0, n_held_out_inputs=0, exclusive=False
    )


def rows(dataset, strings, tasks):
    split = dataset.train[np.zeros(len(strings), int)]
    return replace(split, instruction=np.array(strings), task=np.array(tasks))


def test_ceilings_by_hand(overlapping):
    # "ac" is drawn from task 0 half as often as from task 1; every other string is of one task.
    known = rows(overlapping, ["ac", "bc", "ad", "ac", "cd"], [0, 0, 0, 1, 1])
    new = rows(overlapping, ["ac", "ac", "bd", "dd"], [0, 1, 0, 1])
    found = ceilings(overlapping, known, new)
    assert found["new"] == pytest.approx((2 / 3 + 2 / 3 + 1 + 1) / 4, rel=1e-12)  # a few roundings
    assert found["new_right"] == 3 / 4
    assert found["train"] == 4 / 5
    assert found["train_ari"] == adjusted_rand_score([0, 0, 0, 1, 1], [1, 0, 0, 1, 1])


def test_what_was_trained_as_two_tasks_cannot_be_answered_by_heart(overlapping):
    train = overlapping.train[[0] * 6]
    shared = replace(
        train,
        instruction=np.array(["ac", "ac", "ac", "ac", "bc", "ac"]),
        task=np.array([0, 0, 1, 1, 0, 0]),
        input=np.array([0, 1, 0, 1, 0, 0]),
    )
    # For "ac" with input 0 the rows are of tasks 0, 1, 0: two of three are right. With input 1 one of two.
    found = ceilings(replace(overlapping, train=shared), shared, shared)
    assert found["train_by_heart"] == (2 + 1 + 1) / 6
    independent = make_instruction_dataset(2, 2, 2, n_instructions=3, n_unseen_instructions=1, n_held_out_inputs=0)
    found = ceilings(independent, independent.train, independent.unseen_instruction)
    assert found == {"new": 1, "new_right": 1, "train": 1, "train_ari": 1, "train_by_heart": 1}


def test_tasks_that_are_equally_probable_but_for_rounding_are_equal():
    # One way to a third, or six to an 18th each, whose sum is larger in the last digit; that must not decide.
    patterns = [["[abc]a"], ["[abc](a|a|a|a|a|a)"]]
    dataset = make_instruction_dataset(
        2, 1, 1, patterns=patterns, n_instructions=1, n_unseen_instructions=0, n_held_out_inputs=0, exclusive=False
    )
    new = rows(dataset, ["aa", "ba", "ca"], [0, 0, 0])
    found = ceilings(dataset, new, new)
    assert found["new_right"] == found["train"] == 1


# ---- Verdicts


def made_up(**changed):
    """What a training measures in which all goes well."""
    number = {
        "alike": 0, "replaced": 0.0, "middle_layer": 1, "accuracy": {"train": 0.99, "unseen_combination": 0.7},
        "ari": {"train": [0.0, 0.5, 0.8]}, "regrouping_null_99": [0.0, 0.2, 0.3],
        "untrained": {"ari": {"train": [0.0, 0.02, 0.1]}}, "bag_of_letters": {"ari": {"train": 0.12}},
        "ari_bigrams": 0.15, "ceiling": {"new": 0.9, "new_right": 0.91, "train": 0.95, "train_ari": 0.85},
        "fresh": {
            "answers": 0.75, "nearest_centroid": [0.1, 0.6, 0.7], "nearest_string": [0.1, 0.65, 0.7],
            "untrained": {"nearest_centroid": [0.1, 0.15, 0.5], "nearest_string": [0.1, 0.3, 0.3]},
            "surface_centroids": {"bag_of_letters": 0.3, "bigrams": 0.5}, "chance": 0.1,
            "readers": {"edit_distance": 0.7, "bigrams": 0.72, "bag_of_letters": 0.4},
        },
    }  # fmt: skip
    for path, value in changed.items():
        *way, last = path.split("__")
        place = number
        for key in way:
            place = place[key]
        assert last in place
        place[last] = value
    return number


def run_of(seed=7, **by_name):
    """A run of made-up trainings, some of them changed: underscores stand for spaces and points."""
    run = {"seed": seed, **{name: made_up() for name in NAMES}}
    for name, changed in by_name.items():
        run[name.replace("_", " ").replace("0 ", "0.")] = made_up(**changed)
    assert set(run) == {"seed", *NAMES}
    return run


def holds(run):
    return [verdict["holds"] for verdict in summarise([run])["verdicts"]]


def test_all_verdicts_hold_where_all_goes_well():
    assert holds(run_of()) == [True, True, True, True]


@pytest.mark.parametrize("name", ["independent", "alike_4", "replaced_0_3"])
@pytest.mark.parametrize(
    "change",
    [
        {"ari__train": [0.0, 0.1, 0.3]},  # not above the null of its best layer
        {"regrouping_null_99": [0.0, 0.85, 0.3]},
        {"untrained__ari__train": [0.8, 0, 0]},
        {"bag_of_letters__ari__train": 0.81},
        {"ari_bigrams": 0.9},
    ],
)
def test_one_level_below_one_control_falsifies_the_clusters(name, change):
    assert holds(run_of(**{name: change})) == [False, True, True, True]


@pytest.mark.parametrize("name", ["independent", "alike_5", "replaced_0_1"])
@pytest.mark.parametrize(
    "change",
    [
        # Less than a third of .9, at the middle layer.
        {"fresh__nearest_centroid": [0.9, 0.29, 0.9], "fresh__surface_centroids__bag_of_letters": 0.2},
        {"fresh__untrained__nearest_centroid": [0, 0.6, 0]},
        {"fresh__surface_centroids__bag_of_letters": 0.61},
    ],
)
def test_one_level_where_new_strings_lie_elsewhere_falsifies_that(name, change):
    assert holds(run_of(**{name: change})) == [True, False, True, True]


def test_a_third_of_the_ceiling_is_enough():
    level = {"fresh__nearest_centroid": [0.0, 0.31, 0.0], "fresh__surface_centroids__bag_of_letters": 0.3}
    assert holds(run_of(alike_3=level)) == [True, True, True, True]


@pytest.mark.parametrize("reader", ["edit_distance", "bigrams", "bag_of_letters"])
def test_readers_of_the_surface_are_compared_at_the_last_level_of_each_dial(reader):
    better = {f"fresh__readers__{reader}": 0.75}  # as good is enough
    assert holds(run_of(alike_5=better)) == [True, True, False, True]
    assert holds(run_of(replaced_0_3=better)) == [True, True, True, False]
    assert holds(run_of(alike_4=better, replaced_0_2=better, independent=better)) == [True] * 4


def test_the_hardest_level_is_told_with_its_controls():
    run = run_of(
        alike_5={"ari__train": [0.0, 0.1, 0.32], "ceiling__train_ari": 0.4},  # a lead of .02
        alike_3={"ari__train": [0.0, 0.1, 0.31], "regrouping_null_99": [0.0, 0.1, 0.1]},  # less, but a lead of .16
        replaced_0_1={"fresh__nearest_centroid": [0, 0.45, 0], "ceiling__new": 1.0},
    )
    clusters, new, *_ = summarise([run])["verdicts"]
    assert clusters["values"] == [0.32]
    controls = {name: control["values"] for name, control in clusters["controls"].items()}
    assert controls == {
        "regrouping null, 99th percentile, there": [0.3],
        "untrained, there": [0.1],
        "bag of letters, there": [0.12],
        "bigrams, there": [0.15],
        "the best possible reader of the patterns, there": [0.4],
    }
    assert new["values"] == [0.45]
    controls = {name: control["values"] for name, control in new["controls"].items()}
    bigrams = controls.pop("bigrams, there (shown, not required)")
    assert bigrams == [run["replaced 0.1"]["fresh"]["surface_centroids"]["bigrams"]]
    assert controls == {"untrained, there": [0.15], "bag of letters, there": [0.3], "chance, there": [0.1]}
    assert [verdict["claim"] for verdict in (clusters, new)] == [5, 5]


def test_medians_and_ranges_over_seeds():
    runs = [run_of(seed, alike_4={"fresh__answers": value}) for seed, value in ((1, 0.5), (2, 0.9), (3, 0.6))]
    results = summarise(runs)
    assert results["by_training"]["alike 4"]["answers"] == {"median": 0.6, "low": 0.5, "high": 0.9}
    assert results["dials"] == {
        "alike": {"levels": [0, 3, 4, 5], "trainings": ["independent", "alike 3", "alike 4", "alike 5"]},
        "replaced": {
            "levels": [0, 0.1, 0.2, 0.3],
            "trainings": ["independent", "replaced 0.1", "replaced 0.2", "replaced 0.3"],
        },
    }
    assert results["middle_layer"] == 1


def test_plotted_numbers_by_hand():
    assert plotted(made_up()) == {
        "ceiling": 0.9, "answers": 0.75, "centroid": 0.6, "centroid_untrained": 0.15, "centroid_bag_of_letters": 0.3,
        "centroid_bigrams": 0.5, "edit_distance": 0.7, "bigrams": 0.72, "bag_of_letters": 0.4, "chance": 0.1,
        "ari_best_layer": 0.8, "ari_middle_layer": 0.5, "ari_of_best_reader": 0.85, "regrouping_null_99": 0.3,
        "ari_untrained": 0.1, "ari_bag_of_letters": 0.12, "ari_bigrams": 0.15, "ceiling_train": 0.95,
        "accuracy_train": 0.99, "accuracy_unseen_combination": 0.7,
    }  # fmt: skip


def test_table_has_a_row_a_seed_and_training():
    header, lines = table({"runs": [run_of(1), run_of(2, alike_5={"alike": 5, "fresh__answers": 0.33})]})
    assert len(lines) == 14 and all(len(line) == len(header) for line in lines)
    line = next(line for line in lines if line[:2] == (2, "alike 5"))
    assert (line[header.index("alike")], line[header.index("answers")]) == (5, 0.33)
    assert [line[0] for line in lines] == [1] * 7 + [2] * 7


# ---- From a training to the picture


def results_of(runs):
    return {"seeds": [run["seed"] for run in runs], "config": {"small": True}, "runs": runs, **summarise(runs)}


def test_results_of_a_real_training_are_plain_and_can_be_drawn(measured):
    results = results_of([{"seed": 3, **{name: measured for name in NAMES}}])
    assert json_text(results)  # neither NaN nor what JSON does not know
    assert table(results)[1]
    kept = copy.deepcopy(results)
    picture = draw_perturbed(results)["perturbed"]
    pyplot.close(picture.figure)
    assert results == kept


def test_the_picture_draws_medians_and_ranges_and_tells_them():
    runs = [run_of(seed, alike_5={"fresh__answers": value}) for seed, value in ((1, 0.41), (2, 0.53), (3, 0.62))]
    (picture,) = draw_perturbed(results_of(runs)).values()
    figure = picture.figure
    assert tuple(figure.get_size_inches()) == (12.8, 7.2)
    axis = figure.axes[0]
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axis.lines}
    assert drawn["model: its answers"] == [[0, 0.75], [3, 0.75], [4, 0.75], [5, 0.53]]
    assert drawn["chance"] == [[x, 0.1] for x in DIALS["alike"]]
    heights = [path.vertices[:, 1] for band in axis.collections for path in band.get_paths()]
    assert any({0.41, 0.62} <= set(np.round(height, 9)) for height in heights)
    assert "alike 5: ceiling 0.90, the model's answers 0.53, nearest centroid 0.60" in picture.alt
    assert "ARI of the best layer 0.80, of the middle one 0.50, highest control 0.30" in picture.alt
    pyplot.close(figure)
