"""The text bank says the same for a seed, keeps its lengths, and rarely repeats itself."""

import datetime as dt
import io
import random
import re
import statistics
from collections import Counter

import pytest
from PIL import Image

from seeds.texts import distributions, goods, notes, people, pictures, reviews
from seeds.texts.bank import read

SEED = 20250813
LEAVES = goods.leaves()
REAL_BRANDS = re.compile(
    r"小红书|淘宝|天猫|京东|拼多多|抖音|微信|顺丰|中通|圆通|优衣库|宜家|星巴克|耐克"
)
MEDICAL = re.compile(r"治疗|疗效|药|根治|祛痘|祛斑|美白|抗癌|减肥|降血|医生|消炎|杀菌|排毒")


def rng() -> random.Random:
    return random.Random(SEED)


def everything_written() -> list[str]:
    """Every string of every text file."""

    def strings(part):
        if isinstance(part, str):
            return [part]
        rows = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
        return [text for row in rows for text in strings(row)]

    return [
        text
        for name in ("goods", "notes", "people", "reviews", "shops")
        for text in strings(read(name))
    ]


def sample_market(dice: random.Random) -> list[object]:
    leaf = goods.pick_leaf(dice)
    made = goods.product(dice, leaf)
    where = people.city(dice)
    return [
        made,
        notes.note(dice, leaf, made.noun),
        notes.comment(dice, leaf),
        notes.live_title(dice, leaf),
        reviews.review(dice, reviews.score(dice), leaf, made.noun),
        reviews.question(dice, leaf, made.noun),
        people.display_name(dice, people.gender(dice)),
        people.bio(dice, where),
        people.delivery(dice, where),
        goods.shop_name(dice, 7, "individual", leaf.root),
        pictures.draw(dice, leaf.code).data,
    ]


def test_the_same_seed_gives_the_same_market():
    first, second = rng(), rng()
    assert [sample_market(first) for _ in range(20)] == [sample_market(second) for _ in range(20)]


def test_another_seed_gives_another_market():
    assert sample_market(rng()) != sample_market(random.Random(SEED + 1))


def test_no_text_names_a_brand_or_claims_to_heal():
    for text in everything_written():
        assert not REAL_BRANDS.search(text), text
        assert not MEDICAL.search(text), text


def test_the_tree_has_28_leaves_under_six_roots_with_the_three_main_ones_first():
    assert [root.code for root in goods.roots()] == [
        "fashion", "home", "beauty", "food", "sport", "baby",
    ]  # fmt: skip
    assert len(LEAVES) == len(goods.leaves_by_code()) == 28
    assert all(leaf.code.isascii() and leaf.code.startswith(f"{leaf.root}-") for leaf in LEAVES)
    assert sum(goods.leaf_weights().values()) == pytest.approx(100)
    assert {root.code: root.share for root in goods.roots()} == dict(distributions.ROOT_SHARES)


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.code)
def test_every_leaf_can_make_a_product_that_can_be_sold(leaf):
    dice = rng()
    assert leaf.axes
    assert leaf.attributes
    for _ in range(60):
        made = goods.product(dice, leaf)
        assert 0 < len(made.title) <= 60
        assert made.noun in made.title
        assert "{" not in made.title + made.description
        assert 1 <= len(made.skus) <= 9
        combinations = {tuple(sku.options.items()) for sku in made.skus}
        assert len(combinations) == len(made.skus)
        for sku in made.skus:
            assert set(sku.options) == set(leaf.axes)
            assert sku.price_fen in range(990, 199_901)
            assert sku.price_fen % 1000 in (900, 990)
            assert sku.list_price_fen is None or sku.list_price_fen > sku.price_fen


@pytest.mark.parametrize(("root", "yuan"), [("fashion", 129), ("beauty", 89), ("home", 159)])
def test_prices_stand_around_the_planned_median(root, yuan):
    dice = rng()
    leaves = [leaf for leaf in LEAVES if leaf.root == root]
    drawn = [goods.price(dice, leaf) for leaf in leaves for _ in range(500)]
    assert statistics.median(drawn) == pytest.approx(yuan * 100, rel=0.1)


