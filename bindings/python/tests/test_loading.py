"""Which library is loaded, and what is said when it cannot be."""

import pathlib

import pytest
from support.programs import run

import splitio
from splitio import _library


@pytest.mark.parametrize(
    ("version", "number"),
    [("1.0.0", 1_000_000), ("1.2.3", 1_002_003), ("12.34.56", 12_034_056), ("2.0.0.dev1", 2_000_000)],
)
def test_versions_count_as_in_the_header(version, number):
    assert _library.version_number(version) == number


def test_the_variable_comes_first_then_the_wheel_then_the_system(monkeypatch, tmp_path):
    monkeypatch.setenv("SPLITIO_LIBRARY", "/a/library.so")
    assert _library.path() == "/a/library.so"
    monkeypatch.delenv("SPLITIO_LIBRARY")
    inside = tmp_path / "libsplitio.so.1"
    monkeypatch.setattr(_library, "_INSIDE", inside)
    assert _library.path() == "libsplitio.so.1"
    inside.touch()
    assert _library.path() == str(inside)


def failure(environment=None, before=""):
    output, _ = run(
        f"""
        {before}
        try:
            import splitio
        except ImportError as error:
            print(error)
        """,
        environment=environment,
    )
    return output


def test_a_library_that_is_not_there():
    said = failure({"SPLITIO_LIBRARY": "/nowhere/libsplitio.so"})
    assert "'/nowhere/libsplitio.so'" in said
    assert "SPLITIO_LIBRARY" in said


def test_a_library_of_another_version():
    """The version of the package, as if it were a newer one."""
    package = pathlib.Path(splitio.__file__).parent
    said = failure(
        before=f"""
        import sys, types
        newer = types.ModuleType("splitio.version")
        newer.__version__ = "1.99.0"
        package = types.ModuleType("splitio")
        package.__path__ = [{str(package)!r}]
        sys.modules["splitio"], sys.modules["splitio.version"] = package, newer
        try:
            import splitio._native
        except ImportError as error:
            print(error)
        """
    )
    assert "cannot serve splitio-native 1.99.0" in said
    assert splitio.__version__ in said


def test_both_distributions_in_one_environment(tmp_path):
    other = tmp_path / "splitio_client-10.7.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: splitio_client\nVersion: 10.7.0\n")
    said = failure(before=f"import sys; sys.path.append({str(tmp_path)!r})")
    assert "splitio_client 10.7.0 and splitio-native are both installed" in said


def test_b37_loaded_after_dozens_of_native_modules(tmp_path):
    """What they take of the static room for variables of threads is not needed."""
    said, _ = run(
        """
        import importlib, pathlib, sys, sysconfig
        loaded = 0
        for file in pathlib.Path(sysconfig.get_config_var("DESTSHARED")).glob("*.so"):
            if file.name.startswith(("_test", "_xx", "xx", "_tkinter")):
                continue
            try:
                importlib.import_module(file.name.split(".")[0])
            except ImportError:  # of a system library that is not there
                continue
            loaded += 1
        before = pathlib.Path("/proc/self/maps").read_text()
        from splitio import get_factory
        assert "libsplitio" not in before and "libsplitio" in pathlib.Path("/proc/self/maps").read_text()
        path = pathlib.Path(sys.argv[1])
        path.write_text("late on")
        factory = get_factory("localhost", config={"splitFile": str(path)})
        factory.block_until_ready(5)
        print(loaded, factory.client().get_treatment("ann", "late"))
        factory.destroy()
        """,
        tmp_path / "late.split",
    )
    loaded, treatment = said.split()
    assert int(loaded) >= 12
    assert treatment == "on"


def test_the_versions_of_the_project_agree():
    manifest = pathlib.Path(__file__).parents[3] / "Cargo.toml"
    assert f'version = "{splitio.__version__}"' in manifest.read_text()
    assert splitio._native.version().decode() == splitio.__version__


def test_what_users_import():
    from splitio import EvaluationOptions, Key, __version__, get_factory, get_factory_async
    from splitio.client.client import EvaluationOptions as SameOptions
    from splitio.client.factory import TimeoutException as SameException
    from splitio.client.key import Key as SameKey
    from splitio.client.listener import ImpressionListener as SameListener
    from splitio.exceptions import SentinelConfigurationException, TimeoutException
    from splitio.factories import get_factory as same_factory
    from splitio.impressions import ImpressionListener

    assert EvaluationOptions is SameOptions
    assert (Key, ImpressionListener, get_factory) == (SameKey, SameListener, same_factory)
    assert TimeoutException is SameException
    assert issubclass(SentinelConfigurationException, Exception)
    assert callable(get_factory_async)
    assert __version__
