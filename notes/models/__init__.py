"""Tables of the notes room: notes, media, cards, engagement, live sessions."""

from notes.models.engagement import Collect, Comment, Follow, Like
from notes.models.live import LiveProduct, LiveSession
from notes.models.media import MediaFile, NoteMedia
from notes.models.note import GoodsNoteApplication, Note, NoteProduct, Topic

__all__ = [
    "Collect",
    "Comment",
    "Follow",
    "GoodsNoteApplication",
    "Like",
    "LiveProduct",
    "LiveSession",
    "MediaFile",
    "Note",
    "NoteMedia",
    "NoteProduct",
    "Topic",
]
