"""School: learning from labels. Here is the stage ``supervise`` itself, as a plug-in's module is called as it is."""

from devlearn.stages.supervise.cross_entropy import Supervise

__all__ = ["Supervise"]
