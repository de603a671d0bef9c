"""The house of careloop: who may import whom, and how light the door is.

Floors, from the ground (0) upwards. A room may import rooms on lower floors, never a neighbour on
its own floor, never upwards. What DESIGN.md says beyond that stands in `FORBIDDEN`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "careloop"

FLOORS = {
    "error": 0,
    "language": 0,
    "dictionary": 1,
    "stats": 1,
    "records": 2,
    "risk": 3,
    "imaging": 3,
    "guidance": 4,
    "learning": 4,
    "care": 5,
    "programmes": 6,
    "discovery": 6,
    "web": 7,
    "command": 8,
    "cli": 9,
}
FORBIDDEN = {
    "stats": {"dictionary", "records"},  # arrays only, no patients
    "imaging": {"risk"},
    "guidance": {"risk.models"},  # takes a risk value, not a model
}
HEAVY = ("polars", "numpy", "django", "duckdb", "pint", "jinja2", "fastexcel", "vl_convert")


# --- reading the imports


def _module(file: Path, package: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(tree: ast.AST, module: str, is_package: bool) -> set[str]:
    """Every dotted name that a file imports anywhere, relative imports resolved."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = module.split(".")
                up = up[: len(up) - node.level + is_package]
                base = ".".join([*up, node.module] if node.module else up)
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def read_imports(package: Path) -> dict[str, set[str]]:
    """For each module of a package the dotted names it imports."""
    found = {}
    for file in sorted(package.rglob("*.py")):
        module = _module(file, package)
        tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
        found[module] = _imported(tree, module, file.name == "__init__.py")
    return found


def _inside(names: set[str], modules: set[str]) -> set[str]:
    """The modules of our own that dotted names lead to (`a.b.Class` leads to `a.b`)."""
    found = set()
    for name in names:
        parts = name.split(".")
        for end in range(len(parts), 0, -1):
            if (candidate := ".".join(parts[:end])) in modules:
                found.add(candidate)
                break
    return found


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def faults(imports: dict[str, set[str]]) -> list[str]:
    """Every import that breaks a rule of the house, in words."""
    found = []
    for module, names in imports.items():
        room = _room(module)
        if not room:
            continue
        if room not in FLOORS:
            found.append(f"{module}: the room {room!r} has no floor; give it one in this test")
            continue
        for target in sorted(_inside(names, set(imports))):
            other = _room(target)
            if not other or other == room or other not in FLOORS:
                continue
            barred = any(
                f"{target}.".startswith(f"careloop.{name}.") for name in FORBIDDEN.get(room, ())
            )
            if FLOORS[other] >= FLOORS[room] or barred:
                found.append(f"{module} (floor {FLOORS[room]}) imports {target}")
        if FLOORS[room] < FLOORS["web"]:
            found += [
                f"{module} imports {name}; Django belongs to web"
                for name in sorted(names)
                if name.split(".")[0].startswith("django")
            ]
    return found


IMPORTS = read_imports(PACKAGE)


# --- the rules


def test_imports_run_downwards():
    assert faults(IMPORTS) == []


@pytest.mark.parametrize(
    ("module", "imported", "said"),
    [
        ("careloop.stats.roc", "careloop.records.fact", "imports careloop.records.fact"),
        ("careloop.records.fact", "careloop.risk.tables", "imports careloop.risk.tables"),
        ("careloop.imaging.image", "careloop.risk.tables", "imports careloop.risk.tables"),
        ("careloop.guidance.rule", "careloop.risk.models.linear", "imports careloop.risk.models"),
        ("careloop.web.views", "careloop.cli", "imports careloop.cli"),
        ("careloop.care.schedule", "django.db.models", "Django belongs to web"),
        ("careloop.utils", "os", "has no floor"),
    ],
)
def test_each_rule_can_fail(module, imported, said):
    house = {
        name: set()
        for name in (
            "careloop.records.fact",
            "careloop.risk.tables",
            "careloop.risk.models.linear",
            "careloop.cli",
        )
    }
    (fault,) = faults(house | {module: {imported}})
    assert said in fault
    assert faults(house | {"careloop.cli": {"careloop.risk.tables"}}) == []


def test_no_circles_between_modules():
    graph = {
        module: _inside(names, set(IMPORTS)) - {module, "careloop"}
        for module, names in IMPORTS.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_relative_imports_are_resolved(tmp_path):
    house = tmp_path / "careloop"
    (house / "risk").mkdir(parents=True)
    (house / "risk" / "__init__.py").write_text("from . import tables\nfrom ..web import site\n")
    (house / "risk" / "tables.py").write_text("from .estimate import Estimate\nimport os.path\n")
    assert read_imports(house) == {
        "careloop.risk": {"careloop.risk.tables", "careloop.web.site"},
        "careloop.risk.tables": {"careloop.risk.estimate.Estimate", "os.path"},
    }


def _loaded_after(code: str) -> set[str]:
    """The top-level packages in memory after a fresh interpreter has run `code`."""
    program = (
        f"{code}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


def test_import_is_light():
    loaded = _loaded_after("import careloop")
    assert "careloop" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_help_loads_nothing_heavy():
    pytest.importorskip("careloop.cli")
    loaded = _loaded_after(
        "import sys\nsys.argv = ['careloop', '--help']\n"
        "from careloop.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert "careloop" in loaded
    assert loaded.isdisjoint(HEAVY)
