"""How the code hangs together: no import circle, no long file."""

from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
LONGEST = 300


def test_no_import_circle() -> None:
    """Imports within functions count as well; those for type checkers alone do not."""
    graph = grimp.build_graph("mempipe", exclude_type_checking_imports=True)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(list(TopologicalSorter(imports).static_order())) == len(graph.modules)  # or CycleError names the circle


def test_no_long_file() -> None:
    places = ("mempipe", "tests", "dags", "benchmarks", "images", "helm")
    lengths = {path: len(path.read_text().splitlines()) for place in places for path in (ROOT / place).rglob("*.py")}
    assert len(lengths) > 200
    assert not {path.relative_to(ROOT).as_posix(): n for path, n in lengths.items() if n > LONGEST}
