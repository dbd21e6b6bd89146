"""A recorded call becomes a file that plays what was said, each side on its own channel."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path

import pytest

from tests.sip.conftest import StartEdge
from tests.sip.fake_service import FakeService
from tests.sip.harness import free_block
from tests.sip.sipp import until
from tollgate.jobs.recordings import collect

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]

TONE_HZ, LOUDNESS, SPOKEN_S = 440, 12_000, 2


def a_law(sample: int) -> int:
    """G.711 as the encoder's table would have it: sign, segment, four bits."""
    sign = 0x80 if sample >= 0 else 0
    size = min(abs(sample), 32_767) >> 4
    segment = 0
    while size >> 5 and segment < 7:
        size >>= 1
        segment += 1
    if segment == 0 and size >> 4:
        segment = 1
    elif segment:
        segment += 1
    return (sign | (min(segment, 7) << 4) | (size & 0x0F)) ^ 0x55


def tone() -> list[int]:
    return [round(LOUDNESS * math.sin(2 * math.pi * TONE_HZ * n / 8000)) for n in range(8000 * SPOKEN_S)]


def strength(samples: list[int], hertz: int) -> float:
    """How much of one frequency there is, 1.0 = a pure tone of LOUDNESS throughout."""
    real = sum(s * math.cos(2 * math.pi * hertz * n / 8000) for n, s in enumerate(samples))
    imaginary = sum(s * math.sin(2 * math.pi * hertz * n / 8000) for n, s in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / len(samples) / LOUDNESS


def record_a_call(start_edge: StartEdge, database_url: str, spoken: Path) -> Path:
    """Acme speaks, Cirrus's side sends silence of its own; returns where rtpengine left it."""
    block = free_block()
    plan = {
        "action": "route",
        "call_ref": "ref-4711",
        "max_duration": 60,
        "media": 1,
        "record": 1,
        "version": "1.0",
        "routing": "serial",
        "routes": [
            {
                "uri": f"sip:1@{block}.11",
                "dst_uri": f"sip:{block}.11:5060",
                "headers": {},
                "fr_timer": 2000,
                "fr_inv_timer": 9000,
            }
        ],
    }
    service = FakeService(f"{block}.9", lambda _: plan).start()
    edge = start_edge(block=block, database_url=database_url, service_url=service.url)
    edge.carrier(edge.address(11), "answer", echo=True)
    result = edge.call(caller=edge.address(2), cld="1", hold_ms=2600, media=spoken)
    service.stop()
    assert (result.code, result.exit_code) == (200, 0)
    return edge.settings.recording_dir


def test_a_recording_plays_what_was_said(start_edge: StartEdge, edge_database: str, tmp_path: Path) -> None:
    spoken = tmp_path / "tone.al"
    spoken.write_bytes(bytes(a_law(sample) for sample in tone()))
    folder = record_a_call(start_edge, edge_database, spoken)
    made = until(lambda: collect(folder, tmp_path / "recordings"), what="the recording")
    assert [path.name for path in made] == ["ref-4711.wav"]
    with wave.open(str(made[0])) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        assert 1.8 < file.getnframes() / 8000 < 8
        frames = array("h", file.readframes(file.getnframes()))
    caller, called = list(frames[0::2]), list(frames[1::2])
    assert strength(caller[1600:12_800], TONE_HZ) > 0.9
    assert strength(called[4000:12_800], TONE_HZ) > 0.9  # Cirrus's side sends back what it hears
    assert strength(caller[1600:12_800], 1000) < 0.05
    assert collect(folder, tmp_path / "recordings") == []
    assert not list((folder / "pcaps").iterdir())


def test_a_capture_without_speech_is_kept_aside(tmp_path: Path) -> None:
    for name in ("pcaps", "metadata"):
        (tmp_path / name).mkdir()
    pcap = tmp_path / "pcaps" / "x.pcap"
    pcap.write_bytes(b"\xd4\xc3\xb2\xa1" + bytes(20))
    (tmp_path / "metadata" / "x.txt").write_text(f"{pcap}\n\ncall_ref:../../etc/passwd\n")
    assert collect(tmp_path, tmp_path / "out") == []
    assert (tmp_path / "unreadable" / "x.pcap").exists()
    assert list((tmp_path / "metadata").iterdir()) == []
