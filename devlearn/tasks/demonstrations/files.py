"""Where demonstrations are kept: an ``.npz`` of plain arrays, or a data set of Minari's on this machine.

The ``.npz`` has the arrays ``observations`` (of a Dict or Tuple: ``observations/KEY``), ``actions``, ``rewards``,
``terminations``, ``truncations`` and ``lengths``, as ``Episodes`` has them, perhaps a text ``about`` of JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from devlearn.registry import nearest
from devlearn.scenario.splits import MINARI
from devlearn.tasks.data.files import file_digest
from devlearn.tasks.data.source import BadData
from devlearn.tasks.demonstrations.episodes import ENDS, Episodes, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

PLAIN = ("rewards", *ENDS, "lengths")
WHOLE = ("observations", "actions")
ENDING = ".npz"


def located(name: str, folder: Path) -> str:
    """The absolute path of a file of demonstrations, from ``folder`` or from the current one; ``minari:ID`` as it is.

    Raises:
        BadData: there are none, or no name says where they could be.
    """
    if name.startswith(MINARI):
        return name
    if not name.endswith(ENDING):
        raise BadData(f"{name!r} names no demonstrations; write PATH.npz, or minari:ID for a data set of Minari's")
    places = [Path(start, name).expanduser().resolve() for start in (folder, Path.cwd())]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        near = nearest(places[0].name, [other.name for other in places[0].parent.glob(f"*{ENDING}")])
        hint = f"did you mean {near!r}?" if near else "`devlearn demonstrate ENV --out FILE.npz` writes one"
        raise BadData(f"there is no file {places[0]}; {hint}")
    return str(path)


def is_demonstrations(name: str) -> bool:
    """Whether a name is of demonstrations, and not of a data set with classes."""
    if name.startswith(MINARI):
        return True
    if not (name.endswith(ENDING) and Path(name).is_file() and zipfile.is_zipfile(name)):
        return False
    with zipfile.ZipFile(name) as archive:
        return any(part.removesuffix(".npy").partition("/")[0] in WHOLE for part in archive.namelist())


def episodes(name: str) -> Episodes:
    """The demonstrations called ``name``, an absolute path or ``minari:ID``; read anew where the file has changed.

    Raises:
        BadData: they are not there, can't be read, or are not what they have to be; with the key and its shape.
    """
    stamp = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in _files(name))
    return _read(name, stamp)


@lru_cache(maxsize=4)
def _read(name: str, _: tuple[tuple[str, int, int], ...]) -> Episodes:
    return _from_minari(name) if name.startswith(MINARI) else _from_npz(Path(name))


def digest(name: str) -> dict[str, str]:
    """{file: sha256} of demonstrations; one of Minari's is one entry. {} where there is nothing."""
    if not name.startswith(MINARI):
        return file_digest(name)
    whole = hashlib.sha256()
    for file in (found := list(_files(name))):
        whole.update(f"{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return {name: whole.hexdigest()} if found else {}


def _files(name: str) -> Iterator[Path]:
    if name.startswith(MINARI):
        yield from sorted(path for path in (_minari_folder(name) / "data").rglob("*") if path.is_file())
    elif Path(name).is_file():
        yield Path(name)


# ---- .npz --------------------------------------------------------------------------------------------------------


def _from_npz(path: Path) -> Episodes:
    if not zipfile.is_zipfile(path):
        raise BadData(f"{path} is no {ENDING} file, or is cut off; write it with numpy.savez")
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = {key: found[key] for key in found.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        why = "it holds Python objects: save arrays of numbers or of text" if "pickle" in str(error) else str(error)
        raise BadData(f"{path} can't be read: {why}") from error
    about = _about(path, arrays.pop("about", None))
    columns = {whole: _columns(path, whole, arrays) for whole in WHOLE}
    for key in PLAIN:
        if key not in arrays:
            raise BadData(f"{path} has no array {key!r}{_instead(key, arrays)}")
    if strange := sorted(arrays.keys() - {*PLAIN, *(joined(each, key) for each in WHOLE for key in columns[each])}):
        raise BadData(f"{path}: {strange[0]!r} is none of {', '.join((*WHOLE, *PLAIN))} and about; leave it out")
    lengths = _cast(path, "lengths", arrays, "iu", np.int64, "whole numbers")
    rewards = _cast(path, "rewards", arrays, "iufb", np.float64, "numbers")
    terminations, truncations = (_cast(path, end, arrays, "biu", np.bool_, "truth values") for end in ENDS)
    observations, actions = (columns[whole] for whole in WHOLE)
    return Episodes(str(path), observations, actions, rewards, terminations, truncations, lengths, about)


def _columns(path: Path, whole: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays of all entries of ``observations`` or ``actions``, by entry."""
    found = {key[len(whole) + 1 :]: array for key, array in arrays.items() if key.startswith(f"{whole}/")}
    if whole in arrays:
        if found:
            raise BadData(f"{path} has {whole!r} and {joined(whole, next(iter(found)))!r}; keep the one or the other")
        found = {"": arrays[whole]}
    if not found:
        raise BadData(f"{path} has no array {whole!r}{_instead(whole, arrays)}")
    for key, array in found.items():
        if array.ndim < 1:
            raise BadData(f"{path}: {joined(whole, key)} is one number; it has a row for each of them")
    return found


def _instead(key: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """The array that a missing one may be called, or all that there are."""
    near = nearest(key, [other for other in arrays if other not in (*WHOLE, *PLAIN)])
    return f"; is {near!r} meant?" if near else f"; it has {', '.join(arrays) or 'none'}"


def _cast(
    path: Path, key: str, arrays: Mapping[str, NDArray[Any]], kinds: str, dtype: type[np.generic], words: str
) -> NDArray[Any]:
    array = arrays[key]
    if array.dtype.kind not in kinds:
        raise BadData(f"{path}: {key} is {array.shape} {array.dtype}; it has {words}")
    return array.astype(dtype)


def _about(path: Path, text: NDArray[Any] | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        said = json.loads(str(text))
    except ValueError as error:
        raise BadData(f"{path}: about is no JSON ({error}); leave it out, or save json.dumps(..)") from error
    if not isinstance(said, dict):
        raise BadData(f"{path}: about is no map; save json.dumps({{'env': .., 'policy': ..}})")
    return said


# ---- Minari ------------------------------------------------------------------------------------------------------


def _minari_folder(name: str) -> Path:
    """Where Minari keeps a data set, by the variable that it goes by."""
    root = os.environ.get("MINARI_DATASETS_PATH") or Path.home() / ".minari" / "datasets"
    return Path(root, name.removeprefix(MINARI))


def _from_minari(name: str) -> Episodes:
    id, folder = name.removeprefix(MINARI), _minari_folder(name)
    if not folder.is_dir():
        mend = f"`minari download {id}` fetches it, once; no run does"
        raise BadData(f"{name} is not on this machine (looked for {folder}); {mend}")
    try:
        import minari
    except ImportError as error:
        raise BadData(f"{name} is read by Minari; pip install 'devlearn[minari]'") from error
    try:
        found = minari.load_dataset(id)
        told = [each for each in found.iterate_episodes() if len(each)]
    except ImportError as error:
        raise BadData(f"{name} can't be read: {error}; pip install 'devlearn[minari]'") from error
    except (OSError, ValueError, KeyError) as error:
        raise BadData(f"{name} can't be read ({error}); fetch it anew with `minari download {id} --force`") from error
    if not told:
        raise BadData(f"{name} has no episode with a step")
    spec = found.env_spec
    about = {} if spec is None else {"env": spec.id, "env_kwargs": _plain(spec.kwargs)}
    return Episodes(
        name,
        _stacked([each.observations for each in told]),
        _stacked([each.actions for each in told]),
        np.concatenate([each.rewards for each in told]).astype(np.float64),
        np.concatenate([each.terminations for each in told]).astype(bool),
        np.concatenate([each.truncations for each in told]).astype(bool),
        np.array([len(each) for each in told], np.int64),
        {**about, "policy": str(found.storage.metadata.get("algorithm_name", ""))},
    )


def _plain(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments as JSON has them."""
    said: dict[str, Any] = json.loads(json.dumps(dict(kwargs), default=str))
    return said


def _stacked(each: list[Any], key: str = "") -> dict[str, NDArray[Any]]:
    """Nested values of episodes as columns by entry, episodes one behind the other."""
    first = each[0]
    inner = list(first) if isinstance(first, Mapping) else range(len(first)) if isinstance(first, tuple) else None
    if inner is None:
        return {key: np.concatenate([np.asarray(one) for one in each])}
    found: dict[str, NDArray[Any]] = {}
    for name in inner:
        found |= _stacked([one[name] for one in each], f"{key}/{name}" if key else str(name))
    return found
