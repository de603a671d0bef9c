"""The command line: thin, every command one call into the rooms below.

careloop run          the main job: demo community → import → assess → a site to log in to
careloop dictionary   print and search the variables
careloop instruments  print the published instruments and where they come from
careloop import       read files into a store, with a full account of every column
careloop assess       instruments, diagnosis, next step and report for everybody in a file
careloop plan         a plan by a guideline for one person, or for everybody
careloop hooks        serve CDS Hooks on this machine, for trying
careloop demo         write the demo community's files
careloop image        read, check and measure bone images; read DXA reports
careloop serve        the site; worker, audit, user: what whoever runs it needs
"""

from __future__ import annotations

import io
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Optional

import typer

from careloop import __version__
from careloop.command.image_app import image
from careloop.command.site_app import add_to
from careloop.error import CareloopError

app = typer.Typer(
    name="careloop",
    help="careloop: a closed-loop care platform for chronic disease, osteoporosis first.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(image, name="image")
add_to(app)

Language = Annotated[str, typer.Option("--lang", help="zh or en")]
MappingFile = Annotated[
    Optional[Path],  # noqa: UP045 - Typer reads it at run time
    typer.Option("--mapping", "-m", help="TOML file: what each column of a table means"),
]
AsOf = Annotated[
    Optional[datetime],  # noqa: UP045
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="assess what was known on this date"),
]


def main() -> None:
    """Run the command line; errors made on purpose are shown without a traceback."""
    for stream in (sys.stdout, sys.stderr):  # a GBK console has no "−": show "?" and go on
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except CareloopError as error:
        from rich.console import Console

        Console(stderr=True, highlight=False).print(str(error), style="red", markup=False)
        sys.exit(error.exit_code)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"careloop {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="show the version")
    ] = False,
) -> None:
    """careloop: a closed-loop care platform for chronic disease, osteoporosis first."""


@app.command()
def dictionary(
    words: Annotated[list[str] | None, typer.Argument(help="words to search for")] = None,
    lang: Language = "zh",
) -> None:
    """Print the dictionary of variables, or those that match all words."""
    from careloop.command.inspect import print_dictionary

    print_dictionary(" ".join(words or []), language=lang)


@app.command()
def instruments(
    key: Annotated[str | None, typer.Argument(help="one instrument, in full")] = None,
    programme: Annotated[str, typer.Option(help="disease programme")] = "osteoporosis",
    lang: Language = "zh",
) -> None:
    """Print the published instruments: what they need, whom they are for, where they come from."""
    from careloop.command.inspect import print_instruments

    print_instruments(programme, key, language=lang)


@app.command("import")
def import_(
    inputs: Annotated[
        list[Path], typer.Argument(help="CSV, Excel or FHIR files, also packed; DXA reports")
    ],
    mapping: MappingFile = None,
    db: Annotated[str, typer.Option(help="database URL or folder of Parquet files")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="read and report, store nothing")
    ] = False,
    rejected: Annotated[
        Path | None, typer.Option(help="where to write rejected rows (default: beside you)")
    ] = None,
    as_of: AsOf = None,
    person_system: Annotated[
        str, typer.Option(help="FHIR: identifier system of the person's id (default Patient.id)")
    ] = "",
    person: Annotated[str, typer.Option(help="DXA reports: whose they are")] = "",
    lang: Language = "zh",
) -> None:
    """Read files into a store. The same file twice adds nothing; a file is stored whole or not."""
    from careloop.command.importing import import_files

    import_files(
        inputs,
        mapping=mapping,
        store_url=db,
        dry_run=dry_run,
        rejected=rejected,
        as_of=_date(as_of),
        person_system=person_system,
        person=person,
        language=lang,
    )


@app.command()
def assess(
    source: Annotated[
        str | None, typer.Argument(help="file, folder of Parquet facts or database URL")
    ] = None,
    mapping: MappingFile = None,
    as_of: AsOf = None,
    out: Annotated[Path | None, typer.Option(help="folder for tables and report")] = None,
    person: Annotated[str | None, typer.Option(help="print one person's reasons")] = None,
    programme: Annotated[str, typer.Option(help="disease programme")] = "osteoporosis",
    experimental: Annotated[
        bool, typer.Option("--experimental", help="also instruments whose formula is not confirmed")
    ] = False,
    lang: Language = "zh",
) -> None:
    """Assess everybody in a file or store, or print one person's reasons with --person."""
    from careloop.command.assessing import Question, assess_source, explain_person

    question = Question(
        source=source,
        mapping=mapping,
        as_of=_date(as_of) or date.today(),  # noqa: DTZ011 - the user's own day
        programme=programme,
        experimental=experimental,
        language=lang,
    )
    if person is not None:
        explain_person(question, person)
    if out is not None or person is None:
        assess_source(question, out or Path("out"))


@app.command()
def plan(
    source: Annotated[
        str | None, typer.Argument(help="file, folder of Parquet facts or database URL")
    ] = None,
    mapping: MappingFile = None,
    as_of: AsOf = None,
    person: Annotated[str | None, typer.Option(help="print one person's plan")] = None,
    guideline: Annotated[
        str, typer.Option(help="guideline to follow (default: the programme's first)")
    ] = "",
    compare: Annotated[
        bool, typer.Option("--compare", help="with --person: what every guideline says")
    ] = False,
    since: Annotated[
        Optional[datetime],  # noqa: UP045
        typer.Option(formats=["%Y-%m-%d"], help="with --person: what changed since this date"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder for pages, plans and FHIR")] = None,
    programme: Annotated[str, typer.Option(help="disease programme")] = "osteoporosis",
    lang: Language = "zh",
) -> None:
    """Propose a plan by a guideline: one person's with --person, else everybody's."""
    from careloop.command.assessing import Question
    from careloop.command.planning import plan_everybody, plan_person

    question = Question(
        source=source,
        mapping=mapping,
        as_of=_date(as_of) or date.today(),  # noqa: DTZ011 - the user's own day
        programme=programme,
        language=lang,
    )
    if person is None:
        plan_everybody(question, out or Path("out"), guideline=guideline)
    else:
        plan_person(
            question,
            person,
            guideline=guideline,
            compare=compare,
            out=out,
            since=_date(since),
        )


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="folder for the files")] = Path("var/demo"),
    seed: Annotated[int, typer.Option(help="another seed, another community")] = 20261122,
) -> None:
    """Write the demo community's files: what four centres and a hospital would send. Simulated."""
    from careloop.command.demonstration import write_community

    write_community(out, seed=seed)


@app.command()
def hooks(
    port: Annotated[int, typer.Option(help="port on 127.0.0.1")] = 8090,
    programme: Annotated[str, typer.Option(help="disease programme")] = "osteoporosis",
    guideline: Annotated[str, typer.Option(help="guideline (default: the programme's)")] = "",
    feedback: Annotated[Path, typer.Option(help="file of JSON lines for feedback")] = Path(
        "var/hooks-feedback.ndjson"
    ),
    origin: Annotated[
        list[str] | None, typer.Option(help="origin of a browser that may call; repeatable")
    ] = None,
) -> None:
    """Serve CDS Hooks on this machine only, to try it with a client or the public sandbox."""
    from careloop.command.hooks_server import serve

    serve(
        port=port,
        programme=programme,
        guideline=guideline,
        feedback_log=feedback,
        origins=tuple(origin or ()),
    )


def _date(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()
