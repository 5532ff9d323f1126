"""HDR: shown about as the same picture in SDR."""

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

from fakes.videos import number_of, picture, usual_scheduling
from stash_sense.media.video.reader import VideoReader

SIZE = (160, 90)
WHITE_NITS = 203
TO_BT2020 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]], np.float32
)


def pq(nits):
    power = (nits / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def hlg(nits):
    scene = (nits / 1000) ** (1 / 1.2)
    return np.where(
        scene <= 1 / 12,
        np.sqrt(3 * scene),
        0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
    )


def skin_tones():
    """A plain picture with the colours that matter, all darker than paper white."""
    pixels = picture(5, *SIZE) // 2 + 40
    pixels[:30] = (120, 150, 200)
    pixels[60:] = (60, 80, 120)
    return cv2.GaussianBlur(pixels, (5, 5), 0)


def recorded(sdr, curve):
    """16-bit RGB as an HDR camera would record what the 8-bit BGR picture shows."""
    light = (sdr[:, :, ::-1].astype(np.float32) / 255) ** 2.2
    nits = np.clip(cv2.transform(light, TO_BT2020), 0, None) * WHITE_NITS
    return np.round(curve(nits) * 65535).astype(np.uint16)


@pytest.mark.parametrize(
    ("curve", "transfer", "codec", "options"),
    [
        (pq, ColorTrc.SMPTE2084, "libx265", {"preset": "ultrafast", "x265-params": "log-level=none:crf=10"}),
        (hlg, ColorTrc.ARIB_STD_B67, "libsvtav1", {"preset": "10", "crf": "10"}),
    ],
    ids=["PQ", "HLG"],
)
def test_hdr_is_shown_about_as_sdr(tmp_path, curve, transfer, codec, options):
    sdr, path = skin_tones(), tmp_path / "hdr.mkv"
    with usual_scheduling(), av.open(str(path), "w") as container:
        track = container.add_stream(codec, rate=10, options=options)
        track.width, track.height = SIZE
        track.pix_fmt = "yuv420p10le"
        context = track.codec_context
        context.color_trc, context.color_primaries = transfer.value, ColorPrimaries.BT2020.value
        context.colorspace = 9
        frame = av.VideoFrame.from_ndarray(recorded(sdr, curve), format="rgb48le")
        frame = frame.reformat(format="yuv420p10le", dst_colorspace=Colorspace.BT2020)
        frame.color_trc, frame.color_primaries, frame.pts = transfer.value, ColorPrimaries.BT2020.value, 0
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    with VideoReader(path) as reader:
        shown = reader.keyframe_at(0).pixels
    difference = np.abs(shown.astype(int) - sdr)
    assert difference.mean() < 8
    assert number_of(shown) == 5


def test_ten_bits_without_hdr_are_shown_as_they_are(video):
    path = video("deep.mp4", codec="libsvtav1", pixel_format="yuv420p10le", frames=3)
    with VideoReader(path) as reader:
        shown = reader.frame_at(0.2).pixels
    assert number_of(shown) == 2
    assert np.abs(shown[5:30, 5:70].astype(int) - (0, 0, 220)).max() < 12
