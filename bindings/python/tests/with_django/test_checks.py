"""The system check: what of SPLITIO would be ignored or refused."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from django_splitio._checks import check_settings
from splitio.impressions import ImpressionListener


class Listener(ImpressionListener):
    def log_impression(self, data):
        pass


def found(**options):
    with override_settings(SPLITIO={"apiKey": "a-key", **options}):
        return [(message.id, message.msg) for message in check_settings()]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"featuresRefreshRate": 5, "labelsEnabled": True, "impressionsMode": "debug"},
        {"features_refresh_rate": 5},
        {"sdk_api_base_url": "http://127.0.0.1:1/api", "streaming_api_base_url": "http://127.0.0.1:1"},
        {"impressionListener": Listener()},
        {"flagSetsFilter": ["web"]},
        {"preforkedInitialization": True},
        {"redisSentinels": [("first", 26379)], "redisMasterService": "main", "redisSocketTimeout": 5},
    ],
    ids=str,
)
def test_nothing_to_say(options):
    assert found(**options) == []


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"featureRefreshRate": 5}, "splitio.W001", ["featureRefreshRate", "featuresRefreshRate"]),
        ({"nonsense": {}}, "splitio.W001", ["nonsense"]),
        ({"featuresRefreshRate": "soon"}, "splitio.W002", ["featuresRefreshRate"]),
        ({"streamingEnabled": "perhaps"}, "splitio.W002", ["streamingEnabled"]),
        ({"impressionListener": object()}, "splitio.W002", ["impressionListener"]),
        ({"ready": 5}, "splitio.W003", ["ready"]),
        ({7: 5}, "splitio.W001", ["7"]),
    ],
    ids=str,
)
def test_one_complaint(options, kind, words):
    with override_settings(SPLITIO={"apiKey": "a-key", **options}):
        (message,) = check_settings()
    assert message.id == kind
    assert message.hint
    for word in words:
        assert word in message.msg


def test_each_option_gets_its_own():
    assert [kind for kind, _ in found(featureRefreshRate=5, streamingEnabled="perhaps", labelsEnabled=True)] == [
        "splitio.W001",
        "splitio.W002",
    ]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (None, "splitio.E001"),
        ([], "splitio.E002"),
        ({}, "splitio.E003"),
        ({"apiKey": 7}, "splitio.E003"),
        ({"apiKey": " "}, "splitio.E003"),
    ],
    ids=str,
)
def test_settings_without_a_key(given, kind):
    with override_settings(SPLITIO=given):
        assert [message.id for message in check_settings()] == [kind]


def test_secrets_are_not_shown():
    for _, text in found(redisPassword=["hunter2"], customHeaders="hunter2", proxyUrl=["hunter2"]):
        assert "hunter2" not in text


def test_manage_check_reports_it():
    with override_settings(SPLITIO={"apiKey": "a-key", "featureRefreshRate": 5}):
        told = io.StringIO()
        call_command("check", stderr=told, stdout=io.StringIO())
        assert "featureRefreshRate" in told.getvalue()
        with pytest.raises(SystemCheckError, match="W001"):
            call_command("check", fail_level="WARNING", stderr=io.StringIO(), stdout=io.StringIO())
