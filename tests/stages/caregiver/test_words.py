"""Words that belong to pictures: which, learned from what, and what they are good for."""

from typing import Any

import pytest
import torch

from devlearn.evidence import statistics
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import Naming
from devlearn.registry import get
from devlearn.stages.caregiver.guess import Guess
from devlearn.stages.caregiver.words import Words
from devlearn.tasks.data.digit_words import ATTRIBUTES, described
from tests.laws.rows import context_for, live, measure

WORDS = {"data": "digits.train", "updates": 60, "batch": 32, "lr": 5e-3}


def said(seeds: tuple[int, ...] = (0, 1), **keys: Any) -> dict[str, torch.Tensor]:
    """The first minibatch's words, and the labels of its images."""
    stage, context = Words(**{**WORDS, **keys}), context_for(seeds)
    own = stage.labelled
    about = stage.speech.about(own.places(context, 0), own.batch_size, context, 0)
    return {**next(about), "labels": next(own.minibatches(context, 0))["labels"]}


def true_words(labels: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(described(labels.flatten().numpy())).view(*labels.shape, -1)


def test_digits_are_called_what_they_are() -> None:
    words = dict(zip(range(10), described(torch.arange(10).numpy()).tolist(), strict=True))
    names = {
        digit: tuple(own[k] for own, k in zip(ATTRIBUTES.values(), word, strict=True)) for digit, word in words.items()
    }
    assert names[8] == ("loop", "even", "large") and names[1] == ("stroke", "odd", "small")
    assert torch.equal(said()["words"], true_words(said()["labels"])) and said()["spoken"].all()


def test_a_foreign_tongue_is_one_permutation_and_nonsense_is_none() -> None:
    foreign, nonsense = said((0, 1, 2), sham="consistent"), said((0, 1, 2), sham="inconsistent")
    truth, labels = true_words(foreign["labels"]), foreign["labels"]
    for learner in range(3):
        for attribute, size in enumerate((3, 2, 2)):
            pairs = set(
                zip(
                    truth[learner, :, attribute].tolist(), foreign["words"][learner, :, attribute].tolist(), strict=True
                )
            )
            assert len(pairs) == size == len({other for _, other in pairs})
    assert (foreign["words"] != truth).any()
    kinds = {(int(label), int(word)) for label, word in zip(labels[0], nonsense["words"][0, :, 0], strict=True)}
    assert len(kinds) > 15, "a digit is called this and that"


def test_a_silent_caregiver_says_nothing_and_one_of_few_words_only_those() -> None:
    assert not said(sham="silent")["spoken"].any()
    few = said(words=("loop", "odd"))
    truth = true_words(few["labels"])
    assert torch.equal(few["spoken"][..., 0], truth[..., 0] == 0) and torch.equal(
        few["spoken"][..., 1], truth[..., 1] == 1
    )
    assert not few["spoken"][..., 2].any()


def test_the_declared_share_of_words_is_wrong() -> None:
    noisy = said(tuple(range(16)), noise=0.25, batch=256)
    wrong = (noisy["words"] != true_words(noisy["labels"])).double().mean((0, 1))
    torch.testing.assert_close(wrong, torch.full((3,), 0.25, dtype=torch.float64), rtol=0, atol=0.03)


@pytest.mark.parametrize(("words", "noise", "doubted"), [((), 0.49, 0), ((), 0.5, 1), (("loop",), 0.6, 0)])
def test_words_that_are_mostly_wrong_are_doubted(words: tuple[str, ...], noise: float, doubted: int) -> None:
    doubts = list(get("stages", "caregiver.words")(updates=5, words=words, noise=noise).doubts())
    assert [key for key, _ in doubts] == ["noise"] * doubted


def test_a_word_is_as_likely_as_its_meaning_is_like_the_picture() -> None:
    """Softmax over the words of an attribute of m(image) . m(word) / sqrt(D), by hand."""
    meanings = {"picture": torch.tensor([[1.0, 2.0, 0.0, 0.0]]), "words": torch.eye(3, 4)}
    naming = Naming("picture", "words", "meaning", (2, 1))
    batch = {"images": None, "text": None, "words": torch.tensor([[1, 0]]), "spoken": torch.tensor([[1, 1]])}
    loss, found = naming(lambda _, sense, head: meanings[sense], batch)
    assert float(loss) == pytest.approx(-torch.tensor([0.5, 1.0]).log_softmax(0)[1].item() / 2)
    assert float(found["comprehension"]) == 1
    silent, _ = naming(lambda _, sense, head: meanings[sense], {**batch, "spoken": torch.tensor([[0, 0]])})
    assert float(silent) == 0


def test_words_are_learned_and_nonsense_is_not() -> None:
    found = {}
    for sham in ("none", "inconsistent"):
        stage = Words(**WORDS, sham=sham)
        learners = Cohort(brain_builder({"kind": "mlp", "width": [32]}, stage.needs()), tuple(range(8)))
        _, yields = live(stage, learners, 60)
        found[sham] = torch.stack([metrics["comprehension"] for metrics in yields[-10:]]).mean(0)
    assert (found["none"] > 0.7).all() and (found["inconsistent"] < 0.55).all(), found


def test_what_has_no_words_or_not_these_is_refused() -> None:
    with pytest.raises(ValueError, match="'thre' is no word of odd_one_out; there are zero, one"):
        Words(data="odd_one_out.train", updates=1, words=("thre",))
    with pytest.raises(ValueError, match=r"nothing is said of .*Photos in words: it has no 'attributes'"):
        Words(data=f"{__name__}:Wordless.train", updates=1)


class Wordless(get("data", "tests.synthetic:Photos")):  # type: ignore[misc]
    kind = f"{__name__}:Photos"
    attributes = {}  # noqa: RUF012


def odd(sham: str) -> torch.Tensor:
    """Accuracy where colour misleads, of twelve learners that have heard words and then guess."""
    keys: dict[str, Any] = {"data": "odd_one_out.train", "updates": 400, "weight_decay": 0.1, "sham": sham}
    stages = (Words(**keys), Guess(**keys, says="explanation", weight=3))
    learners = Cohort(brain_builder({"kind": "mlp", "width": [64, 32]}, stages[1].needs()), tuple(range(12)))
    for stage in stages:
        live(stage, learners, 400, 400)
    return measure(get("probes", "accuracy")(data="odd_one_out.valid"), learners, full=True).values["accuracy"]


def test_words_save_a_learner_from_what_reward_alone_teaches() -> None:
    told, silent, nonsense = (odd(sham) for sham in ("none", "silent", "inconsistent"))
    for control in (silent, nonsense):
        difference = (told - control).double().numpy()
        assert difference.mean() > 0.3 and statistics.sign_flip(difference) < 0.01, (told, control)
    assert float(silent.mean()) < 0.2, "reward alone goes by the colour, worse than guessing"
