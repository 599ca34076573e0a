"""The guide's blocks about impression listeners."""

from __future__ import annotations

import asyncio

from guide.blocks import block
from support.emulated import destroy
from support.waiting import eventually

import splitio

BRACES = {
    "class CustomImpressionListener(ImpressionListener)": "no Python: the colon is missing",
    "{": "no Python: braces around a class",
    "}": "no Python: braces around a class",
}


def check(data):
    """What the table of the guide says of the data."""
    impression = data["impression"]
    assert (impression.matching_key, impression.feature_name, impression.treatment) == (
        "key",
        "FEATURE_FLAG_NAME",
        "on",
    )
    assert impression.label == "default rule"
    assert data["attributes"] == {"plan": "pro"}
    assert isinstance(data["instance-id"], str)
    assert data["sdk-language-version"] == f"python-{splitio.__version__}"


@block("Implement a custom impression listener", 1, but=BRACES)
def test_listener():
    from splitio.impressions import ImpressionListener

    given = []

    class CustomImpressionListener(ImpressionListener):
        def log_impression(self, data):
            given.append(data)

    factory = splitio.get_factory("YOUR_SDK_KEY", config={"impressionListener": CustomImpressionListener()})
    factory.block_until_ready(5)
    for _ in range(3):
        factory.client().get_treatment("key", "FEATURE_FLAG_NAME", {"plan": "pro"})
    eventually(lambda: len(given) == 3, "three calls, whatever is sent")
    for data in given:
        check(data)


@block("Implement a custom impression listener", 2, but=BRACES)
def test_listener_asyncio():
    from splitio.impressions import ImpressionListener

    given = []

    class CustomImpressionListener(ImpressionListener):
        async def log_impression(self, data):
            await asyncio.sleep(0)
            given.append(data)

    async def main():
        factory = await splitio.get_factory_async(
            "YOUR_SDK_KEY", config={"impressionListener": CustomImpressionListener()}
        )
        await factory.block_until_ready(5)
        for _ in range(3):
            await factory.client().get_treatment("key", "FEATURE_FLAG_NAME", {"plan": "pro"})
        for _ in range(500):
            if len(given) == 3:
                break
            await asyncio.sleep(0.02)
        await factory.destroy()

    asyncio.run(main())
    assert len(given) == 3
    for data in given:
        check(data)


@block("Attach a custom impression listener", 1)
def test_attach():
    from splitio import get_factory
    from splitio.impressions import ImpressionListener

    given = []

    class CustomImpressionListener(ImpressionListener):
        def log_impression(self, data):
            given.append(data)

    factory = get_factory(
        "YOUR_SDK_KEY",
        config={"impressionsMode": "NONE", "impressionListener": CustomImpressionListener()},
    )
    split = factory.client()

    factory.block_until_ready(5)
    split.get_treatment("key", "FEATURE_FLAG_NAME", {"plan": "pro"})
    destroy(factory)
    (data,) = given
    check(data)


@block("Attach a custom impression listener", 2)
def test_attach_asyncio():
    from splitio import get_factory_async
    from splitio.impressions import ImpressionListener

    given = []

    class CustomImpressionListener(ImpressionListener):
        async def log_impression(self, data):
            given.append(data)

    async def main():
        factory = await get_factory_async(
            "YOUR_SDK_KEY",
            config={"impressionsMode": "NONE", "impressionListener": CustomImpressionListener()},
        )
        split = factory.client()

        await factory.block_until_ready(5)
        await split.get_treatment("key", "FEATURE_FLAG_NAME", {"plan": "pro"})
        await factory.destroy()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    (data,) = given
    check(data)
