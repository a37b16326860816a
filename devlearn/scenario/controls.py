"""Controls: what a claim about a prior, or about looking, has to rule out, and the arm that does it."""

from typing import Any, Literal, get_args

from devlearn.scenario.keys import ROLES
from devlearn.scenario.problems import hint

Control = Literal[
    "shuffle", "moments", "scale", "spectrum", "sham", "order", "fresh_head", "compute", "data", "experience"
]
CONTROLS: tuple[Control, ...] = get_args(Control)

RULES_OUT: dict[Control, str] = {
    "shuffle": "its weights have better values, whatever their arrangement",
    "moments": "its weights have a better mean and spread",
    "scale": "its weights are larger or smaller",
    "spectrum": "its layers amplify better",
    "sham": "any phase of that length would have done, whatever was seen in it",
    "order": "any lessons in any order, or more of them as time goes by, would have done",
    "fresh_head": "its read-out knew the answers, and nothing else did",
    "compute": "it computed more",
    "data": "it was given more data",
    "experience": "it had lived in its environment for longer",
}
STAGE_OF: dict[Control, str] = {
    "shuffle": "innate.shuffle",
    "moments": "innate.moments",
    "scale": "innate.rescale",
    "spectrum": "innate.spectrum",
    "fresh_head": "innate.fresh_head",
}  # the stage that makes the arm, where one does
MATCHED_BY: dict[Control, tuple[str, ...]] = {
    "compute": ("flops",),
    "data": ("images", "labels"),
    "experience": ("env_steps",),
}
BOUGHT_BY = ("labels", "flops")  # the arm that gives both to a prior that was bought with labels


def example(control: Control) -> str:
    """How the arm is written, for ``born: [prior, school]``."""
    if control in MATCHED_BY:
        units = MATCHED_BY[control]
        both = f"; by: [{', '.join(BOUGHT_BY)}] where prior was bought with labels" if control != "experience" else ""
        return f"{{stages: [school], match: {{arm: born, by: {' or '.join(units)}}}}}{both}"
    if control == "sham":
        return "[{use: prior, set: {sham: ..}}, school]  with the value that is listed as its sham"
    if control == "order":
        return "[{use: play, set: {teacher: {kind: growing}}}]  or kind: random, for an arm taught: [play] with lessons"
    return f"[prior, {control}, school]  with {control}: {{kind: {STAGE_OF[control]}}}"


def sham(stage: type[Any]) -> dict[str, Any]:
    """The key that makes a stage its own sham, perhaps inside a map: true, or the first word that is not none."""
    body = stage.model_json_schema()
    at = body
    for key in stage.sham_key:
        at = _resolved(at, body).get("properties", {}).get(key, {})
    value = next((choice for choice in at.get("enum", ()) if choice != "none"), True)
    keys: Any = value
    for key in reversed(stage.sham_key):
        keys = {key: keys}
    found: dict[str, Any] = keys
    return found


def _resolved(schema: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The schema of a map, or of a map that may be empty, where ``body`` defines it elsewhere."""
    for choice in (schema, *schema.get("anyOf", ())):
        if "$ref" in choice:
            defined: dict[str, Any] = body["$defs"][choice["$ref"].rpartition("/")[2]]
            return defined
    return schema


def no_role(stage: type[Any]) -> str | None:
    """That a stage's class has a role that there is not, with the nearest; None where it has one that there is."""
    if stage.role in ROLES:
        return None
    return f"'role' is {stage.role!r}, which is no role{hint(str(stage.role), ROLES)}"


def misdeclared(stage: type[Any]) -> str | None:
    """What is wrong with ``controls`` and ``control`` of a stage's class, with the mend; None where nothing is."""
    if isinstance(stage.controls, str):
        return f"'controls' is the text {stage.controls!r}; write a tuple: controls = ({stage.controls!r},)"
    for key, named in (("controls", stage.controls), ("control", filter(None, (stage.control,)))):
        if unknown := next((name for name in named if name not in CONTROLS), None):
            return f"{key!r} names {unknown!r}, which is no control{hint(unknown, CONTROLS)}"
    if "sham" in stage.controls and stage.sham_key[0] not in stage.model_fields:
        return "'controls' asks for a sham, which the key 'sham' makes; give it one: sham: bool = Field(False, ..)"
    return None
