"""`careloop run`: the demo community as a site to log in to, made once, then served."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console

from careloop.command.demonstration import (
    AS_OF,
    SIMULATED,
    import_community,
    tell_duplicates,
    write_community,
)
from careloop.command.opening import store_url
from careloop.command.serving import free_port, serve, set_up_site, var_folder
from careloop.error import CareloopError
from careloop.programmes.osteoporosis.demo.writing import PEOPLE, SEED

if TYPE_CHECKING:
    from careloop.web.site.demonstration import Login


def run_site(
    out: Path, *, host: str, port: int, threads: int, language: str, people: int = PEOPLE
) -> None:
    """Make the demo site if there is none yet, print its logins, and serve it."""
    console, zh = Console(), language == "zh"
    if not free_port(host, port):
        raise CareloopError(
            f"something listens on {host}:{port} already\n"
            "  → is careloop running? choose another port: --port 8001"
        )
    set_up_site()
    from careloop.web.site import demonstration, simulated  # noqa: PLC0415 — once set up

    var = var_folder()
    if demonstration.holds_other_facts():
        console.print(
            "数据库中已有真实数据，不载入示范社区"
            if zh
            else "the database holds other data: the demo community is not added"
        )
        logins = []
    else:
        if not simulated.is_complete():
            make_demo_site(out, language=language, people=people)
        logins = demonstration.logins(var) or demonstration.make_logins(var)
    tell = _Teller(console, out, logins, zh=zh)
    serve(host=host, port=port, threads=threads, listening=tell.listening)


def make_demo_site(out: Path, *, language: str, people: int = PEOPLE) -> None:
    """Bring the demo community into the site's database: import, register, assess, report."""
    from careloop.command.assessing import Question, assess_source  # noqa: PLC0415
    from careloop.web.registry.registration import after_import  # noqa: PLC0415
    from careloop.web.site import demonstration, simulated  # noqa: PLC0415

    console, zh = Console(), language == "zh"
    started, url = monotonic(), store_url()
    console.print(
        "[bold]1[/bold] " + ("示范社区（模拟数据）" if zh else "demo community (simulated)")
    )
    files = write_community(out / "files", seed=SEED, people=people)
    console.print("[bold]2[/bold] " + ("导入" if zh else "import"))
    simulated.begin()
    import_community(files, url, out, console, zh=zh)
    console.print("[bold]3[/bold] " + ("登记与评估" if zh else "register and assess"))
    done = after_import(below=demonstration.make_places())
    console.print(
        f"  {done.people:,} 人已登记" if zh else f"  {done.people:,} people registered",
        highlight=False,
    )
    tell_duplicates(url, console, zh=zh)
    question = Question(source=url, as_of=AS_OF, language=language, note=SIMULATED[language])
    assess_source(question, out / "report")
    demonstration.make_site(var_folder())
    seconds = monotonic() - started
    console.print(f"  {seconds:.0f} 秒" if zh else f"  {seconds:.0f} s", highlight=False)


class _Teller:
    """Prints where the site is and how to log in, once it listens."""

    def __init__(self, console: Console, out: Path, logins: list[Login], *, zh: bool) -> None:
        self._console, self._out, self._logins, self._zh = console, out, logins, zh

    def listening(self, address: str) -> None:
        from careloop.web.accounts.role import ROLE_NAMES  # noqa: PLC0415

        zh, tell = self._zh, self._say
        for login in self._logins:
            role = ROLE_NAMES[login.role]["zh" if zh else "en"]
            tell(f"  {login.username:<12}{login.password:<18}{role}")
        report = self._out / "report" / "report.html"
        if report.is_file():
            tell(f"{'报告' if zh else 'report'} {report.resolve()}")
        if self._logins:
            tell("模拟数据，仅供演示" if zh else "simulated data, for demonstration only")
        tell(f"{'网址' if zh else 'site'} {address}    {'停止' if zh else 'stop'}: Ctrl-C")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)
