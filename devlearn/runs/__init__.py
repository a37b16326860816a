"""From a scenario to a verdict: plan, engine, executors, and the one way through."""
