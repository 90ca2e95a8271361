from dataclasses import replace

import numpy as np
import pytest

from minicluster.cluster import adjusted_rand_score
from minicluster.experiments import Settings, prepare
from minicluster.experiments.measure import (
    chance_of_neighbour,
    cluster,
    landing,
    letter_counts,
    measure,
    measure_end,
    neighbour_scores,
    principal_components,
)
from minicluster.experiments.run import Recording, record, train_and_record, unique_strings
from minicluster.experiments.settings import ORDER_STREAM
from minicluster.experiments.trial import Trained
from minicluster.nn import AdamW, Transformer, TransformerConfig, warmup_cosine
from minicluster.tasks import make_instruction_dataset
from minicluster.training import ShuffledBatches, TrainingDiverged, answer, train_step

SMALL = Settings(
    n_tasks=3, n_distributions=2, n_inputs=4, n_instructions=6, n_unseen_instructions=3, n_held_out_inputs=1,
    d_model=8, n_layers=2, n_heads=2, steps=6, batch_size=8, n_recordings=4, restarts=5,
)  # fmt: skip


@pytest.fixture
def setup():
    return prepare(SMALL, seed=0)


def strings_of(setup):
    return {name: unique_strings(setup.dataset.splits[name]) for name in ("train", "unseen_instruction")}


def perfect_states(setup, by="task"):
    """States of three layers that say nothing at layer 0 and hold nothing but a string's task (or pattern) deeper."""
    states = {}
    for name, strings in strings_of(setup).items():
        corner = 10 * np.eye(8)[getattr(strings, by)]  # (strings, C)
        noise = np.random.default_rng(len(strings)).standard_normal(corner.shape)
        states[name] = np.stack([np.zeros_like(corner), corner + noise, corner + noise])
    return states


def recording_of(step, states):
    numbers = {"train": 0.5, "unseen_instruction": 1.0 / step if step else 9.0, "unseen_combination": 0.1}
    return Recording(step, loss=numbers, accuracy=numbers, states=states)


def test_states_that_hold_the_task_score_1_and_the_null_stays_below(setup):
    measured = measure(setup, [recording_of(0, perfect_states(setup)), recording_of(4, perfect_states(setup))])
    for split in ("train", "unseen_instruction"):
        assert measured["ari"][split][-1] == [0, 1, 1]
        assert measured["cross_pattern_1nn"][split][-1][1:] == [1, 1]
    # 6 patterns of equal size in 3 pairs: where every row of layer 0 ties, a row finds its task by chance, 1 in 5.
    assert measured["cross_pattern_1nn"]["train"][-1][0] == pytest.approx(1 / 5, rel=1e-12)  # a mean of rounded shares
    assert measured["controls"]["cross_pattern_1nn_by_chance"] == 1 / 5
    assert measured["early_stopping_step"] == 4
    assert measured["landing"]["landed"] == 1 and measured["landing"]["n_misplaced"] == 0
    assert measured["landing"]["accuracy_misplaced"] is None
    assert measured["controls"]["regrouping_null_99"]["train"][0] == 0


def test_states_that_hold_the_pattern_only_do_not_pass_the_null(setup):
    measured = measure(setup, [recording_of(0, perfect_states(setup, by="distribution"))])
    ari, null = measured["ari"]["train"][-1], measured["controls"]["regrouping_null_99"]["train"]
    assert ari[1] > 0.2  # clusters of whole patterns score above 0 whatever the task,
    assert ari[1] <= null[1]  # which is what the null is for
    assert measured["cross_pattern_1nn"]["train"][-1][1] < 0.7


def test_letter_counts_by_hand(setup):
    strings = strings_of(setup)["train"]
    counts = letter_counts(strings, setup.dataset.vocabulary)
    for row in (0, 7, 20):
        expected = [
            str(strings.instruction[row]).count(name) if len(name) == 1 else 0
            for name in setup.dataset.vocabulary.names
        ]
        np.testing.assert_array_equal(counts[row], expected)


def test_unseen_strings_are_assigned_to_the_clusters_of_training_strings(setup):
    states = perfect_states(setup)
    train, unseen = (states[name][1] for name in ("train", "unseen_instruction"))
    train_labels, unseen_labels = cluster(setup, train, unseen)
    known, new = strings_of(setup).values()
    label_of_task = {task: set(train_labels[known.task == task]) for task in range(3)}
    assert all(len(labels) == 1 for labels in label_of_task.values())
    assert all({label} == label_of_task[task] for label, task in zip(unseen_labels, new.task))


