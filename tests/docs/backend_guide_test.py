#!/usr/bin/env python3
"""The guide for backends lists the functions that the library requires: backend_guide_test.py GUIDE PLUGIN_C"""

import re
import sys
from pathlib import Path

guide, source = (Path(name).read_text() for name in sys.argv[1:3])

table = re.search(r"required_functions\[\] = \{(.*?)\n\};", source, re.S)[1]
required = re.findall(r'\{"(\w+)", ', table)
rule = re.search(r"^\d+\. Required functions: (.*?)\.$", guide, re.S | re.M)
listed = re.findall(r"`(\w+)`", rule[1]) if rule else []
if not required or listed != required:
    sys.exit(f"{sys.argv[1]} lists {listed} as required, {sys.argv[2]} requires {required}")
