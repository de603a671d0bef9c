"""The site's commands: the options of each; the work is done in the rooms below.

careloop run      the demo community as a site (--report-only: its report, no site)
careloop serve    the site of this machine
careloop worker   its nightly work
careloop audit    verify and export who did what
careloop user     add the first manager of a site
"""

# ruff: noqa: FBT002, PLC0415, PLR0917 - Typer reads the parameters of a command

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Optional

import typer

audit = typer.Typer(help="The audit: prove that it stands, hand it over.", no_args_is_help=True)
user = typer.Typer(help="People who log in.", no_args_is_help=True)

Language = Annotated[str, typer.Option("--lang", help="zh or en")]
Host = Annotated[str, typer.Option(help="address to listen on; behind a proxy leave it")]
Port = Annotated[int, typer.Option(help="port to listen on")]
Threads = Annotated[int, typer.Option(help="requests answered at the same time")]


def add_to(app: typer.Typer) -> None:
    """Add the site's commands to the command line."""
    app.command()(run)
    app.command()(serve)
    app.command()(worker)
    app.add_typer(audit, name="audit")
    app.add_typer(user, name="user")


def run(
    out: Annotated[Path, typer.Option(help="folder for files and report")] = Path("var/demo"),
    report_only: Annotated[
        bool, typer.Option("--report-only", help="assess the demo community, start no site")
    ] = False,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    threads: Threads = 8,
    lang: Language = "zh",
) -> None:
    """Do the main job: the demo community, imported and assessed, as a site to log in to."""
    if report_only:
        from careloop.command.demonstration import run_demo

        run_demo(out, language=lang)
        return
    from careloop.command.starting import run_site

    run_site(out, host=host, port=port, threads=threads, language=lang)


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    threads: Threads = 8,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="`careloop worker` runs elsewhere")
    ] = False,
    processes: Annotated[
        int, typer.Option(min=1, help="one computes on one core: a large site wants one a core")
    ] = 1,
) -> None:
    """Serve the site of this machine (CARELOOP_DATABASE_URL), its database brought up to date."""
    from careloop.command.serving import serve as serve_alone
    from careloop.command.serving import set_up_site
    from careloop.command.serving_processes import serve_by

    set_up_site()
    way = serve_alone if processes == 1 else partial(serve_by, processes)
    way(
        host=host,
        port=port,
        threads=threads,
        worker=not no_worker,
        listening=lambda address: typer.echo(f"careloop: {address}"),
    )


def worker(
    once: Annotated[bool, typer.Option("--once", help="do what is due, then end")] = False,
) -> None:
    """Do the nightly work whenever it is due: standings of the new day, ended sessions."""
    from careloop.command.serving import work

    work(once=once)


@audit.command()
def verify(
    against: Annotated[
        str, typer.Option(help="a last digest noted earlier: it must still be in the chain")
    ] = "",
    lang: Language = "zh",
) -> None:
    """Go through the whole chain; print the last digest, to be noted elsewhere."""
    from careloop.command.auditing import verify_chain

    raise typer.Exit(verify_chain(against, language=lang))


@audit.command()
def export(
    out: Annotated[Path, typer.Option(help="file to write (NDJSON)")],
    since: Annotated[
        Optional[datetime],  # noqa: UP045
        typer.Option("--from", formats=["%Y-%m-%d"], help="first day"),
    ] = None,
    until: Annotated[
        Optional[datetime],  # noqa: UP045
        typer.Option("--to", formats=["%Y-%m-%d"], help="last day, included"),
    ] = None,
    lang: Language = "zh",
) -> None:
    """Write entries as FHIR R4 AuditEvent, one a line."""
    from careloop.command.auditing import export_entries

    export_entries(
        out,
        since=since.date() if since else None,
        until=until.date() if until else None,
        language=lang,
    )


@user.command()
def add(
    username: Annotated[str, typer.Argument(help="login name")],
    name: Annotated[str, typer.Option(help="the person's own name")],
    role: Annotated[
        str, typer.Option(help="manager, doctor, nurse, village_doctor, researcher")
    ] = ("manager"),
    place: Annotated[
        str, typer.Option(help="place of work, parts joined by ·; made where it is not there yet")
    ] = "",
    lang: Language = "zh",
) -> None:
    """Add a user, the first manager of a site for one; prints a password to be changed at login."""
    from careloop.command.auditing import add_user

    add_user(username, name=name, role=role, place=place, language=lang)
