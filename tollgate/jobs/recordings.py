"""From rtpengine's recordings to files people can play: one stereo WAV per call, caller left, called side right.

rtpengine writes `pcaps/` while a call lasts and its file in `metadata/` when the recording is complete; `collect` turns
what is complete into `<call_ref>.wav`. PCMA and PCMU are understood; a recording that holds neither is kept aside in
`unreadable/`. To add a codec: its payload type and a table of 256 samples in `_SAMPLES`, if it has one byte per sample.
"""

from __future__ import annotations

import re
import struct
import wave
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

HZ = 8000
_JUMP_MOST = HZ * 60
"""Samples a stream may leap ahead of the clock before its time stamps are taken for nonsense."""
_ETHERNET = 1


class RecordingUnreadable(ValueError):
    """The capture holds no speech we can decode."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that rtpengine has completed."""

    metadata: Path
    pcap: Path
    call_ref: str
    caller_port: int | None
    """Our port that the caller speaks to; None when the call was never answered with media."""


@dataclass(frozen=True, slots=True)
class _Packet:
    """One RTP packet: when it came, to which port of ours, and what it carried."""

    at_s: float
    port: int
    source: int
    timestamp: int
    payload_type: int
    payload: bytes


def collect(recording_dir: Path, into: Path) -> list[Path]:
    """Makes WAV files in `into` of every completed recording, removes what they were made of. Returns the new files."""
    into.mkdir(parents=True, exist_ok=True)
    made = []
    for recording in completed(recording_dir):
        target = into / f"{_file_name(recording.call_ref)}.wav"
        try:
            write_wav(recording, target)
        except RecordingUnreadable:
            aside = recording_dir / "unreadable"
            aside.mkdir(exist_ok=True)
            recording.pcap.replace(aside / recording.pcap.name)
        else:
            recording.pcap.unlink()
            made.append(target)
        recording.metadata.unlink()
    return made


def completed(recording_dir: Path) -> Iterator[Recording]:
    """Recordings whose call has ended, oldest first."""
    files = sorted((recording_dir / "metadata").glob("*.txt"), key=lambda path: path.stat().st_mtime)
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        pcap = Path(text.split("\n", 1)[0].strip())
        reference = re.search(r"^call_ref:(\S+)", text, re.MULTILINE)
        if pcap.is_file():
            yield Recording(
                metadata=path,
                pcap=pcap,
                call_ref=reference[1] if reference else pcap.stem,
                caller_port=_caller_port(text),
            )


def write_wav(recording: Recording, target: Path) -> None:
    """Decodes a capture into a stereo WAV; the file appears whole or not at all."""
    channels = _decode(recording)
    length = max(len(channel) for channel in channels)
    if not length:
        raise RecordingUnreadable(f"{recording.pcap.name}: no PCMA or PCMU in it")
    frames = array("h", bytes(4 * length))
    for side, channel in enumerate(channels):
        channel.extend([0] * (length - len(channel)))
        frames[side::2] = channel
    aside = target.with_suffix(".part")
    with wave.open(str(aside), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(HZ)
        file.writeframes(frames.tobytes())
    aside.replace(target)


def _decode(recording: Recording) -> tuple[array[int], array[int]]:
    """Both sides as samples on one clock that starts with the first packet."""
    channels = (array("h"), array("h"))
    begun_s: float | None = None
    streams: dict[tuple[int, int], tuple[int, int]] = {}
    caller_port = recording.caller_port
    with recording.pcap.open("rb") as file:
        for packet in _packets(file):
            table = _SAMPLES.get(packet.payload_type)
            if table is None:
                continue
            begun_s = packet.at_s if begun_s is None else begun_s
            caller_port = packet.port if caller_port is None else caller_port
            here = int((packet.at_s - begun_s) * HZ)
            offset, first = streams.setdefault((packet.port, packet.source), (here, packet.timestamp))
            place = offset + ((packet.timestamp - first + 2**31) % 2**32 - 2**31)
            if 0 <= place <= here + _JUMP_MOST:
                _put(channels[0 if packet.port == caller_port else 1], place, packet.payload, table)
    return channels


def _put(channel: array[int], place: int, payload: bytes, table: list[int]) -> None:
    end = place + len(payload)
    if len(channel) < end:
        channel.extend([0] * (end - len(channel)))
    channel[place:end] = array("h", [table[byte] for byte in payload])


def _packets(file: BinaryIO) -> Iterator[_Packet]:
    """RTP packets of a pcap file, in order; stops at a packet that was not written to its end."""
    head = file.read(24)
    if len(head) < 24:
        return
    little = head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")
    nanoseconds = head[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    order = "<" if little else ">"
    link = struct.unpack(f"{order}I", head[20:24])[0] & 0xFFFF
    record = struct.Struct(f"{order}IIII")
    while len(header := file.read(16)) == 16:
        second, fraction, length, _ = record.unpack(header)
        frame = file.read(length)
        if len(frame) < length:
            return
        packet = _rtp(frame[14:] if link == _ETHERNET else frame, second + fraction / (1e9 if nanoseconds else 1e6))
        if packet is not None:
            yield packet


def _rtp(ip: bytes, at_s: float) -> _Packet | None:
    """The RTP packet inside an IP packet, None when it is something else."""
    if len(ip) < 40:
        return None
    version = ip[0] >> 4
    header, protocol = ((ip[0] & 15) * 4, ip[9]) if version == 4 else (40, ip[6])
    rtp = ip[header + 8 :]
    if protocol != 17 or len(rtp) < 12 or rtp[0] >> 6 != 2 or 200 <= rtp[1] <= 207:
        return None
    start = 12 + (rtp[0] & 15) * 4
    if rtp[0] & 0x10 and len(rtp) >= start + 4:
        start += 4 + struct.unpack("!H", rtp[start + 2 : start + 4])[0] * 4
    end = len(rtp) - (rtp[-1] if rtp[0] & 0x20 else 0)
    timestamp, source = struct.unpack("!II", rtp[4:12])
    port = struct.unpack("!H", ip[header + 2 : header + 4])[0]
    return _Packet(at_s, port, source, timestamp, rtp[1] & 0x7F, rtp[start:end])


def _caller_port(metadata: str) -> int | None:
    """The port in the first answer: it goes to the caller, who then speaks to it."""
    found = re.search(r"^SDP mode: answer.*?^m=audio (\d+)", metadata, re.MULTILINE | re.DOTALL)
    return int(found[1]) if found else None


def _file_name(call_ref: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", call_ref).lstrip(".") or "unnamed"


def _a_law(byte: int) -> int:
    byte ^= 0x55
    value = (byte & 0x0F) << 4
    segment = (byte & 0x70) >> 4
    value += 8 if segment == 0 else 0x108
    if segment > 1:
        value <<= segment - 1
    return value if byte & 0x80 else -value


def _mu_law(byte: int) -> int:
    byte = ~byte & 0xFF
    value = (((byte & 0x0F) << 3) + 0x84) << ((byte & 0x70) >> 4)
    return 0x84 - value if byte & 0x80 else value - 0x84


_SAMPLES = {8: [_a_law(byte) for byte in range(256)], 0: [_mu_law(byte) for byte in range(256)]}
