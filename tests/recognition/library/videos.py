"""Small videos of colours, which a pack of colours takes for faces."""

import subprocess
from pathlib import Path

SIZE = (64, 48)


def make_video(path: Path, colours: list[tuple[str, int]], *, rate: int = 5, keyframe_every: int = 5) -> Path:
    """colours: FFmpeg's names or 0xRRGGBB, and seconds of each, one after another."""
    inputs = []
    for colour, seconds in colours:
        source = f"color={colour}:s={SIZE[0]}x{SIZE[1]}:d={seconds}:r={rate}"
        inputs += ["-f", "lavfi", "-i", source]
    joined = "".join(f"[{number}]" for number in range(len(colours))) + f"concat=n={len(colours)}[all]"
    command = ["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", joined, "-map", "[all]"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-g", str(keyframe_every), "-pix_fmt", "yuv420p"]
    subprocess.run([*command, str(path)], check=True, stdin=subprocess.DEVNULL)
    return path


def make_large_video(path: Path, seconds: int = 40) -> Path:
    """Noise, of which every keyframe is tens of kilobytes."""
    source = f"color=red:s=320x240:d={seconds}:r=2,noise=alls=80:allf=t"
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-c:v", "libx264"]
    command += ["-preset", "ultrafast", "-g", "2", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path
