"""Pictures: upright, small enough, and without anything but the picture."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from apps.dispatch.selectors.panes import pane_of
from apps.issues.models import Issue, Photo
from apps.issues.selectors.detail import detail
from apps.issues.services.filing import Report, file_report
from apps.issues.services.moves import (
    MoveFields,
    NoPhotos,
    NotYours,
    StaleVersion,
    TakesNoPhotos,
    add_photos,
    make_move,
)
from apps.issues.services.photos import (
    LONGEST_EDGE,
    SMALL_EDGE,
    NotAPhoto,
    PhotoIsHeic,
    PhotosFull,
    PhotoTooLarge,
    TooManyPhotos,
    kept_pictures,
    prepare_pictures,
)
from apps.issues.workflow import MOVES, UnknownMove
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town
from tests.issues.test_api import client, picture
from tests.issues.test_moves import fed_back, filed, handled, move


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    """An empty place for photos."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def upload(image: Image.Image, kind: str = "JPEG", **options: Any) -> SimpleUploadedFile:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return SimpleUploadedFile(f"photo.{kind.lower()}", written.getvalue())


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_three_formats_become_jpeg(kind: str) -> None:
    made = prepare_pictures([upload(Image.new("RGB", (300, 200), "red"), kind)])[0]
    image = opened(made.jpeg)
    assert (image.format, image.size, (made.width, made.height)) == ("JPEG", (300, 200), (300, 200))
    red, green, blue = image.convert("RGB").getpixel((150, 100))  # type: ignore[misc]
    assert red > 240 and green < 15 and blue < 15


