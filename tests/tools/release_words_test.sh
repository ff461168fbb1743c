#!/usr/bin/env bash
# What tools/release and tools/abi refuse, before they do anything: release_words_test.sh SOURCE
set -euo pipefail
cd "$1"

fail() {
    echo "$*" >&2
    exit 1
}

# refused WORDS COMMAND...: it ends with 2 and says so.
refused() {
    local words=$1 said status=0
    shift
    said=$("$@" 2>&1) || status=$?
    if [ $status -ne 2 ] || [[ $said != *"$words"* ]]; then
        fail "$*: $status: $said, and not 2 and \"$words\""
    fi
}

for script in tools/release tools/abi tools/set_version tools/check_fresh; do
    [[ $("$script" --help) == *"usage: $script"*"Exit status: 0"* ]] || fail "$script --help says nothing"
done
refused "unknown word --bogus" tools/release --bogus
refused "--output needs a value" tools/release --output
refused "no bin/nvcc in /nonexistent" tools/release --cuda /nonexistent
refused "no folder /nonexistent" tools/release --folder /nonexistent
refused "no revision nonexistent-revision" tools/release nonexistent-revision
refused "two revisions, a and b" tools/release a b
refused "'1.2' is not three numbers" tools/set_version 1.2
refused "unrecognized arguments: --bogus" tools/abi --bogus
refused "--break is an option of --record" tools/abi --break
refused "has no build with tests/abi in it" tools/abi /nonexistent
