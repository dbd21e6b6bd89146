"""Uploaded files between two steps of a page: they wait in the data folder under a random name.

So that changing the meaning of a column does not send the file again. A file is removed by the step that used it, and
when it is a day old by the next upload or the night.
"""

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404

from tollgate.actions.uploads import forget_waiting_files, waiting_files

MOST_BYTES: Final = 64 * 2**20


def sized(file: "UploadedFile[bytes]") -> "UploadedFile[bytes]":
    """The file, unless it is larger than we read: for a form's `clean_file`."""
    if file.size is None or file.size > MOST_BYTES:
        raise forms.ValidationError(f"The file is larger than {MOST_BYTES // 2**20} MB.")
    return file


def keep(file: "UploadedFile[bytes]") -> str:
    """Writes the file aside and gives its name; old ones that nobody used are removed."""
    folder = waiting_files()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    forget_waiting_files(datetime.now(UTC))
    token = secrets.token_hex(16)
    with (folder / token).open("xb") as target:
        for chunk in file.chunks():
            target.write(chunk)
    return token


def kept(token: str) -> Path:
    """The file of a name. Raises Http404 for one that is gone."""
    found = waiting_files() / token
    if len(token) != 32 or not token.isalnum() or not found.is_file():
        raise Http404("This upload is gone: choose the file again.")
    return found
