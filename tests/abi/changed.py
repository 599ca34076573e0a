"""A binary interface with one change, as if somebody had made it in the code: what abidiff has to notice, and what not.

changed.py list                     the names of the changes
changed.py CHANGE baseline.abi      the interface with it
"""

import copy
import sys
import xml.etree.ElementTree as ElementTree


def named(interface, tag, name):
    return next(element for element in interface.iter(tag) if element.get("name") == name)


def dropped_function(interface):
    symbols, unit = interface.find("elf-function-symbols"), interface.find("abi-instr")
    symbols.remove(named(symbols, "elf-symbol", "split_flush"))
    unit.remove(named(unit, "function-decl", "split_flush"))


def inserted_parameter(interface):
    function = named(interface, "function-decl", "split_track")
    function.insert(0, copy.deepcopy(function.find("parameter")))


def narrowed_parameter(interface):
    time = named(interface, "function-decl", "split_block_until_ready").findall("parameter")[1]
    time.set("type-id", named(interface, "type-decl", "i32").get("id"))


def changed_return(interface):
    returned = named(interface, "function-decl", "split_is_ready").find("return")
    returned.set("type-id", named(interface, "type-decl", "i64").get("id"))


def inserted_field(interface):
    struct = named(interface, "class-decl", "split_result")
    fields = struct.findall("data-member")
    struct.set("size-in-bits", str(int(struct.get("size-in-bits")) + 64))
    for field in fields[1:]:
        field.set("layout-offset-in-bits", str(int(field.get("layout-offset-in-bits")) + 64))
    new = copy.deepcopy(fields[0])
    new.find("var-decl").set("name", "inserted")
    new.set("layout-offset-in-bits", "64")
    struct.insert(1, new)


def retyped_field(interface):
    struct = named(interface, "class-decl", "split_log_record")
    time = next(field for field in struct.iter("var-decl") if field.get("name") == "time")
    time.set("type-id", named(interface, "type-decl", "f64").get("id"))


def added_function(interface):
    symbols, unit = interface.find("elf-function-symbols"), interface.find("abi-instr")
    for parent, tag in ((symbols, "elf-symbol"), (unit, "function-decl")):
        new = copy.deepcopy(named(parent, tag, "split_flush"))
        for attribute in ("name", "mangled-name", "elf-symbol-id"):
            if attribute in new.attrib:
                new.set(attribute, "split_flush_more")
        parent.append(new)


CHANGES = {
    function.__name__: function
    for function in (
        dropped_function,
        inserted_parameter,
        narrowed_parameter,
        changed_return,
        inserted_field,
        retyped_field,
        added_function,
    )
}

if sys.argv[1] == "list":
    print(*CHANGES)
else:
    root = ElementTree.parse(sys.argv[2]).getroot()
    CHANGES[sys.argv[1]](root)
    print(ElementTree.tostring(root, encoding="unicode"))