def test_a_product_has_about_three_skus_and_titles_rarely_repeat():
    dice = rng()
    made = [goods.product(dice, goods.pick_leaf(dice)) for _ in range(1200)]
    assert statistics.mean(len(one.skus) for one in made) == pytest.approx(3, abs=0.25)
    assert len({one.title for one in made}) >= 1100


def test_shop_names_never_repeat_within_the_stems():
    dice = rng()
    kinds = list(distributions.OWNER_TYPES)
    stems = {goods.shop_stem(index) for index in range(goods.STEM_COUNT)}
    names = {
        goods.shop_name(dice, index, kinds[index % 3], goods.roots()[index % 6].code)
        for index in range(goods.STEM_COUNT)
    }
    assert len(stems) == len(names) == goods.STEM_COUNT
    for kind in kinds:
        for root in goods.roots():
            assert 5 < len(goods.shop_intro(dice, kind, root.code)) <= 100


def test_120_topics_with_distinct_names_cover_every_category():
    topics = notes.topics()
    assert len(topics) == len({topic.name for topic in topics}) == 120
    assert {topic.leaf for topic in topics} == {None, *goods.leaves_by_code()}
    assert {"梨形身材", "小个子穿搭", "网球风", "奶油风", "黄皮口红", "露营"} <= {
        t.name for t in topics
    }


def test_a_thousand_notes_keep_their_lengths_and_hardly_repeat():
    dice = rng()
    names = {topic.name for topic in notes.topics()}
    made = [notes.note(dice, goods.pick_leaf(dice)) for _ in range(1000)]
    assert len({one.body for one in made}) >= 950
    assert len({one.title for one in made}) >= 500
    for one in made:
        assert 0 < len(one.title) <= 20
        assert 20 < len(one.body) <= 1000
        assert "{" not in one.title + one.body
        assert 1 <= len(one.topics) <= 3
        assert len(set(one.topics)) == len(one.topics)
        assert set(one.topics) <= names
    assert statistics.mean(len(one.body) for one in made) > 80


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.code)
def test_no_title_template_is_cut_for_any_noun_of_its_leaf(leaf):
    longest = {"m": "件", "height": "一米六五", "petite": "一米五八", "weight": "100 斤"}
    longest |= {"days": "60", "times": "六"}
    bank = read("notes")
    rows = [*bank["leaf"][leaf.code]["titles"], *notes._voice(leaf)["titles"]]
    for item in leaf.items:
        for row in rows:
            assert len(notes.fill(row, longest | {"item": item.noun})) <= 20


def test_a_note_is_about_the_noun_it_was_asked_for():
    dice = rng()
    leaf = notes.leaf_of("fashion-pants")
    made = [notes.note(dice, leaf, "阔腿裤") for _ in range(200)]
    assert {one.noun for one in made} == {"阔腿裤"}
    assert not any("牛仔裤" in one.title + one.body for one in made)


def test_nobody_calls_herself_petite_above_one_metre_sixty():
    dice = rng()
    leaf = notes.leaf_of("fashion-coat")
    bodies = [notes.note_body(dice, leaf) for _ in range(800)]
    petite = [height for body in bodies for height in re.findall(r"(一米.{1,2})小个子", body)]
    assert petite
    assert all(re.match("一米五|一米六小?$", height) for height in petite)


def test_comments_and_live_titles_are_whole_for_every_leaf():
    dice = rng()
    for leaf in LEAVES:
        for _ in range(80):
            made = notes.comment(dice, leaf)
            assert 0 < len(made.text) <= 100
            assert "|" not in made.text
            assert "{" not in made.text
            assert len(notes.live_title(dice, leaf)) <= 30


def test_handles_are_ascii_and_never_repeat():
    handles = [people.handle(index) for index in range(50_000)]
    assert len(set(handles)) == len(handles)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{2,23}", handle) for handle in handles)


