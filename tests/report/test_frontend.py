"""The committed script is what the sources give; needs `npm ci` in mempipe/report/frontend."""

import subprocess
from pathlib import Path

from tests.servers import absent

FRONTEND = Path(__file__).parents[2] / "mempipe" / "report" / "frontend"


def test_the_script_is_built_from_the_sources(tmp_path: Path) -> None:
    if not (FRONTEND / "node_modules").exists():
        absent("npm ci was not run in mempipe/report/frontend")
    subprocess.run(["npm", "run", "--silent", "check"], cwd=FRONTEND, check=True)
    command = ["npm", "run", "--silent", "build", "--", f"--outfile={tmp_path / 'report.js'}", "--log-level=error"]
    subprocess.run(command, cwd=FRONTEND, check=True)
    assert (tmp_path / "report.js").read_bytes() == (FRONTEND.parent / "static" / "report.js").read_bytes()
