"""One module for each thing a user can have recognised: an image, a gallery, a folder."""