def test_big_pictures_are_shrunk_and_have_a_small_copy() -> None:
    made = prepare_pictures([upload(Image.new("RGB", (5000, 2500), "red"))])[0]
    assert (made.width, made.height) == (LONGEST_EDGE, LONGEST_EDGE // 2)
    assert opened(made.small_jpeg).size == (SMALL_EDGE, SMALL_EDGE // 2)


def test_a_photo_is_turned_upright_and_its_exif_is_gone() -> None:
    image = Image.new("RGB", (400, 200), "red")
    image.paste("blue", (0, 0, 200, 200))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90° clockwise
    exif[0x010E] = "secret"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (34.0, 45.0, 0.0)
    made = prepare_pictures([upload(image, exif=exif, comment="secret")])[0]
    upright = opened(made.jpeg)
    assert upright.size == (200, 400)
    assert not upright.getexif() and b"secret" not in made.jpeg and "comment" not in upright.info
    assert upright.tobytes() == ImageOps.exif_transpose(upright).tobytes()
    top: Any = upright.convert("RGB").getpixel((100, 50))
    assert top[2] > 200 and top[0] < 60


def test_text_hidden_in_a_png_is_gone() -> None:
    info = PngInfo()
    info.add_text("comment", "secret")
    made = prepare_pictures([upload(Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "PNG", pnginfo=info)])[0]
    assert b"secret" not in made.jpeg
    assert opened(made.jpeg).convert("RGB").getpixel((25, 25)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_every_colour_mode_is_read(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert prepare_pictures([upload(Image.new(mode, (30, 20)), kind)])[0].width == 30


def test_what_is_too_large_is_refused(settings: Any) -> None:
    settings.PHOTO_MAX_PIXELS = 5_000
    with pytest.raises(PhotoTooLarge):
        prepare_pictures([upload(Image.new("RGB", (100, 100)))])
    settings.PHOTO_MAX_BYTES = 100
    with pytest.raises(PhotoTooLarge):
        prepare_pictures([upload(Image.new("RGB", (50, 50)))])


def test_other_files_are_refused_by_name() -> None:
    with pytest.raises(PhotoIsHeic):
        prepare_pictures([SimpleUploadedFile("a.jpg", b"\x00\x00\x00\x18ftypheic" + b"\x00" * 50)])
    with pytest.raises(NotAPhoto):
        prepare_pictures([SimpleUploadedFile("a.jpg", b"%PDF-1.7")])
    with pytest.raises(TooManyPhotos):
        prepare_pictures([picture() for _ in range(10)])


def test_a_photo_sent_twice_counts_once() -> None:
    assert len(prepare_pictures([picture(), picture(), picture(color="blue")])) == 2


def test_files_of_a_failed_transaction_are_removed(media: Path) -> None:
    with pytest.raises(RuntimeError), kept_pictures(prepare_pictures([picture()]), NOW):
        assert len(list(media.rglob("*.jpg"))) == 2
        raise RuntimeError
    assert list(media.rglob("*.jpg")) == []


def test_a_refused_move_leaves_no_file(town: Town, media: Path) -> None:
    issue = handled(town)
    with pytest.raises(StaleVersion):
        make_move(
            move="feed_back",
            issue_id=issue.id,
            version=issue.version - 1,
            actor=town.people.handler,
            fields=MoveFields(text="已清运", photos=[picture()]),
            now=NOW,
        )
    assert list(media.rglob("*.jpg")) == []
    assert not Photo.objects.exists()


def test_the_result_is_shown_by_photos_of_its_own(town: Town) -> None:
    issue = move(handled(town), "feed_back", town.people.handler, "已清运", photos=[picture()])
    photo = Photo.objects.get(issue=issue)
    assert (photo.stage, photo.taken_by) == ("result", town.people.handler)
    assert issue.events.latest("seq").payload == {"text": "已清运", "photos": 1}


def test_evidence_that_it_is_not_done_is_no_result(town: Town) -> None:
    files = numbered(*range(9))
    issue = move(handled(town), "feed_back", town.people.handler, "已清运", photos=[picture()])
    add_photos(issue_id=issue.id, actor=town.people.leader, files=files, now=NOW)  # the place is full of photos
    issue = move(issue, "conclude", town.people.dispatcher)
    issue = move(issue, "reopen", town.people.leader, "还有一堆", photos=[picture(color="blue")])
    assert issue.events.latest("seq").payload == {"text": "还有一堆", "photos": 1}
    evidence = Photo.objects.filter(issue=issue).latest("id")
    assert (evidence.stage, evidence.taken_by) == ("report", town.people.leader)
    seen = detail(issue.number, scope_of(town.people.dispatcher.id, NOW), NOW)
    assert seen is not None
    pane = pane_of(seen, scope_of(town.people.dispatcher.id, NOW), NOW)
    assert evidence in pane.photos_before and evidence not in pane.photos_after
    assert len(pane.photos_after) == 1
    with pytest.raises(PhotosFull):
        add_photos(issue_id=issue.id, actor=town.people.leader, files=numbered(10), now=NOW)


def test_each_time_it_is_opened_again_there_is_room_for_evidence(town: Town) -> None:
    issue = fed_back(town)
    add_photos(issue_id=issue.id, actor=town.people.leader, files=numbered(*range(9)), now=NOW)
    for first, count in ((9, 9), (18, 9)):
        issue = move(issue, "conclude", town.people.dispatcher)
        files = numbered(*range(first, first + count))
        issue = move(issue, "reopen", town.people.leader, "还有一堆", photos=files)
        issue = move(issue, "feed_back", town.people.handler, "已清运")
    assert Photo.objects.filter(issue=issue, stage=Photo.Stage.REPORT).count() == 27


def test_what_handles_it_shows_a_result_and_what_takes_no_photos_refuses_them(town: Town, media: Path) -> None:
    taking = {name for name, row in MOVES.items() if row.takes_photos}
    assert taking == {"handle", "feed_back", "co_feed_back", "self_handle", "reopen"}
    issue = handled(town)
    with pytest.raises(TakesNoPhotos) as refused:
        move(issue, "note", town.people.handler, "看过现场", photos=[picture()])
    assert str(refused.value) == "“备注”不能附照片，请去掉照片后重新提交。"
    assert (Photo.objects.count(), list(media.rglob("*.jpg"))) == (0, [])
    assert Issue.objects.get(pk=issue.pk).version == issue.version
    with pytest.raises(UnknownMove):
        move(issue, "explode", town.people.handler, photos=[picture()])


def test_programs_are_told_which_moves_take_photos(town: Town) -> None:
    issue = handled(town)
    address, program = f"/api/v1/issues/{issue.number}/", client(town.people.handler)
    takes = {one["name"]: one["takes_photos"] for one in program.get(address).json()["moves"]}
    assert (takes["feed_back"], takes["note"]) == (True, False)
    sent = {"version": issue.version, "text": "看过现场", "photos": [picture()]}
    answer = program.post(f"{address}moves/note/", sent)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], list(error["fields"])) == ("takes_no_photos", ["photos"])
    assert error["message"] == "“Note” takes no photos. Please send it again without them."


def test_photos_are_added_once_and_with_an_event(town: Town) -> None:
    issue = filed(town)
    files = [picture()]
    add_photos(issue_id=issue.id, actor=town.people.leader, files=files, now=NOW)
    after = add_photos(issue_id=issue.id, actor=town.people.leader, files=files, now=NOW)
    assert after.version == issue.version + 1
    assert issue.events.latest("seq").kind == "photo"
    assert Photo.objects.count() == 1


def numbered(*numbers: int) -> list[SimpleUploadedFile]:
    """As many different photos."""
    return [picture(color=f"rgb({number * 9}, 0, 0)") for number in numbers]


def test_an_issue_keeps_nine_photos_as_found(town: Town, media: Path) -> None:
    issue = filed(town)
    add_photos(issue_id=issue.id, actor=town.people.leader, files=numbered(*range(8)), now=NOW)
    with pytest.raises(PhotosFull) as refused:
        add_photos(issue_id=issue.id, actor=town.people.leader, files=numbered(8, 9), now=NOW)
    assert "1" in str(refused.value)
    assert len(list(media.rglob("*.jpg"))) == 16
    add_photos(issue_id=issue.id, actor=town.people.leader, files=numbered(7, 8), now=NOW)  # one is known already
    assert Photo.objects.filter(issue=issue).count() == 9


def test_photos_of_the_result_are_counted_on_their_own_and_over_all_moves(town: Town) -> None:
    issue = handled(town)
    for first in (0, 9, 18):
        files = numbered(*range(first, first + 9))
        move(issue, "handle", town.people.handler, "正在清运", photos=files)
    with pytest.raises(PhotosFull):
        move(issue, "feed_back", town.people.handler, "已清运", photos=numbered(27))
    move(issue, "feed_back", town.people.handler, "已清运", photos=numbered(26))


def test_photos_sent_twice_leave_no_file_behind(town: Town, media: Path) -> None:
    issue = filed(town)
    for _ in range(2):
        add_photos(issue_id=issue.id, actor=town.people.leader, files=[picture()], now=NOW)
    assert len(list(media.rglob("*.jpg"))) == 2


def test_a_photo_that_was_added_before_may_come_with_the_result_again(town: Town) -> None:
    issue = handled(town)
    add_photos(issue_id=issue.id, actor=town.people.handler, files=[picture()], now=NOW)
    issue = move(issue, "feed_back", town.people.handler, "已清运", photos=[picture(), picture(color="blue")])
    assert issue.events.latest("seq").payload == {"text": "已清运", "photos": 1}
    assert Photo.objects.filter(issue=issue, stage="result").count() == 2


def test_photos_of_a_concluded_issue_stay_as_they_are(town: Town) -> None:
    issue = move(fed_back(town), "conclude", town.people.dispatcher)
    with pytest.raises(NotYours):
        add_photos(issue_id=issue.id, actor=town.people.leader, files=[picture()], now=NOW)
    with pytest.raises(NoPhotos):
        add_photos(issue_id=issue.id, actor=town.people.leader, files=[], now=NOW)


def test_solved_on_the_spot_keeps_its_photo_as_found(town: Town) -> None:
    report = Report(
        category_id=town.categories.noise.id,
        grid_id=town.cell.id,
        is_self_handled=True,
        result="已劝阻",
        photos=[picture()],
    )
    issue = file_report(reporter=town.people.leader, report=report, now=NOW).issue
    assert [photo.stage for photo in issue.photos.all()] == ["report"]
