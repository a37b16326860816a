"""The scenario that tries every trial, and the one in which each arm has its choice."""

from devlearn.scenario import experiment, parse, points, settled, source

OVER = "tune: {over: {stages.review.learning_rate: [1e-2, 2e-2]}, seeds: [50, 51], probe: held}"


def test_every_arm_gets_the_same_trials_on_other_seeds_and_no_test_data(valid):
    scenario = parse(valid, "f")
    tried = experiment(scenario)
    assert tried.seeds == (50, 51) and tried.tune is None and tried.pin == ("init", "labels")
    assert set(tried.probes) == {"held"}  # digits reads the test images, fun chooses nothing
    assert not [split for probe in tried.probes.values() for split in probe.splits() if split.endswith("test")]
    assert (tried.compare.probe, tried.compare.pairs, tried.compare.looks) == ("held", (), None)
    rates = [0.01, 0.02] * 4
    assert [point["stages.review.learning_rate"] for point, _ in points(tried)] == rates
    assert [point["brain.width"] for point, _ in points(tried)] == [[4], [4], [4, 4], [4, 4]] * 2
    for rate, (_, at) in zip(rates, points(tried), strict=True):
        assert list(at.arms) == ["plain", "playful", "gated", "matched"] and set(at.probes) == {"held"}
        assert at.arms["gated"].steps[3].stage.learning_rate == rate


def test_a_probe_that_opens_a_gate_is_measured_too(unvaried):
    text = unvaried.replace("51], probe: held}", "51], probe: other}")
    text = text.replace("probes:\n", "probes:\n  other: {kind: fake.accuracy, data: mnist.valid}\n")
    assert set(experiment(parse(text, "f")).probes) == {"held", "other"}


def test_a_choice_is_set_in_its_arm_at_its_point(valid):
    scenario = parse(valid, "f")
    trials = [{"stages.review.learning_rate": rate} for rate in (0.01, 0.02)]
    picks = [
        {"plain": trials[0], "playful": trials[0], "gated": trials[trial], "matched": trials[1]}
        for trial in (0, 1, 1, 0)
    ]
    found = settled(scenario, picks)
    rates = {arm: [at.arms[arm].steps[-1].stage.learning_rate for _, at in points(found)] for arm in scenario.arms}
    assert rates["gated"] == [0.01, 0.02, 0.02, 0.01]
    assert rates["plain"] == rates["playful"] == [0.01] * 4 and rates["matched"] == [0.02] * 4
    assert found.seeds == scenario.seeds and found.compare == scenario.compare
    for (_, before), (_, after) in zip(points(scenario), points(found), strict=True):
        assert after.arms["gated"].steps[:3] == before.arms["gated"].steps[:3]
        assert after.stages == before.stages and after.probes == before.probes


def test_a_path_below_a_key_keeps_the_rest_of_it_and_what_the_arm_sets(unvaried):
    over = (
        "tune: {over: {stages.play.env_kwargs.size: [5, 6], stages.review.updates: [7, 8]}, seeds: [50], probe: held}"
    )
    text = unvaried.replace(OVER, over).replace("{size: 3}", "{size: 3, colour: red}")
    text = text.replace("[review]", "[play, review]")
    playful = settled(
        parse(text, "f"), [{"playful": {"stages.play.env_kwargs.size": 6, "stages.review.updates": 8}}]
    ).arms["playful"]
    assert playful.steps[0].stage.env_kwargs == {"size": 6, "colour": "red"}
    assert (playful.steps[1].stage.updates, playful.steps[1].stage.labels, playful.steps[1].stream) == (8, 50, "again")
    assert (
        settled(parse(text, "f"), [{"playful": {"stages.play.env_kwargs.size": 5, "stages.review.updates": 7}}])
        .arms["plain"]
        .steps[1]
        .stage.updates
        == 10
    )


def test_a_scenario_as_one_text_is_the_same_scenario(valid):
    scenario = parse(valid, "f", ["stages.review.updates=12", "seeds=2"])
    again = parse(source(scenario), "g", ["seeds=[0, 1]"])
    both = [[(point, at.model_dump()) for point, at in points(one)] for one in (again, scenario)]
    assert again.model_dump() == scenario.model_dump() and both[0] == both[1]


def test_the_stops_of_a_scenario_are_its_planned_looks(valid):
    stops = {text: parse(valid, "f", [f"seeds={text}"]).stops for text in ("4", "2", "3", "9", "[0, 1]", "[1, 2]")}
    assert stops == {"4": (2, 4), "2": (2,), "3": (3,), "9": (9,), "[0, 1]": (2,), "[1, 2]": (2,)}
