"""What a clinical variable is: declared once, in TOML; everything else is derived from it.

`load()` gives the dictionary of the core and of every installed programme. Unit libraries and
Polars start only when something is converted or compiled.
"""

from careloop.dictionary.catalogue import Dictionary, load
from careloop.dictionary.variable import Code, Text, Variable

__all__ = ["Code", "Dictionary", "Text", "Variable", "load"]
