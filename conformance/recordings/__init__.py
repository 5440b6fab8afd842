"""Recorded traffic as evidence, read from the files that browsers, proxies and test libraries write."""

from conformance.recordings.files import read_recordings, recorded_in
from conformance.recordings.recorded import Recorded, Recording, UnreadableRecording, blotted

__all__ = ["Recorded", "Recording", "UnreadableRecording", "blotted", "read_recordings", "recorded_in"]
