"""What the README says about Django: it shows parts of this file."""

from django.core.checks import run_checks
from django.test import override_settings

# doc: client
from django_splitio import get_factory

# doc: testing
from django_splitio.testing import treatments

# doc: settings
INSTALLED_APPS = ["django_splitio"]  # and yours
SPLITIO = {"apiKey": "YOUR_SDK_KEY", "impressionsMode": "optimized"}
# doc: end


def test_the_settings():
    with override_settings(INSTALLED_APPS=INSTALLED_APPS, SPLITIO=SPLITIO):
        assert run_checks() == []


def pay(user):
    # doc: client
    client = get_factory().client()
    # doc: end
    if client.get_treatment(user, "new_checkout") == "on":
        client.track(user, "user", "paid", 9.5)
    return client.get_treatment_with_config(user, "banner")


# doc: testing


@treatments(new_checkout="on", banner="plain")
def test_for_everybody():
    assert pay("ann") == ("plain", None)


def test_by_key():
    with treatments({"banner": ("v2", '{"color": "red"}'), "new_checkout": {"ann": "on", None: "off"}}) as split:
        assert pay("ann") == pay("zoe") == ("v2", '{"color": "red"}')
        assert split.events == [("ann", "user", "paid", 9.5, None)]
