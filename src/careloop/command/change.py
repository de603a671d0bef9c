"""Changes of a measurement, printed: from when to when, how much, and whether it is real."""

from __future__ import annotations

import polars as pl
from rich.console import Console

from careloop.dictionary.catalogue import Dictionary
from careloop.language import translator


def print_changes(changes: pl.DataFrame, dictionary: Dictionary, *, language: str) -> None:
    """Print a table of changes (`careloop.programmes.osteoporosis.precision.bmd_changes`)."""
    if changes.is_empty():
        return
    _ = translator(language)
    console = Console(highlight=False)
    console.print()
    console.print(_("Changes of bone density (g/cm², same device)"), style="bold")
    verdicts = {
        True: _("real: beyond measurement error"),
        False: _("within measurement error"),
        None: _("no least significant change is known for this site"),
    }
    for row in changes.iter_rows(named=True):
        label = dictionary[row["variable"]].label[language]
        change = f"{row['change_g_cm2']:+.3f} ({row['change_pct']:+.1f} %)".replace("-", "−")
        console.print(f"  {label}")
        console.print(
            f"    {row['from_on']}  {row['from_g_cm2']:.3f} → {row['to_on']}  {row['to_g_cm2']:.3f}"
            f"   {change}"
        )
        lsc = "" if row["lsc_g_cm2"] is None else f"LSC {row['lsc_g_cm2']:.3f}"
        assumed = _("largest acceptable, the centre's own is not known")
        note = f" ({assumed})" if row["lsc_assumed"] and lsc else ""
        console.print(f"    {verdicts[row['real']]}  {lsc}{note}", soft_wrap=True)
