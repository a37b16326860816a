"""What learners are confronted with: data sets and environments."""
