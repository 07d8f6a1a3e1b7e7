"""The world of the hot reads: notes with pictures, topics and cards, goods, earnings, daily
figures, and signed-in people to read them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backend.core.sql import rows, run, value
from notes import terms
from tests.bench.ground import people_and_goods, settle_down
from tests.bench.p1_settlement import prepare

NOTES, AUTHORS, TOPICS, LINES, DAYS = 20_000, 2_000, 60, 30_000, 90
AT = datetime(2026, 11, 1, tzinfo=UTC)
# One note in two hundred holds it: a search of the middle, neither rare nor everywhere.
WORD = "羊毛大衣"
_BODIES = [
    "今天的穿搭分享给大家，通勤和周末都能穿，显瘦也不挑人，尺码和搭配都写在评论里了。",
    "回购三次的家居好物，收纳省心，质感比想象的好，附上实拍图和使用一个月的感受。",
    "周末探店记录，人不多，环境安静，咖啡和甜品都不错，适合一个人发呆或者看书。",
    "新手也能做的早餐，十分钟搞定，食材简单，孩子很喜欢，步骤写得很细，照着做就行。",
]
_TITLES = ["秋冬穿搭第{n}期", "好物分享{n}", "周末去哪儿{n}", "十分钟早餐{n}"]

_FILES = """
INSERT INTO notes_mediafile (owner_id, kind, file, width, height, size_bytes, created_at)
SELECT a.id, 'image', 'media/202611/' || md5(a.id::text || p) || '.jpg', 1080, 1440, 245760, %(at)s
FROM (SELECT id FROM accounts_account ORDER BY id LIMIT %(authors)s) a, generate_series(1, 3) p
"""
_TOPICS = """
INSERT INTO notes_topic (name, skeleton, note_count)
SELECT '话题' || n, 'topic' || n, 1 FROM generate_series(1, %(topics)s) n
"""
_NOTES = """
INSERT INTO notes_note (author_id, kind, title, body, city_code, status, takedown_reason, revision,
  created_at, published_at, like_count, collect_count, comment_count, share_count, hot,
  rank_version, terms)
SELECT a.id, CASE w.n %% 5 WHEN 0 THEN 'video' ELSE 'image' END, w.title, w.body, '310000',
  'published', '', 1, %(at)s::timestamptz - w.n * interval '1 minute',
  %(at)s::timestamptz - w.n * interval '1 minute', w.n %% 997, w.n %% 89, 0, w.n %% 13,
  (w.n * 7919 %% 100003)::float8, 'q1', string_to_array(w.terms, ' ')
FROM unnest(%(numbers)s::bigint[], %(titles)s::text[], %(bodies)s::text[], %(terms)s::text[])
  AS w(n, title, body, terms)
JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS r FROM accounts_account
  ORDER BY id LIMIT %(authors)s) a ON a.r = w.n %% %(authors)s
