"""N learners as one program: brains, cohort, objectives, optimisers, FLOPs."""
