"""`careloop image …`: the options of each command; the work is done in the rooms below."""

# ruff: noqa: FBT002, PLC0415, PLR0913, PLR0917 - Typer reads the parameters of a command

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

image = typer.Typer(
    help="Read, check and measure bone images and DXA reports.", no_args_is_help=True
)

Language = Annotated[str, typer.Option("--lang", help="zh or en")]
Paths = Annotated[list[Path], typer.Argument(help="files, folders, archives")]
Spacing = Annotated[
    str, typer.Option(help="pixel size, rows,columns in mm; goes before what files say")
]


@image.command()
def measure(
    paths: Paths,
    out: Annotated[Path, typer.Option(help="table to write: .parquet or .csv")] = Path(
        "measured.parquet"
    ),
    masks: Annotated[
        Optional[Path],  # noqa: UP045 - Typer reads it at run time
        typer.Option(help="folder of label files named as the images, or one label file"),
    ] = None,
    bins: Annotated[int, typer.Option(help="grey levels, of equal width in each region")] = 32,
    bin_width: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="width of a grey level, instead of --bins"),
    ] = None,
    families: Annotated[
        str, typer.Option(help="IBSI families, parted by commas (default: all)")
    ] = "",
    textures: Annotated[
        str, typer.Option(help="textures beyond IBSI, parted by commas, or `all`")
    ] = "",
    wavelet: Annotated[str, typer.Option(help="also measure sub-bands of a wavelet (coif1)")] = "",
    wavelet_levels: Annotated[int, typer.Option(help="levels of the wavelet")] = 1,
    log: Annotated[
        str, typer.Option(help="also measure Laplacian-of-Gaussian filters of these widths in mm")
    ] = "",
    gabor: Annotated[
        str, typer.Option(help="also measure Gabor filters of these wavelengths in mm")
    ] = "",
    aggregation: Annotated[str, typer.Option(help="2d_averaged or 2d_slice_merged")] = (
        "2d_averaged"
    ),
    preprocess: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="TOML file of steps before measuring ([[step]], name, settings)"),
    ] = None,
    spacing: Spacing = "",
    side: Annotated[str, typer.Option(help="side that is expected: left or right")] = "",
    site: Annotated[str, typer.Option(help="forearm or another (default: as the file says)")] = "",
    processes: Annotated[int, typer.Option(help="how many at a time (0: one for each core)")] = 0,
    db: Annotated[str, typer.Option(help="also store facts: database URL or folder")] = "",
    person: Annotated[str, typer.Option(help="whose images these are, if files do not say")] = "",
    allow_failed: Annotated[
        bool, typer.Option("--allow-failed", help="measure although a quality check failed")
    ] = False,
    file_names: Annotated[
        bool, typer.Option("--file-names", help="show file names on the page")
    ] = False,
    lang: Language = "zh",
) -> None:
    """Measure every image; write a table, a page of what was measured, and what was refused."""
    from careloop.command.imaging import (
        Order,
        demand_of,
        measure_images,
        numbers,
        settings_of,
        words,
    )

    order = Order(
        settings=settings_of(
            bins=None if bin_width is not None else bins,
            bin_width=bin_width,
            families=words(families),
            textures=words(textures),
            wavelet=wavelet,
            wavelet_levels=wavelet_levels,
            log_sigma_mm=numbers(log, "--log"),
            gabor_wavelength_mm=numbers(gabor, "--gabor"),
            aggregation=aggregation,
            spacing=spacing,
            preprocess=preprocess,
        ),
        demand=demand_of(side=side, site=site, allow_failed=allow_failed),
        masks=masks,
        processes=processes or None,
        store=db,
        person=person,
        file_names=file_names,
        language=lang,
    )
    measure_images(paths, out, order=order)


@image.command()
def check(
    paths: Paths,
    spacing: Spacing = "",
    side: Annotated[str, typer.Option(help="side that is expected: left or right")] = "",
    site: Annotated[str, typer.Option(help="forearm or another (default: as the file says)")] = "",
    lang: Language = "zh",
) -> None:
    """Check the quality of images and say what failed; nothing is measured."""
    from careloop.command.image_check import check_images

    check_images(paths, spacing=spacing, side=side, site=site, language=lang)


@image.command()
def report(
    paths: Annotated[list[Path], typer.Argument(help="PDF, scans or photographs")],
    json: Annotated[bool, typer.Option("--json", help="print everything as JSON")] = False,
    facts: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="write the values as facts (Parquet)"),
    ] = None,
    person: Annotated[str, typer.Option(help="whose report it is (default: as printed)")] = "",
    lang: Language = "zh",
) -> None:
    """Read DXA reports: device, site, area, BMC, BMD, T and Z of every region."""
    from careloop.command.image_report import print_reports

    print_reports(paths, as_json=json, facts_file=facts, person=person, language=lang)


@image.command()
def deidentify(
    paths: Paths,
    out: Annotated[Path, typer.Option(help="folder for the files")],
    blank: Annotated[
        list[str] | None,
        typer.Option(
            help="rectangle of burned-in text, x0,y0,x1,y1 in pixels, repeatable; "
            "`none`: somebody looked, there is no text"
        ),
    ] = None,
    key: Annotated[
        Path, typer.Option(help="file of the secret by which pseudonyms are made")
    ] = Path("var/deidentification.key"),
    lang: Language = "zh",
) -> None:
    """Write DICOM files without what identifies a person (DICOM PS3.15 basic profile)."""
    from careloop.command.image_identity import deidentify_files

    deidentify_files(paths, out=out, blank=tuple(blank or ()), key_file=key, language=lang)


@image.command()
def features(
    lang: Language = "zh",
    csv: Annotated[bool, typer.Option("--csv", help="print as CSV")] = False,
) -> None:
    """Print everything that can be measured, with the ids of the IBSI."""
    from careloop.command.image_check import print_features

    print_features(language=lang, as_csv=csv)
