"""The compilers' tools: finding and running them."""

import os
import subprocess
import sys

# The exit status where a tool is missing, as ctest's SKIP_RETURN_CODE has it.
SKIPPED = 77


def skip(reason):
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)


def output(*command, folder=None):
    """What a command prints, or this program's end if it fails."""
    try:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=folder).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))


def is_program(path):
    return os.path.isfile(path) and os.access(path, os.X_OK)
