"""What a learner can be born with, and the controls for it."""
