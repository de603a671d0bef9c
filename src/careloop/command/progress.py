"""A progress bar for work of a few known steps, silent where nobody watches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

Item = TypeVar("Item")


class Steps:
    """Moves a progress bar from one named step to the next."""

    def __init__(self, progress: Progress, task: TaskID, names: Sequence[str]) -> None:
        self._progress, self._task, self._names, self._done = progress, task, names, 0

    def advance(self) -> None:
        """The current step is done."""
        self._done += 1
        name = self._names[self._done] if self._done < len(self._names) else "完成"
        self._progress.update(self._task, completed=self._done, description=name)


@contextmanager
def steps(names: Sequence[str]) -> Iterator[Steps]:
    """Show a bar with one part for each name."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield Steps(progress, progress.add_task(names[0], total=len(names)), names)


def counting(items: Sequence[Item]) -> Iterator[Item]:
    """Go through items while a bar shows how many are done."""
    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=len(items))
        for item in items:
            yield item
            progress.advance(task)
