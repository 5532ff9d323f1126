"""Makes the gallery's second photos of people of whom only one free photo is at hand: run from anywhere."""

from pathlib import Path

from PIL import Image, ImageEnhance, ImageOps

HERE = Path(__file__).parent
ORIENTATION = 0x0112
LEFT_SIDE_UP = 6  # shown upright after a quarter turn clockwise


def mirrored_and_darker(source: Path, target: Path) -> None:
    """As if seen in a mirror, in the evening, and cut to the head and shoulders."""
    with Image.open(source) as photo:
        width, height = photo.size
        part = photo.convert("RGB").crop((width // 8, 0, width, height * 3 // 4))
    ImageEnhance.Brightness(ImageOps.mirror(part)).enhance(0.6).save(target, quality=85)


def smaller_and_lying(source: Path, target: Path) -> None:
    """Half the size, stored lying on its side as phones do; only its EXIF block says which side is up."""
    with Image.open(source) as photo:
        small = photo.convert("RGB").resize((photo.width // 2, photo.height // 2), Image.Resampling.LANCZOS)
    exif = Image.Exif()
    exif[ORIENTATION] = LEFT_SIDE_UP
    small.transpose(Image.Transpose.ROTATE_90).save(target, quality=85, exif=exif)


if __name__ == "__main__":
    people, gallery = HERE / "people", HERE / "gallery"
    mirrored_and_darker(people / "Eileen Collins" / "astronaut.png", gallery / "astronaut_mirrored.jpg")
    smaller_and_lying(people / "Joe Biden" / "biden.jpg", gallery / "biden_lying.jpg")
