"""In what two programs differ that trained jobs of a run."""

from devlearn.records.schema import Program


def unlike(now: Program, before: Program) -> list[str]:
    """What ``now`` is made of that was otherwise ``before``, in words; a plug-in that only one of them has is not."""
    found = [
        f"{name} was {before.versions[name]} and is {version}"
        for name, version in now.versions.items()
        if before.versions.get(name, version) != version
    ]
    ours, theirs = now.sources or {}, before.sources or {}
    for module in sorted(ours.keys() & theirs.keys()):
        files = sorted(ours[module].keys() | theirs[module].keys())
        changed = (file for file in files if ours[module].get(file) != theirs[module].get(file))
        found += [f"{file} of {module} was changed" for file in changed]
    return found