def test_neighbours_of_unseen_strings_are_sought_among_training_strings(setup):
    strings, states = strings_of(setup), perfect_states(setup)
    unseen = states["unseen_instruction"][1].copy()
    wrong = strings["unseen_instruction"].task == 0
    unseen[wrong] = 10 * np.eye(8)[1]  # strings of task 0 lie among those of task 1
    _, share = neighbour_scores(strings, states["train"][1], unseen)
    assert share == pytest.approx(1 - wrong.mean(), rel=1e-12)  # likewise


def test_landing_counts_misplaced_strings_and_their_answers(setup):
    strings, states = strings_of(setup), perfect_states(setup)
    letters = [letter_counts(strings[name], setup.dataset.vocabulary) for name in strings]
    misplaced = np.zeros(len(strings["unseen_instruction"]), bool)
    misplaced[[0, 5]] = True
    moved = states["unseen_instruction"].copy()
    moved[1, misplaced] = 10 * np.eye(8)[(strings["unseen_instruction"].task[misplaced] + 1) % 3]
    at_end = recording_of(4, {"train": states["train"], "unseen_instruction": moved})

    # The model knows the answer to input 0 of the first misplaced string's task, and gives it to everything.
    split, first = setup.dataset.unseen_instruction, strings["unseen_instruction"][0]
    output = setup.dataset.outputs[first.task, 0]
    setup.model.parameters["ln_f.weight"][:] = 0
    setup.model.parameters["ln_f.bias"][:] = 100 * setup.model.parameters["wte.weight"][output]
    found = landing(setup, [at_end, at_end], strings, letters)

    assert (found["layer"], found["n_strings"], found["n_misplaced"]) == (1, len(misplaced), 2)
    assert found["landed"] == found["untrained"] == 1 - 2 / len(misplaced)
    right = split.targets[split.mask] == output
    rows = np.isin(split.instruction, strings["unseen_instruction"].instruction[misplaced])
    assert found["accuracy_misplaced"] == right[rows].mean()
    assert found["accuracy_landed"] == right[~rows].mean()
    assert right[rows].mean() != right[~rows].mean()


def test_recording_changes_nothing_and_judges_what_it_is_given(setup):
    before = setup.model.parameters.flat.copy()
    recording = record(setup, 0, {"train": setup.dataset.train[:5]})
    np.testing.assert_array_equal(setup.model.parameters.flat, before)
    assert recording.loss.keys() == recording.accuracy.keys() == {"train"}
    assert recording.states["train"].shape == (3, 3 * 2 * 6, 8)
    assert recording.states["unseen_instruction"].shape == (3, 3 * 2 * 3, 8)


def test_training_records_at_log_spaced_steps_and_is_the_same_twice(setup):
    recordings = train_and_record(setup)
    again = train_and_record(prepare(SMALL, seed=0))
    assert [recording.step for recording in recordings] == [0, 1, 2, 3, 6]
    for one, other in zip(recordings, again):
        assert one.loss == other.loss
        np.testing.assert_array_equal(one.states["train"], other.states["train"])
    assert (recordings[0].states["train"] != recordings[-1].states["train"]).any()


def test_principal_components_begin_untrained_and_end_trained(setup):
    recordings = train_and_record(setup)
    components = principal_components(setup, recordings)
    assert components["steps"][0] == 0 and components["steps"][-1] == 6
    S = len(components["steps"])
    assert components["points"].shape == (S, 3, 36, 2) and components["explained"].shape == (S, 3)
    assert (components["explained"] <= 1 + 1e-12).all()  # shares of a sum, rounded
    # Projections keep the spread of two components: their variances add up to the explained share of the total.
    x = recordings[-1].states["train"][2].astype(float)
    spread = components["points"][-1, 2].var(axis=0).sum() / x.var(axis=0).sum()
    assert components["explained"][-1, 2] == pytest.approx(spread, rel=1e-9)  # two ways to the same number, in float64


