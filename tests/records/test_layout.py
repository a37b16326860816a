"""Where everything stands in a run folder; a visit's folder says which visit it is."""

from pathlib import Path

import pytest

from devlearn.records.layout import BIRTH, JobFolder, RunFolder, VisitFolder, job_name, visit_name


def test_paths_are_those_of_format_1() -> None:
    run = RunFolder(Path("r"))
    job = run.job(job_name("look+school-1a2b", "seeds-0-7"))
    assert job.root == Path("r/jobs/look+school-1a2b/seeds-0-7") and job.run == run
    assert job.end == job.root / "artifacts/end.pt" and job.spec == job.root / "job.json"
    visit = job.visit(0, "look", 0)
    assert visit.table("train") == job.root / "records/00-look.0/train.csv"
    assert visit.correct("digits") == job.root / "records/00-look.0/arrays/digits.npz"
    assert visit.pictures("fields").name == "fields.pictures.npz"
    assert job.birth.root == job.root / "records/birth"
    assert run.tune.resolved == Path("r/tune/resolved.json")


@pytest.mark.parametrize(
    ("index", "stage", "visit"), [(0, "look", 0), (12, "my-school_2", 3), (101, "0-1", 10), (5, "birth", 1)]
)
def test_a_visits_folder_says_which_it_is(index: int, stage: str, visit: int) -> None:
    found = VisitFolder(Path("records") / visit_name(index, stage, visit))
    assert (found.position, found.stage, found.visit) == (index, stage, visit)


def test_visits_are_in_the_order_of_life(tmp_path: Path) -> None:
    job = JobFolder(tmp_path)
    for name in ("10-school.0", "02-look.1", "birth", "09-play.0"):
        (job.records / name).mkdir(parents=True)
    assert [visit.position for visit in job.visits()] == [BIRTH, 2, 9, 10]
    assert (job.birth.stage, job.birth.visit, job.birth.position) == ("birth", 0, BIRTH)


def test_a_job_without_records_has_no_visits(tmp_path: Path) -> None:
    assert JobFolder(tmp_path / "none").visits() == []
