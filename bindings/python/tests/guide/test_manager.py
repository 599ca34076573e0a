"""The guide's blocks about the manager."""

from __future__ import annotations

from guide.blocks import block
from support.emulated import served

VIEW = {
    "name": "viewed",
    "traffic_type": "user",
    "killed": False,
    "treatments": ["on"],
    "configs": {"on": "{}"},
    "default_treatment": "off",
    "sets": ["backend"],
    "impressions_disabled": True,
}


def put(backend):
    """The flag; its change number."""
    viewed = served("viewed", configurations={"on": "{}"}, sets=["backend"], impressionsDisabled=True)
    return backend.post("flags", flag=viewed)["change_number"]


@block("Manager", 1)
def test_manager(factory):
    split = factory.client()
    manager = factory.manager()

    assert sorted(manager.split_names()) == sorted(view.name for view in manager.splits())
    assert split.get_treatment("key", manager.split_names()[0]) in manager.split(manager.split_names()[0]).treatments


@block("Manager", 2, describes=True)
def test_methods(backend, request):
    put(backend)
    manager = request.getfixturevalue("factory").manager()
    names = manager.split_names()
    assert isinstance(names, list)
    assert "viewed" in names
    assert sorted(names) == sorted(view.name for view in manager.splits())
    assert manager.split("viewed").name == "viewed"
    assert manager.split("unknown") is None


@block("Manager", 3, describes=True)
def test_methods_asyncio(backend, run):
    put(backend)

    async def main(_split, factory):
        manager = factory.manager()
        names = await manager.split_names()
        assert isinstance(names, list)
        assert "viewed" in names
        assert sorted(names) == sorted(view.name for view in await manager.splits())
        assert (await manager.split("viewed")).name == "viewed"
        assert await manager.split("unknown") is None

    run(main)


@block("Manager", 4, describes=True)
def test_split_view(backend, request):
    """A named tuple with the fields of the guide."""
    number = put(backend)
    view = request.getfixturevalue("factory").manager().split("viewed")
    assert isinstance(view, tuple)
    for field, value in {**VIEW, "change_number": number}.items():
        assert getattr(view, field) == value, field
