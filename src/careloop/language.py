"""The two languages of the site: fixed words are written in English and looked up by gettext.

Clinical texts are data and carry both languages themselves (`dictionary.variable.Text`). The
catalogue stands in `locale/`; `scripts/translate` keeps it in step with the code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from gettext import NullTranslations, translation
from importlib.resources import as_file, files

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
