from itertools import islice
from pathlib import Path

from lakemint.stack.logs import follow, tail


def test_the_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(f"line {i}\n" for i in range(50_000)))
    assert tail(path, 2) == ["line 49998", "line 49999"]
    assert len(tail(path, 300)) == 300
    assert tail(path, 0) == [] == tail(tmp_path / "none.log", 5)


def test_bytes_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"\xff\xfe\nend\n")
    assert tail(path, 1) == ["end"]


def test_following_sees_what_comes_also_after_a_rotation(tmp_path: Path) -> None:
    path, late = tmp_path / "a.log", tmp_path / "late.log"
    path.write_text("before, and long enough to be more than what follows\n")
    lines = follow([path, late])
    late.write_text("new file\n")
    with path.open("a") as file:
        file.write("half")
        file.flush()
        assert list(islice(lines, 1)) == [(late, "new file")]
        file.write(" whole\n")
    assert next(lines) == (path, "half whole")
    path.write_text("rotated\n")
    assert next(lines) == (path, "rotated")
