"""`python -m mempipe.tables PAGE`: writes the columns of every table into docs/release-format.md."""

import sys
from pathlib import Path

from mempipe.tables.page import with_columns

page = Path(sys.argv[1])
page.write_text(with_columns(page.read_text(encoding="utf-8")), encoding="utf-8")
