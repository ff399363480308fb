"""`make bench`: what the platform does in a second, beside what is possible (a floor) or usual (a peer) here.

Every figure is taken in the same run as the one it is compared with, in turns, on private servers that keep every
commit (fsync on). Nothing here is a test: a poor figure fails nothing, it is only told.
"""
