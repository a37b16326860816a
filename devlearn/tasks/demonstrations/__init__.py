"""Episodes that somebody lived, as data to learn from: read from files, recorded, and as a learner would see them."""

from devlearn.tasks.demonstrations.controllers import Controller, controller, tried
from devlearn.tasks.demonstrations.encoded import Demonstrations, demonstrations, encoded
from devlearn.tasks.demonstrations.episodes import Episodes
from devlearn.tasks.demonstrations.files import digest, episodes, is_demonstrations, located
from devlearn.tasks.demonstrations.record import record

__all__ = [
    "Controller",
    "Demonstrations",
    "Episodes",
    "controller",
    "demonstrations",
    "digest",
    "encoded",
    "episodes",
    "is_demonstrations",
    "located",
    "record",
    "tried",
]