ORDER BY w.n
"""
_AROUND = [
    """INSERT INTO notes_notemedia (note_id, file_id, position, cover_crop, labels)
    SELECT n.id, f.id, f.place - 1, NULL, '[]' FROM notes_note n
    JOIN (SELECT id, owner_id, row_number() OVER (PARTITION BY owner_id ORDER BY id) AS place
      FROM notes_mediafile) f ON f.owner_id = n.author_id""",
    """INSERT INTO notes_note_topics (note_id, topic_id)
    SELECT n.id, t.id FROM notes_note n JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS r
      FROM notes_topic) t ON t.r IN (n.id %% %(topics)s, (n.id * 7 + 1) %% %(topics)s)""",
    """INSERT INTO notes_noteproduct (note_id, product_id, position, origin)
    SELECT n.id, p.id, k.k, 'others' FROM notes_note n CROSS JOIN generate_series(0, 1) k
    JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS r FROM shops_product) p
      ON p.r = (n.id * 2 + k.k) % (SELECT count(*) FROM shops_product)
    WHERE n.id % 3 = 0""",
    """INSERT INTO notes_like (account_id, note_id, at)
    SELECT %(viewer)s::bigint, id, %(at)s::timestamptz FROM notes_note WHERE id %% 10 = 0
    UNION ALL
    SELECT a.id, n.id, %(at)s::timestamptz FROM notes_note n CROSS JOIN generate_series(1, 5) k
    JOIN accounts_account a ON a.id = 2 + (n.id * 7 + k * 997) %% 3000
    WHERE a.id <> %(viewer)s::bigint""",
    """INSERT INTO notes_goodsnoteapplication (account_id, follower_count_at_apply, status, reason,
      submitted_at) SELECT DISTINCT author_id, 1000, 'approved', '', %(at)s::timestamptz
    FROM notes_note""",
    """INSERT INTO commissions_commissionoffer (product_id, rate_bps, is_active, starts_at)
    SELECT id, 3000, true, %(at)s::timestamptz - interval '1 day' FROM shops_product""",
    """INSERT INTO shops_sku (product_id, code, options, price_fen, on_hand, committed, is_active)
    SELECT p.id, 'size' || n, jsonb_build_object('尺码', n), 12900 + n * 100, 100, 0, true
    FROM shops_product p CROSS JOIN generate_series(1, 5) n""",
    """INSERT INTO shops_dailymetric (day, shop_id, orders, gmv_fen, dab, orders_paid, gmv_paid_fen,
      dab_paid, refunded_fen, active_shops, rolled_at)
    SELECT %(at)s::date - n, s.id, 120 + n, 1548000 + n, 81 + n, 110 + n, 1400000 + n, 77 + n, n,
      1, %(at)s::timestamptz
    FROM generate_series(1, %(days)s) n, (SELECT 0 AS id UNION ALL SELECT id FROM shops_shop) s""",
]


@dataclass(frozen=True)
class Page:
    """A hot read: its name, where it stands and whose token goes with it ("" for nobody's)."""

    name: str
    path: str
    token: str = ""


def _some_notes() -> None:
    bodies = [_BODIES[n % 4] + (WORD if n % 200 == 0 else "") for n in range(NOTES)]
    titles = [_TITLES[n % 4].format(n=n) for n in range(NOTES)]
    known: dict[tuple[int, bool], list[str]] = {}
    found = []
    for n, (title, body) in enumerate(zip(titles, bodies, strict=True)):
        # Texts repeat; their terms are made once, and the number's term beside them.
        kind = (n % 4, n % 200 == 0)
        if kind not in known:
            known[kind] = terms.terms_of(title.replace(str(n), " "), body)
        found.append(" ".join([*known[kind], str(n)]))
    run(
        _NOTES,
        {
            "at": AT,
            "numbers": list(range(NOTES)),
            "titles": titles,
            "bodies": bodies,
            "terms": found,
            "authors": AUTHORS,
        },
    )


def _earnings() -> None:
    from commissions import plans, settlement

    due = prepare(LINES, 1, plans.ensure_default(at=AT).pk)
    settlement.settle_chunk(at=due)


def build() -> list[Page]:
    """Makes the world; the pages to read."""
    from backend.accounts import tokens
    from backend.accounts.models import Account
    from backend.core.clock import now

    people_and_goods()
    run(_TOPICS, {"topics": TOPICS})
    run(_FILES, {"at": AT, "authors": AUTHORS})
    _some_notes()
    _earnings()
    viewer = value(
        "SELECT payee_id FROM commissions_commissionsplit WHERE role = 'promoter' LIMIT 1"
    )
    shop = rows("SELECT id, account_id FROM shops_shop ORDER BY id LIMIT 1")[0]
    given = {"at": AT, "topics": TOPICS, "viewer": viewer, "days": DAYS}
    for statement in _AROUND:
        run(statement, {name: given[name] for name in given if f"%({name})s" in statement} or ())
    settle_down()

    def token(account_id: int) -> str:
        return tokens.issue(account=Account.objects.get(pk=account_id), at=now())[0]

    reader, owner = token(viewer), token(shop["account_id"])
    note = value("SELECT min(note_id) FROM notes_noteproduct WHERE note_id > 100")
    product = value("SELECT min(id) FROM shops_product")
    days = f"from={AT.date() - timedelta(days=DAYS)}&to={AT.date() - timedelta(days=1)}"
    return [
        Page("discover, nobody signed in", "/v1/feeds/discover"),
        Page("discover, signed in", "/v1/feeds/discover", reader),
        Page("search", "/v1/search?q=%E7%BE%8A%E6%AF%9B%E5%A4%A7%E8%A1%A3", reader),
        Page("note page", f"/v1/notes/{note}", reader),
        Page("product page", f"/v1/products/{product}", reader),
        Page("earnings summary", "/v1/me/earnings", reader),
        Page("earnings list", "/v1/me/commissions", reader),
        Page("daily metrics, 90 days", f"/v1/metrics/daily?{days}&shop={shop['id']}", owner),
    ]
