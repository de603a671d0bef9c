"""The two languages of the site: fixed words are written in English and looked up by gettext.

Clinical texts are data and carry both languages themselves (`dictionary.variable.Text`). The
catalogue stands in `locale/`; `scripts/translate` keeps it in step with the code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from gettext import NullTranslations, translation
from importlib.resources import as_file, files
from typing import Any

DOMAIN = "careloop"


@cache
def translator(language: str) -> Callable[[str], str]:
    """The function that turns fixed English words into a language: "zh…" Chinese, else English.

    Examples
    --------
    >>> translator("zh")("Data quality")
    '数据质量'
    >>> translator("en")("Data quality")
    'Data quality'
    """
    if not language.startswith("zh"):
        return NullTranslations().gettext
    with as_file(files("careloop") / "locale") as folder:
        return translation(DOMAIN, folder, ["zh_CN"]).gettext


def templates(package: str, language: str) -> Any:
    """The Jinja2 templates in a package's folder `template`, with the fixed words of a language.

    Values are escaped; a name that the page was not given is an error.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - light start

    translate = translator(language)
    made = Environment(
        loader=PackageLoader(package, "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    install: Callable[..., None] = getattr(made, "install_gettext_callables")  # noqa: B009
    install(
        translate,
        lambda one, many, number: translate(one if number == 1 else many),
        newstyle=True,
    )
    return made
