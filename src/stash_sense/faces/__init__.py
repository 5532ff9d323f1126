"""Faces in pictures: detect, align, embed, assess the quality."""