def test_people_are_distributed_as_planned():
    dice = rng()
    genders = Counter(people.gender(dice) for _ in range(20_000))
    assert genders["female"] / 20_000 == pytest.approx(0.75, abs=0.015)
    ages = [2025 - people.birth_year(dice, 2025) for _ in range(20_000)]
    assert sum(20 <= age <= 40 for age in ages) / 20_000 == pytest.approx(0.70, abs=0.015)
    assert (min(ages), max(ages)) == (16, 62)
    names = [place.name for place in people.cities()]
    assert names[:6] == ["上海", "北京", "广州", "深圳", "杭州", "成都"]
    assert len({place.code for place in people.cities()}) == 20
    assert people.cities()[0].code == "310000"
    drawn = Counter(people.city(dice).name for _ in range(20_000))
    assert drawn["上海"] / 20_000 == pytest.approx(0.15, abs=0.015)


def test_two_thousand_names_are_mostly_different_and_short():
    dice = rng()
    names = [people.display_name(dice, people.gender(dice)) for _ in range(2000)]
    assert len(set(names)) >= 1300
    assert all(0 < len(name) <= 20 for name in names)
    assert all(len(people.bio(dice, people.city(dice))) <= 100 for _ in range(500))


def test_a_delivery_is_well_formed_and_clearly_fictional():
    dice = rng()
    for _ in range(300):
        where = people.city(dice)
        made = people.delivery(dice, where)
        assert re.fullmatch(r"1[3-9]\d0000\d{4}", made.phone)
        assert re.fullmatch(r"\d{6}", made.district_code)
        assert made.district_code[:2] == made.city_code[:2] == made.province_code[:2]
        assert made.region.endswith(where.districts[0][1][-1])
        assert re.search(r"\d+ 号 .+ \d+ 幢 \d+0\d 室$", made.detail)


def test_review_scores_and_the_reason_of_low_ones_hold():
    dice = rng()
    scores = Counter(reviews.score(dice) for _ in range(20_000))
    for stars, share in distributions.REVIEW_SCORES.items():
        assert scores[stars] / 20_000 == pytest.approx(share / 100, abs=0.015)
    low = [reviews.review(dice, 1 + n % 2, LEAVES[n % 28], "小物") for n in range(4000)]
    assert sum(one.about_logistics for one in low) / 4000 == pytest.approx(0.70, abs=0.03)


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.code)
def test_every_leaf_has_reviews_of_every_score_and_questions(leaf):
    dice = rng()
    for stars in (1, 2, 3, 4, 5) * 8:
        made = reviews.review(dice, stars, leaf, "小物")
        assert made.score == stars
        assert 4 <= len(made.text) <= 500
        assert "{" not in made.text
        assert made.tags
        asked = reviews.question(dice, leaf, "小物")
        assert "{" not in asked.text
        assert len(asked.answers) >= 2


def test_reasons_fit_their_occasion():
    dice = rng()
    assert reviews.refund_reason(dice, "before_shipping")
    assert reviews.refund_reason(dice, "return_goods")
    assert reviews.refund_reason(dice, "partial")
    assert reviews.refund_rejection(dice)
    bank = read("reviews")["reasons"]
    assert reviews.stock_reason(dice, 5) in bank["stock_up"]
    assert reviews.stock_reason(dice, -5) in bank["stock_down"]


def test_followers_follow_the_planned_curve():
    counts = distributions.follower_counts()
    assert len(counts) == 2000
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 1800
    assert counts[-300:] == [0] * 300
    assert sum(counts) == pytest.approx(72_000, rel=0.02)
    assert sum(count >= 1000 for count in counts) == 10
    assert sum(100 <= count < 1000 for count in counts) == 122
    assert sum(counts[:20]) / sum(counts) == pytest.approx(0.29, abs=0.01)


def test_follow_pairs_give_exactly_those_followers_without_repeats():
    counts = distributions.follower_counts(200)
    pairs = list(distributions.follow_pairs(rng(), counts))
    assert len(set(pairs)) == len(pairs) == sum(counts)
    assert all(follower != followee for follower, followee in pairs)
    reached = Counter(followee for _, followee in pairs)
    assert [reached[place] for place in range(200)] == counts


