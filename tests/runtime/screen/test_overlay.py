"""What is drawn: on the arrays themselves, at all sizes, with nothing off the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fer_runtime.labels import COLORS_BGR, EMOTIONS, NAMES, UNCERTAIN
from fer_runtime.reading import FaceReading
from fer_runtime.screen.hiding import HOLD_S, FaceHider, pixelate
from fer_runtime.screen.layout import common, label_places, panel_places, place
from fer_runtime.screen.overlay import Overlay, ViewInfo, fit
from fer_runtime.screen.screens import help_rows, help_screen, screen, state_text
from fer_runtime.screen.text import TextPainter, ink_on
from fer_runtime.settings.screen import PrivacySettings, WindowSettings

SIZES = [(480, 640), (720, 1280), (1080, 1920), (1920, 1080), (640, 480)]


def reading(
    box: tuple[int, int, int, int] = (200, 150, 90, 110), emotion: str = "happy", face_id: int = 1
) -> FaceReading:
    p = tuple(0.7 if e == emotion else 0.05 for e in EMOTIONS)
    return FaceReading(0, 0.0, face_id, box, 0.9, emotion, 0.7, p, p, "ferplus")


def overlay(**window: object) -> Overlay:
    blur = bool(window.pop("blur", False))
    return Overlay(WindowSettings(**window), PrivacySettings(blur_faces=blur))  # type: ignore[arg-type]


def grey(size: tuple[int, int] = (480, 640)) -> np.ndarray:
    return np.full((*size, 3), 120, np.uint8)


def count(picture: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((picture == color).all(axis=2).sum())


def test_the_frame_itself_stays() -> None:
    frame = grey()
    overlay(bars=True).draw(frame, [reading()], ViewInfo())
    assert (frame == 120).all()


@pytest.mark.parametrize("emotion", [*EMOTIONS, UNCERTAIN])
def test_the_box_has_the_emotions_colour(emotion: str) -> None:
    picture = overlay().draw(grey(), [reading(emotion=emotion)], ViewInfo())
    assert count(picture, COLORS_BGR[emotion]) > 800


def test_colours_are_distinct() -> None:
    colors = np.array([COLORS_BGR[e] for e in EMOTIONS], float)
    apart = np.linalg.norm(colors[:, None] - colors[None], axis=2) + 1e3 * np.eye(7)
    assert apart.min() > 60


def test_the_plate_goes_below_a_face_at_the_top() -> None:
    picture = overlay().draw(grey(), [reading((200, 0, 90, 110))], ViewInfo())
    below = picture[112:150, 190:400]
    assert count(below, COLORS_BGR["happy"]) > 500


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("faces", [0, 1, 2, 8])
def test_every_size_and_number_of_faces(size: tuple[int, int], faces: int) -> None:
    rng = np.random.default_rng(faces)
    boxes = [(int(rng.integers(0, 560)), int(rng.integers(0, 380)), 80, 100) for _ in range(faces)]
    readings = [reading(b, EMOTIONS[i % 7], i + 1) for i, b in enumerate(boxes)]
    drawn = overlay(bars=True, legend=True, notice="A long notice. " * 8, language="es").draw(
        grey(), readings, ViewInfo(30, 5, 12, 1, "anotado: alegría"), size
    )
    assert drawn.shape == (*size, 3) and drawn.dtype == np.uint8


def test_text_grows_with_the_frame() -> None:
    small, large = (overlay().font_px(grey(s)) for s in ((480, 640), (1080, 1920)))
    assert small >= 18 and large >= 2 * small
    assert overlay(font_scale=2.0).font_px(grey()) == 2 * small


def test_mirror_mirrors_picture_and_box_but_not_text() -> None:
    frame = grey()
    frame[:, :320] = 30
    plain = overlay().draw(frame, [reading((20, 200, 90, 110))], ViewInfo())
    mirrored = overlay(mirror=True).draw(frame, [reading((20, 200, 90, 110))], ViewInfo())
    assert (plain[400, 100] == 30).all() and (mirrored[400, 100] == 120).all()
    color = COLORS_BGR["happy"]
    assert count(plain[:, :320], color) > 500 and count(plain[:, 400:], color) == 0
    assert count(mirrored[:, 320:], color) > 500
    # The plate reads the same: its text is no mirror image.
    a, b = (np.argwhere((p == color).all(axis=2)) for p in (plain, mirrored))
    cut_a = plain[a[:, 0].min() : a[:, 0].min() + 20, a[:, 1].min() + 6 : a[:, 1].min() + 80]
    cut_b = mirrored[b[:, 0].min() : b[:, 0].min() + 20, b[:, 1].min() + 6 : b[:, 1].min() + 80]
    assert (cut_a == cut_b).mean() > 0.99


def test_blurred_faces_cannot_be_recognised() -> None:
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 255, (480, 640, 3), np.uint8)
    picture = overlay(blur=True).draw(frame, [reading()], ViewInfo())
    inside = picture[170:240, 210:270].reshape(-1, 3)
    assert len(np.unique(inside, axis=0)) < 60  # it was some 4,000 colours
    other = frame.copy()
    pixelate(other, (620, 470, 90, 90))  # reaches over the border
    pixelate(other, (900, 900, 10, 10))  # lies outside
    pixelate(other, (-50, -50, 20, 20))
    assert other.shape == frame.shape


def test_a_face_that_the_detector_misses_stays_hidden() -> None:
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 255, (480, 640, 3), np.uint8)
    painter = overlay(blur=True)

    def colours(readings: list[FaceReading], time_s: float) -> int:
        picture = painter.draw(frame, readings, ViewInfo(time_s=time_s))
        return len(np.unique(picture[170:240, 210:270].reshape(-1, 3), axis=0))

    assert colours([reading()], 10.0) < 60
    for after in (0.03, 0.5, HOLD_S):
        assert colours([], 10.0 + after) < 60, after
    assert colours([], 10.0 + HOLD_S + 0.05) > 3000


def test_hidden_areas_follow_the_face_and_forget_a_clip_that_begins_again() -> None:
    hider = FaceHider()
    assert hider.areas([reading((100, 100, 50, 50))], 5.0) == [(90, 90, 70, 70)]
    assert hider.areas([reading((200, 100, 50, 50))], 5.1) == [(190, 90, 70, 70)]
    # Not found: more is hidden, as it may have moved; another face is hidden beside it.
    assert hider.areas([], 5.2) == [(175, 75, 100, 100)]
    other = reading((400, 100, 50, 50), face_id=2)
    assert hider.areas([other], 5.3) == [(390, 90, 70, 70), (175, 75, 100, 100)]
    assert hider.areas([], 0.0) == []


def test_bars_cover_no_face() -> None:
    box = (100, 100, 80, 100)
    size = (150, 140)
    for taken in ([box], [box, (190, 90, 300, 300)], [box, (0, 0, 95, 400)]):
        _, spot, covered = place((480, 640), size, panel_places(box, size, 10), taken)
        assert covered == 0 and not any(common(spot, t) for t in taken), taken


def test_a_panel_stays_on_its_side_while_there_is_room() -> None:
    box, size = (300, 100, 80, 100), (150, 140)
    places = panel_places(box, size, 10)
    assert place((480, 640), size, places, [box])[0] == 0
    assert place((480, 640), size, places, [box], prefer=1)[:2] == (1, (140, 100, 150, 140))
    # Something comes in the way: it goes elsewhere.
    assert place((480, 640), size, places, [box, (0, 0, 290, 480)], prefer=1)[0] == 0


@pytest.mark.parametrize("x", [0, 300, 600])
@pytest.mark.parametrize("y", [0, 200, 440])
def test_a_label_is_never_off_the_picture_nor_on_the_face_if_avoidable(x: int, y: int) -> None:
    box, size = (x, y, 40, 40), (180, 30)
    _, (left, top, w, h), covered = place(
        (480, 640), size, label_places(box, size, 2), [box, (8, 8, 150, 24)]
    )
    assert covered == 0 and (w, h) == size
    assert left >= 0 and left + w <= 640 and top >= 0 and top + h <= 480


def test_labels_of_close_faces_do_not_lie_on_each_other() -> None:
    boxes = [(200, 200, 50, 60), (255, 205, 50, 60), (200, 290, 50, 60), (255, 292, 50, 60)]
    emotions = ["happy", "angry", "sad", "surprise"]
    faces = [reading(b, e, i) for i, (b, e) in enumerate(zip(boxes, emotions, strict=True))]
    alone = [
        count(overlay().draw(grey(), [face], ViewInfo()), COLORS_BGR[face.emotion])
        for face in faces
    ]
    together = overlay().draw(grey(), faces, ViewInfo())
    for face, pixels in zip(faces, alone, strict=True):
        assert count(together, COLORS_BGR[face.emotion]) > 0.85 * pixels


def test_bars_only_where_there_is_room_but_always_for_the_chosen_face() -> None:
    boxes = [(10 + 160 * (i % 4), 70 + 220 * (i // 4), 70, 90) for i in range(8)]
    faces = [reading(b, "happy", i + 1) for i, b in enumerate(boxes)]
    track = (70, 70, 70)  # the empty part of a bar
    one = count(overlay(bars=True).draw(grey(), faces[:1], ViewInfo()), track)
    all_of_them = count(overlay(bars=True).draw(grey(), faces, ViewInfo()), track)
    assert one * 0.9 <= all_of_them <= 4 * one
    # Labels stay readable on top of it all.
    plain = count(overlay().draw(grey(), faces, ViewInfo()), COLORS_BGR["happy"])
    barred = count(overlay(bars=True).draw(grey(), faces, ViewInfo()), COLORS_BGR["happy"])
    assert barred > 0.85 * plain
    for chosen in (1, 8):
        painter = overlay(bars=True)
        painter.draw(grey(), faces, ViewInfo(chosen=chosen))
        assert chosen in painter._sides


def test_a_long_remark_and_a_long_notice_stay_on_the_picture() -> None:
    message = "/var/lib/fer/feedback.csv: cannot be written: No space left; free the disk " * 2
    picture = overlay(notice="A notice. " * 200).draw(grey(), [], ViewInfo(message=message))
    plain = overlay().draw(grey(), [], ViewInfo())
    rows = np.argwhere((picture != plain).any(axis=(1, 2))).ravel()
    assert rows.min() > 40  # the rates can still be read
    ink = np.argwhere((picture == 255).all(axis=2))
    assert ink[:, 1].min() > 2 and ink[:, 1].max() < 637


def test_fit_does_not_stretch() -> None:
    canvas, scale, left, top = fit(np.full((480, 640, 3), 200, np.uint8), (1080, 1920))
    assert canvas.shape == (1080, 1920, 3) and scale == 2.25
    assert (left, top) == (240, 0)
    assert (canvas[:, 240:1680] == 200).all() and (canvas[:, :240] == 24).all()


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_letter_is_drawn(language: str) -> None:
    """The font's replacement box for a missing letter must not appear."""
    painter = TextPainter()
    missing = painter.sprite("\u4e2d", 40)
    texts = list(NAMES[language].values()) + [t for row in help_rows(language) for t in row]
    texts += ["87\u00a0%", "¿?¡!áéíóúüñÁÉÍÓÚÜÑ", "–—‘’“”…€«»", "ÀÂÇÈÊËÎÏÔŒÙÛŸ ÄÖÜß ÃÕ ÅÆØ ÐÞ"]
    texts += [
        "ĄĆĘŁŃŚŹŻ ČĎĚŇŘŠŤŮŽ ŐŰ ĂȘȚ ĢĶĻŅ Āēīū ĞİŞı ĈĜĤ ẠẾỘừ",
        "Αάέήίόύώ Ωψ",
        "ЖЩЪЫЭЮЯё ЄІЇҐ ЂЈЉЊЋЏ Ў",
    ]
    texts += [t for s in ("starting", "retrying", "covered") for t in state_text(s, 3, language)]
    for letter in sorted(set("".join(texts)) - {" ", "\u00a0"}):
        sprite = painter.sprite(letter, 40)
        assert sprite.max() > 128, letter
        assert sprite.shape != missing.shape or (sprite != missing).any(), letter


