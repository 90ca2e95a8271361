"""The training loop, its progress, and the recording of what a model has inside."""

from .progress import Progress
from .recording import answer, hidden_states_at, recording_steps
from .step import TrainingDiverged, shuffled_batches, train_step, training_steps

__all__ = [
    "Progress",
    "TrainingDiverged",
    "answer",
    "hidden_states_at",
    "recording_steps",
    "shuffled_batches",
    "train_step",
    "training_steps",
]
