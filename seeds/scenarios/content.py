"""Notes with their pictures, cards and topics; live sessions; what readers do with them."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from backend.accounts.models import Account
from notes import cards, live, publishing
from notes.models import Comment, LiveSession, MediaFile, Note, NoteMedia, NoteProduct
from notes.terms import terms_of
from notes.topics import named
from seeds.scenarios import clip
from seeds.scenarios.market import Good, Market
from seeds.scenarios.people import People
from seeds.scenarios.stage import Stage, between, copy_rows
from seeds.texts import distributions, goods, pictures
from seeds.texts import notes as texts
from seeds.texts.goods import Leaf

NOTES, LIVES, PICTURES_PER_ROOT = 800, 14, 8
LIKES, COLLECTS, COMMENTS = 9_600, 3_800, 1_800
STATES = {"published": 915, "draft": 75, "taken_down": 10}
WITH_CITY = 0.30
IMAGES = {1: 16, 2: 14, 3: 22, 4: 16, 5: 10, 6: 10, 7: 4, 8: 3, 9: 5}
TAKEDOWN = "含有虚假宣传用语，请修改后联系我们"


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn picture in storage."""

    name: str
    width: int
    height: int
    size: int
    clip: str
    clip_size: int


@dataclass(frozen=True, slots=True)
class Page:
    """A note to be: who writes it, when, about what, with which goods on it."""

    author: Account
    leaf: Leaf
    kind: str
    status: str
    at: datetime
    origin: str
    shown: tuple[Good, ...] = ()


@dataclass(slots=True)
class Content:
    """What was written: notes and live sessions with the goods they show."""

    approved: list[Account] = field(default_factory=list)
    pictures: dict[str, list[Picture]] = field(default_factory=dict)
    pages: list[tuple[Note, Page]] = field(default_factory=list)
    sessions: list[tuple[LiveSession, list[Good]]] = field(default_factory=list)

    @property
    def carrying(self) -> list[tuple[Note, Page]]:
        """The published notes with cards, oldest first."""
        return [(note, page) for note, page in self.pages if page.shown and note.published_at]


def permit(stage: Stage, town: People, content: Content) -> int:
    """Goods-note applications: the most followed are approved by the verb, one waits, one was
    rejected. 1,000 followers make blogger1000 eligible; it has not applied."""
    admin = town.named("admin")
    able = [account for account in town.crowd if account.follower_count >= 1_000]
    Account.objects.filter(pk__in=[account.pk for account in able]).update(
        real_name_verified_at=stage.ago(days=75)
    )
    with transaction.atomic():
        for account in [town.named("buyer"), *able[:2]]:
            asked = cards.apply_for_goods_notes(account=account, at=stage.ago(days=63))
            cards.approve_goods_notes(application_id=asked.pk, by=admin, at=stage.ago(days=62.5))
            content.approved.append(account)
        for account in able[2:3]:
            cards.apply_for_goods_notes(account=account, at=stage.ago(days=1))
    return len(content.approved) + len(able[2:3])


def draw(stage: Stage, content: Content) -> int:
    """A pool of pictures per root category, written where uploads are kept; each also as the
    video that a video note needs."""
    rng = stage.rng("pictures")
    for root in goods.roots():
        leaves = [leaf.code for leaf in goods.leaves() if leaf.root == root.code]
        count = stage.many(PICTURES_PER_ROOT + (4 if root.share >= 25 else 0), least=4)
        content.pictures[root.code] = [
            _picture(rng, f"seed/{root.code}-{number}", leaves[number % len(leaves)])
            for number in range(count)
        ]
    return sum(map(len, content.pictures.values()))


def _picture(rng: random.Random, name: str, leaf: str) -> Picture:
    made = pictures.draw(rng, leaf, pictures.note_ratio(rng))
    video = clip.still(made.data, made.width, made.height)
    # Served as immutable: another picture gets another name.
    name += f"-{hashlib.sha256(made.data).hexdigest()[:8]}"
    for path, data in ((f"{name}.jpg", made.data), (f"{name}.mp4", video)):
        if default_storage.exists(path):
            default_storage.delete(path)
        default_storage.save(path, ContentFile(data))
    return Picture(
        f"{name}.jpg", made.width, made.height, len(made.data), f"{name}.mp4", len(video)
    )


def write(stage: Stage, town: People, market: Market, content: Content) -> int:
    """The notes, oldest first, so that ids and times agree."""
    rng = stage.rng("notes")
    pages = _plan(stage, rng, town, market, content.approved)
    made = []
    for number, page in enumerate(pages):
        noun = page.shown[0].noun if page.shown else None
        made.append(_note(rng, page, texts.note(rng, page.leaf, noun), number))
    names = [name for _, topics in made for name in topics]
    known = {}
    for start in range(0, len(names), 10):
        for topic in named(names[start : start + 10]):
            known[topic.name] = topic.pk
    rows = Note.objects.bulk_create([note for note, _ in made])
    content.pages = list(zip(rows, pages, strict=True))
    through = Note.topics.through
    through.objects.bulk_create(
        through(note_id=note.pk, topic_id=known[name])
        for note, topics in made
        for name in dict.fromkeys(topics)
    )
    _card(content)
    _illustrate(rng, content)
    return len(rows)


