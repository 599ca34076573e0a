"""The same under asyncio."""

import asyncio
import inspect

from calls import ATTRIBUTES, LISTS, SETS, view
from values import ANY
from world import METHODS, arguments_of

from splitio import Key, get_factory_async
from splitio.impressions import ImpressionListener


class Listener(ImpressionListener):
    def __init__(self):
        self.data = []

    async def log_impression(self, data):
        self.data.append(data)


def run(world, results):
    world.begin()
    asyncio.run(calls(world, results))
    world.begin()
    asyncio.run(ends(world, results))


async def calls(world, results):
    listener = Listener()
    factory = await world.ready_async(impressionListener=listener)
    client, manager = factory.client(), factory.manager()
    results.add("async/types", [factory, client, manager])
    results.add("async/ready", [factory.ready, factory.destroyed, client.ready, client.destroyed])
    for name, key in ANY.items():
        for method in METHODS:
            await results.of_async(f"async/key/{name}/{method}", getattr(client, method), key, *arguments_of(method))
        await results.of_async(f"async/key/{name}/track", client.track, key, "user", "paid")
        await results.of_async(f"async/flag/{name}", client.get_treatment_with_config, "ann", key)
        await results.of_async(f"async/value/{name}", client.track, "ann", "user", "paid", key)
    for name, names in LISTS.items():
        await results.of_async(f"async/list/{name}", client.get_treatments_with_config, "ann", names)
    for name, names in SETS.items():
        await results.of_async(f"async/sets/{name}", client.get_treatments_by_flag_sets, "ann", names)
    for name, attributes in ATTRIBUTES.items():
        await results.of_async(f"async/attributes/{name}", client.get_treatment, "zoe", "adults", attributes)
    await results.of_async("async/pair", client.get_treatment, Key("ann", "b"), "rollout")
    results.add("async/manager/names", sorted(await manager.split_names()))
    for split in await manager.splits():
        results.add(f"async/manager/{split.name}", view(split))
    results.add("async/manager/unknown", await manager.split("unknown"))
    results.add("async/manager/none", await manager.split(None))
    results.add("async/coroutine", inspect.iscoroutinefunction(client.get_treatment))
    listener.data.clear()
    await client.get_treatment("listened", "checkout", {"a": 1})
    for _ in range(200):
        if [data for data in listener.data if data["impression"].matching_key == "listened"]:
            break
        await asyncio.sleep(0.01)
    data = next(data for data in listener.data if data["impression"].matching_key == "listened")
    results.add("async/listener", [data["impression"]._replace(time=0), data["attributes"], data["instance-id"]])
    await results.of_async("async/destroy", factory.destroy)
    results.add("async/destroyed", [factory.ready, factory.destroyed])
    for method in METHODS:
        await results.of_async(f"async/destroyed/{method}", getattr(client, method), "ann", *arguments_of(method))
    await results.of_async("async/destroyed/track", client.track, "ann", "user", "paid")
    await results.of_async("async/destroyed/names", manager.split_names)
    await results.of_async("async/destroyed/splits", manager.splits)
    await results.of_async("async/destroyed/split", manager.split, "checkout")
    await results.of_async("async/destroy again", factory.destroy)


async def ends(world, results):
    world.backend.post("faults", endpoint="splitChanges", hang=True)
    from world import CONFIG

    factory = await get_factory_async("a-key-of-python", config=dict(CONFIG), **world.backend.arguments)
    client, manager = factory.client(), factory.manager()
    for method in METHODS:
        await results.of_async(f"async/not ready/{method}", getattr(client, method), "ann", *arguments_of(method))
    await results.of_async("async/not ready/track", client.track, "ann", "user", "paid")
    await results.of_async("async/not ready/names", manager.split_names)
    await results.of_async("async/not ready/block", factory.block_until_ready, 0.1)
    await results.of_async("async/not ready/destroy", factory.destroy)
    results.add("async/not ready/destroyed", [factory.ready, factory.destroyed])
    await results.of_async("async/key none", get_factory_async, None)
    await results.of_async("async/key empty", get_factory_async, "")
