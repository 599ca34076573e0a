"""The binary interface of a built library, as text that can be committed.

    public_types.py libsplitio.so >baseline.abi

libabigail's abidw reads it from the debug information, with everything else that Rust keeps there. Of that, the
exported functions remain here, and the types that they reach; ids are numbered anew, so that a change of the inside
changes nothing. abidiff reads the result like any other file of abidw's.
"""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

OPTIONS = ["--no-architecture", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed"]


def reached(functions, types):
    """The types that functions use, directly or not, in the order in which they are met."""
    found = {}
    waiting = list(functions)
    for element in waiting:
        for part in element.iter():
            name = part.get("type-id")
            if name in types and name not in found:
                found[name] = types[name]
                waiting.append(types[name])
    return found


def say_plainly(everything):
    """Callbacks as the pointers that they are: inside Rust's Option, abidiff does not look at what they take."""
    pointers = {}
    for option in everything.iter("class-decl"):
        if option.get("name", "").startswith('Option<unsafe extern "C" fn('):
            some = next(part for part in option.iter("class-decl") if part.get("name") == "Some")
            pointers[option.get("id")] = next(some.iter("var-decl")).get("type-id")
    for part in everything.iter():
        name = part.get("type-id")
        if name in pointers:
            part.set("type-id", pointers[name])


def numbered_anew(elements, types):
    """Ids and references, by order: those of abidw count what is left out here, too."""
    numbers = {name: f"type-id-{number}" for number, name in enumerate(types, 1)}
    for element in elements:
        for part in element.iter():
            for attribute in ("id", "type-id"):
                if attribute in part.attrib:
                    # An id that nothing refers to, such as an array's range.
                    part.set(attribute, numbers.setdefault(part.get(attribute), f"type-id-{len(numbers) + 1}"))


def main():
    library = sys.argv[1]
    everything = ElementTree.fromstring(
        subprocess.run(["abidw", *OPTIONS, library], check=True, stdout=subprocess.PIPE).stdout
    )
    say_plainly(everything)
    functions = [e for e in everything.iter("function-decl") if e.get("elf-symbol-id")]
    functions.sort(key=lambda function: function.get("name"))
    symbols = everything.find("elf-function-symbols")
    unknown = {e.get("name") for e in symbols} - {e.get("elf-symbol-id") for e in functions}
    if not functions or unknown:
        sys.exit(
            f"{library}: no types in the debug information (the release profile has them) of {sorted(unknown)[:3]}"
        )
    types = {}
    for element in everything.iter():
        if element.get("id") and element.tag != "elf-symbol" and not element.get("is-declaration-only"):
            types.setdefault(element.get("id"), element)
    types = reached(functions, types)
    numbered_anew([*types.values(), *functions], types)

    result = ElementTree.Element(
        "abi-corpus", {"version": everything.get("version"), "soname": everything.get("soname")}
    )
    result.append(symbols)
    unit = ElementTree.SubElement(
        result, "abi-instr", {"address-size": "64", "path": "src/lib.rs", "language": "LANG_C11"}
    )
    unit.extend([*types.values(), *functions])
    ElementTree.indent(result)
    print(ElementTree.tostring(result, encoding="unicode"))


main()
