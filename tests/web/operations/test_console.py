"""What is done from the console: verify and export the audit, add a manager, import."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys

import pytest
from django.db import connections
from django.utils import timezone

from careloop.web.accounts.models import Organisation, User
from careloop.web.audit.chain import Actor, append, verify
from careloop.web.audit.models import Entry
from careloop.web.care.models import Standing
from careloop.web.registry.models import Source
from careloop.web.registry.resident import Resident
from careloop.web.site.simulated import MARK


@pytest.fixture
def site(environment, tables):
    alias = tables(environment["CARELOOP_DATABASE_URL"])
    yield alias
    connections[alias].close()


@pytest.fixture
def careloop(environment, tmp_path):
    """Run the command line in the site's environment."""

    def run(*arguments):
        program = "import sys; from careloop.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_verify_tells_a_whole_chain_from_one_tampered_with(site, careloop):
    for _ in range(3):
        append(Actor("li", "nurse", "0001."), "read", using=site)
    connections[site].close()
    done = careloop("audit", "verify", "--lang", "en")
    assert (done.returncode, done.stderr) == (0, "")
    noted = re.search(r"last digest ([0-9a-f]{64})", done.stdout).group(1)
    assert careloop("audit", "verify", "--against", noted).returncode == 0
    forged = careloop("audit", "verify", "--against", "0" * 63 + "1", "--lang", "en")
    assert forged.returncode == 1
    assert "not in the chain" in forged.stdout
    with connections[site].cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_entry_no_update")
        cursor.execute("UPDATE audit_entry SET username = 'zhang' WHERE number = 2")
    connections[site].close()
    done = careloop("audit", "verify", "--lang", "en")
    assert done.returncode == 1
    assert "2: its content was changed" in done.stdout


def test_an_export_is_complete_for_its_owner_only_and_audited(site, careloop, tmp_path):
    for _ in range(3):
        append(Actor("li", "nurse", "0001."), "read", using=site)
    connections[site].close()
    day, file = timezone.localdate().isoformat(), tmp_path / "out" / "audit.ndjson"
    done = careloop("audit", "export", "--from", day, "--to", day, "--out", file)
    assert (done.returncode, done.stderr) == (0, "")
    events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [event["id"] for event in events] == ["1", "2", "3"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    last = Entry.objects.using(site).order_by("number").last()
    assert (last.action, last.role, last.detail["entries"]) == ("audit.export", "operator", 3)
    assert verify(using=site).faults == ()


def test_the_first_manager_of_a_site_can_be_added(site, careloop):
    done = careloop(
        *["user", "add", "Zhang", "--name", "张主任", "--place", "某区卫生健康局", "--lang", "en"]
    )
    assert (done.returncode, done.stderr) == (0, "")
    password = re.search(r"password +(\S+)", done.stdout).group(1)
    user = User.objects.using(site).get(username="zhang")
    assert user.check_password(password)
    assert user.must_change_password
    assert (user.role, user.organisation.name, user.organisation.kind) == (
        "manager",
        "某区卫生健康局",
        "bureau",
    )
    assert Organisation.objects.using(site).count() == 1  # the bureau is the top of the tree
    entry = Entry.objects.using(site).get(action="user.manage")
    assert password not in json.dumps(entry.detail)
    for wrong in (["ZHANG"], ["wang", "--role", "patient"], ["wang", "--role", "root"]):
        refused = careloop("user", "add", *wrong, "--name", "x")
        assert refused.returncode != 0
        assert "Traceback" not in refused.stderr
    assert User.objects.using(site).count() == 1


def test_an_import_into_the_sites_database_registers_and_assesses(site, careloop, tmp_path):
    community = careloop("demo", "--out", "files")
    assert community.returncode == 0
    scans = tmp_path / "files" / "hospital_dxa_hologic.csv"
    done = careloop("import", scans.with_suffix(".csv"), "--mapping", scans.with_suffix(".toml"))
    assert (done.returncode, done.stderr) == (0, "")
    people = Resident.gated.using(site).count()
    assert people > 0
    assert Standing.gated.using(site).count() == people
    assert Organisation.objects.using(site).count() == 1
    again = careloop("import", scans.with_suffix(".csv"), "--mapping", scans.with_suffix(".toml"))
    assert again.returncode == 0
    assert Resident.gated.using(site).count() == people


def test_nobody_real_is_imported_beside_the_demo(site, careloop, tmp_path):
    assert careloop("demo", "--out", "files").returncode == 0
    scans = tmp_path / "files" / "hospital_dxa_hologic.csv"
    told = ["import", scans, "--mapping", scans.with_suffix(".toml")]
    Source.objects.using(site).create(
        source_id=MARK, kind="demo", name="demo", sha256="0" * 64, read_at=timezone.now()
    )
    refused = careloop(*told)
    assert refused.returncode != 0
    assert "demo community" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert Resident.gated.using(site).count() == 0
    assert careloop(*told, "--dry-run").returncode == 0
    assert careloop(*told, "--db", "elsewhere").returncode == 0
    assert Source.objects.using(site).count() == 1


def test_a_worker_does_what_is_due_and_ends(site, careloop):
    done = careloop("worker", "--once")
    assert (done.returncode, done.stdout) == (0, "nothing was due\n")


def test_help_loads_nothing_heavy(environment):
    program = (
        "import sys; from typer.testing import CliRunner; from careloop.cli import app; "
        "r = CliRunner().invoke(app, ['--help']); assert r.exit_code == 0; "
        "sys.exit(bool({'django', 'polars', 'numpy', 'waitress', 'pypinyin'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode
        == 0
    )
