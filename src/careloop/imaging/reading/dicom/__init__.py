"""DICOM files: header, persons, meaning, pixel size, pixels, frames and series.

pydicom loads python-gdcm, and that tries `import dl`, a module of Python 2: any folder named `dl`
on the path would be taken for it and break the import. The name is therefore barred here, before
any module of this package imports pydicom.
"""

from __future__ import annotations

import sys

if "pydicom" not in sys.modules and "dl" not in sys.modules:
    sys.modules["dl"] = None  # type: ignore[assignment]  # the documented way to bar a name
    try:
        import pydicom  # noqa: F401
    finally:
        del sys.modules["dl"]
