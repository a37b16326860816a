"""``stream``: a shorthand for tasks that come one after another, written out as ordinary stages, probes and skills.

    stream: {kind: split, data: digits, into: 5, setting: class, stage: {updates: 100}}
    arms: {fine-tuning: [stream]}

is five stages ``task1`` .. ``task5`` with a probe of the same name each, ``compare.matrix.skills`` of them where the
scenario names none, and an arm that lives them in order. What the file says of ``stages.task2`` itself holds. What is
written out is a tree like any other: its places are those of the stream, and all checks come after.

With ``kind: envs`` the stages are ``trial.ppo`` and the probes ``return``: see ``env_stream``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from devlearn.registry import NoPlugin, get
from devlearn.scenario.env_stream import environments, ids
from devlearn.scenario.problems import Mark, Problems
from devlearn.scenario.splits import is_path, joined
from devlearn.scenario.stream_models import EnvStream, Stream
from devlearn.scenario.validate import text_of, validate
from devlearn.scenario.yaml_nodes import Entry, Leaf, List, Map, Node

STREAM = "stream"  # the key, and what stands for all of its stages in an arm
SHARED = "part"  # the read-out of all tasks, domain-incremental
TURN = 180.0  # degrees that a rotated stream turns by in all
BLUR = 2.0  # pixels, one sd, that a blurred stream gets out of focus by in all
SEEN_AS = ("classes", "view", "relabel", "head", "rare")  # keys that say how a data set is seen
NUMBERED = re.compile(r"task[1-9]\d*")

Checks = Mapping[str, Callable[[Any], object]]


def expanded(root: Map, problems: Problems, checks: Checks) -> Map | None:
    """The scenario with its stream written out, as it is where it has none; None where the stream is broken.

    Then nothing else is checked: arms that live its tasks would all be wrong too. ``checks["sense"]`` finds data sets
    in files.
    """
    entry = root.entries.get(STREAM)
    if entry is None:
        return root
    rest = {key: own for key, own in root.entries.items() if key != STREAM}
    if not isinstance(entry.node, Map):
        problems.add(entry.node.mark, "stream must be a map with a kind, as {kind: split, data: mnist, into: 5}")
        return None
    made = _made(entry.node, entry.mark, problems, checks)
    if made is None or not _seen_alike(entry.node, made, problems):
        return None
    names = [f"task{number}" for number in range(1, len(made.stages) + 1)]
    for name, own in _section(root, "stages").items():
        if NUMBERED.fullmatch(name) and name not in names:
            problems.note(own.mark, f"stage {name!r} is none of the stream's, which has {len(names)} tasks")
    for section, keys in (("stages", made.stages), ("probes", made.probes)):
        given = entry.node.get(section.removesuffix("s"))
        rest[section] = _with(root, section, dict(zip(names, keys, strict=True)), given, entry.mark)
    experts = {name: f"only-{name}" for name in names} if made.experts else {}
    if "arms" in rest:
        rest["arms"] = _lived(rest["arms"], names)
        alone = {arm: Entry(entry.mark, _node([name], entry.mark)) for name, arm in experts.items()}
        if isinstance(arms := rest["arms"].node, Map):
            rest["arms"] = Entry(rest["arms"].mark, Map({**arms.entries, **alone, **arms.entries}, arms.mark))
    if isinstance(compare := root.get("compare"), Map):
        skills = {"skills": {name: name for name in names}, **({"experts": experts} if experts else {}), **made.scores}
        rest["compare"] = Entry(root.entries["compare"].mark, _asked(compare, skills, entry.mark))
    return Map(rest, root.mark)


class _Made(NamedTuple):
    """What a stream adds: the keys of each task's stage and probe, whether experts, and what kind of scores."""

    stages: Sequence[Mapping[str, Any]]
    probes: Sequence[Mapping[str, Any]]
    experts: bool
    scores: Mapping[str, str]


def _made(node: Map, mark: Mark, problems: Problems, checks: Checks) -> _Made | None:
    """None where the stream can't be made, which ``problems`` says."""
    if text_of(node.get("kind")) == "envs":
        played = validate(EnvStream, node, mark, problems)
        envs = environments(played, node, problems) if played else None
        if played is None or envs is None:
            return None
        experts = len(ids(played)) > 1 if played.experts is None else played.experts
        stages, probes = ([{"kind": kind, **task} for task in envs] for kind in ("trial.ppo", "return"))
        return _Made(stages, probes, experts, {"scores": "normalised"} if experts else {})
    asked = validate(Stream, node, mark, problems)
    tasks = _tasks(asked, node, problems, checks) if asked else None
    if asked is None or tasks is None:
        return None
    parts = (("supervise", "train"), ("accuracy", "test"))
    stages, probes = (
        [{"kind": kind, "data": joined(asked.data, part), **own} for own in tasks] for kind, part in parts
    )
    return _Made(stages, probes, asked.experts, {})


