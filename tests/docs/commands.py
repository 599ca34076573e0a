"""What a document tells a newcomer to do, as a program for bash: the blocks of commands after lines `<!-- run -->`.

    commands.py FILE

A line with `# on ...` behind its command promises to print just that, and fails if it does not.
"""

import pathlib
import re
import shlex
import sys

BLOCK = re.compile(r"^<!-- run -->\n```sh\n(.*?)^```$", re.M | re.S)
PROMISE = re.compile(r"(.*\S) +# (on .*)")
# `env` sees the variables that stand before a command.
SAYS = """\
set -eu
says() {
    local words
    words=$(env "${@:2}")
    [ "$words" = "$1" ] || { echo "${*:2}: prints \\"$words\\" in place of \\"$1\\"" >&2 && exit 1; }
}"""


def program(text):
    lines = "".join(BLOCK.findall(text)).splitlines()
    if not any(map(PROMISE.fullmatch, lines)):
        raise ValueError("no command in it promises anything")
    return [PROMISE.sub(lambda found: f"says {shlex.quote(found[2])} {found[1]}", line) for line in lines]


if __name__ == "__main__":
    print(SAYS, *program(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")), sep="\n")
