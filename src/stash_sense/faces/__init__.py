"""Faces in pictures: find, align, embed, judge. Arrays in, frozen values out; no network, no SQL."""
