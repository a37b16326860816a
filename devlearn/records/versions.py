"""The version of every file format of a run folder, and what to do with a file of another.

A format that changes gets the next number here, and whoever reads it learns to read the one before as well.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """``written`` is the version that this devlearn writes; it reads that one and the one before."""

    name: str
    written: int

    def refusal(self, found: object, resume: bool = False) -> str:
        """Why a file of version ``found`` can't be read, or gone on with (``resume``); empty where it can.

        Going on takes the version that is written: two versions in one folder would be two experiments.
        """
        if found == self.written or (not resume and found == self.written - 1 > 0):
            return ""
        newer = isinstance(found, int) and found > self.written
        mend = "update devlearn" if newer else "go on with the devlearn that wrote it, or run again in another folder"
        known = str(self.written) if resume or self.written == 1 else f"{self.written - 1} and {self.written}"
        verb = "writes" if resume else "reads"
        return f"its {self.name} have format {found!r}, and this devlearn {verb} {known}; {mend}"


PLAN = Format("plans", 1)  # resolved.json
JOB = Format("job files", 1)  # job.json
RECORDS = Format("records", 2)  # the tables and arrays of records/; on record in job.json
CHECKPOINT = Format("checkpoints", 2)  # checkpoints/*.pt, artifacts/end.pt
STEPS = Format("steps", 1)  # steps.json
SEEN = Format("looks", 1)  # seen.json
REGISTRATION = Format("registrations", 1)  # *.registration.json
GENOME = Format("genomes", 1)  # *.genome.npz
