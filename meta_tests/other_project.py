"""A project that changes pytest in every way that a project can, with packages that are named like the suite's."""

from __future__ import annotations

from pathlib import Path

POISON = 'raise SystemExit("this module belongs to the other project")\n'


def make_hostile_project(folder: Path) -> Path:
    """Make that project in `folder`, with an installed pytest plugin in its folder `site`."""
    folder.mkdir()
    (folder / "pytest.ini").write_text(
        "[pytest]\n"
        "addopts = --strict-markers --maxfail=1 -x -p no:html --results elsewhere --profile stripe --no-such-option\n"
        "testpaths = tests\npython_files = check_*.py\npython_functions = check_*\nfilterwarnings = error\n"
        "minversion = 99\nrequired_plugins = pytest-of-theirs\nconsole_output_style = times\nxfail_strict = true\n"
    )
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--also-no-such-option"\n')
    (folder / "setup.cfg").write_text("[tool:pytest]\naddopts = --nor-this\n")
    (folder / "tox.ini").write_text("[pytest]\naddopts = --nor-that\n")
    (folder / "conftest.py").write_text(POISON)
    for package in ("tests", "contracts", "strategies", "reference", "meta_tests"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text(POISON)
        (folder / package / "conftest.py").write_text(POISON)
    for module in ("tests/test_theirs.py", "tests/check_theirs.py", "their_plugin.py", "yaml.py", "jinja2.py"):
        (folder / module).write_text(POISON)
    installed = folder / "site" / "their_installed_plugin-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: their-installed-plugin\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[pytest11]\ntheirs = their_installed_plugin\n")
    (folder / "site" / "their_installed_plugin.py").write_text(POISON)
    return folder
