"""Topics, media files and notes."""

import factory
from factory.django import DjangoModelFactory

from backend.core.clock import now
from backend.core.texts import skeleton
from notes.models import MediaFile, Note, Topic
from seeds.factories.accounts import AccountFactory


class TopicFactory(DjangoModelFactory):
    """A topic."""

    class Meta:
        model = Topic

    name = factory.Sequence(lambda n: f"梨形身材{n}")
    skeleton = factory.LazyAttribute(lambda topic: skeleton(topic.name))


class MediaFileFactory(DjangoModelFactory):
    """A picture row of 3:4; the file itself is not written."""

    class Meta:
        model = MediaFile

    owner = factory.SubFactory(AccountFactory)
    kind = MediaFile.Kind.IMAGE
    file = "media/example.jpg"
    width = 900
    height = 1200
    size_bytes = 4096
    created_at = factory.LazyFunction(now)


class NoteFactory(DjangoModelFactory):
    """A published image note without media or topics."""

    class Meta:
        model = Note

    author = factory.SubFactory(AccountFactory)
    kind = Note.Kind.IMAGE
    title = "羊毛大衣也能穿出学院风"
    body = "胯宽的姐妹直接闭眼入。一米五八穿到脚踝刚好。"
    status = Note.Status.PUBLISHED
    created_at = factory.LazyFunction(now)
    published_at = factory.LazyFunction(now)