def test_accents_make_a_difference_and_stand_above() -> None:
    painter = TextPainter()
    for plain, accented in ("aá", "eé", "ií", "oó", "uú", "nñ", "uü", "IÍ"):
        a, b = (painter.sprite(c, 60).astype(int) for c in (plain, accented))
        assert a.shape == b.shape
        rows = np.argwhere((a != b).any(axis=1)).ravel()
        assert len(rows) > 3 and rows.max() < 27, (plain, rows)


def test_a_letter_with_a_loose_accent_is_one_letter() -> None:
    painter = TextPainter()
    assert (painter.sprite("n\u0303o\u0301", 30) == painter.sprite("ñó", 30)).all()


def test_a_changing_number_moves_nothing_behind_it() -> None:
    painter = TextPainter()
    assert len({painter.size(f"{n}\u00a0%", 24)[0] for n in range(10, 100)}) == 1


def test_text_is_cached_and_the_cache_is_bounded() -> None:
    painter = TextPainter()
    first = painter.sprite("happy 87%", 20)
    assert painter.sprite("happy 87%", 20) is first
    for i in range(2000):
        painter.sprite(str(i), 12)
    assert len(painter._sprites) <= 512


def test_widths_are_known_without_rendering_and_lines_fit() -> None:
    painter = TextPainter()
    for text in ("happy 87\u00a0%", "¿Mañana?", "i", " "):
        assert painter.size(text, 21) == TextPainter().sprite(text, 21).shape[::-1], text
    lines = painter.wrap("uno dos tres\u00a0cuatro cinco seis siete ocho", 20, 130)
    assert len(lines) > 2 and any("tres\u00a0cuatro" in line for line in lines)
    assert all(painter.size(line, 20)[0] <= 130 for line in lines)