def _seen_alike(node: Map, made: _Made, problems: Problems) -> bool:
    """What all stages are given is no key that makes a task, and their kind has those keys; probes see what they do."""
    makes = dict.fromkeys(key for task in made.stages for key in task if key in SEEN_AS)
    given = {part: own.entries if isinstance(own := node.get(part), Map) else {} for part in ("stage", "probe")}
    before = len(problems.mistakes)
    for part, other in (("stage", "probe"), ("probe", "stage")):
        kind = given[part].get("kind")
        if kind and (lacks := [key for key in makes if key not in _fields(f"{part}s", text_of(kind.node), key)]):
            why = f"{text_of(kind.node)} has no key {lacks[0]!r}, which makes the tasks of this stream"
            problems.add(kind.node.mark, f"{why}; write its tasks as stages")
        for key in (key for key in SEEN_AS if key in given[part]):
            if key in makes:
                problems.add(given[part][key].mark, f"{key!r} makes the tasks of this stream; leave it out")
            elif key not in given[other]:
                problems.add(given[part][key].mark, f"the {other}s would not have this {key}; give it to {other} too")
    return len(problems.mistakes) == before


def _fields(registry: str, kind: str | None, key: str) -> Mapping[str, object] | tuple[str, ...]:
    """The keys of a kind of stage or probe; one that is unknown is told of elsewhere, and has the key."""
    try:
        fields: Mapping[str, object] = get(registry, kind or "").model_fields
    except NoPlugin:
        return (key,)
    return fields


def _tasks(asked: Stream, node: Map, problems: Problems, checks: Checks) -> list[dict[str, Any]] | None:
    """The keys that make each task; None where the stream can't be made, which ``problems`` says."""
    setting = asked.setting or ("class" if asked.kind == "split" else "domain")
    number = range(1, asked.into + 1)
    heads = {"task": [f"task{one}" for one in number], "domain": [SHARED] * asked.into}
    if asked.kind == "split":
        classes = _classes(asked, node, problems, checks)
        if classes is None:
            return None
        each = classes // asked.into
        tasks: list[dict[str, Any]] = [{"classes": [*range(at, at + each)]} for at in range(0, classes, each)]
    elif setting == "class":
        why = f"in a stream of kind {asked.kind} every task has the same classes: write setting: domain, or task"
        problems.add(_mark(node, "setting"), why)
        return None
    elif asked.kind == "imbalanced":
        source = _source(asked, node, problems, checks)
        if source is None:
            return None
        tasks = [{"rare": {"classes": _every(int(source.classes), asked.into, at)}} for at in range(asked.into)]
        heads.pop("domain")  # that of the data set
    else:
        tasks = [_altered(asked.kind, at, asked.into) if at else {} for at in range(asked.into)]
        heads.pop("domain")
    return [{**task, **({"head": heads[setting][at]} if setting in heads else {})} for at, task in enumerate(tasks)]


def _altered(kind: str, at: int, into: int) -> dict[str, Any]:
    """The keys of a task ``at`` a place in a stream of all classes; that at place 0 is as it is."""
    keys: dict[str, dict[str, Any]] = {
        "permuted": {"view": {"permute": at}},
        "rotated": {"view": {"rotate": TURN / into * at}},
        "blurred": {"view": {"blur": BLUR / into * at}},
        "relabelled": {"relabel": at},
    }
    return keys[kind]


def _every(classes: int, into: int, at: int) -> list[int]:
    """The classes that are rare in a task: each in one of as many tasks as there are, one in a task where more are."""
    return [label for label in range(classes) if label % into == at] or [at % classes]


def _source(asked: Stream, node: Map, problems: Problems, checks: Checks) -> Any:
    """The data set; None where there is none, which ``problems`` says."""
    try:
        return checks["sense"](asked.data) if is_path(asked.data) and "sense" in checks else get("data", asked.data)()
    except (NoPlugin, ValueError) as error:
        problems.add(_mark(node, "data"), str(error))
        return None


