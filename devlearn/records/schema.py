"""What is written in a run folder: the columns of its tables."""

COLUMNS = ("labels", "label_bits", "images", "env_steps", "updates", "flops")  # of the ledger
TABLES = {
    "probes": ("seed", "stage", "visit", "update", "moment", "probe", "metric", "value"),
    "events": ("seed", "stage", "visit", "update", "event", "detail"),
    "seconds": ("update", "seconds"),
}
