"""The training loop, its progress, its checkpoints, and the recording of what a model has inside."""

from .batches import ShuffledBatches
from .checkpoint import Checkpoint, CheckpointError, CheckpointWriter, load_checkpoint, restore, save_checkpoint
from .description import describe_checkpoint
from .memory import keep_freed_memory
from .progress import Progress
from .recording import Recording, answer, hidden_states_at, recording_steps
from .step import TrainingDiverged, train_step, training_steps

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "CheckpointWriter",
    "Progress",
    "Recording",
    "ShuffledBatches",
    "TrainingDiverged",
    "answer",
    "describe_checkpoint",
    "hidden_states_at",
    "keep_freed_memory",
    "load_checkpoint",
    "recording_steps",
    "restore",
    "save_checkpoint",
    "train_step",
    "training_steps",
]
