"""One task after another within a stage: every so many updates pixels, or names of classes, change places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from devlearn.lazy import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from devlearn.stages.context import Context, State

STREAM = "tasks"


class TaskSeries(BaseModel):
    """Tasks of ``every`` minibatches each, which no learner is told the beginning of. Draws from the stream ``tasks``.

    Each learner has tasks of its own, the first one included: task t is drawn at counter t.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    kind: Literal["permuted", "relabelled"] = Field(
        description="permuted: each task moves the pixels of all images to other places, colours stay together; "
        "relabelled: each task gives the classes each other's names"
    )
    every: Annotated[int, Field(ge=1)] = Field(description="updates that a task lasts")

    def begin(self, learners: int, device: torch.device) -> State:
        """``answered`` (N, every): the accuracies of the last updates, each where it stands in its task."""
        return {"answered": torch.zeros(learners, self.every, device=device)}

    @property
    def memory(self) -> int:
        """Bytes of ``answered``, for one learner."""
        return 4 * self.every

    def shown(
        self, batches: Iterator[dict[str, Tensor]], classes: int, context: Context, done: int
    ) -> Iterator[dict[str, Tensor]]:
        """Minibatches as their tasks have them: ``images`` (N, B, H, W[, C]) or (N, B, D), ``labels`` (N, B).

        ``classes`` are those of the read-out; ``done`` minibatches were taken before the first.
        """
        task, change = -1, torch.empty(0)
        for batch in batches:
            if done // self.every != task:
                task, size = done // self.every, classes
                if self.kind == "permuted":
                    size = batch["images"].shape[2:4].numel()  # of pixels, whatever a pixel has
                drawn = context.streams(STREAM, counter=task).permutation(size)
                change = torch.from_numpy(drawn).to(batch["labels"].device)  # (N, size)
            yield {**batch, **self._changed(batch, change)}
            done += 1

    def _changed(self, batch: dict[str, Tensor], change: Tensor) -> dict[str, Tensor]:
        if self.kind == "relabelled":
            return {"labels": change.gather(1, batch["labels"])}
        images = batch["images"]
        pixels = images.flatten(2, min(3, images.dim() - 1))  # (N, B, H W) or (N, B, H W, C)
        own = torch.stack([seen.index_select(1, order) for seen, order in zip(pixels, change, strict=True)])
        return {"images": own.view_as(images)}

    def online(self, state: State, accuracy: Tensor) -> Tensor:
        """The accuracy (N,) of an update is noted after ``state["done"]`` counts it; the mean of the last ``every``.

        Of those since the stage began where there were fewer. At a task's end it is the task's online accuracy.
        """
        answered, done = state["answered"], state["done"]
        answered[:, (done - 1) % self.every] = accuracy.to(answered.dtype)
        mean: Tensor = answered.sum(1) / min(done, self.every)
        return mean
