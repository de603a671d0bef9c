"""Measuring many images: files, folders and archives, in several processes.

What comes out is in the order of what goes in, whatever the number of processes. A file that kills
its process is refused; the others go on.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from careloop.imaging.image import Image
from careloop.imaging.measurement import Settings
from careloop.imaging.measuring import finding
from careloop.imaging.measuring.mask import Masks
from careloop.imaging.measuring.result import Measured, Refused
from careloop.imaging.measuring.single import Demand, Task, measured_image
from careloop.records.finding import FINDINGS

Result = Measured | Refused
_IN_FLIGHT = 3
"""Jobs waiting for each process: enough that none idles, few enough to hold in memory."""
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".nii", ".nii.gz")
"""Files that stand alone, and so are read by the process that measures them."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One file to read and measure, or an image that is read already."""

    what: Path | Image
    picture: bool

    @property
    def name(self) -> str:
        return self.what.name if isinstance(self.what, Path) else self.what.origin.name


def measure_files(
    paths: Iterable[Path | str],
    *,
    masks: Path | str | Masks | None = None,
    settings: Settings | None = None,
    demand: Demand | None = None,
    processes: int | None = None,
    pictures: int = 0,
    begun: Callable[[int], None] | None = None,
) -> Iterator[Measured | Refused]:
    """Measure every image in files, folders and archives.

    Parameters
    ----------
    paths
        Files, folders (with all below them) and archives, as `reading.read_images` takes them.
    masks
        Folder of label files or one label file; without it the bright foreground is measured and
        every result says so.
    settings, demand
        As in `measure`.
    processes
        How many measure at a time; default: one for each core. With 1 all is done in this process.
    pictures
        How many of the first images get a small picture.
    begun
        Called with the number of images taken up so far.

    Yields
    ------
    Measured or Refused
        One for each region of each image, in the order of the input. A bad file never raises.

    Raises
    ------
    InputError
        Before anything is measured: a path that is not there, masks or settings that are wrong.
    """
    given = [Path(path) for path in paths]
    regions = masks if masks is None or isinstance(masks, Masks) else Masks(masks)
    task = Task(settings or Settings(), demand or Demand(), regions)
    jobs = _jobs(given, task.settings, pictures, begun or (lambda _: None))
    count = processes or _processes(given)
    return _here(jobs, task) if count == 1 else _elsewhere(jobs, task, count)


def _processes(paths: Sequence[Path]) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    single = len(paths) == 1 and paths[0].is_file() and paths[0].name.lower().endswith(_PICTURES)
    return 1 if single else max(1, cores or 1)


def _jobs(
    paths: Sequence[Path], settings: Settings, pictures: int, begun: Callable[[int], None]
) -> Iterator[_Job | Refused]:
    """Jobs in the order of the paths; what cannot be read is refused here."""
    from careloop.imaging.reading import Refusal, read_images

    count = 0

    def job(what: Path | Image) -> _Job:
        nonlocal count
        count += 1
        begun(count)
        return _Job(what, picture=count <= pictures)

    for alone, group in _grouped(paths):
        if alone:
            yield from (job(path) for path in group)
            continue
        for read in read_images(group, spacing_mm=settings.spacing_mm):
            if isinstance(read, Refusal):
                yield _unread(read.name, read.problem, read.remedy, read.code)
            else:
                yield job(read)


def _grouped(paths: Sequence[Path]) -> Iterator[tuple[bool, list[Path]]]:
    """Runs of files that are read one by one (True), and of whatever else (False)."""
    rest: list[Path] = []
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        alone = bool(files) and all(
            file.name.lower().endswith(_PICTURES) for file in files if not file.is_dir()
        )
        if not alone:
            rest.append(path)
            continue
        if rest:
            yield False, rest
            rest = []
        yield True, [file for file in files if not file.is_dir()]
    if rest:
        yield False, rest


def _unread(name: str, problem: str, remedy: str, code: str) -> Refused:
    return Refused(name, code or finding.NOT_READ, problem, remedy)


