"""As `livekit_native`, but each span of a model call has only what is new in its input."""

from __future__ import annotations

from harness import Driver, core_without, run
from livekit_native import Room, app, instrument

if __name__ == "__main__":
    Room.recording = {
        "audio": False,
        "traces": False,
        "logs": False,
        "transcript": False,
        "input_delta": True,
    }
    run(
        Driver(
            name="livekit_delta",
            instrument=instrument,
            app=app,
            scenarios=(*core_without("delegate"), "transfer"),
        )
    )
