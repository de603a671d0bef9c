"""`careloop audit …` and `careloop user add`: what whoever runs a site does from the console."""

from __future__ import annotations

import getpass
import secrets
from datetime import date
from functools import partial
from pathlib import Path

from rich.console import Console

from careloop.command.serving import set_up_site
from careloop.error import InputError
from careloop.programmes.results import write_whole


def verify_chain(against: str, *, language: str) -> int:
    """Verify the audit's chain and print what was found; the exit status."""
    set_up_site()
    from careloop.web.audit.chain import holds, verify  # noqa: PLC0415 — once set up

    console, zh = Console(), language == "zh"
    verdict = verify()
    say = partial(console.print, highlight=False, soft_wrap=True, markup=False)
    say(f"{verdict.entries:,} 条审计记录" if zh else f"{verdict.entries:,} entries")
    faults = list(verdict.faults)
    if against and not holds(against):
        faults.append(
            "记下的摘要已不在链中"
            if zh
            else "the digest noted earlier is not in the chain any more"
        )
    for fault in faults:
        say(f"  {fault}", style="red")
    if faults:
        say("审计链被改动过" if zh else "somebody has tampered with the audit", style="red")
        return 1
    say("完整，未被改动" if zh else "whole and unchanged", style="green")
    say(f"{'末位摘要' if zh else 'last digest'} {verdict.last_digest}")
    return 0


def export_entries(out: Path, *, since: date | None, until: date | None, language: str) -> None:
    """Write the entries of these days as FHIR AuditEvent, one a line; the export is audited too."""
    set_up_site()
    from careloop.web.audit.chain import Actor, append  # noqa: PLC0415
    from careloop.web.audit.event import write_events  # noqa: PLC0415

    counts: list[int] = []
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, lambda file: counts.append(write_events(file, since=since, until=until)))
    out.chmod(0o600)  # it tells who is cared for by whom
    detail = {"entries": counts[-1], "from": str(since or ""), "to": str(until or "")}
    append(Actor(_operator(), "operator", ""), "audit.export", detail=detail)
    words = f"{counts[-1]:,} 条记录" if language == "zh" else f"{counts[-1]:,} entries"
    Console().print(f"{words} → {out}", highlight=False, soft_wrap=True, markup=False)


def add_user(username: str, *, name: str, role: str, place: str, language: str) -> None:
    """Add somebody who logs in, with a password made up that must be changed at first login.

    Raises
    ------
    InputError
        The role is not one of staff, or the login name is taken.
    """
    set_up_site()
    from django.db import transaction  # noqa: PLC0415

    from careloop.web.accounts.models import User  # noqa: PLC0415
    from careloop.web.accounts.readable import login_name  # noqa: PLC0415
    from careloop.web.accounts.role import ROLES  # noqa: PLC0415
    from careloop.web.audit.chain import Actor, append  # noqa: PLC0415
    from careloop.web.registry.place import Places  # noqa: PLC0415

    staff = [each for each in ROLES if each != "patient"]
    if role not in staff:
        raise InputError(f"no role {role!r}", where="--role", remedy=f"one of {', '.join(staff)}")
    username = login_name(username)
    if User.objects.filter(username=username).exists():
        raise InputError(f"{username!r} is taken", where="username", remedy="choose another")
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        organisation = Places("default").of(place)
        User.objects.create_user(
            username,
            password,
            name=name,
            role=role,
            organisation=organisation,
            must_change_password=True,
        )
        append(
            Actor(_operator(), "operator", ""),
            "user.manage",
            detail={"user": username, "role": role, "place": organisation.name},
        )
    say = partial(Console().print, highlight=False, soft_wrap=True, markup=False)
    zh = language == "zh"
    say(f"{'登录名' if zh else 'login'}  {username}")
    say(f"{'初始密码' if zh else 'password'}  {password}")
    say("首次登录后请修改密码" if zh else "to be changed at the first login")


def _operator() -> str:
    """Who sits at the console, as the machine knows them."""
    try:
        return f"console:{getpass.getuser()}"[:60]
    except (OSError, KeyError):
        return "console"
