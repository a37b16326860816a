"""The page of mutation tests is what its file makes of it, and no survivor is left unexplained."""

from devlearn_docs import mutation


def test_the_page_is_made_of_the_file() -> None:
    assert mutation.PAGE.read_text(encoding="utf-8") == mutation.page(mutation.read()), "docs/devlearn_docs/mutation.py"


def test_every_survivor_is_a_line_of_the_code_as_it_is_and_says_why_it_may_survive() -> None:
    rows = mutation.read()
    assert rows
    for path, row in rows.items():
        lines = (mutation.DOCS.parent / path).read_text(encoding="utf-8").splitlines()
        for one in row.survivors:
            assert one.equivalent, f"{path}: a test is missing that fails with {one.after!r}"
            assert one.before in map(str.strip, lines), f"{path} has changed: run `make mutation`"
        assert 0 <= row.first - len(row.survivors) <= row.mutants
