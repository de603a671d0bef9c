"""The demo community: 3,583 residents who do not exist, of four centres that do not exist.

`write_demo` writes the files that the centres and the hospital would send, so that the demo goes
through the real import. Whatever is computed from them says that the data is simulated.
"""

from careloop.programmes.osteoporosis.demo.writing import DemoFile, write_demo

__all__ = ["DemoFile", "write_demo"]
