"""`python -m mempipe.tables PAGE`: writes the schema's version and columns into docs/release-format.md."""

import sys
from pathlib import Path

from mempipe.tables.page import with_schema

page = Path(sys.argv[1])
page.write_text(with_schema(page.read_text(encoding="utf-8")), encoding="utf-8")
