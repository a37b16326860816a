"""How the settings of a scenario were found, in a sentence."""


def how_searched(text: str) -> str:
    """``by hand: lr`` becomes ``Settings were searched by hand: lr.``, ``not: WHY`` that they were not; "" stays "".

    ``text`` is what the scenario says under ``searched``.
    """
    if not text:
        return ""
    said = text.strip().rstrip(".")
    return f"Settings were not searched{said[3:]}." if said.startswith("not:") else f"Settings were searched {said}."
