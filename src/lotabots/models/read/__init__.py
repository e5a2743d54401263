"""Reads a model from disk: what its folder holds, and every file by its digest."""

from lotabots.models.read.folder import Folder, open_folder
from lotabots.models.read.hashing import hash_tree
from lotabots.models.read.opened import File
from lotabots.models.read.verity import measure_verity
from lotabots.models.read.walk import MAX_DEPTH, MAX_NAMES

__all__ = ["MAX_DEPTH", "MAX_NAMES", "File", "Folder", "hash_tree", "measure_verity", "open_folder"]
