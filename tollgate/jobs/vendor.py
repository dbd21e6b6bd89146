"""The vendored assets of the web pages: fetch them again, or prove that nobody touched them.

`python -m tollgate.jobs.vendor` packs every package named in `ui/static/vendor/vendor.toml` with npm, verifies npm's
sha512 integrity, copies the listed files and verifies the sha256 recorded for each.
`python -m tollgate.jobs.vendor --check` compares the committed files with the recorded hashes, offline.

To add or raise a package: write its name, version, integrity (`npm view NAME@VERSION dist.integrity`) and files into
`vendor.toml`, run the command, and record the sha256 it reports. To add an icon: name it in `sprite.icons`.
A file without `from` is kept by hand (a license the package does not carry); only its hash is compared.
"""

import argparse
import base64
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "ui" / "static"
LIST = STATIC / "vendor" / "vendor.toml"
# Source maps are not shipped, and a storage that hashes file names refuses to build with a dangling reference.
SOURCE_MAP = re.compile(rb"\n?(?://# sourceMappingURL=\S*|/\*# sourceMappingURL=[^*]*\*/)\s*$")


class VendorError(Exception):
    """A package or a committed file is not what vendor.toml says."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file under ui/static; `source` is its path inside the package, empty when it is kept by hand."""

    source: str
    target: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Sprite:
    """One SVG made of many icons of the package."""

    folder: str
    target: str
    icons: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package at one version."""

    name: str
    version: str
    integrity: str
    license: str
    assets: tuple[Asset, ...]
    sprite: Sprite | None


def read_list(path: Path = LIST) -> tuple[Package, ...]:
    """The packages of vendor.toml."""
    return tuple(_package(entry) for entry in tomllib.loads(path.read_text("utf-8"))["package"])


def check(packages: tuple[Package, ...], static: Path = STATIC) -> list[str]:
    """What differs between the files under `static` and the recorded hashes, one sentence each; empty is good."""
    recorded = {asset.target: asset.sha256 for package in packages for asset in package.assets}
    recorded |= {package.sprite.target: package.sprite.sha256 for package in packages if package.sprite}
    wrong = [sentence for target, sha256 in recorded.items() if (sentence := _difference(static / target, sha256))]
    present = {str(path.relative_to(static)) for path in (static / "vendor").rglob("*") if path.is_file()}
    strangers = sorted(present - set(recorded) - {"vendor/vendor.toml"})
    return wrong + [f"{name} is not named in vendor.toml" for name in strangers]


def fetch(package: Package, static: Path = STATIC) -> None:
    """Pack one package with npm and write its files; raises VendorError when its integrity is not the recorded one."""
    archive = _pack(package)
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != package.integrity:
        raise VendorError(f"{package.name}@{package.version}: integrity is {digest}, vendor.toml says otherwise")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for asset in package.assets:
            if asset.source:
                _write(static / asset.target, SOURCE_MAP.sub(b"\n", _member(tar, asset.source)))
        if package.sprite:
            _write(static / package.sprite.target, sprite_svg(package.sprite, tar))


def sprite_svg(sprite: Sprite, tar: tarfile.TarFile) -> bytes:
    """The icons as <symbol>s of one SVG, each with the id of its name, drawn with the color of the text around."""
    symbols = [_symbol(name, _member(tar, f"{sprite.folder}/{name}.svg").decode()) for name in sprite.icons]
    return ('<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n").encode()


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tollgate.jobs.vendor", description="Fetch or check the vendored assets.")
    parser.add_argument("--check", action="store_true", help="only compare the committed files, offline")
    only_check = parser.parse_args(arguments).check
    packages = read_list()
    if not only_check:
        for package in packages:
            fetch(package)
            print(f"{package.name} {package.version} ({package.license})")
    wrong = check(packages)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    if not wrong:
        print(f"{len(packages)} vendored packages intact")
    return 1 if wrong else 0


def _package(entry: dict[str, object]) -> Package:
    files, drawn = entry.get("file", []), entry.get("sprite")
    assert isinstance(files, list)
    assets = tuple(Asset(file.get("from", ""), file["to"], file["sha256"]) for file in files)
    sprite = None
    if isinstance(drawn, dict):
        sprite = Sprite(drawn["from"], drawn["to"], tuple(drawn["icons"]), drawn["sha256"])
    name, version, integrity, terms = (str(entry[key]) for key in ("name", "version", "integrity", "license"))
    return Package(name, version, integrity, terms, assets, sprite)


def _difference(path: Path, sha256: str) -> str:
    if not path.is_file():
        return f"{path.name} is missing"
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if found == sha256 else f"{path.name} has sha256 {found}, recorded is {sha256 or 'none'}"


def _pack(package: Package) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", f"{package.name}@{package.version}", "--silent", "--pack-destination", folder]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise VendorError(f"npm could not pack {package.name}@{package.version}: {done.stderr.strip()}")
        return next(Path(folder).glob("*.tgz")).read_bytes()


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(f"package/{name}")
    assert file is not None, name
    return file.read()


def _symbol(name: str, svg: str) -> str:
    inner = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    shapes = "".join(line.strip() for line in inner.splitlines() if 'd="M0 0h24v24H0z"' not in line)
    manner = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
    return f'<symbol id="{name}" viewBox="0 0 24 24" {manner}>{shapes}</symbol>'


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
