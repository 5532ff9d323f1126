"""Faces in pictures: detect, align, embed, judge the quality."""
