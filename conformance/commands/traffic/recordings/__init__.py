"""Recorded traffic as evidence, read from the files that browsers, proxies and test libraries write."""

from conformance.commands.traffic.recordings.files import read_recordings, recorded_in
from conformance.commands.traffic.recordings.recorded import Recorded, Recording, UnreadableRecording, blotted

__all__ = ["Recorded", "Recording", "UnreadableRecording", "blotted", "read_recordings", "recorded_in"]
