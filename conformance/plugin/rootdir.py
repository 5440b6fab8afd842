"""The root directory, found again once the options are known.

pytest settles its root directory and configuration file before it has loaded any plugin. `--results DIR` is unknown to
it then, and an existing DIR is taken for a path to collect: the run would be configured by the files there.
"""

from __future__ import annotations

import pytest
from _pytest.config.findpaths import determine_setup


def find_root_again(config: pytest.Config) -> None:
    """Settle the root directory by the paths that really are to be collected."""
    known = config.known_args_namespace
    rootpath, inipath, values, ignored = determine_setup(
        inifile=known.inifilename,
        override_ini=known.override_ini,
        args=known.file_or_dir,
        rootdir_cmd_arg=known.rootdir or None,
        invocation_dir=config.invocation_params.dir,
    )
    if rootpath == config.rootpath and inipath == config.inipath:
        return
    config._rootpath = rootpath
    config._inipath = inipath
    config._inicfg = values
    config._ignored_config_files = ignored
    config._inicache.clear()
    known.confcutdir = str(inipath.parent if inipath else rootpath)
