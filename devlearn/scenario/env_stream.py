"""``stream: {kind: envs}``: environments that come one after another, as what makes each of its stages and probes."""

from collections.abc import Sequence
from typing import Any

from devlearn.scenario.problems import Mark, Problems
from devlearn.scenario.stream_models import EnvStream
from devlearn.scenario.yaml_nodes import List, Map, Node, plain

Task = dict[str, Node]  # the keys that a stage and its probe share


def environments(asked: EnvStream, node: Map, problems: Problems) -> list[Task] | None:
    """The keys that make each task, where they stand in the file; None where they are no stream."""
    listed = node.get("envs")
    assert isinstance(listed, List)
    tasks = [_task(item) for item in listed.items]
    wrong = [
        (item.mark, f"task{index + 1} is the environment of task{same[0] + 1} again; give it other env_kwargs")
        for index, item in enumerate(listed.items)
        if (same := [other for other in range(index) if _plain(tasks[other]) == _plain(tasks[index])])
    ]
    wrong += _unfit(asked, node)
    for mark, message in wrong:
        problems.add(mark, message)
    return None if wrong else tasks


def ids(asked: EnvStream) -> list[str]:
    """The ids of the environments, each once: a learner has a read-out for each of them."""
    return list(dict.fromkeys(item.env for item in asked.envs))


def _task(item: Node) -> Task:
    return {key: entry.node for key, entry in item.entries.items()} if isinstance(item, Map) else {"env": item}


def _plain(task: Task) -> dict[str, Any]:
    found = {key: plain(node) for key, node in task.items()}
    return {key: value for key, value in found.items() if value}


def _unfit(asked: EnvStream, node: Map) -> Sequence[tuple[Mark, str]]:
    """That the read-outs are not those of the setting: they belong to the ids of environments."""
    known, count = ids(asked), len(asked.envs)
    if asked.setting == "domain" and len(known) > 1:
        why = f"{known[0]} and {known[1]} have a read-out each, and setting: domain is of one that all tasks share"
        mend = "give one id with different env_kwargs, or leave the setting out"
    elif asked.setting == "task" and len(known) < count:
        why = f"{count} tasks of {len(known)} id(s) share read-outs, and setting: task gives every task its own"
        mend = "give every task another id, or leave the setting out"
    else:
        return []
    return [(node.entries["setting"].node.mark, f"{why}; {mend}")]