def test_text_is_blended_exactly_and_clipped_at_the_borders() -> None:
    painter = TextPainter()
    alpha = painter.sprite("Ña", 30).astype(float)[..., None] / 255
    picture = np.full((60, 90, 3), 77, np.uint8)
    painter.draw(picture, "Ña", 5, 7, 30, (10, 200, 255))
    h, w = alpha.shape[:2]
    wanted = 77 * (1 - alpha) + np.array([10, 200, 255]) * alpha
    assert np.abs(picture[7 : 7 + h, 5 : 5 + w] - wanted).max() <= 1
    for x, y in ((-10, -10), (80, 50), (200, 0), (0, -99)):
        painter.draw(picture, "Ña", x, y, 30, (255, 255, 255))


def test_ink_is_readable() -> None:
    for color in COLORS_BGR.values():
        b, g, r = color
        ink = ink_on(color)[0]
        assert abs(ink - (0.114 * b + 0.587 * g + 0.299 * r)) > 100


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("size", SIZES)
def test_the_help_fits_and_names_all_seven(size: tuple[int, int], language: str) -> None:
    text = " ".join(t for row in help_rows(language) for t in row)
    assert all(f"{i} {NAMES[language][e]}" in text for i, e in enumerate(EMOTIONS, 1))
    picture = help_screen(TextPainter(), size, language)
    assert picture.shape == (*size, 3)
    ink = np.argwhere((picture > 150).all(axis=2))
    assert len(ink) > 1000
    assert ink.min() > 5 and (ink.max(axis=0) < np.array(size) - 5).all()


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("size", SIZES)
def test_state_screens_fit(size: tuple[int, int], language: str) -> None:
    title, advice = state_text("retrying", 12.4, language)
    assert "12\u00a0s" in title
    picture = screen(TextPainter(), size, title, [advice])
    assert picture.shape == (*size, 3)
    ink = np.argwhere((picture > 150).all(axis=2))
    assert len(ink) > 100
    assert ink[:, 1].min() > 5 and ink[:, 1].max() < size[1] - 5


def test_no_stale_label_on_a_state_screen() -> None:
    picture = screen(TextPainter(), (480, 640), *(state_text("covered", 1, "en")[0], []))
    assert all(count(picture, COLORS_BGR[e]) == 0 for e in EMOTIONS)


def test_a_reading_that_is_uncertain_is_said_in_words() -> None:
    certain = overlay().draw(grey(), [reading()], ViewInfo())
    unsure = overlay().draw(grey(), [replace(reading(), emotion=UNCERTAIN)], ViewInfo())
    assert (certain != unsure).any()
