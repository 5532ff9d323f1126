"""`stash-sense database hygiene`, `quarantine` and `restore`, on the free samples."""

import json

from click.testing import CliRunner

from stash_sense.__main__ import main


def test_the_report_its_page_and_the_way_to_set_a_reference_aside(pack_dir, tmp_path, samples):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "models").symlink_to(pack_dir / "models")

    def here(*arguments):
        return CliRunner().invoke(main, ["--data-dir", str(folder), *map(str, arguments)])

    people = tmp_path / "people"
    for source in sorted((samples / "people").iterdir()):
        (people / source.name).mkdir(parents=True)
        for photo in source.iterdir():
            (people / source.name / photo.name).write_bytes(photo.read_bytes())
    twin = people / "Twin"
    twin.mkdir()
    obama = min((samples / "people" / "Barack Obama").iterdir())
    (twin / "1.jpg").write_bytes(obama.read_bytes())
    assert here("database", "build", "--people", people).exit_code == 0
    page = tmp_path / "hygiene.html"
    result = here("database", "hygiene", "--json", "--report", page)
    assert result.exit_code == 0, result.output
    report = json.loads(result.output)
    ((first, second),) = [[each["name"] for each in pair["people"]] for pair in report["look_alikes"]]
    assert {first, second} == {"Barack Obama", "Twin"}
    html = page.read_text("utf-8")
    assert html.count("data:image/jpeg") >= 2
    assert "Twin" in html
    assert "<script" not in html
    assert "Twin" in here("database", "hygiene").output
    result = here("database", "quarantine", "0123456789abcdef")
    assert result.exit_code == 1
    assert "database hygiene" in result.output
