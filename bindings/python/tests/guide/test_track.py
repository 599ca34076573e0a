"""The guide's blocks about events."""

from __future__ import annotations

import pytest
from guide.blocks import block
from support.emulated import destroy

PLACEHOLDERS = {
    'trackEvent = client.track("key", "TRAFFIC_TYPE", "EVENT_TYPE", None, {PROPERTIES})': "a placeholder in braces",
    'trackEvent = client.track("key", "TRAFFIC_TYPE", "EVENT_TYPE", VALUE, {PROPERTIES})': "a placeholder in braces",
    '"admin": true,': "JSON's true",
}
PLACEHOLDERS_ASYNCIO = {line.replace("client.track", "await client.track"): why for line, why in PLACEHOLDERS.items()}
PREMIUM = {"package": "premium", "admin": True, "discount": 50}
EXPECTED = [
    ("key", "traffic_type", None, None),
    ("john@doe.com", "user", None, None),
    ("key", "traffic_type", 7, None),
    ("john@doe.com", "user", 83.334, None),
    ("key", "traffic_type", None, PREMIUM),
    ("key", "traffic_type", 7, PREMIUM),
    ("key", "traffic_type", 83.334, PREMIUM),
]


def arrived(backend):
    return [
        (event["key"], event["trafficTypeName"], event.get("value"), event.get("properties") or None)
        for event in backend.events()
    ]


@block("Track", 1, but=PLACEHOLDERS)
def test_track(backend, factory, client):
    VALUE, PROPERTIES = 7, PREMIUM
    answers = []

    trackEvent = client.track("key", "TRAFFIC_TYPE", "EVENT_TYPE")
    answers.append(trackEvent)
    trackEvent = client.track("john@doe.com", "user", "page_load_time")
    answers.append(trackEvent)

    trackEvent = client.track("key", "TRAFFIC_TYPE", "EVENT_TYPE", VALUE)
    answers.append(trackEvent)
    trackEvent = client.track("john@doe.com", "user", "page_load_time", 83.334)
    answers.append(trackEvent)

    trackEvent = client.track("key", "TRAFFIC_TYPE", "EVENT_TYPE", None, PROPERTIES)
    answers.append(trackEvent)

    trackEvent = client.track("key", "TRAFFIC_TYPE", "EVENT_TYPE", VALUE, PROPERTIES)
    answers.append(trackEvent)
    properties = {"package": "premium", "admin": True, "discount": 50}
    trackEvent = client.track("key", "TRAFFIC_TYPE", "EVENT_TYPE", 83.334, properties)
    answers.append(trackEvent)

    assert answers == [True] * 7
    destroy(factory)
    assert arrived(backend) == EXPECTED


@block("Track", 2, but=PLACEHOLDERS_ASYNCIO)
def test_track_asyncio(backend, run):
    VALUE, PROPERTIES = 7, PREMIUM
    answers = []

    async def main(client, _factory):
        trackEvent = await client.track("key", "TRAFFIC_TYPE", "EVENT_TYPE")
        answers.append(trackEvent)
        trackEvent = await client.track("john@doe.com", "user", "page_load_time")
        answers.append(trackEvent)

        trackEvent = await client.track("key", "TRAFFIC_TYPE", "EVENT_TYPE", VALUE)
        answers.append(trackEvent)
        trackEvent = await client.track("john@doe.com", "user", "page_load_time", 83.334)
        answers.append(trackEvent)

        trackEvent = await client.track("key", "TRAFFIC_TYPE", "EVENT_TYPE", None, PROPERTIES)
        answers.append(trackEvent)

        trackEvent = await client.track("key", "TRAFFIC_TYPE", "EVENT_TYPE", VALUE, PROPERTIES)
        answers.append(trackEvent)
        properties = {"package": "premium", "admin": True, "discount": 50}
        trackEvent = await client.track("key", "TRAFFIC_TYPE", "EVENT_TYPE", 83.334, properties)
        answers.append(trackEvent)

    run(main)
    assert answers == [True] * 7
    assert arrived(backend) == EXPECTED


@pytest.mark.parametrize(
    "arguments",
    [
        ("key", "user", "x" * 81),
        ("key", "user", "not valid"),
        ("key", "user", ".first"),
        ("key", "user", ""),
        ("key", "", "paid"),
        ("", "user", "paid"),
        (None, "user", "paid"),
        ("key", "user", "paid", "much"),
        ("key", "user", "paid", 1, ["properties"]),
    ],
    ids=str,
)
def test_bad_input_is_refused(client, arguments):
    """The text above the blocks: false, when incorrect input was given."""
    assert client.track(*arguments) is False
