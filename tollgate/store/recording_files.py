"""Where the sound of calls is."""

from pathlib import Path

from tollgate import environment


def recording_of(call_id: int) -> Path | None:
    """The file of a call, when there is one. The SIP edge names it by our id of the call."""
    file = environment.data_folder() / "recordings" / f"{call_id}.wav"
    return file if file.is_file() else None