def test_the_training_is_the_one_that_the_settings_describe():
    settings = replace(SMALL, steps=7, warmup=3, lr=0.02, weight_decay=0.3, max_norm=0.05)
    setup = prepare(settings, seed=4, data_seed=9)
    recordings = train_and_record(setup)
    data = make_instruction_dataset(3, 2, 4, n_instructions=6, n_unseen_instructions=3, n_held_out_inputs=1, seed=9)
    assert setup.dataset.digest() == data.digest()
    model = Transformer(TransformerConfig(len(data.vocabulary), data.context_length, 8, 2, 2), seed=4)
    optimizer = AdamW(model.parameters, lr=0.02, weight_decay=0.3)
    batches = ShuffledBatches(len(data.train), 8, [4, ORDER_STREAM])
    for step in range(7):
        batch = data.train[next(batches)]
        optimizer.lr = warmup_cosine(step, 7, 0.02, 3)
        train_step(model, optimizer, batch.tokens, batch.targets, batch.mask, max_norm=0.05)
    np.testing.assert_array_equal(setup.model.parameters.flat, model.parameters.flat)
    # The last step is judged on all rows.
    for name, split in data.splits.items():
        losses, right = answer(model, split)
        assert recordings[-1].loss[name] == losses.mean() and recordings[-1].accuracy[name] == right.mean()


def test_on_the_way_a_sample_is_judged_but_all_unseen_instructions():
    settings = replace(SMALL, recorded_rows=5)
    recordings = train_and_record(prepare(settings, seed=0))
    fresh = prepare(settings, seed=0)
    full = record(fresh, 0, fresh.dataset.splits)
    assert recordings[0].loss["unseen_instruction"] == full.loss["unseen_instruction"]
    assert recordings[0].loss["train"] != full.loss["train"]
    batches = ShuffledBatches(len(fresh.dataset.train), 8, [0, ORDER_STREAM])
    first = fresh.dataset.train[np.sort(next(batches)[:5])]
    assert recordings[0].loss["train"] != record(fresh, 0, {"train": first}).loss["train"]  # not the first rows trained


def test_a_setup_serves_once(setup):
    train_and_record(setup)
    with pytest.raises(ValueError, match="setup was trained for 6 steps before"):
        train_and_record(setup)


def test_a_model_that_diverges_in_its_last_step_is_told():
    with pytest.raises(TrainingDiverged, match="at step 1"):
        train_and_record(prepare(replace(SMALL, steps=1, lr=1e30, warmup=0), seed=0))


def test_controls_are_those_of_the_letters_and_of_the_untrained_model(setup):
    strings, states = strings_of(setup), perfect_states(setup)
    letters = [letter_counts(strings[name], setup.dataset.vocabulary) for name in strings]
    noise = np.random.default_rng(0)
    untrained = {name: noise.standard_normal(array.shape) for name, array in states.items()}
    measured = measure(setup, [recording_of(0, untrained), recording_of(4, states)])
    labels, scores = cluster(setup, *letters), neighbour_scores(strings, *letters)
    bag = measured["controls"]["bag_of_letters"]
    for split, name in enumerate(strings):
        assert bag["ari"][name] == adjusted_rand_score(strings[name].task, labels[split])
        assert bag["cross_pattern_1nn"][name] == scores[split]
    only_letters = {name: np.stack([counts] * 3) for name, counts in zip(strings, letters)}
    assert (
        measured["landing"]["bag_of_letters"]
        == landing(setup, [recording_of(4, only_letters)] * 2, strings, letters)["landed"]
    )
    assert measured["landing"]["untrained"] < measured["landing"]["landed"] == 1


def test_the_end_of_a_training_is_measured_as_its_last_step_beside_its_first(setup):
    states, noise = perfect_states(setup), np.random.default_rng(0)
    untrained = {name: noise.standard_normal(array.shape) for name, array in states.items()}
    recordings = [recording_of(0, untrained), recording_of(4, states)]
    whole, end = measure(setup, recordings), measure_end(Trained(setup, recordings, strings_of(setup)))
    assert end["middle_layer"] == 1
    for m in ("ari", "cross_pattern_1nn"):
        assert end[m] == {split: values[-1] for split, values in whole[m].items()}
        assert end["untrained"][m] == {split: values[0] for split, values in whole[m].items()}
        assert end["bag_of_letters"][m] == whole["controls"]["bag_of_letters"][m]
        assert end[m] != end["untrained"][m]
    assert end["regrouping_null_99"] == whole["controls"]["regrouping_null_99"]["train"]
    assert end["accuracy"] == {split: values[-1] for split, values in whole["accuracy"].items()}
    assert end["accuracy"] != {split: values[0] for split, values in whole["accuracy"].items()}
    # One of four outputs of the group; of five other patterns, one is of the same task.
    assert (end["chance"], end["chance_1nn"]) == (1 / 4, 1 / 5)


def test_the_chance_of_a_neighbour_leaves_the_own_pattern_out():
    assert chance_of_neighbour(make_instruction_dataset(2, 3, 4, n_held_out_inputs=1)) == 2 / 5
