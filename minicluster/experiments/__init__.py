"""One module a claim: trains, records, clusters, measures, returns plain results. `reproduce` is the main job."""

from ..training import Recording
from .job import Job
from .run import Setup, Training, make_dataset, prepare, train_and_record
from .settings import Settings

__all__ = ["Job", "Recording", "Settings", "Setup", "Training", "make_dataset", "prepare", "train_and_record"]
