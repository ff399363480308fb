"""Pictures: every one is decoded and written anew, so that no EXIF, no position and no foreign byte is kept."""

import hashlib
import struct
import threading
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Final

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from apps.common.refusals import Refused
from apps.issues.models import Photo

MOST_PHOTOS: Final = 9
MOST_KEPT: Final[Mapping[str, int]] = {  # of one issue; a result may be shown again after each rework
    Photo.Stage.REPORT: 9,
    Photo.Stage.RESULT: 27,
}
LONGEST_EDGE: Final = 1600
SMALL_EDGE: Final = 320
QUALITY: Final = 82
FORMATS: Final = ("JPEG", "PNG", "WEBP")
HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif"})
WHITE: Final = (255, 255, 255)

# Two big pictures at a time and process: each may need some hundred MB while it is open.
_decoders = threading.BoundedSemaphore(2)


class PhotoTooLarge(Refused):
    """More bytes, or more pixels, than the settings allow."""

    sentence = _("The photo is too large: at most %(megabytes)d MB and %(megapixels)d million pixels.")
    field = "photos"


class PhotoIsHeic(Refused):
    """iPhones write HEIC unless told otherwise."""

    sentence = _(
        "HEIC photos cannot be read here. Choose “Most compatible” in the phone's camera settings, or send a JPEG."
    )
    field = "photos"


class NotAPhoto(Refused):
    """By its content, whatever its name says."""

    sentence = _("This file is not a photo that can be read: send JPEG, PNG or WebP.")
    field = "photos"


class TooManyPhotos(Refused):
    """More than nine at once."""

    sentence = _("At most %(most)d photos can be sent at once.")
    field = "photos"


class PhotosFull(Refused):
    """One issue is no album: its pages and the disk must bear it."""

    sentence = _("An issue keeps at most %(most)d photos of this kind; %(left)d more can be added.")
    field = "photos"


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo ready to be kept. `sha256` is of the bytes that were sent, to know the same photo again."""

    jpeg: bytes
    small_jpeg: bytes
    width: int
    height: int
    sha256: str


def prepare_pictures(files: Sequence["File[bytes]"]) -> list[Picture]:
    """Decode, turn upright, shrink to 1600 px and write as JPEG. Touches neither disk nor database.

    Raises TooManyPhotos, PhotoTooLarge, PhotoIsHeic, NotAPhoto.
    """
    if len(files) > MOST_PHOTOS:
        raise TooManyPhotos(most=MOST_PHOTOS)
    sent = {hashlib.sha256(content).hexdigest(): content for content in map(_read, files)}  # one sent twice counts once
    return [_prepare(content, sha256) for sha256, content in sent.items()]


def digest_of(file: "File[bytes]") -> str:
    """SHA-256 of the bytes as they were sent."""
    return hashlib.sha256(_read(file)).hexdigest()


@contextmanager
def kept_pictures(pictures: Iterable[Picture], now: datetime) -> Iterator[list[tuple[Picture, str]]]:
    """Write the files and give (picture, name) for the rows; removes them again when the transaction inside fails."""
    kept: list[tuple[Picture, str]] = []
    try:
        for picture in pictures:
            name = default_storage.save(f"photos/{now:%Y/%m/%d}/{uuid.uuid4().hex}.jpg", ContentFile(picture.jpeg))
            kept.append((picture, name))
            default_storage.save(small_name(name), ContentFile(picture.small_jpeg))
        yield kept
    except BaseException:
        for _picture, name in kept:
            default_storage.delete(name)
            default_storage.delete(small_name(name))
        raise


def add_rows(
    *, issue_id: int, stage: Photo.Stage, kept: Iterable[tuple[Picture, str]], taken_by_id: int, now: datetime
) -> None:
    """Note the photos of an issue in one statement, none if there are none."""
    Photo.objects.bulk_create(
        [
            Photo(
                issue_id=issue_id,
                stage=stage,
                file=name,
                width=picture.width,
                height=picture.height,
                sha256=picture.sha256,
                taken_by_id=taken_by_id,
                created_at=now,
            )
            for picture, name in kept
        ]
    )


@contextmanager
def attached(
    *, issue_id: int, stage: Photo.Stage, pictures: Sequence[Picture], taken_by_id: int, now: datetime, extra: int = 0
) -> Iterator[int]:
    """Add photos to an issue under lock, but for those it has; gives how many. Undone when what is inside fails.

    extra: how many beyond what an issue keeps, for evidence that must not be refused where the place is full already.

    Raises PhotosFull.
    """
    known = set[str]()
    if pictures:
        known.update(Photo.objects.filter(issue_id=issue_id, stage=stage).values_list("sha256", flat=True))
    new = [picture for picture in pictures if picture.sha256 not in known]
    most = MOST_KEPT[stage] + extra
    if new and len(known) + len(new) > most:
        raise PhotosFull(most=most, left=max(most - len(known), 0))
    with kept_pictures(new, now) as kept:
        add_rows(issue_id=issue_id, stage=stage, kept=kept, taken_by_id=taken_by_id, now=now)
        yield len(kept)


def small_name(name: str) -> str:
    """Where the small copy of a stored photo lies."""
    return f"{name.removesuffix('.jpg')}_small.jpg"


def _read(file: "File[bytes]") -> bytes:
    if (file.size or 0) > settings.PHOTO_MAX_BYTES:
        raise _too_large()
    file.seek(0)
    content: bytes = file.read()
    return content


def _prepare(content: bytes, sha256: str) -> Picture:
    if content[4:8] == b"ftyp" and content[8:12] in HEIC_BRANDS:
        raise PhotoIsHeic
    with _decoders:
        try:
            return _re_encode(content, sha256)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
            raise _too_large() from error
        except (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error, zlib.error) as error:
            raise NotAPhoto from error  # whatever a decoder says about broken or hostile bytes


def _re_encode(content: bytes, sha256: str) -> Picture:
    with Image.open(BytesIO(content), formats=FORMATS) as opened:
        if opened.width * opened.height > settings.PHOTO_MAX_PIXELS:  # the header is read, nothing is unpacked yet
            raise _too_large()
        opened.draft("RGB", (LONGEST_EDGE, LONGEST_EDGE))  # JPEG alone: decodes at a fraction of the size
        opened.thumbnail((LONGEST_EDGE * 2, LONGEST_EDGE * 2))
        upright = ImageOps.exif_transpose(opened)
    picture = _on_white(upright)
    picture.thumbnail((LONGEST_EDGE, LONGEST_EDGE))
    picture.info.clear()  # a comment would be carried over
    jpeg = _jpeg(picture)
    size = picture.size
    picture.thumbnail((SMALL_EDGE, SMALL_EDGE))
    return Picture(jpeg, _jpeg(picture), *size, sha256)


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    ground = Image.new("RGB", layered.size, WHITE)
    ground.paste(layered, mask=layered.getchannel("A"))
    return ground


def _jpeg(image: Image.Image) -> bytes:
    written = BytesIO()
    image.save(written, "JPEG", quality=QUALITY)
    return written.getvalue()


def _too_large() -> PhotoTooLarge:
    return PhotoTooLarge(megabytes=settings.PHOTO_MAX_BYTES // 2**20, megapixels=settings.PHOTO_MAX_PIXELS // 1_000_000)
