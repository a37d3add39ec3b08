"""Which camera a number means after replugs: numbered nodes and udev's links in a /dev of ours."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import pytest

from fer_runtime.errors import CameraError
from fer_runtime.frames import cameras, device_names
from fer_runtime.frames.camera import CameraSource
from fer_runtime.settings.frames import SourceSettings


class Machine:
    """What the kernel and udev do when a camera is plugged in or out."""

    def __init__(self, root: Path) -> None:
        self.dev, self.sys = root / "dev", root / "sys"
        self.by_id, self.by_path = self.dev / "v4l" / "by-id", self.dev / "v4l" / "by-path"
        for folder in (self.by_id, self.by_path, self.sys):
            folder.mkdir(parents=True)
        self.plugged: dict[str, tuple[int, str, str]] = {}
        self.opened: list[str] = []
        """The ports whose cameras have been opened, in order."""

    def plug(self, port: str, number: int, model: str = "HD_Webcam", serial: str = "") -> None:
        name = f"usb-Maker_{model}{'_' + serial if serial else ''}"
        self.plugged[port] = (number, model, name)
        for index in (0, 1):  # pictures, and metadata
            node = self.dev / f"video{number + index}"
            node.touch()
            entry = self.sys / node.name
            entry.mkdir()
            (entry / "name").write_text(f"{model}: {model}\n")
            (entry / "index").write_text(f"{index}\n")
            link = self.by_path / f"pci-usb-{port}-video-index{index}"
            link.symlink_to(node)
            self._point(self.by_id / f"{name}-video-index{index}", node)

    def pull(self, port: str) -> None:
        number, _, name = self.plugged.pop(port)
        for index in (0, 1):
            node = self.dev / f"video{number + index}"
            entry = self.sys / node.name
            for file in entry.iterdir():
                file.unlink()
            entry.rmdir()
            (self.by_path / f"pci-usb-{port}-video-index{index}").unlink()
            link = self.by_id / f"{name}-video-index{index}"
            if link.is_symlink() and link.resolve() == node:
                link.unlink()
                # udev gives the name to the next that claims it.
                for other, _, same in self.plugged.values():
                    if same == name:
                        self._point(link, self.dev / f"video{other + index}")
            node.unlink()

    def _point(self, link: Path, node: Path) -> None:
        link.unlink(missing_ok=True)
        link.symlink_to(node)  # the last one wins, as with udev

    def port_of(self, path: str) -> str:
        real = Path(path).resolve()
        (port,) = (p for p, (n, _, _) in self.plugged.items() if real.name == f"video{n}")
        return port


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    for name, folder in (("DEV", made.dev), ("SYS", made.sys), ("BY_ID", made.by_id),
                         ("BY_PATH", made.by_path)):  # fmt: skip
        monkeypatch.setattr(device_names, name, folder)
    monkeypatch.setattr("sys.platform", "linux")

    class Capture:
        """Opens what is there, as OpenCV does."""

        def __init__(self) -> None:
            self._open = False

        def open(self, target: str, backend: int) -> bool:
            assert backend == cv2.CAP_V4L2 and Path(target).exists()
            made.opened.append(made.port_of(target))
            self._open = True
            return True

        def isOpened(self) -> bool:
            return self._open

        def set(self, key: int, value: float) -> bool:
            return True

        def get(self, key: int) -> float:
            return 30.0

        def release(self) -> None:
            self._open = False

    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    return made


def camera(target: int | str = 0) -> CameraSource:
    return CameraSource(SourceSettings(), target)


def test_a_camera_that_comes_back_under_another_number_is_found(machine: Machine) -> None:
    machine.plug("1", 0, serial="A7")
    source = camera()
    source.open()
    machine.pull("1")
    with pytest.raises(CameraError, match="not there"):
        source.open()
    machine.plug("1", 4, serial="A7")
    source.open()
    assert machine.opened == ["1", "1"]


def test_started_without_a_camera_it_is_found_under_every_later_number(machine: Machine) -> None:
    source = camera()
    with pytest.raises(CameraError, match="not there"):
        source.open()
    machine.plug("1", 2, serial="A7")  # the first time already under another number
    source.open()
    machine.pull("1")
    machine.plug("1", 0, serial="A7")
    source.open()
    machine.pull("1")
    machine.plug("1", 6, serial="A7")
    source.open()
    assert machine.opened == ["1"] * 3


def test_a_number_is_looked_up_at_each_opening_until_it_is_there(machine: Machine) -> None:
    source = camera(2)
    with pytest.raises(CameraError):
        source.open()
    machine.plug("1", 0, serial="A7")
    with pytest.raises(CameraError):
        source.open()  # number 2 was asked for, and is not the only camera under another number
    machine.plug("2", 2, serial="B8")
    source.open()
    machine.pull("2")
    machine.pull("1")
    machine.plug("2", 0, serial="B8")
    source.open()
    assert machine.opened == ["2", "2"]


def test_another_camera_is_not_taken_for_the_one_that_is_away(machine: Machine) -> None:
    machine.plug("1", 0, serial="A7")
    source = camera()
    source.open()
    machine.pull("1")
    machine.plug("2", 0, serial="B8")
    with pytest.raises(CameraError, match="not there"):
        source.open()


def test_a_camera_of_its_own_kind_may_move_to_another_port(machine: Machine) -> None:
    machine.plug("1", 0)
    source = camera()
    source.open()
    machine.pull("1")
    machine.plug("3", 0)
    source.open()
    assert machine.opened == ["1", "3"]


@pytest.mark.parametrize("order", list(itertools.permutations(["1", "2"])))
@pytest.mark.parametrize("wanted", [0, 2])
def test_two_of_one_model_without_serial_numbers_do_not_swap(
    machine: Machine, order: tuple[str, ...], wanted: int
) -> None:
    machine.plug("1", 0)
    machine.plug("2", 2)
    mine, other = ("1", "2") if wanted == 0 else ("2", "1")
    source = camera(wanted)
    source.open()
    for port in order:
        machine.pull(port)
    # They come back with their numbers swapped, one after the other, in either order.
    numbers = {"1": 2, "2": 0}
    for port in order:
        machine.plug(port, numbers[port])
        if port == other and mine not in machine.plugged:
            with pytest.raises(CameraError, match="not there"):
                source.open()
    source.open()
    assert set(machine.opened) == {mine}


def test_a_twin_that_is_plugged_in_later_takes_the_name_and_not_the_place(
    machine: Machine,
) -> None:
    machine.plug("1", 0)
    source = camera()
    source.open()
    machine.plug("2", 2)  # udev's link points at this one now
    source.open()
    machine.pull("1")
    with pytest.raises(CameraError, match="not there"):
        source.open()
    assert set(machine.opened) == {"1"}


def test_twins_with_serial_numbers_go_by_them(machine: Machine) -> None:
    machine.plug("1", 0, serial="A7")
    machine.plug("2", 2, serial="B8")
    source = camera()
    source.open()
    machine.pull("1")
    machine.pull("2")
    machine.plug("1", 0, serial="B8")  # the ports have been swapped
    machine.plug("2", 2, serial="A7")
    source.open()
    assert machine.opened == ["1", "2"]


def test_a_path_of_the_users_is_opened_as_it_is(machine: Machine) -> None:
    machine.plug("1", 0)
    link = machine.dev / "fer-camera"
    link.symlink_to(machine.dev / "video0")
    source = camera(str(link))
    source.open()
    machine.pull("1")
    with pytest.raises(CameraError, match="fer-camera: not there"):
        source.open()


def test_the_list_names_twins_by_their_port(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "_modes", lambda node: (not node.endswith(("1", "3")), ()))
    machine.plug("1", 0)
    assert [c.path for c in cameras.list_cameras()] == [
        str(machine.by_id / "usb-Maker_HD_Webcam-video-index0")
    ]
    machine.plug("2", 2)
    assert [Path(c.path).parent.name for c in cameras.list_cameras()] == ["by-path", "by-path"]