def _plan(
    stage: Stage, rng: random.Random, town: People, market: Market, approved: Sequence[Account]
) -> list[Page]:
    count = stage.many(NOTES, least=60)
    origins = distributions.deck(rng, count, distributions.CARD_ORIGINS)
    kinds = distributions.deck(rng, count, distributions.NOTE_KINDS)
    states = distributions.deck(rng, count, STATES)
    times = sorted(_written(stage, rng) for _ in range(count))
    sellable = market.sellable
    owned: dict[int, list[Good]] = {}
    for good in sellable:
        owned.setdefault(good.owner.pk, []).append(good)
    offered = [good for good in sellable if good.product.pk in market.offered]
    writers = [account for account in town.active if not account.is_staff]
    weights = distributions.zipf_weights(len(writers), exponent=0.8, shift=6)
    pages = []
    for number, (origin, kind, state, at) in enumerate(
        zip(origins, kinds, states, times, strict=True)
    ):
        author = rng.choices(writers, weights)[0]
        shown: tuple[Good, ...] = ()
        if origin == "own":
            author, shown = _own(rng, owned, town, number)
        elif origin == "others" and offered:
            author = rng.choice(approved)
            shown = _some([good for good in offered if good.owner != author], rng, 3)
        leaf = shown[0].leaf if shown else goods.pick_leaf(rng)
        pages.append(Page(author, leaf, kind, state, at, origin, shown))
    return pages


def _written(stage: Stage, rng: random.Random) -> datetime:
    """Within the last 90 days (cards 61, for the goods are no older), more of late."""
    return between(rng, stage.ago(days=60.5 * rng.random() ** 0.8), stage.ago(minutes=20))


def _own(
    rng: random.Random, owned: dict[int, list[Good]], town: People, number: int
) -> tuple[Account, tuple[Good, ...]]:
    """A shop's own account shows its own goods, at any number of followers; Selena often."""
    owners = [owner for owner in owned if owned[owner]]
    selena = town.named("selena").pk
    owner = selena if selena in owned and number % 7 == 0 else rng.choice(owners)
    shown = _some(owned[owner], rng, 3)
    return shown[0].owner, shown


def _some(pool: Sequence[Good], rng: random.Random, most: int) -> tuple[Good, ...]:
    return tuple(rng.sample(pool, min(len(pool), rng.choices(range(1, most + 1), [70, 20, 10])[0])))


