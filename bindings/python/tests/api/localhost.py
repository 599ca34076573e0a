"""Localhost mode: each format of file."""

import json

from world import eventually, flags

from splitio import get_factory

YAML = """\
- checkout: {treatment: "on", keys: ["ann", "bob"], config: "{\\"color\\":\\"red\\"}"}
- checkout: {treatment: "off", keys: zoe}
- checkout: {treatment: "v1"}
- banner: {treatment: "red"}
- keyed: {treatment: "on", keys: "ann"}
- configured: {treatment: "on", config: "text"}
"""
TEXT = """\
# a comment
checkout on

banner   red
with-hyphens v3
too many words
"""
QUESTIONS = [
    (key, flag)
    for key in ("ann", "zoe", "eve")
    for flag in ("checkout", "banner", "keyed", "configured", "with-hyphens", "too", "unknown")
]


def run(world, results):
    directory = world.directory
    (directory / "flags.yaml").write_text(YAML)
    (directory / "flags.yml").write_text(YAML)
    (directory / "flags.split").write_text(TEXT)
    (directory / "empty.yaml").write_text("")
    (directory / "broken.yaml").write_text("- checkout: {treatment: ")
    (directory / "flags.json").write_text(flags.shop())
    segment = flags.condition(
        "member", flags.matcher("IN_SEGMENT", userDefinedSegmentMatcherData={"segmentName": "staff"})
    )
    document = json.loads(flags.shop())
    document["ff"]["d"].append(flags.flag("members", segment))
    (directory / "segments.json").write_text(json.dumps(document))
    (directory / "staff.json").write_text(
        json.dumps({"name": "staff", "added": ["ann"], "removed": [], "since": -1, "till": 5})
    )
    for file in ("flags.yaml", "flags.yml", "flags.split", "empty.yaml", "broken.yaml", "missing.yaml", "missing"):
        one(results, directory, file)
    one(results, directory, "flags.json")
    one(results, directory, "segments.json", "members")
    refreshed(results, directory)


def one(results, directory, file, *more):
    config = {"splitFile": str(directory / file), "segmentDirectory": str(directory)}
    try:
        factory = get_factory("localhost", config=config)
        factory.block_until_ready(10)
    except Exception as error:
        results.add(f"localhost/{file}", {"raised": type(error).__name__})
        return
    results.add(f"localhost/{file}", factory.ready)
    client, manager = factory.client(), factory.manager()
    for key, flag in [*QUESTIONS, *(("ann", flag) for flag in more), *(("zoe", flag) for flag in more)]:
        results.of(f"localhost/{file}/{flag} {key}", client.get_treatment_with_config, key, flag)
    results.of(f"localhost/{file}/attributes", client.get_treatment, "ann", "adults", {"age": 20})
    results.of(f"localhost/{file}/set", client.get_treatments_by_flag_set, "ann", "web")
    results.add(f"localhost/{file}/names", sorted(manager.split_names()))
    split = manager.split("checkout")
    if split is not None:
        results.add(
            f"localhost/{file}/view", [sorted(split.treatments), split.killed, split.configs, sorted(split.sets)]
        )
    results.of(f"localhost/{file}/track", client.track, "ann", "user", "paid")
    results.of(f"localhost/{file}/track what cannot be", client.track, "ann", "user", "not valid")
    factory.destroy()
    results.of(f"localhost/{file}/destroyed", client.get_treatment, "ann", "checkout")


def refreshed(results, directory):
    file = directory / "refreshed.json"
    file.write_text(flags.document(flags.flag("banner", flags.everyone("red"))))
    factory = get_factory(
        "localhost",
        config={
            "splitFile": str(file),
            "segmentDirectory": str(directory),
            "localhostRefreshEnabled": True,
            "featuresRefreshRate": 1,
            "segmentsRefreshRate": 1,
        },
    )
    factory.block_until_ready(10)
    client = factory.client()
    results.of("localhost/refreshed/before", client.get_treatment, "ann", "banner")
    document = json.loads(flags.document(flags.flag("banner", flags.everyone("blue"), changeNumber=flags.NUMBER + 1)))
    document["ff"]["t"] = flags.NUMBER + 1
    file.write_text(json.dumps(document))
    results.add(
        "localhost/refreshed/after", eventually(lambda: client.get_treatment("ann", "banner") == "blue", seconds=10)
    )
    factory.destroy()
