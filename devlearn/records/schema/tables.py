"""The tables of a visit to a stage: their columns, each with its meaning."""

LEDGER = {
    "labels": "different labelled images that it was given to learn from, from birth on",
    "label_bits": "what they can tell at most: log2 of the number of classes for each, or what a caregiver's budget "
    "allows, whichever is less",
    "labels_validation": "different labelled images that gates and `compare.select` were told its choices by",
    "images": "images that a network was shown in training: repeats, views and copies of a population all counted",
    "env_steps": "environment steps",
    "updates": "gradient steps, over the whole life",
    "flops": "floating-point operations",
}
# Of lives in which a caregiver says something: their tables alone have these columns.
FEEDBACK = {
    "feedback_events": "guesses, or pictures, of which a caregiver said something: repeats counted",
    "feedback_bits": "what that told, as the stage that it was said in counts it",
}
# Of lives that something protects from forgetting: at most at any moment so far, not in sum.
KEPT = {
    "kept_bytes": "bytes that protections keep of earlier stages: importances, weights, images",
    "kept_images": "images among them",
}
COLUMNS = tuple(LEDGER)
SOMETIMES = (*FEEDBACK, *KEPT)  # columns that only some tables have: 0 where they are not there
SPENT = (*COLUMNS, *SOMETIMES)  # all that a ledger may have
BITS = ("label_bits", "feedback_bits")  # the others are whole numbers
PLACE = {"seed": "the learner", "update": "updates of this visit so far"}
TRAIN = {**PLACE, **LEDGER}
_WHERE = {
    "seed": "the learner",
    "stage": "the stage's name",
    "visit": "which visit to it (0 is the first)",
    "update": "updates of this visit so far",
}
UNSCORED = "unscored"  # an event: whom the learner takes something from in another arm had diverged
# Events that concern all learners of a visit. Their detail is the environment; of a probe, ``PROBE: ENVIRONMENT``.
UNDETERMINED, UNDETERMINED_PROBE, RESTARTED = "undetermined", "undetermined_probe", "restarted"
TABLES = {
    "probes": {
        **_WHERE,
        "moment": "birth, every (on the way, on a fixed part of the data), end, or best (the checkpoint that "
        "`compare.select` picks)",
        "probe": "the probe's name in the scenario",
        "metric": "the probe's metric",
        "value": "what was measured",
    },
    "events": {**_WHERE, "event": "what happened", "detail": "the details in words"},
    "seconds": {"update": "updates of this visit so far", "seconds": "wall-clock seconds of the job so far"},
}
ARRAYS = {
    "<probe>.npz": {
        "seeds": "(N,) the learners",
        "correct": "(N, M / 8) uint8: whether each of M images was right at the stage's end, one bit each",
        "count": "M",
    },
    "<probe>.pictures.npz": {
        "seed": "the job's first learner, whom the pictures show at birth or at the stage's end",
        "fields": "(U, H, W) uint8, of the probe fields: receptive fields; weight 0 is 128, the largest shown 1 or 255",
        "frames": "(T, H, W) or (T, H, W, 3) uint8, of the probe return: T <= 8 moments of one greedy episode",
        "steps": "(T,) the steps of the episode at those moments",
        "rewards": "(T,) float32 the return up to those moments",
        "trace": "(T, D) float32 the observations instead of frames, where an environment can't be drawn",
    },
}
