"""The notes room as a Django app."""

from django.apps import AppConfig


class NotesConfig(AppConfig):
    name = "notes"
    verbose_name = "Notes 笔记"

    def ready(self) -> None:
        """Tells the rooms below what this one knows."""
        from backend.accounts import erasure, profiles
        from notes import cards, erasing, live, permissions
        from shops import ports

        erasure.tell_rooms(erasing.ROOM)
        ports.check_source_with("note", cards.real_note_sources)
        ports.check_source_with("live", live.real_live_sources)
        profiles.tell_capabilities(permissions.capability)