def _worked(job: _Job, task: Task) -> list[Result]:
    """Read, where that is left to do, and measure. Never raises."""
    if isinstance(job.what, Image):
        return measured_image(job.what, task, picture=job.picture)
    from careloop.imaging.reading import Refusal, read_images

    found: list[Result] = []
    for read in read_images([job.what], spacing_mm=task.settings.spacing_mm):
        if isinstance(read, Refusal):
            found.append(_unread(read.name, read.problem, read.remedy, read.code))
        else:
            found += measured_image(read, task, picture=job.picture)
    return found


def _here(jobs: Iterable[_Job | Refused], task: Task) -> Iterator[Result]:
    for job in jobs:
        if isinstance(job, Refused):
            yield job
        else:
            yield from _worked(job, task)


# --- other processes

_TASK: list[Task] = []
"""The task of this process, set when it starts."""


def _begin(task: Task) -> None:
    _TASK[:] = [task]


def _work(job: _Job) -> list[Result]:
    return _worked(job, _TASK[0])


def _pool(task: Task, processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(task,)
    )


@dataclass
class _Waiting:
    """A job under way, or what has come of it."""

    job: _Job | None
    future: Future[list[Result]] | None = None
    results: list[Result] | None = None


def _elsewhere(jobs: Iterable[_Job | Refused], task: Task, processes: int) -> Iterator[Result]:
    """Keep a few jobs under way; give results out in the order of the jobs."""
    crew = _Crew(task, processes)
    waiting: deque[_Waiting] = deque()
    try:
        for job in jobs:
            if isinstance(job, Refused):
                waiting.append(_Waiting(None, results=[job]))
            else:
                waiting.append(_Waiting(job, crew.submit(job)))
            while len(waiting) >= _IN_FLIGHT * processes:
                yield from crew.first(waiting)
        while waiting:
            yield from crew.first(waiting)
    finally:
        crew.dismiss()


class _Crew:
    """The processes of a run, renewed when one dies."""

    def __init__(self, task: Task, processes: int) -> None:
        self._task, self._processes = task, processes
        self._workers: ProcessPoolExecutor | None = None

    def submit(self, job: _Job) -> Future[list[Result]]:
        """Hand a job over; if the processes are gone, its future says so."""
        if self._workers is None:
            self._workers = _pool(self._task, self._processes)
        try:
            return self._workers.submit(_work, job)
        except BrokenProcessPool as error:
            lost: Future[list[Result]] = Future()
            lost.set_exception(error)
            return lost

    def first(self, waiting: deque[_Waiting]) -> list[Result]:
        """What has come of the job that waits longest.

        When a process dies nobody knows whose job killed it: all that were under way are done
        again, one after the other in one process, and the one that kills that is refused.
        """
        one = waiting.popleft()
        if one.results is not None:
            return one.results
        try:
            return _result(one)
        except BrokenProcessPool:
            self.dismiss()
            self._carefully([one, *waiting])
            return one.results or []

    def _carefully(self, waiting: Sequence[_Waiting]) -> None:
        alone: ProcessPoolExecutor | None = None
        for one in waiting:
            if one.job is None or _is_done(one):
                continue
            alone = alone or _pool(self._task, 1)
            try:
                one.results = alone.submit(_work, one.job).result()
            except BrokenProcessPool:
                alone.shutdown(wait=False, cancel_futures=True)
                alone = None
                one.results = [_died(one.job)]
        if alone is not None:
            alone.shutdown(wait=False, cancel_futures=True)

    def dismiss(self) -> None:
        """End the processes; another job starts others."""
        if self._workers is not None:
            self._workers.shutdown(wait=False, cancel_futures=True)
        self._workers = None


def _result(one: _Waiting) -> list[Result]:
    return [] if one.future is None else one.future.result()


def _is_done(one: _Waiting) -> bool:
    future = one.future
    return future is not None and future.done() and not (future.cancelled() or future.exception())


def _died(job: _Job) -> Refused:
    kind = FINDINGS[finding.WORKER_DIED]
    image = job.what if isinstance(job.what, Image) else None
    return Refused(
        job.name,
        finding.WORKER_DIED,
        kind.en,
        kind.remedy_en,
        image.origin.sha256 if image else "",
        image.origin.frame if image else None,
    )
