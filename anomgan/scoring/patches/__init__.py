"""Places of pictures in the maps of a frozen backbone, compared with those of normal pictures."""
