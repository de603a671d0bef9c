"""A made-up bone density report, printed as a PDF with a text layer, or as a picture of it."""

from __future__ import annotations

import io

import pypdfium2
import typst

HIP = [
    ["部位", "面积", "骨矿含量", "骨密度", "T值", "Z值"],
    ["股骨颈", "4.49", "2.76", "0.615", "-2.6", "-0.9"],
    ["大转子", "9.76", "5.66", "0.980", "-2.4", "-0.2"],  # BMC ÷ area is 0.580: refused
    ["全髋", "28.22", "19.19", "0.680", "-2.2", "-0.4"],
]


def report(
    *,
    name: str = "王秀英",
    born: str = "1950-05-01",
    sex: str = "女",
    on: str = "2026年5月6日",
    age: str = "",
) -> bytes:
    """One page: who, when, a table, and the maker; with `age` it tells that, and no birth date."""
    at = []

    def say(x, y, text):
        at.append(f'#place(dx: {x}pt, dy: {y}pt, text("{text}"))')

    say(50, 40, f"姓名:{name}")
    say(200, 40, f"性别:{sex}")
    say(50, 60, "患者ID:S0017")
    say(200, 60, f"年龄:{age}岁" if age else f"出生日期:{born}")
    say(50, 80, f"检查日期:{on}")
    say(50, 120, "左侧股骨 骨密度")
    for row, cells in enumerate(HIP):
        for column, cell in enumerate(cells):
            say(50 + 90 * column, 160 + 22 * row, cell)
    say(50, 400, "GE Healthcare Lunar iDXA")
    source = "#set page(width: 612pt, height: 792pt, margin: 0pt)\n#set text(size: 11pt)\n"
    return typst.compile(
        (source + "\n".join(at)).encode(),
        font_paths=typst.Fonts(
            include_system_fonts=False,
            font_paths=[str(_fonts())],
        ),
    )


def _fonts():
    from importlib.resources import files  # noqa: PLC0415

    return files("careloop.web.report") / "font"


def picture(data: bytes, *, kind: str = "PNG", scale: float = 2.4) -> bytes:
    """The first page as a picture."""
    document = pypdfium2.PdfDocument(data)
    page = document[0]
    out = io.BytesIO()
    page.render(scale=scale).to_pil().convert("RGB").save(out, kind)
    page.close()
    document.close()
    return out.getvalue()
