"""One module a claim: trains, records, clusters, measures, returns plain results. `reproduce` is the main job."""

from ..training import Recording
from .job import Job
from .run import Setup, Training, prepare, train_and_record
from .settings import GeographySettings, Settings, ShapedSettings

__all__ = [
    "GeographySettings",
    "Job",
    "Recording",
    "Settings",
    "Setup",
    "ShapedSettings",
    "Training",
    "prepare",
    "train_and_record",
]
