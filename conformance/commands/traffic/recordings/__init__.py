"""Recorded traffic as evidence, read from the files that browsers, proxies and test libraries write.

The modules import in one direction: members, bodies, recorded, then a module for each family of forms, then files.
"""

from conformance.commands.traffic.recordings.files import Recording, UnreadableRecording, read_recordings
from conformance.commands.traffic.recordings.recorded import Recorded, blot

__all__ = ["Recorded", "Recording", "UnreadableRecording", "blot", "read_recordings"]
