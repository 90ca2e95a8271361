"""The training loop, its progress, its checkpoints, and the recording of what a model has inside."""

from .batches import PairedBatches, ShuffledBatches
from .checkpoint import Checkpoint, CheckpointError, CheckpointWriter, load_checkpoint, restore, save_checkpoint
from .description import describe_checkpoint
from .memory import keep_freed_memory
from .progress import Progress
from .recording import Recording, answer, hidden_states_at, recording_steps
from .shaping import GroupLoss, Shaping, pair_loss
from .step import TrainingDiverged, answer_objective, train_step, training_steps

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "CheckpointWriter",
    "GroupLoss",
    "PairedBatches",
    "Progress",
    "Recording",
    "Shaping",
    "ShuffledBatches",
    "TrainingDiverged",
    "answer",
    "answer_objective",
    "describe_checkpoint",
    "hidden_states_at",
    "keep_freed_memory",
    "load_checkpoint",
    "pair_loss",
    "recording_steps",
    "restore",
    "save_checkpoint",
    "train_step",
    "training_steps",
]
