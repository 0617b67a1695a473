import pytest

from viz.files import write_file


def test_a_file_is_written_with_its_directory(tmp_path):
    assert write_file(tmp_path / "out" / "a.svg", b"whole").read_bytes() == b"whole"


def test_a_file_is_replaced(tmp_path):
    write_file(tmp_path / "a", b"old")
    write_file(tmp_path / "a", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_directory_is_not_a_file_to_write(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a directory"):
        write_file(tmp_path, b"")


def test_a_path_below_a_file_is_an_error_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OSError, match="file"):
        write_file(tmp_path / "file" / "a.svg", b"")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    write_file(tmp_path / "a", b"old")
    with pytest.raises(TypeError):
        write_file(tmp_path / "a", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"
