#!/usr/bin/env python3
"""The README shows examples/packed.c word for word: readme_test.py README EXAMPLE"""

import sys
from pathlib import Path

readme, example = (Path(name).read_text() for name in sys.argv[1:3])
if f"```c\n{example}```\n" not in readme:
    sys.exit(f"{sys.argv[1]} does not show {sys.argv[2]} as it is")
