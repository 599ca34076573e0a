"""Split's guide, "Adding postfork handler", Django: setup FME module."""

from django_splitio import get_factory

global SPLIT


def setup():
    global SPLIT
    if "SPLIT" in globals():
        return
    SPLIT = get_factory()
