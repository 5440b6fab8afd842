"""The conformance suite of the attach operation as one package, so that it can stand in any environment.

A wheel holds the suite's files in the folder `suite` of this package: the suite's own packages have everyday names such
as `contracts`, which other projects use, too. In a clone they lie next to this package.
"""

from importlib.metadata import version

__version__ = version("attach-conformance")
