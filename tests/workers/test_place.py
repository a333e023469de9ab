"""Where the kit's servers keep their files: what killed tests left is cleared away, what others use stays."""

from workers.testing.place import Place


def test_what_killed_tests_left_is_gone_when_the_next_begin_and_what_is_in_use_stays() -> None:
    used = Place()
    left = used.path.with_name(f"{used.path.name}-left")
    left.mkdir()
    (left / "held").touch()
    other = Place()
    assert used.path.is_dir()
    assert not left.exists()
    for place in (used, other):
        place.close()
        assert not place.path.exists()
