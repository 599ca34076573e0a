"""The code in the documentation is that of files which are compiled and run, and what else it says can be looked up.

    included.py [--write] FILE...

Each block of code that follows a line `<!-- path -->` has to be that file, and after `<!-- path#name -->` the lines of
it between `doc: name` and `doc: end`, as many such pieces as there are, without what they are indented by. `--write`
puts the present text into the blocks. The last line is "N passed, M failed".
"""

import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).parents[2]
BLOCK = re.compile(
    r"<!-- (?P<path>[\w-]+[/.][\w./-]+?)(?:#(?P<name>\w+))? -->\n```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)
SOURCES = {".c", ".cpp", ".go", ".h", ".hpp", ".py", ".rb"}
LANGUAGES = {".h": "c", ".py": "python", ".rb": "ruby", ".split": "text", ".txt": "text"}


def piece(path, name):
    """What stands in a file, or in the parts of it that have the name."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines(keepends=True)
    if name is None:
        return "".join(lines)
    found, inside = [], False
    for line in lines:
        mark = re.search(r"\bdoc: (\w+)", line)
        if mark:
            inside = mark[1] == name
            found.append("")
        elif inside:
            found[-1] += line
    if not any(found):
        raise LookupError(f"{path} has no piece {name!r}")
    # What stood around the marks may add up to more empty lines than formatters allow.
    return re.sub(r"\n{4,}", "\n\n\n", "".join(map(textwrap.dedent, found)))


def language(path):
    suffix = pathlib.Path(path).suffix
    return LANGUAGES.get(suffix, suffix[1:])


def block(match):
    """The block as it has to be."""
    path, name = match["path"], match["name"]
    comment = match[0].split("\n", 1)[0]
    return f"{comment}\n```{language(path)}\n{piece(path, name)}```"


def names_in(path):
    """The pieces that a file offers."""
    return set(re.findall(r"\bdoc: (\w+)", path.read_text(encoding="utf-8"))) - {"end"}


def anchors(text):
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    words = (re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()) for heading in headings)
    return {word.strip().replace(" ", "-") for word in words}


def broken_links(document, text):
    """Targets of links within the repository that are not there."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (document.parent / path).resolve() if path else document
        if not file.exists():
            yield f"{target} is not there"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
            yield f"{target}: no such heading"


def problems(document, write):
    """How many things were looked at, and what is wrong with them."""
    text = document.read_text(encoding="utf-8")
    matches = list(BLOCK.finditer(text))
    if write:
        text = BLOCK.sub(block, text)
        document.write_text(text, encoding="utf-8")
        return len(matches), []
    wrong = [f"{m['path']}#{m['name']}: the text is another" for m in matches if m[0] != block(m)]
    # Code without a file behind it is code that nobody compiles.
    for before, code in re.findall(r"^(.*)\n *```(c|cpp|go|python|ruby|yaml)$", text, re.M):
        if not re.fullmatch(r"<!-- (examples|bindings)/\S+ -->", before):
            wrong.append(f"a block of {code} without its file, after {before!r}")
    wrong += broken_links(document, text)
    return len(matches) + 1, wrong


def unused():
    """Pieces that no document shows."""
    shown = set()
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("bindings/*/README.md")]:
        for match in BLOCK.finditer(document.read_text(encoding="utf-8")):
            shown.add((match["path"], match["name"]))
    for file in sorted(file for file in ROOT.glob("examples/**/*.*") if file.suffix in SOURCES):
        path = str(file.relative_to(ROOT))
        for name in sorted(names_in(file)):
            if (path, name) not in shown:
                yield f"{path}#{name}: no document shows it"


def main(arguments):
    write = "--write" in arguments
    passed = failed = 0
    for name in (argument for argument in arguments if argument != "--write"):
        document = pathlib.Path(name).resolve()
        count, wrong = problems(document, write)
        for words in wrong:
            print(f"FAILED: {name}: {words}")
        passed += max(count - len(wrong), 0)
        failed += len(wrong)
    for words in unused():
        print(f"FAILED: {words}")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