def test_engagement_is_log_normal_with_median_four():
    dice = rng()
    drawn = sorted(distributions.engagement(dice) for _ in range(20_000))
    # The floor of the curve's median, 4.95, lies close to a step: count rather than cut.
    assert sum(count <= 4 for count in drawn) / 20_000 == pytest.approx(0.503, abs=0.015)
    assert 25 <= drawn[18_000] <= 33
    assert 105 <= drawn[19_800] <= 150
    assert drawn[-1] <= 900


@pytest.mark.parametrize(("total", "items", "cap"), [(48_000, 3660, 900), (90, 10, 9), (0, 5, 9)])
def test_spread_sums_exactly_and_respects_its_cap(total, items, cap):
    counts = distributions.spread(rng(), total, items, cap)
    assert sum(counts) == total
    assert len(counts) == items
    assert max(counts) <= cap


def test_spread_refuses_more_acts_than_places():
    with pytest.raises(ValueError, match="more acts than places"):
        distributions.spread(rng(), 91, 10, 9)


def test_orders_grow_peak_at_weekends_and_at_the_festival():
    last = dt.date(2025, 8, 13)
    days = distributions.orders_per_day(last)
    assert len(days) == 60
    assert sum(days) == 5100
    assert days.index(max(days)) == 41
    plain = [
        (day, count)
        for day, count in enumerate(days)
        if (last - dt.timedelta(days=59 - day)).weekday() < 5 and day != 41
    ]
    assert plain[-1][1] / plain[0][1] == pytest.approx(1.6, abs=0.06)
    for day, count in enumerate(days[:-1]):
        date = last - dt.timedelta(days=59 - day)
        if date.weekday() == 4 and 41 not in (day, day + 1):
            assert days[day + 1] / count == pytest.approx(1.25, abs=0.06)


def test_quotas_and_decks_are_exact():
    for shares in (
        distributions.ORDER_STATES,
        distributions.ORDER_SOURCES,
        distributions.REVIEW_SCORES,
        distributions.CARD_ORIGINS,
        distributions.NOTE_KINDS,
        distributions.LINES_PER_ORDER,
    ):
        assert sum(shares.values()) == 100
        assert distributions.quotas(100, shares) == dict(shares)
    assert sum(distributions.quotas(5101, distributions.ORDER_STATES).values()) == 5101
    cards = distributions.deck(rng(), 200, distributions.ORDER_SOURCES)
    assert Counter(cards) == {"note": 84, "live": 36, "referral": 50, "search_or_shop": 30}


def test_stock_rates_and_hours_stay_in_their_bounds():
    dice = rng()
    stocks = [distributions.stock(dice) for _ in range(10_000)]
    assert stocks.count(0) / 10_000 == pytest.approx(0.06, abs=0.01)
    assert (min(stocks), max(stocks) <= 300) == (0, True)
    rates = [distributions.commission_rate_bps(dice) for _ in range(5000)]
    assert statistics.median(rates) == 1500
    assert (min(rates), max(rates)) == (500, 3000)
    assert all(0 <= distributions.seconds_of_day(dice) < 86_400 for _ in range(1000))
    weights = distributions.zipf_weights(100)
    assert weights == sorted(weights, reverse=True)


@pytest.mark.parametrize("ratio", pictures.SIZES)
@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_a_picture_has_its_true_ratio_and_is_small(ratio, image_format):
    made = pictures.draw(rng(), "fashion-coat", ratio, image_format, video_cover=True)
    image = Image.open(io.BytesIO(made.data))
    across, down = map(int, ratio.split(":"))
    assert image.size == (made.width, made.height)
    assert made.width * down == made.height * across
    assert image.format == image_format
    assert made.content_type == f"image/{image_format.lower()}"
    assert 1000 < len(made.data) < 12_000


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.code)
def test_every_leaf_has_a_picture_and_pictures_differ(leaf):
    dice = rng()
    assert len({pictures.draw(dice, leaf.code).data for _ in range(4)}) == 4


def test_an_avatar_is_a_small_square():
    made = pictures.avatar(rng())
    assert (made.width, made.height) == Image.open(io.BytesIO(made.data)).size == (160, 160)
    assert len(made.data) < 6000
