"""Whether the lines that a document explains are lines of the library.

    log_lines.py FILE

They are the code at the beginning of the rows of its tables, `…` standing for anything, under a heading that ends in
"says". Each part of one has to stand in a text of src/. The last line is "N passed, M failed".
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[2]
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S)


def said():
    """What stands between the variables of the texts in src/."""
    found = set()
    for path in ROOT.glob("src/**/*.rs"):
        if "test" in str(path.relative_to(ROOT)):
            continue
        code = path.read_text(encoding="utf-8").split("#[cfg(test)]\nmod tests {")[0]
        # Comments have quotes of their own, and a character may be one.
        code = re.sub(r"^\s*//.*$|'\\?\"'", "", code, flags=re.M)
        for text in TEXT.findall(code):
            text = re.sub(r"\\\n\s*", "", text).replace('\\"', '"')
            found.update(re.split(r"\{[^}]*\}", text))
    return found


def explained(document):
    """The lines that the document explains."""
    inside = False
    for line in document.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            inside = False
        elif re.match(r"\| The \w+ says \|", line):
            inside = True
        elif inside and (row := re.match(r"\| `(.*?)` \|", line)):
            yield row[1]


def main(document):
    texts = "\n".join(said())
    passed = failed = 0
    for line in explained(pathlib.Path(document)):
        parts = [part.strip(' "') for part in line.split("…")]
        if all(part in texts for part in parts) and max(map(len, parts)) >= 8:
            passed += 1
        else:
            failed += 1
            print(f"FAILED: {document}: nothing in src/ says {line!r}")
    print(f"{passed} passed, {failed} failed")
    return failed > 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
