"""In what two programs differ that trained jobs of a run."""

from devlearn.records.schema import Program


def unlike(now: Program, before: Program) -> list[str]:
    """What ``now`` is made of that was otherwise ``before``, in words; a plug-in that only one of them has is not."""
    found = [
        f"{name} was {before.versions[name]} and is {version}"
        for name, version in now.versions.items()
        if before.versions.get(name, version) != version
    ]
    if now.device != before.device:
        found.append(f"tensors were on {before.device or 'the CPU'} and are on {now.device or 'the CPU'}")
    if now.compiler != before.compiler:
        was, are = (f"compiled by {each.compiler}" if each.compiler else "not compiled" for each in (before, now))
        found.append(f"updates were {was} and are {are}")
    ours, theirs = now.sources or {}, before.sources or {}
    for module in sorted(ours.keys() & theirs.keys()):
        files = sorted(ours[module].keys() | theirs[module].keys())
        changed = (file for file in files if ours[module].get(file) != theirs[module].get(file))
        found += [f"{file} of {module} was changed" for file in changed]
    return found
