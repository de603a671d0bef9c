"""A small demo site, made and served by the program itself in a process of its own.

    python small_site.py make FOLDER          the demo community, imported, registered, assessed
    python small_site.py serve FOLDER PORT    the site, until ended

The environment names database and folder (CARELOOP_DATABASE_URL, CARELOOP_VAR).
"""

# ruff: noqa: PLC0415 — Django is set up before its models are imported

import sys
from pathlib import Path

from rich.console import Console

PEOPLE, SEED = 400, 20261122


def make(folder: Path) -> None:
    """The demo community with few people, by the same steps as `careloop run`."""
    import django
    from django.core.management import call_command

    from careloop.command.demonstration import import_community
    from careloop.command.opening import store_url
    from careloop.programmes.osteoporosis.demo import write_demo

    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    from careloop.web.registry.registration import after_import
    from careloop.web.site import demonstration, simulated

    files = write_demo(folder / "files", seed=SEED, people=PEOPLE)
    simulated.begin()
    import_community(files, store_url(), folder / "out", Console(stderr=True), zh=False)
    after_import(below=demonstration.make_places())
    demonstration.make_site(folder / "var")


def serve(port: int) -> None:
    """The site on loopback; the caller polls `/health`."""
    import django

    from careloop.command import serving

    django.setup()
    serving.serve(port=port, threads=4, worker=False)


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    make(Path(folder)) if command == "make" else serve(int(rest[0]))
