"""Vendored assets: what is committed is what vendor.toml records."""

import io
import tarfile
from pathlib import Path

from tollgate.jobs.vendor import Asset, Package, Sprite, check, read_list, sprite_svg


def package(sha256: str) -> Package:
    return Package("thing", "1.0", "sha512-x", "MIT", (Asset("a.js", "vendor/thing/a.js", sha256),), None)


def test_the_committed_assets_are_intact() -> None:
    assert check(read_list()) == []


def test_a_changed_missing_or_unnamed_file_is_reported(tmp_path: Path) -> None:
    assert check((package("0"),), tmp_path) == ["a.js is missing"]
    (tmp_path / "vendor" / "thing").mkdir(parents=True)
    (tmp_path / "vendor" / "thing" / "a.js").write_bytes(b"changed")
    (tmp_path / "vendor" / "thing" / "b.js").write_bytes(b"")
    wrong = check((package("0"),), tmp_path)
    assert wrong[0].startswith("a.js has sha256")
    assert wrong[1] == "vendor/thing/b.js is not named in vendor.toml"


def test_an_icon_becomes_a_symbol_without_its_empty_frame() -> None:
    svg = (
        b'<svg\n  width="24"\n>\n  <path stroke="none" d="M0 0h24v24H0z" fill="none" />\n  <path d="M5 4h4" />\n</svg>'
    )
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo("package/icons/phone.svg")
        member.size = len(svg)
        tar.addfile(member, io.BytesIO(svg))
    file.seek(0)
    with tarfile.open(fileobj=file) as tar:
        drawn = sprite_svg(Sprite("icons", "ui/icons.svg", ("phone",), ""), tar).decode()
    assert '<symbol id="phone" viewBox="0 0 24 24"' in drawn
    assert drawn.count("<path") == 1


def test_every_icon_the_templates_name_is_in_the_sprite() -> None:
    import re

    import tollgate

    room = Path(tollgate.__file__).parent
    sprite = (room / "ui" / "static" / "ui" / "icons.svg").read_text("utf-8")
    drawn = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    named = {
        name
        for template in room.rglob("templates/**/*.html")
        for name in re.findall(r'{% icon "([^"]+)"', template.read_text("utf-8"))
    }
    assert named <= drawn