def _note(
    rng: random.Random, page: Page, text: texts.NoteText, number: int
) -> tuple[Note, tuple[str, ...]]:
    cities = ("310000", "330100", "440100", "110000", "440300", "510100")
    draft = page.status == "draft"
    # The personas' own cities first, so that "nearby" shows something at any size.
    forced = number % 6 == 0 and number < 240
    city = page.author.city_code if rng.random() < WITH_CITY else ""
    note = Note(
        author=page.author,
        kind=page.kind,
        title=text.title,
        body=text.body,
        city_code=cities[number // 6 % len(cities)] if forced else city,
        status="draft" if draft else "published",
        created_at=page.at - timedelta(minutes=rng.randrange(5, 600)),
        published_at=None if draft else page.at,
        terms=terms_of(text.title, text.body, *text.topics),
    )
    return note, text.topics


def _card(content: Content) -> None:
    NoteProduct.objects.bulk_create(
        NoteProduct(note=note, product=good.product, position=place, origin=page.origin)
        for note, page in content.pages
        for place, good in enumerate(page.shown)
    )


def _illustrate(rng: random.Random, content: Content) -> None:
    """An image note has 1 to 9 different pictures, a video note its video and a cover."""
    files: list[MediaFile] = []
    places: list[tuple[Note, int]] = []
    for note, page in content.pages:
        pool = content.pictures[page.leaf.root]
        video = page.kind == "video"
        count = 1 if video else min(len(pool), distributions.pick(rng, IMAGES))
        chosen = rng.sample(pool, count)
        made = [_file(page, picture, note.created_at) for picture in chosen]
        if video:
            made.insert(0, _video(page, chosen[0], note.created_at))
        files += made
        places += [(note, position) for position in range(len(made))]
    kept = MediaFile.objects.bulk_create(files, batch_size=2_000)
    NoteMedia.objects.bulk_create(
        [
            NoteMedia(note=note, file=file, position=position)
            for file, (note, position) in zip(kept, places, strict=True)
        ],
        batch_size=2_000,
    )


def _file(page: Page, picture: Picture, at: datetime) -> MediaFile:
    return MediaFile(
        owner=page.author,
        kind="image",
        file=picture.name,
        width=picture.width,
        height=picture.height,
        size_bytes=picture.size,
        created_at=at,
    )


def _video(page: Page, picture: Picture, at: datetime) -> MediaFile:
    made = _file(page, picture, at)
    made.kind, made.file, made.size_bytes = "video", picture.clip, picture.clip_size
    return made


def take_down(stage: Stage, town: People, content: Content) -> int:
    """Staff takes the planned notes down by the verb; those without cards, or nobody could have
    bought from them."""
    admin, done = town.named("admin"), 0
    for note, page in content.pages:
        if page.status == "taken_down" and not page.shown:
            publishing.take_down(
                note_id=note.pk, by=admin, reason=TAKEDOWN, at=page.at + timedelta(hours=6)
            )
            done += 1
    return done


def go_live(stage: Stage, market: Market, content: Content) -> int:
    """Live sessions by the verbs: one on air, two announced, the others over. The festival day
    has one."""
    rng = stage.rng("live")
    count = stage.many(LIVES, least=5)
    hosts = content.approved + [shop.account for shop in market.shops if shop.pk % 4 == 0]
    with transaction.atomic():
        for number in range(count):
            days = 59.5 - 61 * number / (count - 3) if count > 3 else 0
            _session(stage, rng, market, content, hosts[number % len(hosts)], number, count, days)
    return count


def _session(
    stage: Stage, rng: random.Random, market: Market, content: Content, host: Account,
    number: int, count: int, days: float,
) -> None:  # fmt: skip
    announced = number >= count - 2
    on_air = number == count - 3
    starts = stage.ago(days=max(days, 0.02))
    if announced:
        starts = stage.ago(days=-(number - count + 4))
    elif on_air:
        starts = stage.ago(hours=1)
    allowed = [
        good
        for good in market.sellable
        if good.owner == host or (host in content.approved and good.product.pk in market.offered)
    ]
    shown = rng.sample(allowed, min(len(allowed), rng.randint(5, 14)))
    leaf = shown[0].leaf if shown else goods.pick_leaf(rng)
    session = live.schedule(host=host, title=texts.live_title(rng, leaf), starts_at=starts)
    for good in shown:
        live.add_product(
            account=host, session_id=session.pk, product_id=good.product.pk,
            at=starts - timedelta(hours=3),
        )  # fmt: skip
    if not announced:
        session = live.start(account=host, session_id=session.pk, at=starts)
        content.sessions.append((session, shown))
        if not on_air:
            live.end(account=host, session_id=session.pk, at=starts + timedelta(hours=4))


def engage(stage: Stage, town: People, content: Content) -> int:
    """Likes, collects and comments, drawn from one distribution for notes with goods and without
    (measured in the real thing: cards alone change nothing)."""
    rng = stage.rng("engagement")
    pages = [(note, page) for note, page in content.pages if note.published_at]
    cap = min(900, len(town.all) - 2)
    done = 0
    for table, total, people in (
        ("notes_like", LIKES, town.all),
        ("notes_collect", COLLECTS, town.all),
    ):
        counts = distributions.spread(rng, stage.many(total), len(pages), cap)
        rows = _acts(stage, rng, pages, counts, people)
        done += copy_rows(table, ("account_id", "note_id", "at"), rows)
    return done + _comment(stage, rng, town, pages)


def _acts(
    stage: Stage, rng: random.Random, pages: Sequence[tuple[Note, Page]],
    counts: Sequence[int], people: Sequence[Account],
) -> list[tuple[Any, ...]]:  # fmt: skip
    found = []
    for (note, page), count in zip(pages, counts, strict=True):
        for account in rng.sample(people, count):
            found.append((account.pk, note.pk, _soon(stage, rng, page.at)))
    found.sort(key=lambda row: row[2])
    return found


def _soon(stage: Stage, rng: random.Random, after: datetime) -> datetime:
    """Acts come soon after a note, fewer and fewer, and none after now."""
    hours = rng.expovariate(1 / 30)
    return min(after + timedelta(seconds=int(hours * 3600)), stage.at)


def _comment(
    stage: Stage, rng: random.Random, town: People, pages: Sequence[tuple[Note, Page]]
) -> int:
    counts = distributions.spread(rng, stage.many(COMMENTS), len(pages), 200)
    made: list[Comment] = []
    answers: list[tuple[int, Account, str]] = []
    for (note, page), count in zip(pages, counts, strict=True):
        for _ in range(count):
            text = texts.comment(rng, page.leaf, page.shown[0].noun if page.shown else None)
            at = _soon(stage, rng, page.at)
            if text.replies and rng.random() < 0.4:
                answers.append((len(made), page.author, text.replies[0]))
            author = rng.choice(town.active)
            made.append(Comment(note=note, author=author, text=text.text[:300], at=at))
    Comment.objects.bulk_create(made)
    Comment.objects.bulk_create(
        Comment(
            note_id=made[place].note_id,
            parent=made[place],
            author=author,
            text=text[:300],
            at=min(made[place].at + timedelta(minutes=rng.randrange(3, 400)), stage.at),
        )
        for place, author, text in answers
    )
    return len(made) + len(answers)