def _classes(asked: Stream, node: Map, problems: Problems, checks: Checks) -> int | None:
    """How many classes the data set has; None where that is unknown, or they make no equal parts."""
    source = _source(asked, node, problems, checks)
    if source is None:
        return None
    classes = int(source.classes)
    if classes % asked.into or classes < 2 * asked.into:
        parts = [into for into in range(2, classes // 2 + 1) if classes % into == 0]
        mend = f"write into: {' or '.join(map(str, parts))}" if parts else "take another data set"
        why = f"the {classes} classes of {asked.data} don't make {asked.into} tasks of as many each, two at least"
        problems.add(_mark(node, "into"), f"{why}; {mend}")
        return None
    return classes


def _mark(node: Map, key: str) -> Mark:
    return node.entries[key].node.mark if key in node.entries else node.mark


def _section(root: Map, key: str) -> dict[str, Entry]:
    node = root.get(key)
    return node.entries if isinstance(node, Map) else {}


def _node(value: Any, mark: Mark) -> Node:
    """Plain values as nodes that stand at one place; what is a node already stands where it is."""
    if isinstance(value, Map | List | Leaf):
        return value
    if isinstance(value, Mapping):
        return Map({str(key): Entry(mark, _node(own, mark)) for key, own in value.items()}, mark)
    if isinstance(value, list | tuple):
        return List(tuple(_node(own, mark) for own in value), mark)
    return Leaf(value, mark)


def _with(root: Map, section: str, made: Mapping[str, Any], given: Node | None, mark: Mark) -> Entry:
    """A section with what the stream adds to it, in front: what makes a task, what is ``given`` for all of them.

    What the file says of a task itself holds.
    """
    own, written = root.entries.get(section), _section(root, section)
    shared = given.entries if isinstance(given, Map) else {}
    added = {}
    for name, keys in made.items():
        plain = {key: Entry(mark, _node(value, mark)) for key, value in keys.items()}
        before = written.get(name)
        inner = before.node.entries if before and isinstance(before.node, Map) else {}
        at = before.mark if before else mark
        added[name] = Entry(at, Map({**plain, **shared, **inner}, before.node.mark if before else mark))
    rest = {name: entry for name, entry in written.items() if name not in made}
    return Entry(own.mark if own else mark, Map({**added, **rest}, own.node.mark if own else mark))


def _lived(arms: Entry, names: list[str]) -> Entry:
    """The arms, with ``stream`` in a list of stages as all of its tasks in order."""
    if not isinstance(arms.node, Map):
        return arms
    found = {name: Entry(own.mark, _arm(own.node, names)) for name, own in arms.node.entries.items()}
    return Entry(arms.mark, Map(found, arms.node.mark))


def _arm(node: Node, names: list[str]) -> Node:
    if isinstance(node, List):
        return List(tuple(item for own in node.items for item in _item(own, names)), node.mark)
    if isinstance(node, Map) and isinstance(listed := node.get("stages"), List):
        stages = Entry(node.entries["stages"].mark, _arm(listed, names))
        return Map({**node.entries, "stages": stages}, node.mark)
    return node


def _item(node: Node, names: list[str]) -> list[Node]:
    """One item of an arm: ``stream``, or ``{use: stream, set: {..}}``, for each of its tasks."""
    if text_of(node) == STREAM:
        return [Leaf(name, node.mark) for name in names]
    if isinstance(node, Map) and text_of(node.get("use")) == STREAM:
        use = node.entries["use"]
        return [Map({**node.entries, "use": Entry(use.mark, Leaf(name, use.node.mark))}, node.mark) for name in names]
    return [node]


def _asked(compare: Map, skills: Mapping[str, Any], mark: Mark) -> Map:
    """The question, about the stream's skills where it asks of a matrix and names none."""
    matrix = compare.get("matrix")
    if (isinstance(matrix, Map) and "skills" in matrix.entries) or not ({"metric", "matrix"} & compare.entries.keys()):
        return compare
    kept = matrix.entries if isinstance(matrix, Map) else {}
    made = {key: Entry(mark, _node(value, mark)) for key, value in skills.items()}
    at = compare.entries["matrix"].mark if "matrix" in compare.entries else mark
    return Map({**compare.entries, "matrix": Entry(at, Map({**made, **kept}, mark))}, compare.mark)
