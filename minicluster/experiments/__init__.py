"""One module a claim: trains, records, clusters, measures, returns plain results. `reproduce` is the main job."""

from .run import Recording, Setup, prepare, train_and_record
from .settings import Settings

__all__ = ["Recording", "Settings", "Setup", "prepare", "train_and_record"]
