"""Do the tests err as often as they say? Thousands of simulated experiments in which the truth is known.

python -m benchmarks.calibration docs/calibration.md      # the whole study, half an hour on one core
python -m benchmarks.calibration docs/calibration.md --only "Power laws"    # a table, those it lacks, and all words

Every p value and interval is the shipped function's, called once per simulated experiment. The simulated learners are
draws from a distribution, no network is trained; tests/evidence/analysis/test_same_arms.py does the same with learners
that the engine trained.
"""
