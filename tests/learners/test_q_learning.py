"""Q-learning's targets and loss, by hand."""

import torch

from devlearn.learners.objectives import TemporalDifference, q_targets

VALUES = torch.tensor([[1.0, 4.0, 2.0], [3.0, 0.0, 5.0], [7.0, 8.0, 9.0]])  # of the target network
JUDGED = torch.tensor([[9.0, 1.0, 2.0], [0.0, 6.0, 1.0], [0.0, 0.0, 1.0]])  # of the network that learns
BATCH = {
    "rewards": torch.tensor([1.0, 2.0, 3.0]),
    "discounts": torch.tensor([0.5, 0.25, 0.5]),
    "terminated": torch.tensor([False, False, True]),
}


def test_the_best_action_is_the_targets_own() -> None:
    torch.testing.assert_close(q_targets(BATCH, VALUES), torch.tensor([1 + 0.5 * 4, 2 + 0.25 * 5, 3.0]))


def test_double_takes_the_learners_choice_at_the_targets_value() -> None:
    torch.testing.assert_close(q_targets(BATCH, VALUES, JUDGED), torch.tensor([1 + 0.5 * 1, 2 + 0.25 * 0, 3.0]))


def test_what_is_not_allowed_is_not_the_best() -> None:
    masks = torch.tensor([[True, False, True], [False, True, False], [True, True, True]])
    found = q_targets({**BATCH, "masks": masks}, VALUES)
    torch.testing.assert_close(found, torch.tensor([1 + 0.5 * 2, 2 + 0.25 * 0, 3.0]))
    doubled = q_targets({**BATCH, "masks": ~masks | torch.tensor([False, True, False])}, VALUES, JUDGED)
    torch.testing.assert_close(doubled, torch.tensor([1 + 0.5 * 4, 2 + 0.25 * 0, 3.0]))


def test_the_loss_moves_the_values_of_what_was_done_alone() -> None:
    values = torch.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    batch = {"observations": torch.zeros(2, 1), "actions": torch.tensor([1, 0]), "targets": torch.tensor([5.0, 4.0])}
    loss, metrics = TemporalDifference("eye", "hand")(lambda *_: values, batch)
    loss.backward()
    assert loss.item() == ((2 - 5) ** 2 + (3 - 4) ** 2) / 2 and metrics["q_value"].item() == 2.5
    torch.testing.assert_close(values.grad, torch.tensor([[0.0, -3.0], [-1.0, 0.0]]))
